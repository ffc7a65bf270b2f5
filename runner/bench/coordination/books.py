"""The work in the benchmark's plans: rows copied from ledgers, each put under its kind, and added up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field, ValidationError

from sandboxes.spec import Model

KINDS = {
    "train ticket": "travel",
    "taxi": "travel",
    "hotel": "lodging",
    "breakfast": "lodging",
    "paper": "office",
    "toner": "office",
    "stamps": "post",
    "parcel": "post",
}
"""What things are filed under: known to those who do the work, and to those who read it over."""


class Row(Model):
    id: str
    what: str
    amount: int
    kind: str = ""


class Work(Model):
    """What each task leaves behind. `ref` says whose it is and how many rows it has; `assumed` names rows
    that the agent was not sure of."""

    period: str
    ref: str
    rows: tuple[Row, ...] = Field(min_length=1)
    total: int
    assumed: tuple[str, ...] = ()


Books = tuple[str, tuple[tuple[str, str, int, str], ...], int]
"""What counts in the end: the period, the rows by their ids, and their sum."""


def books(period: str, rows: Iterable[Row]) -> Books:
    """The books as they should be."""
    filed = sorted((row.id, row.what, row.amount, KINDS[row.what]) for row in rows)
    return period, tuple(filed), sum(amount for _, _, amount, _ in filed)


def books_of(content: bytes | None) -> Books | None:
    """The books as they were left; None where they cannot be read."""
    try:
        work = Work.model_validate_json(content or b"")
    except ValidationError:
        return None
    rows = sorted((row.id, row.what, row.amount, row.kind) for row in work.rows)
    return work.period, tuple(rows), work.total


def ledger(rows: Iterable[Row]) -> str:
    """A file of rows, as it comes in."""
    return "".join(f"{row.id};{row.what};{row.amount}\n" for row in rows)


def rows_of_ledger(text: str) -> list[Row]:
    """The rows of such a file. Lines that are none are left out, as a reader of a screen would."""
    cells = [line.split(";") for line in text.splitlines()]
    return [Row(id=row[0], what=row[1], amount=int(row[2])) for row in cells if len(row) == 3]


def schema(period: str, ref: str) -> dict[str, Any]:
    """What a careful author asks of the work: its shape, the right period, and no row lost or invented. What
    the rows must say, and what they add up to, is the work itself; the author does not know it."""
    row = {"id": {"type": "string"}, "what": {"enum": list(KINDS)}, "amount": {"type": "integer"}}
    row["kind"] = {"enum": sorted(set(KINDS.values()))}
    asked = {
        "period": {"const": period},
        "ref": {"const": ref},
        "rows": {"type": "array", "minItems": 1, "uniqueItems": True, "items": _object(row)},
        "total": {"type": "integer"},
        "assumed": {"type": "array", "maxItems": 0},
    }
    return _object(asked)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
