"""What a caller asks of a desktop, and what a kind of isolation can give."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class Model(BaseModel):
    """Base of the models a caller writes or a backend declares."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Model):
    """Hard limits of one desktop. Sizes take units (`3GiB`)."""

    memory: ByteSize = Field(default=ByteSize(3 << 30), ge=128 << 20, description="all processes together")
    processes: int = Field(default=600, ge=32, le=100_000, description="processes and threads")
    disk: ByteSize = Field(default=ByteSize(1 << 30), ge=16 << 20, description="each private folder")
    lifetime_s: float = Field(
        default=3600, gt=0, le=86_400, description="then the desktop ends, whoever uses it"
    )


class Screen(Model):
    width: int = Field(default=1920, ge=320, le=7680)
    height: int = Field(default=1080, ge=240, le=4320)


class DesktopSpec(Model):
    """One desktop, as a caller asks for it."""

    image: Name = "desktop"
    screen: Screen = Screen()
    limits: Limits = Limits()
    root: bool = Field(default=False, description="`sudo` works inside")
    network: Literal["none"] = "none"


class Capabilities(Model):
    """What a backend can do. Callers ask for these, never for a backend's name."""

    root: bool = Field(default=False, description="can give a desktop whose user may become root")
    real: bool = Field(default=True, description="runs real applications on a real display")
    hard_limits: bool = Field(default=True, description="memory and processes are limited by the kernel")
    survives_controller: bool = Field(default=False, description="a desktop can outlive its controller")
    disk_fork: bool = False
    live_fork: bool = False


def new_desktop_id() -> str:
    """A fresh id: `d-` and 12 hex digits."""
    return f"d-{secrets.token_hex(6)}"
