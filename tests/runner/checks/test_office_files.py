"""Spreadsheets, documents, PDFs and images made by the real libraries: right ones pass, near misses fail."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime

import docx
import pytest
from openpyxl import Workbook
from PIL import Image
from pypdf import PdfWriter

from tests.runner.checks.conftest import FolderEvidence
from tests.runner.checks.test_text import ruling

pytestmark = pytest.mark.anyio


def book() -> bytes:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = "Ledger"
    values: dict[str, str | float | bool | date] = {
        "A1": "Total", "B1": 1234.5, "C1": True, "D1": date(2026, 1, 31), "E1": datetime(2026, 1, 31, 9, 30),
        "B2": "=SUM(B1:B1)", "F1": 7, "G1": "7",
    }  # fmt: skip
    for name, value in values.items():
        sheet[name] = value
    made.create_sheet("Other")["A1"] = "other"
    data = io.BytesIO()
    made.save(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("asked", "ok"),
    [
        ({"values": {"A1": "Total", "B1": 1234.5, "C1": True, "D1": "2026-01-31", "Z99": None}}, True),
        ({"values": {"E1": "2026-01-31 09:30:00"}}, True),
        ({"values": {"F1": 7.0000001}}, True),
        ({"values": {"F1": 7.1}}, False),
        ({"values": {"F1": 7.1}, "tolerance": 0.2}, True),
        ({"values": {"F1": "7"}}, False),
        ({"values": {"G1": 7}}, False),
        ({"values": {"C1": 1}}, False),
        ({"values": {"A1": "total"}}, False),
        ({"values": {"A1": None}}, False),
        ({"values": {"A2": "Total"}}, False),
        ({"values": {"A1": "Total", "B1": 1234.6}}, False),
        ({"values": {"A1": "other"}, "sheet": "Other"}, True),
        ({"values": {"A1": "other"}}, False),
        ({"values": {"A1": "other"}, "sheet": "None"}, False),
        ({"values": {"XFD1048576": None}}, True),
        ({"formulas": {"B2": r"=SUM\(B1:B\d+\)"}}, True),
        ({"formulas": {"B2": r"=SUM"}}, False),
        ({"formulas": {"B1": r".*"}}, False),
        ({"formulas": {"B3": r".*"}}, False),
    ],
)
async def test_cells(evidence: FolderEvidence, asked: dict[str, object], ok: bool) -> None:
    evidence.write("a.xlsx", book())
    result = await ruling(evidence, check="cells", path="~/a.xlsx", **asked)
    assert result.ok is ok, result.detail


async def test_a_formula_that_was_never_computed_is_named(evidence: FolderEvidence) -> None:
    evidence.write("a.xlsx", book())
    result = await ruling(evidence, check="cells", path="~/a.xlsx", values={"B2": 1234.5})
    assert (
        result.detail == "B2: expected 1234.5, found None (formula =SUM(B1:B1); no value was saved with it)"
    )
    assert result.facts == {"B2": None}


def letter() -> bytes:
    made = docx.Document()
    made.add_heading("Dear Ada", 1)
    paragraph = made.add_paragraph("The total ")
    paragraph.add_run("is").bold = True
    paragraph.add_run("\t1234.5\nexactly.")
    table = made.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "left", "right"
    data = io.BytesIO()
    made.save(data)
    return data.getvalue()


LETTER = "Dear Ada\nThe total is\t1234.5\nexactly.\nleft\nright"


@pytest.mark.parametrize(
    ("asked", "ok"),
    [
        ({"equals": LETTER}, True),
        ({"equals": LETTER.replace("Ada", "Eva")}, False),
        ({"equals": LETTER.removesuffix("\nright")}, False),
        ({"contains": ["total is\t1234.5", "right"]}, True),
        ({"contains": ["total is 1234.5"]}, False),
        ({"matches": r"1234\.5$"}, True),
        ({"matches": r"1234\.6$"}, False),
    ],
)
async def test_docx(evidence: FolderEvidence, asked: dict[str, object], ok: bool) -> None:
    evidence.write("a.docx", letter())
    result = await ruling(evidence, check="document", path="~/a.docx", **asked)
    assert result.ok is ok, result.detail


def open_document(body: str) -> bytes:
    namespace = "urn:oasis:names:tc:opendocument:xmlns"
    text, office = f"{namespace}:text:1.0", f"{namespace}:office:1.0"
    return zipped(
        {
            "mimetype": b"application/vnd.oasis.opendocument.text",
            "content.xml": f'<office:document-content xmlns:office="{office}" xmlns:text="{text}">'
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>".encode(),
        }
    )


def zipped(entries: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


async def test_odt(evidence: FolderEvidence) -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        "<text:h>Dear Ada</text:h>\n<text:p>The <text:span>total</text:span> is"
        '<text:s text:c="2"/>1<text:tab/>2<office:annotation><text:p>a comment</text:p></office:annotation>'
        " in all<text:line-break/>end</text:p>"
    )
    evidence.write("a.odt", open_document(body))
    wanted = "Dear Ada\nThe total is  1\t2 in all\nend"
    right = await ruling(evidence, check="document", path="~/a.odt", equals=wanted)
    assert right.ok, right.detail
    assert not (await ruling(evidence, check="document", path="~/a.odt", equals=wanted.replace("  ", " "))).ok
    assert not (await ruling(evidence, check="document", path="~/a.odt", contains=["deleted"])).ok


def pdf(text: str, pages: int = 1) -> bytes:
    """The smallest PDF that shows a text on each page."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(pages))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n in range(pages):
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * n} 0 R >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    out, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF"
    return f"{out}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode()


