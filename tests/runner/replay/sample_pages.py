"""A page with everything on it, hostile text included."""

from __future__ import annotations

from PIL import Image

from runner.replay.data import (
    Artifact,
    Attempt,
    CheckResult,
    Deed,
    Page,
    Run,
    ShownWindow,
    Step,
    Task,
)
from runner.replay.frames import to_frame
from sandboxes.frame import Frame
from sandboxes.guest.protocol import Point
from sandboxes.guest.runs import from_runs
from sandboxes.simulation.files import Files
from sandboxes.simulation.notes import Clipboard, Notes
from sandboxes.simulation.screen import render
from sandboxes.spec import Screen

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
SCREEN = Screen(width=1280, height=800)


def pictures() -> list[Image.Image]:
    """A note before and after its text was typed, then with its menu open."""
    notes = Notes(SCREEN, Files(1 << 20), Clipboard())
    cursor = Point(x=640, y=400)
    found = [draw(notes, cursor)]
    notes.type("Quarterly figures\n\nRevenue is up.")
    found.append(draw(notes, Point(x=300, y=200)))
    notes.click(Point(x=50, y=75), 1, "left")
    found.append(draw(notes, Point(x=60, y=80)))
    return found


def draw(notes: Notes, cursor: Point) -> Image.Image:
    pixels = from_runs(render(SCREEN, notes.nodes(), cursor), SCREEN.width * SCREEN.height)
    return Frame(pixels.reshape(SCREEN.height, SCREEN.width)).image()


def make_page() -> Page:
    before, typed, menu = pictures()
    steps = (
        _step("a", 0.2, Deed(verb="click", detail="entry “Note”", marks=(((300, 200),),))),
        _step("a", 1.5, Deed(verb="type", detail="“Quarterly figures”")),
        _step(
            "b",
            2.25,
            Deed(verb="drag", detail="(100, 55) → (420, 300)", marks=(((100, 55), (250, 180), (420, 300)),)),
            Deed(verb="click", detail="menu “File”", marks=(((64, 81),),)),
            Deed(verb="press", detail="ctrl+s", ok=False, error="the window does not answer"),
        ),
        _step("c", 3.0, Deed(verb="type", detail=HOSTILE)),
        _step(None, 4.0),
    )
    failed = Attempt(
        number=1,
        status="failed",
        kind="contract",
        reason=f"text of ~/note.txt does not contain “total” {HOSTILE}",
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
            "steps": steps[:2],
            "checks": (),
        }
    )
    return Page(
        run=Run(id="r-0123", name=f"month end {HOSTILE}", status="failed", started_at=1.7e9, wall_s=12.5),
        tasks=(
            Task(
                id="write",
                instruction="Write the quarterly note.",
                status="succeeded",
                attempts=(failed, passed),
            ),
            Task(id="check", instruction="Check it.", status="failed", attempts=(failed,)),
            Task(id="send", instruction="Send it.", status="cancelled", attempts=()),
        ),
        frames={"a": to_frame(before), "b": to_frame(typed), "c": to_frame(menu)},
    )


def _step(frame: str | None, at_s: float, *deeds: Deed) -> Step:
    return Step(
        frame=frame,
        at_s=at_s,
        say="act" if deeds else "done",
        note="The note is empty, so I click into it first.",
        emitted='{"do": "click", "target": {"role": "entry", "name": "Note"}}',
        deeds=deeds,
        windows=(
            ShownWindow(title=f"~/note.txt {HOSTILE}", application="Notes", focused=True),
            ShownWindow(title="Files", application="Pcmanfm", focused=False),
        ),
        facts=(("decided in", "0.41 s"), ("acted in", "0.08 s"), ("tokens", "1,204")),
    )
