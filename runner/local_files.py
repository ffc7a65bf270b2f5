"""Files a swarm names: beside the swarm file, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from sandboxes.errors import InputError

MAX_FILE_BYTES = 64 << 20


def local_file(folder: Path, name: str) -> Path:
    """The regular file of that name in the swarm's folder or below it.

    Raises InputError where there is none, it is over 64 MiB, or it lies outside, also by a symbolic link.
    """
    root = folder.resolve()
    try:
        path = (root / name).resolve(strict=True)
    except FileNotFoundError:
        raise InputError(f"'{name}' — no such file in {folder}") from None
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, a NUL
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"'{name[:60]}' — not a usable path: {why}") from None
    if Path(name).is_absolute() or not path.is_relative_to(root):
        raise InputError(f"'{name}' — outside the swarm's folder; copy the file beside the swarm file")
    if not path.is_file():
        raise InputError(f"'{name}' — not a regular file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError(f"'{name}' — larger than {MAX_FILE_BYTES >> 20} MiB")
    return path
