"""Cells of .xlsx spreadsheets."""

from __future__ import annotations

import io
import re
from datetime import date, datetime, time, timedelta
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string
from pydantic import JsonValue

from runner.checks.archive import open_archive
from runner.checks.result import CheckResult, NotReadable, failed, one_line, passed, shown
from runner.checks.spec import Cells

Value = str | int | float | bool | None
_MAX_SHOWN = 5


def judge(check: Cells, data: bytes) -> CheckResult:
    """Whether every cell named holds what it should."""
    open_archive(data).close()
    values = _read(data, check.sheet, set(check.values), computed=True)
    wrong = [
        name for name, expected in check.values.items() if not _same(expected, values[name], check.tolerance)
    ]
    formulas = _read(data, check.sheet, {*check.formulas, *wrong}, computed=False)
    complaints = [_complaint(name, check.values[name], values[name], formulas[name]) for name in wrong]
    complaints += [
        f"{name}: expected a formula like {shown(pattern)}, found {shown(formulas[name])}"
        for name, pattern in check.formulas.items()
        if not _is_formula(formulas[name]) or not re.fullmatch(pattern, str(formulas[name]))
    ]
    facts: dict[str, JsonValue] = {name: _fact(value) for name, value in [*formulas.items(), *values.items()]}
    if complaints:
        more = f"; and {len(complaints) - _MAX_SHOWN} more" if len(complaints) > _MAX_SHOWN else ""
        return failed("; ".join(complaints[:_MAX_SHOWN]) + more, **facts)
    return passed(f"{len(check.values) + len(check.formulas)} cells are as expected", **facts)


def _read(data: bytes, sheet: str | None, names: set[str], *, computed: bool) -> dict[str, Value]:
    """The cells' values as the program that saved the file computed them, or as they were entered."""
    if not names:
        return {}
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=computed, keep_links=False)
    except KeyError as error:
        raise NotReadable(f"not an .xlsx spreadsheet: {error.args[0]}") from None
    sheets = {worksheet.title: worksheet for worksheet in book.worksheets}
    if not sheets or (sheet is not None and sheet not in sheets):
        raise NotReadable(f"expected a sheet {shown(sheet or '')}, found {shown(list(sheets))}")
    return _cells(sheets[sheet] if sheet is not None else book.worksheets[0], names)


def _cells(worksheet: Any, names: set[str]) -> dict[str, Value]:
    places = {name: coordinate_from_string(name) for name in names}
    columns = {name: column_index_from_string(column) for name, (column, _) in places.items()}
    wanted: dict[int, list[str]] = {}
    for name, (_, row) in places.items():
        wanted.setdefault(row, []).append(name)
    rows = worksheet.iter_rows(max_row=max(wanted), max_col=max(columns.values()), values_only=True)
    found: dict[str, Value] = dict.fromkeys(names)
    for number, cells in enumerate(rows, start=1):
        for name in wanted.get(number, ()):
            found[name] = _value(cells[columns[name] - 1]) if columns[name] <= len(cells) else None
    return found


def _value(cell: Any) -> Value:
    """A cell's value as it is written in a check: dates as ISO 8601, array formulas as text."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    if cell is None or isinstance(cell, str | int | float | bool):
        return cell
    return str(getattr(cell, "text", cell))


def _same(expected: Value, found: Value, tolerance: float) -> bool:
    if _is_number(expected) and _is_number(found):
        return bool(abs(expected - found) <= tolerance)  # type: ignore[operator]
    return type(expected) is type(found) and expected == found


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_formula(entered: Value) -> bool:
    return isinstance(entered, str) and entered.startswith("=")


def _complaint(name: str, expected: Value, found: Value, entered: Value) -> str:
    text = f"{name}: expected {shown(expected)}, found {shown(found)}"
    if not _is_formula(entered):
        return text
    unsaved = "; no value was saved with it" if found is None else ""
    return f"{text} (formula {str(entered)[:120]}{unsaved})"


def _fact(value: Value) -> JsonValue:
    return one_line(value) if isinstance(value, str) else value
