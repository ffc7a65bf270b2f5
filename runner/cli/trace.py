"""`deskswarm trace`."""

from __future__ import annotations

from pathlib import Path

from runner.cli.journals import find_run, open_artifacts, open_journal
from runner.cli.output import write_file
from sandboxes.errors import InfraError, InputError


def export_trace(run: str, out: Path | None, endpoint: str | None) -> None:
    """Raises InputError, and InfraError without the `otel` extra or where the spans are not taken."""
    if out is not None and endpoint is not None:
        raise InputError("--out and --endpoint: the spans go to one of them; give one")
    try:
        from runner.trace.collect import spans_of
        from runner.trace.otlp import json_lines, send
    except ModuleNotFoundError as error:
        raise InfraError(
            f"trace needs a package that is not installed ({error.name}): pip install 'deskswarm[otel]'"
        ) from None
    with open_journal() as journal:
        records = journal.read(find_run(journal, run))
    spans = spans_of(records, open_artifacts())
    if endpoint is not None:
        send(spans, endpoint)
    elif out is not None:
        write_file(out, "".join(f"{line}\n" for line in json_lines(spans)).encode())
    else:
        for line in json_lines(spans):
            print(line)
