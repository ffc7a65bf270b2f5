"""Re-execution of a recorded attempt: a fresh desktop, its inputs, its actions, and the comparison."""

from __future__ import annotations

import hashlib
from pathlib import Path

from anyio import to_thread

from runner.redaction.screen import Redaction
from runner.redaction.secrets import NO_SECRETS, Secrets
from runner.reexecution.pictures import side_by_side
from runner.reexecution.player import Player, Reached, Tell
from runner.reexecution.record import Record
from runner.reexecution.report import Divergence, OutputResult, Report
from runner.reexecution.start import start_fresh
from runner.reexecution.waiting import Patience
from sandboxes.desktop import Desktop
from sandboxes.errors import FileError
from sandboxes.host import Host

PICTURE = "divergence.png"
REPORT = "report.json"
_MOST_REGIONS = 200


async def reexecute(
    host: Host,
    record: Record,
    backend: str,
    tell: Tell,
    out: Path,
    patience: Patience | None = None,
    secrets: Secrets = NO_SECRETS,
) -> Report:
    """Do all that was done, on a fresh desktop, as far as its screens stay those of the record.

    `tell` hears of each step; where the screens part, `out` gets a picture of both. Raises InfraError, and
    InputError where the backend cannot give such a desktop.
    """
    started = await start_fresh(host, record, backend)
    async with started.desktop as desktop:
        player = Player(desktop, record, tell, patience or Patience(), redaction_of(record, secrets))
        parted = await player.play()
        outputs = [] if parted else await _compare_outputs(desktop, record)
        return await make_report(record, backend, player, parted, out, outputs)


def redaction_of(record: Record, secrets: Secrets) -> Redaction:
    """What was hidden of the recorded screens, to be hidden of new ones too."""
    return Redaction(secrets, record.task.secrets, record.task.redact)


async def make_report(
    record: Record,
    backend: str,
    player: Player,
    parted: Reached | None,
    out: Path,
    outputs: list[OutputResult],
) -> Report:
    """What was found; where the screens `parted`, with a picture in `out`."""
    return Report(
        run=record.run,
        task=record.task.id,
        attempt=record.attempt,
        backend=backend,
        verdict="diverged" if parted else "same",
        steps=tuple(player.results),
        divergence=await to_thread.run_sync(_divergence, parted, out) if parted else None,
        always_changing=tuple(player.learning.regions),
        outputs=tuple(outputs),
    )


def _divergence(parted: Reached, out: Path) -> Divergence:
    regions = parted.comparison.regions
    out.mkdir(parents=True, exist_ok=True)
    picture = out / PICTURE
    side_by_side(parted.step.frame, parted.seen.screenshot.frame, regions).save(picture, compress_level=1)
    return Divergence(
        step=parted.step.number,
        reasons=parted.comparison.reasons or ("the screens differ",),
        regions=regions[:_MOST_REGIONS],
        picture=str(picture),
    )


async def _compare_outputs(desktop: Desktop, record: Record) -> list[OutputResult]:
    return [await _compare_output(desktop, record, name) for name in record.outputs]


async def _compare_output(desktop: Desktop, record: Record, name: str) -> OutputResult:
    """By hash only: many formats hold the time at which they were written."""
    kept = record.outputs[name]
    try:
        content = await desktop.files.read(kept.path, max_bytes=record.task.outputs[name].max_bytes)
    except FileError as error:
        return OutputResult(name=name, same=False, detail=str(error))
    same = hashlib.sha256(content).hexdigest() == kept.sha256
    return OutputResult(name=name, same=same, detail="the same bytes" if same else "other bytes")
