"""A task that runs beside a block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import anyio


@asynccontextmanager
async def background(task: Callable[[], Coroutine[object, object, None]]) -> AsyncIterator[None]:
    """Run the task until the block ends. What the block raises comes out as it is, not in a group."""
    tasks = anyio.create_task_group()
    await tasks.__aenter__()
    tasks.start_soon(task)
    try:
        yield
    finally:
        tasks.cancel_scope.cancel()
        await tasks.__aexit__(None, None, None)
