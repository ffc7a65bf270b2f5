"""Posts a question to a URL that the swarm file names. The body is JSON; nothing that comes back is used."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO

from anyio import to_thread

from runner.coordination import Question
from runner.events import Notified
from sandboxes.deadline import deadline
from sandboxes.errors import DeadlineExceeded

POST_TIMEOUT_S = 10.0


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A question goes where the file says, and nowhere else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        return None


async def notify(run: str, question: Question, hook: str) -> Notified:
    """Post it once; the event says what came of it. `hook` is a URL, or `env:NAME` for one kept secret."""
    level = question.level
    try:
        with deadline("the question to be posted", POST_TIMEOUT_S):
            body = json.dumps(describe(run, question)).encode()
            status = await to_thread.run_sync(_post, _url(hook), body, abandon_on_cancel=True)
        ok, detail = status < 300, f"answered {status}"
    except (DeadlineExceeded, OSError, HTTPException, ValueError) as error:
        ok, detail = False, _without_url(error)
    asked = question.asked
    return Notified(
        task=asked.task, attempt=asked.attempt, number=asked.number, level=level, ok=ok, detail=detail
    )


def describe(run: str, question: Question) -> dict[str, object]:
    """A question as JSON: what is posted, and what `deskswarm ask show --json` prints."""
    asked, answer = question.asked, question.answer
    return {
        "run": run,
        "question": question.id,
        "task": asked.task,
        "attempt": asked.attempt,
        "about": asked.about,
        "text": asked.question,
        "context": asked.context,
        "choices": list(asked.choices),
        "default": asked.default,
        "to": question.contact.to,
        "asked_at": question.at,
        "deadline": question.deadline,
        "answer": answer and {"choice": answer.choice, "by": answer.by, "note": answer.note},
    }


def _url(hook: str) -> str:
    name = hook.removeprefix("env:")
    if name == hook:
        return hook
    url = os.environ.get(name, "")
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"the environment variable {name} holds no http URL")
    return url


def _post(url: str, body: bytes) -> int:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=POST_TIMEOUT_S) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _without_url(error: Exception) -> str:
    """A URL may be a secret, and must not reach the journal by way of a message."""
    if isinstance(error, urllib.error.URLError):
        return type(error.reason).__name__
    return str(error) if isinstance(error, ValueError | DeadlineExceeded) else type(error).__name__
