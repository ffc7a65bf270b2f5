"""How faulty work differs from what it should be: in its shape, in its sums, or only in what it means."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from runner.bench.coordination.books import KINDS, Row, Work
from runner.bench.coordination.faults import Fault


def spoil(work: Work, own: Collection[str], fault: Fault | None, random: Random) -> str:
    """The work as it is written down by one with this fault. `own` are the rows it copied by hand: what is
    passed on in files is pasted, and its figures are not mistaken."""
    if not work.rows:
        return work.model_dump_json()
    match fault:
        case "disobeys_task":
            return _not_as_asked(work, own, random)
        case "withholds":
            return _with_rows(work, work.rows[:-1]).model_dump_json()
        case "ends_early":
            rows = work.rows[: len(work.rows) // 2]
            return _with_rows(work, rows).model_dump_json()
        case "repeats_steps":
            rows = (*work.rows, work.rows[-1], work.rows[-1])
            return _with_rows(work, rows).model_dump_json()
        case "does_not_ask":
            return _guessed(work, random).model_dump_json()
        case "does_another_thing":
            return work.model_copy(update={"total": work.total + 9}).model_dump_json()
        case "does_not_verify" | "verifies_wrongly":
            return _with_a_slip(work, own, random).model_dump_json()
    return work.model_dump_json()


def _with_rows(work: Work, rows: tuple[Row, ...]) -> Work:
    """As if these were all."""
    title = work.ref.partition(":")[0]
    total = sum(row.amount for row in rows)
    return work.model_copy(update={"rows": rows, "total": total, "ref": f"{title}: {len(rows)} rows"})


def _not_as_asked(work: Work, own: Collection[str], random: Random) -> str:
    """Another shape, a part left out, or another unit; the last still looks as it should."""
    variant = random.randrange(3 if own else 2)
    if variant == 0:
        return "\n".join(f"{row.what}: {row.amount}" for row in work.rows)
    if variant == 1:
        return work.model_dump_json(exclude={"ref"})
    rows = tuple(row.model_copy(update={"amount": row.amount * 100}) for row in work.rows)
    return _with_rows(work, rows).model_dump_json()


def _guessed(work: Work, random: Random) -> Work:
    """A row it was not sure of; half of those who guess say so."""
    row = random.choice(work.rows)
    guessed = _changed(work, row, kind=_other_kind(row, random))
    said = (row.id,) if random.random() < 0.5 else ()
    return guessed.model_copy(update={"assumed": said})


def _with_a_slip(work: Work, own: Collection[str], random: Random) -> Work:
    """A wrong sum, a wrong kind, or a figure mistaken; the last adds up."""
    row = random.choice([row for row in work.rows if row.id in own] or work.rows)
    match random.randrange(3 if own else 2):
        case 0:
            return work.model_copy(update={"total": work.total + random.choice((-10, -1, 1, 10))})
        case 1:
            return _changed(work, row, kind=_other_kind(row, random))
    mistaken = row.model_copy(update={"amount": row.amount + 9})
    rows = tuple(mistaken if one is row else one for one in work.rows)
    return _with_rows(work, rows)


def _changed(work: Work, row: Row, kind: str) -> Work:
    rows = tuple(one.model_copy(update={"kind": kind}) if one is row else one for one in work.rows)
    return work.model_copy(update={"rows": rows})


def _other_kind(row: Row, random: Random) -> str:
    return random.choice(sorted(set(KINDS.values()) - {row.kind}))
