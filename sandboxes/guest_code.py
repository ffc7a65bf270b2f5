"""The guest's code as desktops run it: with every module compiled, which they cannot do for themselves.

Their Python ignores what was compiled for another version of it; it then only starts later.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import marshal
import secrets
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

PACKAGE = "deskswarm_guest"
PARENT = "/opt/deskswarm/guest"
_KEY_LENGTH = 12
_NEVER_COMPARED_WITH_ITS_SOURCE = (1).to_bytes(4, "little")  # the flag of PEP 552


@dataclass(frozen=True)
class GuestCode:
    """The package's files, by their paths in it, and the start of their hash."""

    files: dict[str, bytes]
    key: str


@functools.cache
def guest_code() -> GuestCode:
    """Read once: a process runs one version of deskswarm, whatever happens to the files meanwhile."""
    sources = sorted(Path(str(files("sandboxes").joinpath("guest"))).glob("*.py"))
    code = {source.name: source.read_bytes() for source in sources}
    found = code | {_compiled_name(name): _compiled(name, text) for name, text in code.items()}
    digest = hashlib.sha256()
    for name, content in sorted(found.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return GuestCode(found, digest.hexdigest()[:_KEY_LENGTH])


def code_folder(home: Path) -> Path:
    """A folder under a home that holds the package; made once for each version, and never changed."""
    folder = home / "guest" / guest_code().key
    if not folder.is_dir():
        draft = folder.with_name(f".{secrets.token_hex(4)}")
        try:
            _write(draft)
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def _write(folder: Path) -> None:
    (folder / "__pycache__").mkdir(parents=True)
    for name, content in guest_code().files.items():
        (folder / name).write_bytes(content)


def _compiled_name(name: str) -> str:
    return f"__pycache__/{Path(importlib.util.cache_from_source(name, optimization='')).name}"


def _compiled(name: str, text: bytes) -> bytes:
    code = compile(text, f"{PARENT}/{PACKAGE}/{name}", "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + _NEVER_COMPARED_WITH_ITS_SOURCE + importlib.util.source_hash(text)
    return head + marshal.dumps(code)
