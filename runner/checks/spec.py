"""The checks people write. Each names its kind by `check` and reads real results."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from runner.actions import Target
from runner.hooks import Function
from sandboxes.spec import Model

Path = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^(~|/)", description="on the desktop")]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern[:60]!r} — not a regular expression: {error}") from None
    return pattern


Regex = Annotated[str, Field(max_length=1000), AfterValidator(_compiles)]
CellName = Annotated[
    str, Field(pattern=r"^[A-Z]{1,3}[1-9][0-9]{0,6}$", description="as `B2`: column letters, then the row")
]


class Text(Model):
    """What a text must be; every condition given must hold. Line ends and one final newline do not count."""

    equals: str | None = Field(default=None, description="the whole text")
    contains: tuple[str, ...] = Field(default=(), description="each is a part of the text")
    matches: Regex | None = Field(default=None, description="a regular expression, searched for (multi-line)")

    @property
    def asks(self) -> bool:
        """Whether any condition is given."""
        return self.equals is not None or bool(self.contains) or self.matches is not None


class _AskingText(Text):
    """A text with at least one condition."""

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if not self.asks:
            raise ValueError("checks nothing; give `equals`, `contains` or `matches`")
        return self


class FileExists(Model):
    """A file that is there, and not empty."""

    check: Literal["file_exists"]
    path: Path
    min_bytes: int = Field(default=1, ge=0)


class TextCheck(_AskingText):
    """A text file, in UTF-8 or in UTF-16 with a byte order mark."""

    check: Literal["text"]
    path: Path


def _is_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    try:
        problem = _problem_of(json.dumps(schema))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not a JSON Schema: {error}") from None
    if problem:
        raise ValueError(f"not a JSON Schema: {problem}")
    return schema


@lru_cache(maxsize=256)
def _problem_of(schema: str) -> str:
    """What is wrong with it; empty where nothing is. That takes 20 ms, and is asked often."""
    from jsonschema import Draft202012Validator, SchemaError  # slow to import, and seldom needed

    try:
        Draft202012Validator.check_schema(json.loads(schema))
    except SchemaError as error:
        return str(error.message)
    except RecursionError:
        return "nested too deep"
    return ""


JsonSchema = Annotated[dict[str, Any], AfterValidator(_is_json_schema)]


class JsonCheck(Model):
    """A JSON file, or the value at a pointer (RFC 6901) in it; without conditions, that it is there."""

    model_config = ConfigDict(serialize_by_alias=True)

    check: Literal["json"]
    path: Path
    pointer: str = Field(default="", max_length=1000, pattern=r"^(/([^~]|~[01])*)?$")
    equals: Any = Field(default=None, description="null asks nothing; `schema: {type: 'null'}` asks for null")
    schema_: JsonSchema | None = Field(
        default=None, alias="schema", description="JSON Schema, draft 2020-12; `$ref` only within it"
    )


class PydanticCheck(Model):
    """A JSON file that a pydantic model of the user's own accepts."""

    check: Literal["pydantic"]
    path: Path
    model: Function = Field(description="`module:Class`; modules beside the swarm file come first")


class Cells(Model):
    """Cells of an .xlsx spreadsheet: computed values, and formulas as they were entered."""

    check: Literal["cells"]
    path: Path
    sheet: str | None = Field(default=None, description="default: the first")
    values: dict[CellName, str | int | float | bool | None] = Field(
        default_factory=dict, description="dates as text, `2026-01-31`; null is an empty cell"
    )
    formulas: dict[CellName, Regex] = Field(
        default_factory=dict, description="regular expressions for the whole formula, as `=SUM\\(.*\\)`"
    )
    tolerance: float = Field(default=1e-6, ge=0, description="of numbers")

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if not (self.values or self.formulas):
            raise ValueError("checks nothing; give `values` or `formulas`")
        return self


class Document(_AskingText):
    """The text of a .docx or .odt document: a line for each paragraph."""

    check: Literal["document"]
    path: Path


class Pdf(Text):
    """The text of a PDF. Any run of white space counts as one space, in the text and in what is asked."""

    check: Literal["pdf"]
    path: Path
    min_pages: int = Field(default=1, ge=1)


class Image(Model):
    """An image of the same size as another, given beside the swarm file, that looks like it."""

    check: Literal["image"]
    path: Path
    like: str = Field(min_length=1, max_length=1024, description="relative to the swarm file")
    max_difference: float = Field(
        default=0.05, ge=0, le=1, description="mean difference of pixels: 0 the same, 1 black against white"
    )


class Command(Text):
    """A command run on the task's desktop after the agent is done; the text is its standard output."""

    check: Literal["command"]
    argv: tuple[str, ...] = Field(min_length=1, max_length=100)
    exit_code: int = 0
    timeout: float = Field(default=30, gt=0, le=600, description="seconds")


class Tree(Model):
    """An accessible object that must, or must not, be on the screen at the end."""

    check: Literal["tree"]
    target: Target
    present: bool = True

    @model_validator(mode="after")
    def _describes_an_object(self) -> Self:
        if self.target.at is not None:
            raise ValueError("a point is on every screen; describe an object by `role` or `name`")
        return self


class Python(Model):
    """A function of the user's, `FILE.py:NAME`, beside the swarm file (docs/checks.md)."""

    check: Literal["python"]
    function: str = Field(max_length=1024, pattern=r"^[^:]+\.py:[A-Za-z_]\w*$")
    paths: tuple[Path, ...] = Field(min_length=1, max_length=20, description="files the function is given")
    timeout: float = Field(default=30, gt=0, le=600, description="seconds")


class MiniWob(Model):
    """A positive reward, given by the page of a MiniWoB++ task (docs/miniwob.md)."""

    check: Literal["miniwob"]
    task: str = Field(max_length=100, pattern=r"^[a-z0-9-]+$")


Check = Annotated[
    FileExists
    | TextCheck
    | JsonCheck
    | PydanticCheck
    | Cells
    | Document
    | Pdf
    | Image
    | Command
    | Tree
    | Python
    | MiniWob,
    Field(discriminator="check"),
]
