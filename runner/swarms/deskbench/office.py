"""What the office tasks' checks ask of a file beyond its cells and its text."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import wraps
from zipfile import BadZipFile, ZipFile

from lxml import etree
from openpyxl import Workbook, load_workbook

Files = dict[str, bytes | None]
Ruling = tuple[bool, str]

_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_NAMES = {
    "text": f"{_ODF}text:1.0",
    "style": f"{_ODF}style:1.0",
    "draw": f"{_ODF}drawing:1.0",
    "presentation": f"{_ODF}presentation:1.0",
    "fo": f"{_ODF}xsl-fo-compatible:1.0",
}
_PLAN = [
    ["Garden plan 2025", "Meeting of 12 February"],
    ["Spring", "Sow peas", "Prune roses"],
    ["Summer", "Water daily"],
    ["Autumn", "Rake leaves", "Plant bulbs"],
]
_TOUR = [
    ["City tour", "Saturday"],
    ["Old town", "10:00"],
    ["Lunch", "12:30"],
    ["Harbour", "14:00"],
    ["Museum", "16:00"],
]


def _of_a_file(rule: Callable[[bytes], Ruling]) -> Callable[[Files], Ruling]:
    """A file that is missing or broken is the agent's failure, and none of the check's."""

    @wraps(rule)
    def ruling(files: Files) -> Ruling:
        [(path, data)] = files.items()
        if data is None:
            return False, f"there is no {path}"
        try:
            return rule(data)
        except (BadZipFile, KeyError, etree.XMLSyntaxError) as error:
            return False, f"{path}: {error}"

    return ruling


@_of_a_file
def shares_are_percentages(data: bytes) -> Ruling:
    """The shares are shown as percentages with two places; the turnout is not."""
    sheet = _workbook(data).worksheets[0]
    found = {
        f"{column}{row}": sheet[f"{column}{row}"].number_format for column in "CD" for row in range(2, 6)
    }
    wanted = {name: "0.00%" if name.startswith("C") else "General" for name in found}
    return found == wanted, f"formats: {found}"


@_of_a_file
def sheet_is_renamed(data: bytes) -> Ruling:
    names = _workbook(data).sheetnames
    return names == ["Sheet1", "2026-Q3", "Sheet2 (old)"], f"sheets: {names}"


@_of_a_file
def findings_is_the_heading(data: bytes) -> Ruling:
    """One line, and no other, has the style Heading 1, or one made from it."""
    content = _content(data)
    made_from = {
        style.get(_name("style:name")): style.get(_name("style:parent-style-name"))
        for style in _found(content, "style:style")
    }
    headings = [
        _text(line)
        for line in _found(content, "text:p", "text:h")
        if "Heading_20_1" in ((style := line.get(_name("text:style-name"))), made_from.get(style))
    ]
    return headings == ["Findings"], f"in Heading 1: {headings}"


@_of_a_file
def the_deadline_is_bold(data: bytes) -> Ruling:
    """One phrase, and no other; in parts or whole."""
    content = _content(data)
    bold = {
        style.get(_name("style:name"))
        for style in _found(content, "style:style")
        if any(of.get(_name("fo:font-weight")) == "bold" for of in _found(style, "style:text-properties"))
    }
    marked = [
        _text(part)
        for part in _found(content, "text:p", "text:h", "text:span")
        if part.get(_name("text:style-name")) in bold
    ]
    return "".join(marked) == "before 31 March", f"bold: {marked}"


@_of_a_file
def is_word(data: bytes) -> Ruling:
    return "word/document.xml" in _archive(data).namelist(), "a Word document has word/document.xml"


@_of_a_file
def the_plan_is_of_2026(data: bytes) -> Ruling:
    return _has_slides(data, [["Garden plan 2026", *_PLAN[0][1:]], *_PLAN[1:]])


@_of_a_file
def the_plan_is_without_summer(data: bytes) -> Ruling:
    return _has_slides(data, [*_PLAN[:2], _PLAN[3]])


@_of_a_file
def the_plan_ends_with_costs(data: bytes) -> Ruling:
    return _has_slides(data, [*_PLAN, ["Costs"]])


@_of_a_file
def lunch_is_after_the_harbour(data: bytes) -> Ruling:
    return _has_slides(data, [*_TOUR[:2], _TOUR[3], _TOUR[2], _TOUR[4]])


@_of_a_file
def the_harbour_has_its_note(data: bytes) -> Ruling:
    """The note is on that slide alone, and the slides are as they were."""
    same, slides = _has_slides(data, _TOUR)
    notes = [_lines(page, in_notes=True) for page in _found(_content(data), "draw:page")]
    return same and notes == [[], [], [], ["Boats leave from pier 4."], []], f"{slides}; notes: {notes}"


def _has_slides(data: bytes, slides: list[list[str]]) -> Ruling:
    """Whether these are the lines of each slide; notes do not count."""
    found = [_lines(page, in_notes=False) for page in _found(_content(data), "draw:page")]
    return found == slides, f"slides: {found}"


def _lines(page: etree._Element, *, in_notes: bool) -> list[str]:
    """The lines of a slide, or of its notes, that are not empty."""
    notes = _name("presentation:notes")
    return [
        text
        for line in _found(page, "text:p")
        if (next(line.iterancestors(notes), None) is not None) == in_notes and (text := _text(line))
    ]


def _workbook(data: bytes) -> Workbook:
    return load_workbook(io.BytesIO(data))


def _archive(data: bytes) -> ZipFile:
    return ZipFile(io.BytesIO(data))


def _content(data: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.fromstring(_archive(data).read("content.xml"), parser)


def _found(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    return element.iter(*[_name(name) for name in names])


def _text(element: etree._Element) -> str:
    return "".join(str(part) for part in element.itertext())


def _name(prefixed: str) -> str:
    """A name as lxml writes it."""
    prefix, name = prefixed.split(":")
    return f"{{{_NAMES[prefix]}}}{name}"
