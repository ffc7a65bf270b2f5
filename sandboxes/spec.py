"""What a caller asks of a desktop, and what a kind of isolation can give."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ByteSize, ConfigDict, Discriminator, Field, Tag

from sandboxes.egress.endpoint import parse_entry

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]

SnapshotKind = Literal["none", "home", "filesystem", "machine"]
"""What a snapshot of a desktop holds: `home`, the user's private folders; `filesystem`, all files; `machine`,
memory and disk, so that programs go on where they were."""


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


def _entry(text: str) -> str:
    return str(parse_entry(text))


class Network(Model):
    """What a desktop may reach (`docs/network.md`). An entry is HOST:PORT; the host is a name, `*.` and a
    domain, an IP address, or `localhost` for the machine that runs deskswarm."""

    allow: tuple[Annotated[str, AfterValidator(_entry)], ...] = Field(
        min_length=1, max_length=1000, description="hosts with their ports, as `example.org:443`"
    )


Program = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1, max_length=100)]


def _kind_of_network(value: object) -> str | None:
    if value == "none":
        return "none"
    return "network" if isinstance(value, dict | Network) else None


class DesktopSpec(Model):
    """One desktop, as a caller asks for it."""

    image: Name = "desktop"
    screen: Screen = Screen()
    limits: Limits = Limits()
    root: bool = Field(default=False, description="`sudo` works inside")
    network: Annotated[
        Annotated[Literal["none"], Tag("none")] | Annotated[Network, Tag("network")],
        Discriminator(
            _kind_of_network,
            custom_error_type="network",
            custom_error_message="write `none`, or what it may reach, as `{allow: ['example.org:443']}`",
        ),
    ] = Field(default="none", description="or a list of what it may reach")
    open: tuple[Program, ...] = Field(
        default=(),
        max_length=20,
        description="programs with their arguments, each on the screen before inputs are placed",
    )


class Capabilities(Model):
    """What a backend can do. Callers ask for these, never for a backend's name."""

    root: bool = Field(default=False, description="can give a desktop whose user may become root")
    real: bool = Field(default=True, description="runs real applications on a real display")
    hard_limits: bool = Field(default=True, description="memory and processes are limited by the kernel")
    survives_controller: bool = Field(default=False, description="a desktop can outlive its controller")
    local: bool = Field(default=True, description="its desktops take this machine's memory and processors")
    snapshots: SnapshotKind = Field(default="none", description="what a snapshot holds")
    opens: bool = Field(default=False, description="its desktops begin with a spec's programs open")
    live_fork: bool = Field(default=False, description="a running desktop can be copied, programs and all")


def new_desktop_id() -> str:
    """A fresh id: `d-` and 12 hex digits."""
    return f"d-{secrets.token_hex(6)}"
