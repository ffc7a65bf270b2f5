"""Files made up to meet what a plan asks of its outputs: simulated desktops have no applications."""

from __future__ import annotations

import io
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from runner.checks.spec import Cells, Check, Document, JsonCheck, Pdf, TextCheck
from runner.spec import Output, PydanticModel
from runner.tokens import LETTERS_PER_TOKEN

_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_OFFICE = "http://schemas.openxmlformats.org"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"


def make_content(output: Output, checks: Sequence[Check], title: str) -> bytes:
    """What may stand at an output's path. `checks` are those that read it; the same bytes each time."""
    texts = [check for check in checks if isinstance(check, TextCheck | Document | Pdf)]
    lines = [title, *(line for check in texts for line in _lines(check))]
    suffix = posixpath.splitext(output.path)[1].lower()
    if output.schema_ is not None or suffix == ".json":
        return _json(output, [check for check in checks if isinstance(check, JsonCheck)])
    match suffix:
        case ".xlsx":
            return _workbook([check for check in checks if isinstance(check, Cells)])
        case ".pdf":
            return _pdf(
                lines, max([check.min_pages for check in checks if isinstance(check, Pdf)], default=1)
            )
        case ".docx":
            return _docx(lines)
        case ".odt":
            return _odt(lines)
    whole = next((check.equals for check in texts if check.equals is not None), "\n".join(lines) + "\n")
    most = min(output.max_bytes, LETTERS_PER_TOKEN * (output.max_tokens or output.max_bytes))
    return whole.encode()[:most].ljust(output.min_bytes, b"\n")


def _lines(check: TextCheck | Document | Pdf) -> Sequence[str]:
    return check.contains if check.equals is None else (check.equals,)


# --- JSON -----------------------------------------------------------------------------------------


def _json(output: Output, checks: Sequence[JsonCheck]) -> bytes:
    schema = output.schema_ if isinstance(output.schema_, dict) else {"type": "object"}
    value = instance_of(schema, schema)
    for check in checks:
        wanted = check.equals if check.equals is not None else instance_of(check.schema_ or {}, {})
        value = _placed(value, check.pointer.split("/")[1:], wanted)
    return json.dumps(value).encode()


