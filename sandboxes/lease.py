"""A lease: the right to use one desktop, held by one holder at a time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

DEFAULT_TTL_S = 30.0
MAX_OUTLIVE_S = 3500.0
"""A guest ends its desktop after at most an hour without a word."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a desktop. The guest refuses every request that does not carry the current token.

    `epoch` grows by one at each change of owner; `ttl_s` is how long the desktop lives without a
    word from its holder, and `outlive_s` how much longer, so that another process may take it up. The
    token is a secret and is never written down.
    """

    desktop_id: str
    holder: str
    epoch: int = 1
    ttl_s: float = DEFAULT_TTL_S
    outlive_s: float = 0
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def passed_to(self, holder: str, outlive_s: float | None = None) -> Lease:
        """The next lease of the same desktop, which fences this one off."""
        outlives = self.outlive_s if outlive_s is None else outlive_s
        return Lease(self.desktop_id, holder, self.epoch + 1, self.ttl_s, outlives)