@pytest.mark.parametrize(
    ("asked", "ok"),
    [
        ({}, True),
        ({"min_pages": 2}, True),
        ({"min_pages": 3}, False),
        ({"contains": ["Total:  1234.5"]}, True),
        ({"contains": ["Total: 1234.6"]}, False),
        ({"equals": "Total: 1234.5 Total: 1234.5"}, True),
        ({"equals": "Total: 1234.5"}, False),
        ({"matches": r"1234\.5$"}, True),
    ],
)
async def test_pdf(evidence: FolderEvidence, asked: dict[str, object], ok: bool) -> None:
    evidence.write("a.pdf", pdf("Total: 1234.5", pages=2))
    result = await ruling(evidence, check="pdf", path="~/a.pdf", **asked)
    assert result.ok is ok, result.detail
    assert result.facts["pages"] == 2


async def test_an_encrypted_pdf_says_so(evidence: FolderEvidence) -> None:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    data = io.BytesIO()
    writer.write(data)
    evidence.write("a.pdf", data.getvalue())
    result = await ruling(evidence, check="pdf", path="~/a.pdf", contains=["x"])
    assert (result.ok, result.detail) == (False, "~/a.pdf: an encrypted PDF")


def picture(
    color: str = "red", size: tuple[int, int] = (40, 30), mode: str = "RGB", kind: str = "PNG"
) -> bytes:
    data = io.BytesIO()
    Image.new(mode, size, color).save(data, kind)
    return data.getvalue()


@pytest.mark.parametrize(
    ("found", "ok"),
    [
        (picture(), True),
        (picture("#fc0303"), True),
        (picture(kind="BMP"), True),
        (picture("#ff4040"), False),
        (picture("blue"), False),
        (picture(size=(40, 31)), False),
        (picture(size=(80, 60)), False),
        (picture("#ff000000", mode="RGBA"), False),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n", False),
        (picture()[:60], False),
    ],
)
async def test_image(evidence: FolderEvidence, found: bytes, ok: bool) -> None:
    evidence.write("like.png", picture())
    evidence.write("a.png", found)
    result = await ruling(evidence, check="image", path="~/a.png", like="like.png")
    assert result.ok is ok, result.detail


# --- hostile --------------------------------------------------------------------------------------

ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
)
ENTITY_BOMB = ENTITIES + b"]><x>&a11;</x>"
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>'
ZEROS = bytes(200 << 20)


def _replaced(office_file: bytes, name: str, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(office_file)) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    return zipped({**entries, name: content})


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"",
        lambda: b"PK\x03\x04" + bytes(100),
        lambda: book()[:3000],
        lambda: letter()[:3000],
        lambda: zipped({"a": b""}),
        lambda: zipped({"xl/workbook.xml": ZEROS, "word/document.xml": ZEROS}),
        lambda: zipped({str(n): b"" for n in range(6000)}),
        lambda: _replaced(book(), "xl/worksheets/sheet1.xml", ENTITY_BOMB),
        lambda: _replaced(book(), "xl/workbook.xml", ENTITY_BOMB),
        lambda: _replaced(book(), "xl/workbook.xml", b"<" + b"a" * 1000),
        lambda: _replaced(letter(), "word/document.xml", ENTITY_BOMB),
        lambda: _replaced(letter(), "word/document.xml", OUTSIDE),
        lambda: _replaced(letter(), "word/document.xml", b"<a>" * 100_000),
        lambda: b"%PDF-1.4\n" + b"<<" * 100_000,
        lambda: b"%PDF-1.4\ntrailer << /Root 1 0 R >>\n1 0 obj << /Pages 1 0 R /Kids [1 0 R] >> endobj",
        lambda: b"\x89PNG\r\n\x1a\n" + bytes(50),
        lambda: picture(size=(20_000, 20_000), mode="1", color="white"),
    ],
    ids=[
        "empty", "no zip", "cut xlsx", "cut docx", "other zip", "zip bomb", "many entries",
        "xlsx sheet entities", "xlsx book entities", "xlsx no xml", "docx entities", "docx outside",
        "docx deep", "pdf nonsense", "pdf loop", "no png", "large png",
    ],
)  # fmt: skip
async def test_a_hostile_file_is_a_failed_check(evidence: FolderEvidence, make: object) -> None:
    assert callable(make)
    evidence.write("a", make())
    evidence.write("like.png", picture())
    for asked in (
        {"check": "cells", "values": {"A1": "Total"}},
        {"check": "document", "contains": ["a"]},
        {"check": "pdf", "contains": ["a"]},
        {"check": "image", "like": "like.png"},
    ):
        result = await ruling(evidence, path="~/a", **asked)
        if not result.ok:
            assert len(result.detail) <= 1003
            assert "\n" not in result.detail
        else:  # one broken part need not spoil what another check reads
            assert asked["check"] in ("cells", "document")