def instance_of(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """A value that a JSON Schema accepts, where that can be read off it; whether it does is for the caller
    to see."""
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    for word in ("enum", "examples"):
        if schema.get(word):
            return schema[word][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return instance_of(schema[word][0], root)
    if "$ref" in schema:
        return instance_of(_referred(schema["$ref"], root), root)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return _of_kind(kind if isinstance(kind, str) else kind[0], schema, root)


def _of_kind(kind: str, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    match kind:
        case "object":
            names = dict.fromkeys([*schema.get("required", ()), *schema.get("properties", {})])
            return {name: instance_of(schema.get("properties", {}).get(name, {}), root) for name in names}
        case "array":
            item = schema.get("items", {})
            return [instance_of(item if isinstance(item, dict) else {}, root)] * schema.get("minItems", 1)
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
        case "null":
            return None
    return "drill".ljust(schema.get("minLength", 0), "l")[: schema.get("maxLength")]


def _referred(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A definition within the schema; anything goes where it is not there."""
    place: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        place = place.get(part, {}) if isinstance(place, dict) else {}
    return place if isinstance(place, dict) else {}


def _placed(value: Any, path: Sequence[str], wanted: Any) -> Any:
    """The value with another at this place of it; lists are not gone into."""
    if not path:
        return wanted
    whole = value if isinstance(value, dict) else {}
    name = path[0].replace("~1", "/").replace("~0", "~")
    return {**whole, name: _placed(whole.get(name), path[1:], wanted)}


# --- office files ---------------------------------------------------------------------------------


def _archive(entries: Mapping[str, str]) -> bytes:
    """A ZIP file without a date in it."""
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(ZipInfo(name), text)
    return file.getvalue()


def _workbook(checks: Sequence[Cells]) -> bytes:
    """Values, and formulas with the values they are asked to have."""
    names = list(dict.fromkeys(check.sheet or "Sheet1" for check in checks)) or ["Sheet1"]
    sheets = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="r{number}"/>'
        for number, name in enumerate(names, 1)
    )
    targets = {f"r{number}": f"worksheets/sheet{number}.xml" for number in range(1, len(names) + 1)}
    types = {"xl/workbook.xml": "sheet.main", **{f"xl/{path}": "worksheet" for path in targets.values()}}
    return _archive(
        {
            "[Content_Types].xml": _content_types("spreadsheetml", types),
            "_rels/.rels": _relations("officeDocument", {"r1": "xl/workbook.xml"}),
            "xl/workbook.xml": f'{_XML}<workbook xmlns="{_OFFICE}/spreadsheetml/2006/main" '
            f'xmlns:r="{_OFFICE}/officeDocument/2006/relationships"><sheets>{sheets}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": _relations("worksheet", targets),
            **{
                f"xl/{path}": _sheet([check for check in checks if (check.sheet or "Sheet1") == name])
                for path, name in zip(targets.values(), names, strict=True)
            },
        }
    )


def _content_types(family: str, types: Mapping[str, str]) -> str:
    media = f"application/vnd.openxmlformats-officedocument.{family}"
    parts = "".join(
        f'<Override PartName="/{path}" ContentType="{media}.{kind}+xml"/>' for path, kind in types.items()
    )
    rels = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        f'{_XML}<Types xmlns="{_OFFICE}/package/2006/content-types">'
        f'<Default Extension="rels" ContentType="{rels}"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{parts}</Types>'
    )


def _relations(kind: str, targets: Mapping[str, str]) -> str:
    links = "".join(
        f'<Relationship Id="{name}" Type="{_OFFICE}/officeDocument/2006/relationships/{kind}" '
        f'Target="{path}"/>'
        for name, path in targets.items()
    )
    return f'{_XML}<Relationships xmlns="{_OFFICE}/package/2006/relationships">{links}</Relationships>'


def _sheet(checks: Sequence[Cells]) -> str:
    values = {name: value for check in checks for name, value in check.values.items()}
    formulas = {name: _spelled(regex) for check in checks for name, regex in check.formulas.items()}
    rows: dict[int, dict[int, str]] = {}
    for name in {**values, **formulas}:
        column, row = coordinate_from_string(name)
        rows.setdefault(row, {})[column_index_from_string(column)] = _cell(
            name, values.get(name), formulas.get(name, "")
        )
    lines = (
        f'<row r="{row}">{"".join(cell for _, cell in sorted(cells.items()))}</row>'
        for row, cells in sorted(rows.items())
    )
    body = f"<sheetData>{''.join(lines)}</sheetData>"
    return f'{_XML}<worksheet xmlns="{_OFFICE}/spreadsheetml/2006/main">{body}</worksheet>'


def _cell(name: str, value: str | int | float | bool | None, formula: str) -> str:
    entered = f"<f>{escape(formula.removeprefix('='))}</f>" if formula else ""
    match value:
        case None:
            return f'<c r="{name}">{entered}</c>'
        case bool():
            return f'<c r="{name}" t="b">{entered}<v>{int(value)}</v></c>'
        case str():
            return f'<c r="{name}" t="str">{entered}<v>{escape(value)}</v></c>'
    return f'<c r="{name}">{entered}<v>{value!r}</v></c>'


def _spelled(regex: str) -> str:
    """A text that the expression may match: itself, without what makes it one."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)\.[*+]", "A1", regex))


def _docx(lines: Sequence[str]) -> bytes:
    body = "".join(f'<w:p><w:r><w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>' for line in lines)
    return _archive(
        {
            "[Content_Types].xml": _content_types("wordprocessingml", {"word/document.xml": "document.main"}),
            "_rels/.rels": _relations("officeDocument", {"r1": "word/document.xml"}),
            "word/document.xml": f'{_XML}<w:document xmlns:w="{_OFFICE}/wordprocessingml/2006/main">'
            f"<w:body>{body}</w:body></w:document>",
        }
    )


def _odt(lines: Sequence[str]) -> bytes:
    body = "".join(f"<text:p>{escape(line)}</text:p>" for line in lines)
    return _archive(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f'{_XML}<office:document-content xmlns:office="{_ODF}:office:1.0" '
            f'xmlns:text="{_ODF}:text:1.0" office:version="1.2"><office:body><office:text>{body}'
            "</office:text></office:body></office:document-content>",
        }
    )


# --- PDF ------------------------------------------------------------------------------------------


def _pdf(lines: Sequence[str], pages: int) -> bytes:
    """All lines on each page, in the one font that every reader has."""
    shown = b"".join(b"(" + re.sub(rb"([()\\])", rb"\\\1", _latin(line)) + b") Tj T* " for line in lines)
    text = b"BT /F1 11 Tf 14 TL 50 780 Td " + shown + b"ET"
    kids = b" ".join(b"%d 0 R" % (number + 5) for number in range(pages))
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 3 0 R >> >> >>"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [" + kids + b"] /Count %d >>" % pages,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n" % len(text) + text + b"\nendstream",
        *[page] * pages,
    ]
    return _numbered(objects)


def _numbered(objects: Sequence[bytes]) -> bytes:
    """The objects of a PDF, with the table that says where each begins."""
    file, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        file
        + b"xref\n0 %d\n0000000000 65535 f \n" % size
        + table
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(file))
    )


def _latin(line: str) -> bytes:
    return line.encode("cp1252", "replace")


def asks_for_code(output: Output) -> bool:
    """Whether only a user's own class knows what the output must be."""
    return isinstance(output.schema_, PydanticModel)
