"""Ctrl-C, and being told to end: work is cancelled once, and then has the time it needs to clean up."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from runner.cli.exit_codes import Interrupted

T = TypeVar("T")
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_interruptibly(work: Callable[[], Awaitable[T]]) -> T:
    """Run it to its end, and return its result or raise its error.

    The first signal cancels it; further ones change nothing. Raises Interrupted where one did.
    """
    return anyio.run(_supervise, work)


async def _supervise(work: Callable[[], Awaitable[T]]) -> T:
    received: list[int] = []
    results: list[T] = []
    scope = anyio.CancelScope()

    async def cancel_on_signal() -> None:
        async for number in signals:
            received.append(number)
            scope.cancel()

    with anyio.open_signal_receiver(*_ENDING) as signals:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel_on_signal)
                with scope:
                    results.append(await work())
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from group  # the work's own: the other task raises nothing
    if not results:
        raise Interrupted(received[0])
    return results[0]


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
