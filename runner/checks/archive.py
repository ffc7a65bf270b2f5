"""Office files are ZIP archives of XML; an archive of a few bytes may unpack to many gigabytes."""

from __future__ import annotations

import io
from zipfile import BadZipFile, ZipFile

from runner.checks.result import NotReadable

MAX_UNPACKED_BYTES = 128 << 20
MAX_ENTRIES = 5000


def open_archive(data: bytes) -> ZipFile:
    """An archive that is safe to unpack: `zipfile` never reads more of an entry than the entry declares.

    Raises NotReadable where it declares too much, or is none.
    """
    try:
        archive = ZipFile(io.BytesIO(data))
    except BadZipFile as error:
        raise NotReadable(f"not an office file: {error}") from None
    entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    if size > MAX_UNPACKED_BYTES or len(entries) > MAX_ENTRIES:
        raise NotReadable(f"an archive of {len(entries)} entries that unpack to {size:,} bytes")
    return archive
