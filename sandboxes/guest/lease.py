"""Fencing: who may use the desktop now."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

from .deadman import DeadMansSwitch
from .failures import RequestFailed
from .protocol import PROTOCOL_VERSION, Hello


@dataclass(slots=True)
class CurrentLease:
    """The lease that `hello` installed last. Every frame that carries it holds the dead-man's switch."""

    switch: DeadMansSwitch
    epoch: int = 0
    token: str = ""

    def install(self, hello: Hello) -> bool:
        """Whether this replaced another lease. Fails with stale_lease where a newer one is held."""
        if hello.version != PROTOCOL_VERSION:
            raise RequestFailed("bad_request", f"version: the guest speaks {PROTOCOL_VERSION}")
        if hello.epoch <= self.epoch and not self._is_current(hello.token):
            raise RequestFailed("stale_lease", f"epoch: {hello.epoch} is not above {self.epoch}")
        replaced = not self._is_current(hello.token)
        self.epoch, self.token = max(hello.epoch, self.epoch), hello.token
        return replaced

    def end_all(self) -> None:
        """No lease is held, and none has been: for a copy of a desktop whose lease this was."""
        self.epoch, self.token = 0, ""

    def check(self, token: str) -> None:
        """Fails with stale_lease unless the token is the current one."""
        if not self._is_current(token):
            raise RequestFailed("stale_lease", "the lease is not the current one of this desktop")
        self.switch.hold()

    def _is_current(self, token: str) -> bool:
        return bool(self.token) and compare_digest(token.encode(), self.token.encode())
