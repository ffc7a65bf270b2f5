"""What every output must be, whatever its task: there, whole, within its limits, and made by this attempt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from runner.artifacts import Sha256, sha256
from runner.outcome import must_answer
from runner.spec import Output
from runner.tokens import count_tokens
from runner.truncation import cut_off
from sandboxes.desktop import Desktop
from sandboxes.errors import FileError

Taken = bytes | FileError
"""An output as it was taken from the desktop: its content, or why there is none."""


class Fault(NamedTuple):
    """What is wrong with an output: in a word, and in a line."""

    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class Known:
    """What an output may not be: by its name what was at its path before the agent began, and what was
    refused of earlier attempts. No clock is asked: a desktop's is not to be trusted, and bytes are."""

    before: Mapping[str, Sha256] = field(default_factory=dict)
    rejected: Mapping[str, frozenset[Sha256]] = field(default_factory=dict)


async def look_before(desktop: Desktop, outputs: Mapping[str, Output]) -> dict[str, Sha256]:
    """What is at the paths of outputs before the agent begins, where anything is. Raises InfraError."""
    found = {}
    for name, spec in outputs.items():
        if spec.fresh:
            try:
                with must_answer(desktop):
                    found[name] = sha256(await desktop.files.read(spec.path, max_bytes=spec.max_bytes))
            except FileError:
                continue
    return found


def faults(name: str, spec: Output, taken: Taken, known: Known) -> Iterator[Fault]:
    """All that is wrong with one output, before anyone asks what is in it."""
    if isinstance(taken, FileError):
        yield Fault("missing", str(taken))
        return
    if len(taken) < spec.min_bytes:
        yield Fault("empty", f"{spec.path}: {len(taken)} bytes, and {spec.min_bytes} are asked for")
    if why := cut_off(taken, spec.path):
        yield Fault("truncated", f"{spec.path}: cut off: {why}")
    if spec.max_tokens is not None and (why := _too_long(taken, spec.max_tokens)):
        yield Fault("too_long", f"{spec.path}: {why}")
    if spec.fresh and (why := _stale(sha256(taken), name, known)):
        yield Fault("stale", f"{spec.path}: {why}")


def _too_long(content: bytes, limit: int) -> str | None:
    try:
        tokens = count_tokens(content.decode())
    except UnicodeDecodeError:
        return "not UTF-8, so its tokens cannot be counted"
    return f"{tokens} tokens are over the limit of {limit}" if tokens > limit else None


def _stale(digest: Sha256, name: str, known: Known) -> str | None:
    if digest == known.before.get(name):
        return "stale: byte for byte what was there before the agent began"
    if digest in known.rejected.get(name, frozenset()):
        return "stale: byte for byte what was refused of an earlier attempt"
    return None
