"""A page with everything on it, hostile text included."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runner.artifacts import ArtifactStore
from runner.frames import FrameSeries
from runner.replay.data import (
    Artifact,
    Attempt,
    CheckResult,
    Decided,
    Deed,
    Page,
    PlanEdge,
    Recording,
    Run,
    ShownWindow,
    Signal,
    Step,
    Task,
    Times,
)
from runner.replay.frames import Film
from runner.replay.trees import Forest
from runner.trees import TreeSeries
from sandboxes.frame import TILE, Frame
from sandboxes.guest.protocol import Node, Point
from sandboxes.guest.runs import from_runs
from sandboxes.observation import UiTree
from sandboxes.simulation.files import Files
from sandboxes.simulation.notes import Clipboard, Notes
from sandboxes.simulation.screen import render
from sandboxes.spec import Screen

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
SCREEN = Screen(width=1280, height=800)


class Sights:
    """What a note's window shows: frames and trees in a store, ready for a page."""

    def __init__(self, folder: Path) -> None:
        self.store = ArtifactStore(folder)
        self.film, self.forest = Film(self.store), Forest(self.store)
        self.notes = Notes(SCREEN, Files(1 << 20), Clipboard())
        self._frames, self._trees = FrameSeries(), TreeSeries()

    def look(self, cursor: Point) -> tuple[int, int]:
        """The numbers of a frame and a tree of now."""
        nodes = tuple(self.notes.nodes())
        with self.store.batch() as batch:
            frame = self._frames.put(batch, draw(nodes, cursor))
            tree = self._trees.put(batch, UiTree(nodes, {}))
        return self.film.add(frame), self.forest.add(tree)

    def row(self, role: str) -> int:
        """The row of the first object of that role, in the first tree."""
        return next(at for at, row in enumerate(self.forest.nodes) if row[2] == role)


def make_long_recording(folder: Path, steps: int, looks: int) -> Recording:
    """One attempt of many steps, which show so many different screens of a note that grows, over and over."""
    sights = Sights(folder)
    seen = []
    for number in range(looks):
        sights.notes.type(f"{number}. Revenue {number * 37 % 1000}\n" if number % 8 else f"{number} ")
        seen.append(sights.look(Point(x=300, y=200)))
    sights.film.seal()
    deed = Deed(verb="type", detail="“Revenue”")
    taken = tuple(_step(seen[at % looks], at * 0.8, deed) for at in range(steps))
    attempt = Attempt(
        number=1,
        status="succeeded",
        kind="",
        reason="",
        steps=taken,
        checks=(),
        inputs=(),
        outputs=(),
        facts=(),
    )
    return _recording(sights, "long", _task("long", "succeeded", attempt))


def _recording(sights: Sights, name: str, *tasks: Task) -> Recording:
    run = Run(id="r-0123", name=name, status="failed", started_at=1.7e9, wall_s=12.5, tasks=tasks)
    page = Page(
        runs=(run,),
        frames=tuple(sights.film.frames),
        trees=tuple(sights.forest.trees),
        nodes=tuple(sights.forest.nodes),
        sheets=tuple(sights.film.sizes),
    )
    return Recording(page, sights.film.sheets)


