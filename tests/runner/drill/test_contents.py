"""Made-up files meet what is asked of them, and stay the same."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from runner.checks import pdf, spreadsheet
from runner.checks.document import document_text
from runner.checks.result import CheckResult
from runner.checks.spec import Cells, Check, Document, JsonCheck, Pdf, TextCheck
from runner.checks.text import judge_json, judge_text
from runner.drill.contents import make_content
from runner.spec import Output
from runner.truncation import cut_off

CHECK: TypeAdapter[Any] = TypeAdapter(Check)
BOOK = {
    "check": "cells",
    "values": {"A322": "Total", "E322": 399484.08, "B2": True, "C3": "<&>", "D4": None},
    "formulas": {"E322": r"=SUM\(E2:E321\)", "F322": r"=SUM\(.*\)"},
}
WANTED = [
    ("~/a.xlsx", BOOK),
    ("~/a.xlsx", {**BOOK, "sheet": "Totals"}),
    ("~/a.pdf", {"check": "pdf", "contains": ["399,484.08", "(a) \\ b", "Café"], "min_pages": 3}),
    ("~/a.docx", {"check": "document", "contains": ["Totals <&>", "日本"]}),
    ("~/a.odt", {"check": "document", "contains": ["Totals <&>", "日本"]}),
    ("~/a.txt", {"check": "text", "contains": ["one", "two"]}),
    ("~/a.txt", {"check": "text", "equals": "all of it"}),
    ("~/a.json", {"check": "json", "pointer": "/a/b", "equals": 3}),
    ("~/a.json", {"check": "json", "pointer": "/a", "schema": {"enum": ["x", "y"]}}),
]


def ruling_on(check: Any, content: bytes) -> CheckResult:
    match check:
        case Cells():
            return spreadsheet.judge(check, content)
        case Pdf():
            return pdf.judge(check, content)
        case Document():
            return judge_text(check, document_text(content))
        case JsonCheck():
            return judge_json(check, content)
    assert isinstance(check, TextCheck)
    return judge_text(check, content.decode())


@pytest.mark.parametrize(("path", "check"), WANTED)
def test_a_made_up_file_passes_the_check_that_reads_it(path: str, check: dict[str, Any]) -> None:
    asked = CHECK.validate_python({**check, "path": path})
    made = make_content(Output(path=path), [asked], "a title")
    assert made == make_content(Output(path=path), [asked], "a title")
    ruling = ruling_on(asked, made)
    assert ruling.ok, ruling.detail
    assert cut_off(made, path) is None


SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "required": ["total"], "properties": {"total": {"type": "number", "minimum": 5}}},
    {"type": "array", "minItems": 2, "items": {"type": "string", "minLength": 8}},
    {"$defs": {"row": {"const": "x"}}, "type": "object", "properties": {"row": {"$ref": "#/$defs/row"}}},
    {"anyOf": [{"type": "integer", "exclusiveMinimum": 3}, {"type": "null"}]},
    {"type": ["boolean", "null"]},
    {"type": "object", "required": ["whatever"]},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_made_up_value_fits_its_schema(schema: dict[str, Any]) -> None:
    output = Output.model_validate({"path": "~/a.json", "schema": schema})
    check = CHECK.validate_python({"check": "json", "path": "~/a.json", "schema": schema})
    ruling = judge_json(check, make_content(output, [], "a title"))
    assert ruling.ok, ruling.detail


def test_half_of_a_made_up_file_is_seen_to_be_half() -> None:
    for path in ("~/a.xlsx", "~/a.docx", "~/a.odt", "~/a.pdf"):
        made = make_content(Output(path=path), [], "a title")
        assert cut_off(made[: len(made) // 2], path)
