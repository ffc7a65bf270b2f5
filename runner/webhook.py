"""A webhook on this machine's loopback, for answers: what holds the token may list questions and answer them.

    GET  /questions    the open questions of all runs that are under way
    POST /answer       {"run", "question", "choice", "by", "note"}; 200, or 400 and {"error"}

It writes to the journal as `deskswarm ask answer` does, and needs no controller in its process.
"""

from __future__ import annotations

import hmac
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
from anyio.abc import TaskStatus
from pydantic import Field, ValidationError

from runner.answering import answer
from runner.journal import Journal
from runner.loopback import serve_until_cancelled
from runner.notify import describe
from runner.state import fold
from sandboxes.errors import DeskswarmError, InputError
from sandboxes.spec import Model

MAX_BODY = 64 << 10
SOCKET_TIMEOUT_S = 10.0


class Reply(Model):
    """The body of an answer."""

    run: str
    question: str
    choice: str
    by: str = Field(default="webhook", min_length=1, max_length=200)
    note: str = ""


async def serve(
    journal: Journal,
    token: str,
    port: int,
    *,
    task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Until cancelled. Reports the port it listens on. Raises InputError where that is taken."""
    await serve_until_cancelled(lambda: _Server(journal, token, port), port, task_status)


def open_questions(journal: Journal) -> list[dict[str, object]]:
    """Of all runs that have not ended."""
    states = (fold(journal.read(run)) for run in journal.runs())
    return [
        describe(state.id, question)
        for state in states
        if state.status == "running"
        for question in state.coordination.open_questions()
    ]


class _Server(ThreadingHTTPServer):
    def __init__(self, journal: Journal, token: str, port: int) -> None:
        self.journal = journal
        self.token = token.encode()
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = SOCKET_TIMEOUT_S
    server: _Server

    def do_GET(self) -> None:
        self._handle("/questions", lambda: {"questions": open_questions(self.server.journal)})

    def do_POST(self) -> None:
        self._handle("/answer", self._answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Nothing: a request's line may hold what is nobody's business."""

    def _handle(self, path: str, act: Any) -> None:
        if not self._authorized():
            self._say(401, {"error": "the Authorization header must be `Bearer TOKEN`"})
        elif self.path != path:
            self._say(404, {"error": f"{self.command} is for {path}"})
        else:
            try:
                self._say(200, act())
            except InputError as error:
                self._say(400, {"error": str(error)})
            except DeskswarmError as error:
                self._say(500, {"error": str(error)})

    def _authorized(self) -> bool:
        given = self.headers.get("Authorization", "").encode()
        return hmac.compare_digest(given, b"Bearer " + self.server.token)

    def _answer(self) -> dict[str, object]:
        try:
            reply = Reply.model_validate_json(self._body())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise InputError(f"{place or 'body'}: {first['msg']}") from None
        given = answer(self.server.journal, reply.run, reply.question, reply.choice, reply.by, reply.note)
        return {"answered": reply.question, "choice": given.choice}

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise InputError(f"Content-Length: must be given, and be at most {MAX_BODY}")
        return self.rfile.read(int(length))

    def _say(self, status: int, body: dict[str, object]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