def pixels_of(recording: Recording, number: int) -> NDArray[np.uint8]:
    """A frame as a page's scripts compose it: red, green and blue of each pixel."""
    frames = recording.page.frames
    tiles: list[int] = []
    for frame in frames[: number + 1]:
        for at, gone, come in reversed(frame.change):
            tiles[at : at + gone] = come
    on_sheets = np.concatenate([_tiles_on(sheet) for sheet in recording.sheets])
    width, height = frames[number].width, frames[number].height
    columns = -(-width // TILE)
    found = np.empty((height, width, 3), np.uint8)
    for at, tile in enumerate(tiles):
        area = found[at // columns * TILE :][:TILE, at % columns * TILE :][:, :TILE]
        area[:] = on_sheets[tile][: area.shape[0], : area.shape[1]]
    return found


def _tiles_on(sheet: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(sheet)) as image:
        return np.asarray(image.convert("RGB")).reshape(-1, TILE, TILE, 3)


def draw(nodes: tuple[Node, ...], cursor: Point) -> Frame:
    pixels = from_runs(render(SCREEN, nodes, cursor), SCREEN.width * SCREEN.height)
    return Frame(pixels.reshape(SCREEN.height, SCREEN.width))


def make_recording(folder: Path) -> Recording:
    """A note before and after its text was typed, then with its menu open; two tasks that failed on it."""
    sights = Sights(folder)
    before = sights.look(Point(x=640, y=400))
    entry = sights.row("entry")
    sights.notes.type("Quarterly figures\n\nRevenue is up.")
    typed = sights.look(Point(x=300, y=200))
    sights.notes.click(Point(x=50, y=75), 1, "left")
    menu = sights.look(Point(x=60, y=80))
    steps = (
        _step(before, 0.2, Deed(verb="click", detail="entry “Note”", executed=((300, 200),), node=entry)),
        _step(before, 1.5, Deed(verb="type", detail="“Quarterly figures”")),
        _step(
            typed,
            2.25,
            Deed(verb="drag", detail="(100, 55) → (420, 300)", executed=((100, 55), (250, 180), (420, 300))),
            Deed(verb="click", detail="(60, 80)", emitted=((60, 80),), executed=((64, 81),)),
            Deed(verb="press", detail="ctrl+s", ok=False, error="the window does not answer"),
        ),
        _step(menu, 3.0, Deed(verb="type", detail=HOSTILE)).model_copy(
            update={"signals": (Signal(kind="warned", by="claims", text="the file has not changed"),)}
        ),
        _step((None, None), 4.0),
    )
    failed = Attempt(
        number=1,
        status="failed",
        kind="contract.check",
        reason=f"text of ~/note.txt does not contain “total” {HOSTILE}",
        summary=f"Attempt 1 failed at step 3 of 5. {HOSTILE}",
        telling=2,
        steps=steps,
        checks=(
            CheckResult(name="file_exists ~/note.txt", ok=True),
            CheckResult(
                name="text ~/note.txt", ok=False, detail="expected “total”, got “Quarterly figures…”"
            ),
        ),
        inputs=(),
        outputs=(Artifact(name="note", path="~/note.txt", sha256="ab" * 32, bytes=33),),
        facts=(("wall time", "4.2 s"), ("desktop", "d-0123456789ab")),
    )
    passed = failed.model_copy(
        update={
            "number": 2,
            "status": "succeeded",
            "kind": "",
            "reason": "",
            "summary": "",
            "telling": 0,
            "steps": (steps[0], _step(before, 1.5, Deed(verb="type", detail="“Totals”"))),
            "checks": (),
        }
    )
    sights.film.seal()
    return _recording(
        sights,
        f"month end {HOSTILE}",
        _task("write", "succeeded", failed, passed),
        _task("check", "failed", failed),
        _task("send", "cancelled"),
    )


def _task(name: str, status: str, *attempts: Attempt) -> Task:
    return Task(
        id=name,
        instruction="Write the quarterly note.",
        status=status,
        plan=("needs nothing", "so nothing else waited for it"),
        contract=("text ~/note.txt",),
        edges=(PlanEdge(source="write", target="check", artifacts=("note",), contract=(), mode="fresh"),),
        why=(
            Decided(at_s=0.1, attempt=1, kind="attempt_started", text="attempt 1 began"),
            Decided(at_s=4.2, attempt=1, kind="verdict", text=f"verdict: FAILED: text {HOSTILE}"),
            Decided(at_s=4.3, attempt=1, kind="ruling", text="ruling: abort branch by rule contract"),
        ),
        attempts=attempts,
    )


def _step(seen: tuple[int, int] | tuple[None, None], at_s: float, *deeds: Deed) -> Step:
    return Step(
        frame=seen[0],
        tree=seen[1],
        at_s=at_s,
        say="act" if deeds else "done",
        note="The note is empty, so I click into it first.",
        emitted='{"do": "click", "target": {"role": "entry", "name": "Note"}}',
        deeds=deeds,
        windows=(
            ShownWindow(title=f"~/note.txt {HOSTILE}", application="Notes", focused=True),
            ShownWindow(title="Files", application="Pcmanfm", focused=False),
        ),
        times=Times(look=0.05, agent=0.41, act=0.08, settle=0.2),
        tokens=1204,
        cursor=(300, 200),
    )
