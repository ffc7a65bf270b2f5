"""What the backend tells the guest through the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes in pixels and bytes, times in seconds; 0 bytes or processes is no limit of ours."""

    width: int
    height: int
    boot_ttl_s: float
    lifetime_s: float
    memory: int
    processes: int
    network: bool


def read_settings() -> Settings:
    """Raises ValueError for a value that is not a number."""
    width, _, height = os.environ.get("DESKSWARM_SCREEN", "1920x1080").partition("x")
    return Settings(
        width=int(width),
        height=int(height),
        boot_ttl_s=float(os.environ.get("DESKSWARM_BOOT_TTL_S", "60")),
        lifetime_s=float(os.environ.get("DESKSWARM_LIFETIME_S", "3600")),
        memory=int(os.environ.get("DESKSWARM_MEMORY", "0")),
        processes=int(os.environ.get("DESKSWARM_PROCESSES", "0")),
        network=os.environ.get("DESKSWARM_NETWORK") == "1",
    )
