"""`deskswarm replay --execute`."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from pathlib import Path

from runner.cli.exit_codes import DIVERGED, SUCCEEDED
from runner.cli.journals import find_run, open_artifacts, open_journal, read_state
from runner.cli.output import one_line, write_file
from runner.cli.signals import run_interruptibly
from runner.controller import secrets_of
from runner.redaction.secrets import Secrets
from runner.reexecution.again import REPORT, reexecute
from runner.reexecution.record import Record, read_record
from runner.reexecution.report import Report, StepResult
from sandboxes.errors import InputError
from sandboxes.home import find_home
from sandboxes.host import Host

_MOST_REASONS = 12


def execute_again(
    run: str, task: str | None, attempt: int | None, backend: str | None, out: Path | None, as_json: bool
) -> int:
    """The exit code. Raises InputError, InfraError and Interrupted."""
    if task is None:
        raise InputError("task: --execute carries out one task; name it after the run")
    record = find_record(run, task, attempt)
    folder = out or Path(f"{record.run}-{task}-again")
    secrets = secrets_of_run(record.run)
    report = run_interruptibly(lambda: _work(record, backend or record.backend, folder, secrets))
    write_file(folder / REPORT, report.model_dump_json(indent=1).encode())
    if as_json:
        print(report.model_dump_json())
    else:
        print("\n".join(told(report, folder)))
    return SUCCEEDED if report.verdict == "same" else DIVERGED


def find_record(run: str, task: str, attempt: int | None) -> Record:
    """Raises InputError, InfraError."""
    with open_journal() as journal:
        return read_record(
            partial(read_state, journal), open_artifacts(), find_run(journal, run), task, attempt
        )


def secrets_of_run(run: str) -> Secrets:
    """Those that its tasks may type, as they are now. Raises InputError where one is missing."""
    with open_journal() as journal:
        state = read_state(journal, run)
    return secrets_of(state.swarm, Path(state.folder))


async def _work(record: Record, backend: str, folder: Path, secrets: Secrets) -> Report:
    async with Host(find_home()) as host:
        return await reexecute(host, record, backend, tell_step, folder, secrets=secrets)


def tell_step(result: StepResult) -> None:
    """A line on standard error as each step is done."""
    level = "may be passing" if result.passing else result.level
    moved = "".join(
        f"; {move.what} moved from {move.recorded.x},{move.recorded.y} to {move.found.x},{move.found.y}"
        for move in result.moved
    )
    note = f"; {result.note}" if result.note else ""
    line = f"step {result.step + 1}: {level} ({result.waited_s:.1f} s): {result.does}{moved}{note}"
    print(one_line(line, 300), file=sys.stderr, flush=True)


def told(report: Report, folder: Path) -> list[str]:
    """What was found, for people."""
    name = f"{report.run} {report.task}, attempt {report.attempt}, on {report.backend}"
    counts = Counter("passing" if step.passing else step.level for step in report.steps)
    counted = ", ".join(f"{count} {level}" for level, count in counts.items())
    lines = [f"{name}: {report.verdict}; {len(report.steps)} steps: {counted}"]
    lines += [
        f"  always changing: {rect.width}x{rect.height} at {rect.x},{rect.y}"
        for rect in report.always_changing
    ]
    lines += [f"  output {output.name}: {output.detail}" for output in report.outputs]
    if report.divergence is not None:
        lines.append(f"step {report.divergence.step + 1} is where they part:")
        reasons = report.divergence.reasons
        lines += [f"  {one_line(reason, 300)}" for reason in reasons[:_MOST_REASONS]]
        lines += [f"  and {len(reasons) - _MOST_REASONS} more"] if len(reasons) > _MOST_REASONS else []
        lines.append(f"both screens: {report.divergence.picture}")
    return [*lines, f"{folder / REPORT}"]
