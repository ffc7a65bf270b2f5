"""The event loop that episodes live in, in a thread of its own that ends with the program."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from anyio.from_thread import start_blocking_portal

from runner.gym.episodes import open_episodes

T = TypeVar("T")

_open: set[Stage] = set()
_watching = threading.Lock()
_watched = False


class Stage:
    def __init__(self, home: Path, folder: Path, backend: str) -> None:
        """Raises BackendUnavailable."""
        self._stack = ExitStack()
        with self._stack as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            opened = self._portal.wrap_async_context_manager(open_episodes(home, folder, backend))
            self.episodes = stack.enter_context(opened)
            self._stack = stack.pop_all()
        _open.add(self)
        _watch()

    def call(self, function: Callable[..., Awaitable[T]], *args: object) -> T:
        return self._portal.call(function, *args)

    def close(self) -> None:
        """No desktop is left. Harmless when done twice."""
        _open.discard(self)
        self._stack.close()


def _watch() -> None:
    """A program that ends without having closed its environments would wait for their threads for ever."""
    global _watched
    with _watching:
        if not _watched:
            threading.Thread(target=_close_with_the_program, name="deskswarm-gym", daemon=True).start()
            _watched = True


def _close_with_the_program() -> None:
    threading.main_thread().join()
    for stage in list(_open):
        stage.close()
