"""`deskswarm drill`."""

from __future__ import annotations

import json
import sys

from runner.cli.exit_codes import FAULT_WENT_THROUGH, SUCCEEDED
from runner.cli.output import duration, one_line, print_table
from runner.cli.signals import run_interruptibly
from runner.drill.drill import Drilled, drill
from runner.drill.faults import FAULTS
from runner.drill.result import Cost, Found
from runner.load import load_swarm
from sandboxes.home import find_home


def drill_file(source: str, backend: str, as_json: bool) -> int:
    """The exit code: FAULT_WENT_THROUGH where a safeguard missed its fault, or the fault spread. Raises
    InputError, InfraError and Interrupted."""
    loaded = load_swarm(source)
    progress = _Progress(backend)
    drilled = run_interruptibly(
        lambda: drill(loaded.swarm, loaded.folder, find_home(), backend, progress.take)
    )
    if as_json:
        print(json.dumps({"faults": [found.row.model_dump() for found in drilled.found]}))
    else:
        _print(drilled)
    return FAULT_WENT_THROUGH if any(found.went_through for found in drilled.found) else SUCCEEDED


class _Progress:
    """A line on standard error for each fault, as its run ends."""

    def __init__(self, backend: str) -> None:
        self._done = 0
        print(f"{len(FAULTS)} faults on {backend} desktops, after a run without one", file=sys.stderr)

    def take(self, found: Found) -> None:
        self._done += 1
        what = f"{self._done:2}/{len(FAULTS)}  {found.row.fault}: {_verdict(found)}, {_caught_by(found)}"
        print(one_line(what, 300), file=sys.stderr, flush=True)


def _print(drilled: Drilled) -> None:
    header = ("FAULT", "AT TASK", "", "CAUGHT BY", "AFTER", "THE RUN ENDED", "LOST")
    print_table(header, [_cells(found) for found in drilled.found])
    print("\nChanged in the copy of the plan:")
    for note in drilled.changed:
        print(f"  {note}")
    for found in drilled.found:
        for note in found.notes:
            print(f"  {found.row.fault}: {note}")
    through = [found.row.fault for found in drilled.found if found.went_through]
    caught = len(drilled.found) - len(through)
    print(f"\n{caught} of {len(drilled.found)} faults detected and contained")
    if through:
        print(f"went through: {', '.join(through)}")


def _cells(found: Found) -> tuple[str, ...]:
    caught = (_verdict(found), _caught_by(found), _after(found))
    return (found.row.fault, found.task, *caught, found.ended, _cost(found.cost))


def _verdict(found: Found) -> str:
    match found.row.detected, found.row.contained:
        case True, True:
            return "contained"
        case True, False:
            return "SPREAD"
        case False, True:
            return "NOT DETECTED"
    return "WENT THROUGH"


def _caught_by(found: Found) -> str:
    if found.row.detected:
        return found.row.safeguard or ""
    return f"only {found.row.safeguard}" if found.row.safeguard else "nothing"


def _after(found: Found) -> str:
    return "-" if found.row.seconds is None else f"{found.row.seconds:.2f}s"


def _cost(cost: Cost) -> str:
    """What came to nothing."""
    if not cost.attempts:
        return "nothing"
    tokens = f", {cost.tokens:,} tokens" if cost.tokens else ""
    return f"{cost.attempts} attempts, {cost.steps} steps{tokens}, {duration(cost.wall_s)}"
