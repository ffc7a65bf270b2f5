"""Whether a file was cut off, as far as its format tells: only the ends of a file are looked at."""

from __future__ import annotations

import posixpath

_TAIL = 70_000
"""The end record of a ZIP archive may be followed by a comment of 64 KiB."""

_ENDS: tuple[tuple[bytes, bytes, str], ...] = (
    (b"PK\x03\x04", b"PK\x05\x06", "a ZIP archive (or an office document) without its directory"),
    (b"%PDF-", b"%%EOF", "a PDF without its end mark"),
    (b"\x89PNG\r\n\x1a\n", b"IEND", "a PNG image without its end"),
    (b"\xff\xd8\xff", b"\xff\xd9", "a JPEG image without its end"),
)
_CLOSES = {b"{": b"}", b"[": b"]"}


def cut_off(content: bytes, path: str) -> str | None:
    """Why the file is not whole; None where nothing speaks against it."""
    for start, end, what in _ENDS:
        if content.startswith(start):
            return None if end in content[-_TAIL:] else what
    match posixpath.splitext(path)[1].lower():
        case ".json":
            return _open_json(content)
        case ".jsonl":
            return _open_json(content.rstrip().rpartition(b"\n")[2])
        case ".csv":
            return _short_row(content)
    return None


def _open_json(content: bytes) -> str | None:
    text = content.strip().removeprefix(b"\xef\xbb\xbf")
    closes = _CLOSES.get(text[:1])
    if closes is None or (len(text) > 1 and text.endswith(closes)):
        return None
    return f"JSON that opens with {text[:1].decode()} and does not end with {closes.decode()}"


def _short_row(content: bytes) -> str | None:
    """A last line without its end that has fewer fields than the first. Quoted fields may hold commas and
    lines: of those nothing is said."""
    lines = content.splitlines()
    if len(lines) < 2 or content.endswith((b"\n", b"\r")) or b'"' in lines[0] + lines[-1]:
        return None
    fields, wanted = lines[-1].count(b",") + 1, lines[0].count(b",") + 1
    return f"the last row has {fields} of {wanted} fields" if fields < wanted else None
