"""The checks people write. Each names its kind by `check` and reads real results."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from runner.actions import Target
from sandboxes.spec import Model

Path = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^(~|/)", description="on the desktop")]


class Text(Model):
    """How a text must look; every condition given must hold."""

    equals: str | None = None
    contains: tuple[str, ...] = ()
    matches: str | None = Field(default=None, description="a regular expression, searched for")


class FileExists(Model):
    check: Literal["file_exists"]
    path: Path
    min_bytes: int = Field(default=1, ge=0)


class TextCheck(Text):
    check: Literal["text"]
    path: Path


class JsonCheck(Model):
    """A JSON file, or the value at a pointer (RFC 6901) in it."""

    check: Literal["json"]
    path: Path
    pointer: str = ""
    equals: Any = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema", description="JSON Schema")


class Cells(Model):
    """Cells of a spreadsheet: computed values, and formulas as they were entered."""

    check: Literal["cells"]
    path: Path
    sheet: str | None = Field(default=None, description="default: the first")
    values: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    formulas: dict[str, str] = Field(default_factory=dict, description="each a regular expression")
    tolerance: float = Field(default=1e-6, ge=0)


class Document(Text):
    """The text of a .docx or .odt document."""

    check: Literal["document"]
    path: Path


class Pdf(Text):
    """The text of a PDF."""

    check: Literal["pdf"]
    path: Path
    min_pages: int = Field(default=1, ge=1)


class Image(Model):
    """An image that looks like another, given beside the swarm file."""

    check: Literal["image"]
    path: Path
    like: str
    max_difference: float = Field(default=0.05, ge=0, le=1, description="mean difference of pixels, 0 to 1")


class Command(Text):
    """A command run on the task's desktop after the agent is done; the text is its standard output."""

    check: Literal["command"]
    argv: tuple[str, ...] = Field(min_length=1)
    exit_code: int = 0
    timeout: float = Field(default=30, gt=0, le=600)


class Tree(Model):
    """An accessible object that must, or must not, be on the screen at the end."""

    check: Literal["tree"]
    target: Target
    present: bool = True


class Python(Model):
    """A function of the user's, `FILE.py:NAME`, beside the swarm file (docs/checks.md)."""

    check: Literal["python"]
    function: str = Field(pattern=r"^[^:]+\.py:[A-Za-z_]\w*$")


Check = Annotated[
    FileExists | TextCheck | JsonCheck | Cells | Document | Pdf | Image | Command | Tree | Python,
    Field(discriminator="check"),
]
