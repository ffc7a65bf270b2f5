"""A strict local server: it answers a script, and refuses what the real service would."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from PIL import Image

Json = dict[str, Any]
KEY = "sk-local-0f8d3c51a7"


class Rejected(Exception):
    """The request breaks the protocol."""


@dataclass(frozen=True)
class Reply:
    """An answer as it is: rate limits, outages, errors."""

    status: int
    body: Json = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


Move = Reply | Json | Callable[[Json], Json]
"""What the model does next: an answer's content, or a function of the request that makes it."""


class StrictServer:
    """`requests` are those it took; `rejections` say what was wrong with the others. A subclass knows the
    protocol: `check` raises Rejected, `answer` makes a whole answer of a move."""

    paths: tuple[str, ...]

    def __init__(self, *moves: Move) -> None:
        self.requests: list[Json] = []
        self.rejections: list[str] = []
        self.url = ""
        self._moves = list(moves)
        self._lock = threading.Lock()

    def check(self, path: str, headers: Mapping[str, str], request: Json) -> None:
        raise NotImplementedError

    def answer(self, content: Json, request: Json) -> Json:
        raise NotImplementedError

    def refusal(self, status: int, message: str) -> Json:
        return {"error": {"type": "invalid_request_error", "message": message}}

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its base address."""
        httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_address[1]}"
        finally:
            httpd.shutdown()
            thread.join()
            httpd.server_close()

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        with self._lock:
            try:
                request = json.loads(body)
                self.check(path, headers, request)
            except Rejected as rejected:
                self.rejections.append(str(rejected))
                return Reply(400, self.refusal(400, str(rejected)))
            self.requests.append(request)
            if not self._moves:
                self.rejections.append("the script is over")
                return Reply(400, self.refusal(400, "the script is over"))
            move = self._moves.pop(0)
            if isinstance(move, Reply):
                return move
            return Reply(200, self.answer(move(request) if callable(move) else move, request))


def _handler(server: StrictServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.take(self.path, headers, body)
            data = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


# --- what all of them look at -----------------------------------------------------------------------


def must(condition: object, message: str) -> None:
    if not condition:
        raise Rejected(message)


def only(value: Json, *known: str, where: str) -> None:
    """No field that the service does not know."""
    for key in value:
        must(key in known, f"{where}.{key}: Extra inputs are not permitted")


def image_size(data: str, media_type: str) -> tuple[int, int]:
    """Of base64 data, which must be what it says it is."""
    with Image.open(BytesIO(base64.b64decode(data, validate=True))) as image:
        must(
            f"image/{str(image.format).lower()}" == media_type,
            f"the image is {image.format}, not {media_type}",
        )
        return image.size


def url_image_size(url: str) -> tuple[int, int]:
    head, _, data = url.partition(";base64,")
    must(head.startswith("data:image/"), "image_url: no data URL of an image")
    return image_size(data, head.removeprefix("data:"))
