"""The text of .docx and .odt documents."""

from __future__ import annotations

from zipfile import ZipFile

from lxml import etree

from runner.checks.archive import open_archive
from runner.checks.result import NotReadable

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_ODF = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"

_PARAGRAPHS = frozenset({f"{_WORD}p", f"{_ODF}p", f"{_ODF}h"})
_SPACES = {
    f"{_WORD}tab": "\t",
    f"{_WORD}br": "\n",
    f"{_WORD}cr": "\n",
    f"{_ODF}tab": "\t",
    f"{_ODF}line-break": "\n",
}
# What is not the document's text: a second form of the same drawing, text moved away or deleted, comments.
_SKIPPED = frozenset(
    {f"{_COMPATIBILITY}Fallback", f"{_WORD}moveFrom", f"{_ODF}tracked-changes", f"{_OFFICE}annotation"}
)


def document_text(data: bytes) -> str:
    """The body's paragraphs, tables included, in their order, a line for each. Raises NotReadable."""
    with open_archive(data) as archive:
        names = set(archive.namelist())
        if "word/document.xml" in names:
            return _text(_parse(archive, "word/document.xml"))
        if "content.xml" in names and b"opendocument.text" in _mime_type(archive):
            return _text(_parse(archive, "content.xml"))
    raise NotReadable("neither a .docx nor an .odt document")


def _mime_type(archive: ZipFile) -> bytes:
    return archive.read("mimetype") if "mimetype" in archive.namelist() else b""


def _parse(archive: ZipFile, name: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(archive.read(name), parser)


def _text(root: etree._Element) -> str:
    parts: list[str] = []
    paragraphs = 0  # how many the walk is in: a text box has paragraphs inside a paragraph
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            if element.tag in _PARAGRAPHS:
                paragraphs -= 1
                parts.append("\n")
            if paragraphs and _holds_text(element.getparent()):
                parts.append(element.tail or "")
        elif element.tag in _SKIPPED:
            walk.skip_subtree()
        else:
            paragraphs += element.tag in _PARAGRAPHS
            parts.append(_own_text(element) if paragraphs else "")
    return "".join(parts)


def _own_text(element: etree._Element) -> str:
    tag = str(element.tag)
    if tag == f"{_ODF}s":
        return " " * min(int(element.get(f"{_ODF}c", "1")), 1000)
    if tag == f"{_WORD}t" or _holds_text(element):
        return element.text or ""
    return _SPACES.get(tag, "")


def _holds_text(element: etree._Element | None) -> bool:
    """ODF puts text anywhere in a paragraph; Word in `w:t` alone."""
    return element is not None and str(element.tag).startswith(_ODF) and element.tag not in _SPACES
