"""A lease: the right to use one desktop, held by one holder at a time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

DEFAULT_TTL_S = 30.0


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a desktop. The guest refuses every request that does not carry the current token.

    `epoch` grows by one at each change of owner; `ttl_s` is how long the desktop lives without a
    word from its holder. The token is a secret and is never written down.
    """

    desktop_id: str
    holder: str
    epoch: int = 1
    ttl_s: float = DEFAULT_TTL_S
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def passed_to(self, holder: str) -> Lease:
        """The next lease of the same desktop, which fences this one off."""
        return Lease(self.desktop_id, holder, self.epoch + 1, self.ttl_s)
