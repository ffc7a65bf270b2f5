"""What a task is repeated over, read once: the rows of a table, or the files of a folder."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from runner.errors import Loc, SpecError, SpecProblem, suggest
from runner.local_files import local_file
from runner.spec import Map
from sandboxes.errors import InputError

MAX_KEY = 40


@dataclass(frozen=True, slots=True)
class Row:
    """`key` is part of the ids of its tasks; `place` is where it comes from, as `invoices.csv:17`."""

    key: str
    place: str
    values: dict[str, str]


def read_map(name: str, source: Map, folder: Path) -> list[Row]:
    """The rows or files of a map, each with a key of its own. Raises SpecError at the map's field."""
    at: Loc = ("map", name)
    if (source.rows is None) == (source.files is None):
        raise SpecError([SpecProblem(at, "give one of `rows` and `files`")])
    at = (*at, "rows" if source.files is None else "files")
    try:
        found = list(_bounded(_values(source, folder), source.most))
        if not found:
            raise InputError("nothing there to repeat a task over")
        return _keyed(found, source)
    except InputError as error:
        raise SpecError([SpecProblem(at, str(error))]) from None


Found = tuple[str, dict[str, str]]


def _values(source: Map, folder: Path) -> Iterator[Found]:
    if source.files is not None:
        return _files(source.files, folder)
    assert source.rows is not None
    readers = {".csv": _csv, ".jsonl": _json_lines}
    suffix = PurePosixPath(source.rows).suffix.lower()
    if suffix not in readers:
        raise InputError(f"'{source.rows}' — neither .csv nor .jsonl")
    return readers[suffix](source.rows, _text(source.rows, folder))


def _bounded(found: Iterable[Found], most: int) -> Iterator[Found]:
    for count, one in enumerate(found, 1):
        if count > most:
            raise InputError(f"more than {most:,} (`most`); raise it if so many tasks are meant")
        yield one


def _text(name: str, folder: Path) -> str:
    data = local_file(folder, name).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}:{line}: not UTF-8; save the file as UTF-8") from None


# --- tables ---------------------------------------------------------------------------------------


def _csv(name: str, text: str) -> Iterator[Found]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            place = f"{name}:{line}"
            line = reader.line_num + 1
            if not cells:
                continue
            if header is None:
                header = _header(place, cells)
            elif len(cells) != len(header):
                raise InputError(f"{place}: {len(cells)} cells under a header of {len(header)}")
            else:
                yield place, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise InputError(f"{name}:{max(line, reader.line_num)}: not CSV: {error}") from None


def _header(place: str, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    for number, name in enumerate(header, 1):
        if not name or "}" in name:
            raise InputError(f"{place}: column {number} needs a name without `}}` in the header")
        if name in header[: number - 1]:
            raise InputError(f"{place}: two columns are named {name!r}")
    return header


def _json_lines(name: str, text: str) -> Iterator[Found]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{name}:{number}", _object(f"{name}:{number}", line)


def _object(place: str, line: str) -> dict[str, str]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f'{place}: an object is wanted, as {{"name": "value"}}')
    return {key: _scalar(place, key, item) for key, item in value.items()}


def _scalar(place: str, key: str, value: Any) -> str:
    if isinstance(value, dict | list):
        raise InputError(
            f"{place}: {key!r} is not one value; text, numbers and booleans can be put into a task"
        )
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


# --- files ----------------------------------------------------------------------------------------


def _files(pattern: str, folder: Path) -> Iterator[Found]:
    fixed = len(_fixed_part(pattern).parts)
    try:
        found = sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern) if path.is_file())
    except (ValueError, NotImplementedError, OSError) as error:
        raise InputError(f"'{pattern}' — not a pattern of files beside the swarm: {error}") from None
    for name in found:
        local_file(folder, name)  # refuses what lies outside, also by a symbolic link
        path = PurePosixPath(name)
        varying = PurePosixPath(*path.parts[fixed:]).as_posix()
        yield name, {"path": name, "name": path.name, "stem": path.stem, "": varying}


def _fixed_part(pattern: str) -> PurePosixPath:
    """The folders before the first wildcard: every file is in them, so they tell none apart."""
    parts = PurePosixPath(pattern).parts[:-1]
    varying = next((at for at, part in enumerate(parts) if re.search(r"[*?\[]", part)), len(parts))
    return PurePosixPath(*parts[:varying])


# --- keys -----------------------------------------------------------------------------------------


def _keyed(found: list[Found], source: Map) -> list[Row]:
    rows: dict[str, Row] = {}
    repeated: Counter[str] = Counter()
    for place, values in found:
        column = "" if source.files is not None else source.key
        key = _of_content(values, repeated) if column is None else _of_column(place, column, values)
        if key in rows:
            fix = "rename one" if source.files is not None else "each row needs one of its own"
            raise InputError(f"{place}: its key {key!r} is that of {rows[key].place} too; {fix}")
        rows[key] = Row(key, place, {name: value for name, value in values.items() if name})
    return list(rows.values())


def _of_content(values: dict[str, str], repeated: Counter[str]) -> str:
    """Stays the same wherever the row moves; the second of two equal rows gets `-2`."""
    key = _short_hash(json.dumps(values, sort_keys=True))
    repeated[key] += 1
    return key if repeated[key] == 1 else f"{key}-{repeated[key]}"


def _of_column(place: str, column: str, values: dict[str, str]) -> str:
    if column not in values:
        raise InputError(f"{place}: no column is named {column!r} (`key`){suggest(column, values)}")
    key = re.sub(r"[^a-z0-9_]+", "-", values[column].lower()).strip("-_")
    if not key:
        raise InputError(
            f"{place}: {values[column][:60]!r} names no task; a key has a letter or a digit of ASCII"
        )
    return key if len(key) <= MAX_KEY else f"{key[: MAX_KEY - 13]}-{_short_hash(values[column])}"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
