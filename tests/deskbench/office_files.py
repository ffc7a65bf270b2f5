"""Office files as an agent could leave them: a task's input, changed without its application."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from zipfile import ZIP_DEFLATED, ZipFile

import docx
from openpyxl import Workbook, load_workbook

from runner.load import bundled_swarms

DATA = bundled_swarms()["deskbench"].parent / "data"


def book(name: str, change: Callable[[Workbook], None], computed: Mapping[str, float] | None = None) -> bytes:
    """A spreadsheet of the suite, changed. `computed` are the values its program saved with its formulas."""
    made = load_workbook(DATA / name)
    change(made)
    saved = io.BytesIO()
    made.save(saved)
    data = saved.getvalue()
    for cell, value in (computed or {}).items():
        data = _with_value(data, cell, value)
    return data


def cells(values: Mapping[str, object]) -> Callable[[Workbook], None]:
    """These cells of the first sheet."""

    def change(made: Workbook) -> None:
        for name, value in values.items():
            made.worksheets[0][name].value = value

    return change


def opendocument(name: str, *changes: tuple[str, str]) -> bytes:
    """A document or presentation of the suite; each change replaces all of a text in its content."""

    def change(content: str) -> str:
        for old, new in changes:
            assert old in content, old
            content = content.replace(old, new)
        return content

    return _with_part((DATA / name).read_bytes(), "content.xml", change)


def word(*lines: str) -> bytes:
    made = docx.Document()
    for line in lines:
        made.add_paragraph(line)
    saved = io.BytesIO()
    made.save(saved)
    return saved.getvalue()


def page_of(name: str, number: int) -> str:
    """A slide of a presentation, as it stands in its content."""
    with ZipFile(DATA / name) as archive:
        content = archive.read("content.xml").decode()
    pages: list[str] = re.findall("<draw:page .*?</draw:page>", content, re.DOTALL)
    return pages[number - 1]


def _with_value(data: bytes, cell: str, value: float) -> bytes:
    def change(sheet: str) -> str:
        changed, count = re.subn(
            rf'(<c r="{cell}"[^>]*><f>[^<]*</f>)<v\s*/>|(<c r="{cell}"[^>]*><f>[^<]*</f>)<v></v>',
            lambda found: f"{found[1] or found[2]}<v>{value}</v>",
            sheet,
        )
        assert count == 1, cell
        return changed

    return _with_part(data, "xl/worksheets/sheet1.xml", change)


def _with_part(data: bytes, part: str, change: Callable[[str], str]) -> bytes:
    made = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as old, ZipFile(made, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content.decode()) if name == part else content)
    return made.getvalue()
