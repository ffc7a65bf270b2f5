"""Actions that a client sends again because it never saw the answer.

OSWorld's client sends a request up to three times, five seconds apart, where its connection broke. If
the first did reach the desktop, a click would be made twice. So where nobody took an action's answer, the
very same request, as the next action, gets that answer, or waits for it, and nothing is done again. After any
other action, or a minute, the same request is a new one.

Nobody took it where the client was gone before it was written, or closed its connection without reading it,
which resets that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from aiohttp import web

from runner.osworld.endpoint import Answer, refusal

KEPT_S = 60.0


@dataclass(slots=True, eq=False)
class _Action:
    """`client` is the last request that asked for it."""

    key: bytes
    client: web.BaseRequest
    delivered: bool = False
    answer: Answer | None = None
    ended_at: float | None = None
    ended: anyio.Event = field(default_factory=anyio.Event)

    def is_lost(self) -> bool:
        """Nobody is there to take its answer, which is not too old."""
        age = 0.0 if self.ended_at is None else anyio.current_time() - self.ended_at
        return not self.delivered and self.client.transport is None and age < KEPT_S


class Repeats:
    """The last action of a desktop. Its clients take turns."""

    def __init__(self) -> None:
        self._last: _Action | None = None

    async def once(
        self, key: bytes, client: web.BaseRequest, act: Callable[[], Awaitable[Answer]]
    ) -> web.StreamResponse:
        """Deliver what the action comes to, or has come to. `key` is the same for the same request."""
        action = self._last
        if action is None or action.key != key or not action.is_lost():
            action = self._last = _Action(key, client)
            await _carry_out(action, act)
        else:
            action.client = client
            await action.ended.wait()
        response = as_response(action.answer or refusal(500, "the desktop is gone"))
        action.delivered = await deliver(response, client) or action.delivered
        return response

    def went_on(self, client: web.BaseRequest) -> None:
        """A client whose connection was used before has read the answers of before."""
        if self._last is not None and self._last.delivered and self._last.client.protocol is client.protocol:
            self._last = None

    def was_reset(self, connection: web.RequestHandler) -> None:
        """What was written last was not read."""
        if self._last is not None and self._last.client.protocol is connection:
            self._last.delivered = False


async def _carry_out(action: _Action, act: Callable[[], Awaitable[Answer]]) -> None:
    try:
        action.answer = await act()
    finally:
        action.ended_at = anyio.current_time()
        action.ended.set()


async def deliver(response: web.Response, client: web.BaseRequest) -> bool:
    """Whether it was written whole to a client that was there to the end."""
    try:
        await response.prepare(client)
        await response.write_eof()
    except ConnectionError:
        return False
    return client.transport is not None


def as_response(answer: Answer) -> web.Response:
    headers = {"Content-Type": answer.media_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)
