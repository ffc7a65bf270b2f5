"""Claims to be done: whether what the contract asks for is there at all, before the desktop is given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.spec import Output

Sizes = Mapping[str, int | None]
"""By an output's name how many bytes are at its path; None where there is no file."""


def unfounded(outputs: Mapping[str, Output], sizes: Sizes, acted: bool) -> Sequence[str]:
    """What speaks against a claim, one line each; `acted` tells whether the agent did anything."""
    found = [_missing(name, spec, sizes[name]) for name, spec in outputs.items()]
    reasons = [line for line in found if line is not None]
    return reasons if acted or reasons or not outputs else ["nothing was done"]


def _missing(name: str, spec: Output, size: int | None) -> str | None:
    if size is None:
        return f"output {name}: there is no {spec.path}"
    if size < spec.min_bytes:
        return f"output {name}: {spec.path} has {size} bytes, and {spec.min_bytes} are asked for"
    return None
