"""What people write about how an agent is watched: its limits, and what follows when one is passed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runner.hooks import Function
from sandboxes.spec import Model

Then = Literal["off", "warn", "stop"]
Pattern = Annotated[
    str, Field(min_length=1, max_length=200, description="`*` and `?` as in file names; case does not count")
]
Patterns = Annotated[tuple[Pattern, ...], Field(max_length=200)]


class Allow(Model):
    """What an agent may use. A list left out allows all, an empty one nothing; what is not on it is refused
    before it is carried out."""

    applications: Patterns | None = Field(default=None, description="that input goes to, by name")
    windows: Patterns | None = Field(default=None, description="that input goes to, by title")
    keys: Patterns | None = Field(default=None, description="that `press` may press, as `ctrl+s`")
    commands: Patterns | None = Field(default=None, description="that `open` may start, by base name")
    hosts: Patterns | None = Field(default=None, description="in addresses that are opened, typed or shown")


class Repeats(Model):
    """The same actions on the same screens, over and over."""

    times: int = Field(default=5, ge=2, le=100)
    then: Then = "stop"


class Progress(Model):
    """Nothing on the screen that was not there before. Steps that only wait count as time, not as steps."""

    steps: int = Field(default=40, ge=2, le=10_000)
    wait_s: float = Field(default=300, gt=0, le=86_400, description="however few steps it is")
    then: Then = "stop"


class Dialogs(Model):
    """A dialog that nobody expected."""

    expected: Patterns | None = Field(
        default=None, description="names; all others are unexpected. Default: those that tell of trouble are"
    )
    then: Then = "warn"


class Claims(Model):
    """The agent says it is done, and what its contract asks for is not there."""

    returned: int = Field(default=1, ge=0, le=20, description="times the agent is told so and goes on")
    then: Then = Field(default="warn", description="after that; the validator rules in any case but `stop`")


class Targets(Model):
    """The object under a point is not what the agent said it was."""

    then: Literal["off", "warn", "refuse"] = "refuse"


class Refusals(Model):
    """Actions refused, by the allow-list or for their target, and pages shown of hosts not allowed."""

    times: int = Field(default=3, ge=1, le=1000)
    then: Then = "stop"


class Own(Model):
    """A function of the user's own: given the last steps, returns what is wrong, or None."""

    python: Function = Field(description="`module:function`")
    then: Then = "warn"


class Monitors(Model):
    """How an agent is watched. `warn` is journaled; `stop` ends the attempt."""

    repeats: Repeats = Repeats()
    progress: Progress = Progress()
    dialogs: Dialogs = Dialogs()
    claims: Claims = Claims()
    targets: Targets = Targets()
    refusals: Refusals = Refusals()
    own: tuple[Own, ...] = Field(default=(), max_length=20)
