"""What we rely on of OSWorld's task files. All else in them is kept, for OSWorld's own code."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, field_validator

from sandboxes.spec import DesktopSpec, Limits, Model, Name

INFEASIBLE = "infeasible"
DOMAIN = "domain"
"""The label of a task that says which folder it is from."""
SUBJECT = "osworld"
"""What a verdict calls the finding of OSWorld's evaluator."""
LIFETIME_S = 86_400.0
Need = Literal["needs_web", "needs_account", "needs_program", "needs_root"]


class _Open(Model):
    """Keeps fields that it does not know."""

    model_config = ConfigDict(extra="allow")


class Step(_Open):
    """One step of a set-up, or of what is done before the evaluation."""

    type: str
    parameters: dict[str, JsonValue]


_STEPS = TypeAdapter(tuple[Step, ...])


class OSWorldTask(_Open):
    """One of OSWorld's task files."""

    id: str = Field(min_length=1, max_length=200)
    instruction: str = Field(min_length=1, max_length=20_000)
    config: tuple[Step, ...] = ()
    evaluator: dict[str, JsonValue]
    related_apps: tuple[str, ...] = ()
    proxy: bool = False

    @field_validator("evaluator")
    @classmethod
    def _can_be_read(cls, evaluator: dict[str, JsonValue]) -> dict[str, JsonValue]:
        func = evaluator.get("func")
        names = func if isinstance(func, list) else [func]
        if not names or not all(isinstance(name, str) and name for name in names):
            raise ValueError("`func` is to be the name of a function, or a list of names")
        _STEPS.validate_python(evaluator.get("postconfig") or ())
        return evaluator

    @property
    def postconfig(self) -> tuple[Step, ...]:
        """What is done before the evaluation."""
        return _STEPS.validate_python(self.evaluator.get("postconfig") or ())

    @property
    def feasible(self) -> bool:
        return self.evaluator["func"] != INFEASIBLE


class LeftOut(Model):
    """A task of a benchmark that cannot be run here, and why; it is in the report, without a score."""

    cause: Need
    reason: str
    labels: dict[Name, str] = Field(default_factory=dict)


def desktop_of(root: bool, image: str = "desktop") -> DesktopSpec:
    """A desktop as OSWorld's tasks expect it; `root` where the backend can give that, for their `sudo`."""
    return DesktopSpec(image=image, root=root, limits=Limits(lifetime_s=LIFETIME_S))
