"""A run as it goes, on a terminal: a row for each desktop, redrawn in place."""

from __future__ import annotations

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runner.artifacts import ArtifactStore
from runner.cli.output import duration, one_line
from runner.cli.progress import step_in_words
from runner.events import CheckpointTaken
from runner.journal import Record
from runner.state import AttemptState, RunState, TaskState

REFRESH_S = 0.25
_STYLES = {"succeeded": "green", "failed": "red", "blocked": "red", "running": "cyan"}
_ORDER = ("succeeded", "failed", "blocked", "running", "waiting", "cancelled")


class LiveTable:
    """`take` is given what happens in one run, in order; the table shows it until it is left."""

    def __init__(self, store: ArtifactStore, console: Console) -> None:
        self._store = store
        self._console = console
        self._state: RunState | None = None
        self._last: dict[str, str] = {}
        self._live = Live(
            console=console, get_renderable=self.render, refresh_per_second=1 / REFRESH_S, transient=True
        )

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def take(self, record: Record, state: RunState) -> None:
        self._state = state
        if isinstance(record.event, CheckpointTaken):
            self._last[record.event.task] = one_line(step_in_words(self._store, record.event), 200)

    def render(self) -> RenderableType:
        state = self._state
        if state is None:
            return Text("starting")
        running = [task for task in list(state.tasks.values()) if task.status == "running" and task.attempts]
        shown = running[: max(1, self._console.height - 5)]
        table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
        for name in ("TASK", "DESKTOP", "STATE", "STEP"):
            table.add_column(name, no_wrap=True)
        table.add_column("LAST ACTION", ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column("TIME", justify="right", no_wrap=True)
        for task in shown:
            table.add_row(*self._row(task))
        return Group(_summary(state, len(running) - len(shown)), table)

    def _row(self, task: TaskState) -> tuple[Text, ...]:
        attempt = task.attempts[-1]
        cells = (
            task.id + (f" #{attempt.number}" if attempt.number > 1 else ""),
            attempt.desktop or "-",
            _stage(attempt, self._state.place_in_line(attempt) if self._state else None),
            str(attempt.steps),
            self._last.get(task.id, ""),
            duration(time.time() - attempt.started_at),
        )
        return tuple(Text(cell) for cell in cells)


def _summary(state: RunState, hidden: int) -> Text:
    counts = dict.fromkeys(_ORDER, 0)
    for task in list(state.tasks.values()):
        counts[task.status] += 1
    text = Text(f"{state.swarm.name}  {state.id}  {duration(time.time() - state.started_at)}")
    for status, count in counts.items():
        if count:
            text.append(f"  {count} {status}", style=_STYLES.get(status, ""))
    return text.append(f"  ({hidden} of them not shown)") if hidden else text


def _stage(attempt: AttemptState, place: int | None) -> str:
    if place is not None:
        return f"place {place} in line"
    if attempt.desktop is None:
        return "starting"
    if attempt.verdict is not None:
        return "ending"
    last = attempt.checkpoints[-1].say if attempt.checkpoints else "act"
    return "working" if last in ("act", "look") else "checking"
