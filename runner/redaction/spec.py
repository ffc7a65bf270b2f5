"""What people write of secrets: where their values come from, and what else is not to be kept."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from sandboxes.query import Query
from sandboxes.spec import Model


class SecretSource(Model):
    """Where the controller finds a secret's value; the value itself is never in a swarm file."""

    env: str | None = Field(default=None, min_length=1, description="a variable of the controller's")
    file: str | None = Field(
        default=None, min_length=1, description="or a file; a relative path counts from the swarm file"
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("give one of `env` and `file`")
        return self


class Area(Model):
    """A part of the screen, in pixels."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(gt=0)
    height: int = Field(gt=0)


class Objects(Model):
    """All accessible objects that are so, with what is in them; matched as an action's target is."""

    role: str | None = Field(default=None, max_length=100)
    name: str | None = Field(default=None, max_length=1000)
    text: str | None = Field(default=None, max_length=1000)
    app: str | None = Field(default=None, max_length=200)
    exact: bool = True

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if self.role is self.name is self.text is None:
            raise ValueError(
                "says nothing of which; give `role`, `name` or `text`, or `x`, `y`, `width`, `height`"
            )
        return self

    @property
    def query(self) -> Query:
        return Query(self.role, self.name, self.text, self.app, exact=self.exact)


def _kind_of_region(value: Any) -> str:
    is_area = isinstance(value, Area) or (isinstance(value, dict) and "x" in value)
    return "area" if is_area else "objects"


Region = Annotated[
    Annotated[Area, Tag("area")] | Annotated[Objects, Tag("objects")], Discriminator(_kind_of_region)
]
