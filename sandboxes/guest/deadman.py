"""The dead-man's switch: a desktop whose holder falls silent ends itself."""

from __future__ import annotations

import math
import os
import threading
import time
from typing import NoReturn

from .log import log

EXIT_CODE = 3


def end_desktop(reason: str, code: int = EXIT_CODE) -> NoReturn:
    """End this process at once and, as it is the desktop's init, everything in the desktop."""
    log(f"the desktop ends: {reason}")
    os._exit(code)


class DeadMansSwitch:
    """Ends the desktop when a deadline passes.

    A thread of its own, so that an event loop that is stuck cannot keep a desktop alive.
    """

    def __init__(self, boot_ttl_s: float, lifetime_s: float) -> None:
        self._boot_ttl_s = boot_ttl_s
        self._deadline = math.inf
        self._changed = threading.Event()
        self.begin(lifetime_s)
        threading.Thread(target=self._watch, daemon=True, name="dead-man's switch").start()

    def begin(self, lifetime_s: float) -> None:
        """A life of so many seconds; until a holder sets its own, the time to start counts."""
        self._end_of_life = time.monotonic() + lifetime_s
        self.set_ttl(self._boot_ttl_s)
        self._changed.set()

    def set_ttl(self, ttl_s: float) -> None:
        """From now on the desktop lives `ttl_s` seconds after each word of its holder.

        The thread is woken only for an earlier deadline. Any other it sees in time, and the event loop is not
        kept waiting for it in the middle of a request.
        """
        self._ttl_s = ttl_s
        before = self._deadline
        self.hold()
        if self._deadline < before:
            self._changed.set()

    def hold(self) -> None:
        """The holder has spoken."""
        self._deadline = time.monotonic() + self._ttl_s

    def _watch(self) -> None:
        while (left := min(self._deadline, self._end_of_life) - time.monotonic()) > 0:
            self._changed.wait(left)
            self._changed.clear()
        end_desktop("no word from its holder" if time.monotonic() < self._end_of_life else "lifetime over")
