"""A web server on this machine's loopback for whoever has the token; it shows, and changes nothing.

    GET /                        the list of runs, and a wall of the desktops that are at work
    GET /catalogue               both as JSON
    GET /frames/SHA256           a frame, made small
    GET /runs/RUN/               the page of a run, live
    GET /runs/RUN/data           its data
    GET /runs/RUN/version        another one as soon as there is more
    GET /runs/RUN/sheets/N       its pictures

The token comes once as `?token=`, and from then on as a cookie that no other site can use.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import anyio
from anyio.abc import TaskStatus

from runner.loopback import serve_until_cancelled
from runner.replay.page import render_shell
from runner.view.library import Library
from runner.view.wall import render_wall
from sandboxes.errors import DeskswarmError, InputError

SOCKET_TIMEOUT_S = 10.0


class Reply(NamedTuple):
    kind: str
    body: bytes


async def serve(
    library: Library,
    token: str,
    port: int,
    *,
    task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Until cancelled. Reports the port it listens on. Raises InputError where that is taken."""
    await serve_until_cancelled(lambda: _Server(library, token, port), port, task_status)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, library: Library, token: str, port: int) -> None:
        self.library = library
        self.token = token
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def cookie(self) -> str:
        """Cookies know no ports: servers of one machine must not overwrite each other's."""
        return f"deskswarm-{self.server_port}"

    @property
    def hosts(self) -> set[str]:
        """The names it may be called by: a site of another name that leads here is refused."""
        return {f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"}


class _Handler(BaseHTTPRequestHandler):
    timeout = SOCKET_TIMEOUT_S
    server: _Server

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if self.headers.get("Host") not in self.server.hosts:
            self._say(421, _text("this server answers as 127.0.0.1 only"))
        elif self._is_token(query.get("token", [""])[0]):
            self._let_in(path)
        elif not self._is_token(self._cookie()):
            self._say(403, _text("open the address that `deskswarm view` printed"))
        else:
            self._answer(path)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Nothing: a request's line may hold the token."""

    def _answer(self, path: str) -> None:
        try:
            self._say(200, _answer(self.server.library, path))
        except InputError as error:
            self._say(404, _text(str(error)))
        except DeskswarmError as error:
            self._say(500, _text(str(error)))

    def _let_in(self, path: str) -> None:
        """Remember the token, and lead to an address without it, which history and bookmarks may keep."""
        self.send_response(303)
        known = any(re.fullmatch(pattern, path) for pattern, _ in _ROUTES)
        self.send_header("Location", path if known else "/")
        cookie = f"{self.server.cookie}={self.server.token}; HttpOnly; SameSite=Strict; Path=/"
        self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _cookie(self) -> str:
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return ""
        found = cookies.get(self.server.cookie)
        return found.value if found else ""

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.server.token.encode())

    def _say(self, status: int, reply: Reply) -> None:
        self.send_response(status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(reply.body)


def _answer(library: Library, path: str) -> Reply:
    """Raises InputError where nothing is there, InfraError where something is damaged."""
    for pattern, answer in _ROUTES:
        if found := re.fullmatch(pattern, path):
            return answer(library, *found.groups())
    raise InputError(f"nothing is at {path}")


def _text(text: str) -> Reply:
    return Reply("text/plain; charset=utf-8", text.encode())


def _page(text: str) -> Reply:
    return Reply("text/html; charset=utf-8", text.encode())


def _bytes(data: bytes) -> Reply:
    return Reply("application/octet-stream", data)


_RUN = "/runs/([A-Za-z0-9-]{1,80})/"
_ROUTES: list[tuple[str, Callable[..., Reply]]] = [
    ("/", lambda library: _page(render_wall())),
    ("/catalogue", lambda library: Reply("application/json", library.catalogue().model_dump_json().encode())),
    ("/frames/([0-9a-f]{64})", lambda library, frame: Reply("image/webp", library.picture(frame))),
    (_RUN, lambda library, run: _page(render_shell(library.open(run).name))),
    (f"{_RUN}data", lambda library, run: _bytes(library.open(run).data())),
    (f"{_RUN}version", lambda library, run: _text(library.open(run).version())),
    (f"{_RUN}sheets/([0-9]{{1,6}})", lambda library, run, at: _bytes(library.open(run).sheet(int(at)))),
]
