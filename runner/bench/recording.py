"""A whole step, and what its record takes on disk."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from anyio import to_thread
from PIL import Image

from runner.actions import Action
from runner.agents.base import View
from runner.bench.desk import FOLDER, NOTE, PAGE, SHEET
from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from runner.bench.sessions import action, disk_bytes, fresh_records
from runner.bench.timing import WARM_UP
from sandboxes.desktop import Desktop

STEP = Goal(at_most=250)
STORE = Goal(times=10)


async def measure_step(desktop: Desktop, steps: int) -> Figure:
    """A key typed into the editor: act, settle, checkpoint on disk, look."""
    front, key = action({"focus": NOTE}), action({"type": "x"})
    with fresh_records() as records:
        taken = await records.run_session(desktop, [*[front] * WARM_UP, *[key] * steps])
    return Figure.of("step", "ms", median(taken[WARM_UP:]) * 1000, goal=STEP)


async def measure_store(desktop: Desktop, rounds: int, tell: Tell) -> Figure:
    """A session's journal and store, trees and all, beside nothing but a PNG of each step."""
    actions = [one for number in range(rounds) for one in varied_work(number)]
    with fresh_records() as records, TemporaryDirectory() as pictures:

        async def save(view: View) -> None:
            picture = Path(pictures, f"{view.step}.png")
            await to_thread.run_sync(_save_png, view.observation.screenshot.png, picture)

        await records.run_session(desktop, actions, save)
        records.close()
        steps = len(list(Path(pictures).iterdir()))
        ours, baseline = disk_bytes(records.folder), disk_bytes(Path(pictures))
    tell(f"store_bytes: {steps} steps")
    return Figure.of("store_bytes", "bytes/step", ours / steps, baseline / steps, STORE)


def varied_work(number: int) -> list[Action]:
    """Some 20 steps in all four applications: text, cells, pages, files, menus, windows."""
    words = ("The ", "total ", "of ", f"month {number} ", "is ", f"{number * 917}.\n")
    steps: tuple[dict[str, Any], ...] = (
        {"focus": NOTE},
        *({"type": word} for word in words),
        {"press": "alt+f"},
        {"press": "Escape"},
        {"focus": SHEET},
        *({"type": f"{number * 31 + cell}\n"} for cell in range(4)),
        {"focus": PAGE},
        {"scroll": {"at": {"x": 900, "y": 500}, "dy": 3}},
        {"press": "Tab"},
        {"focus": FOLDER},
        {"press": "Down"},
        {"press": "Down"},
    )
    return [action(step) for step in steps]


def _save_png(png: bytes, path: Path) -> None:
    """As the baseline saves a screenshot: Pillow's PNG as it comes."""
    with Image.open(BytesIO(png)) as image:
        image.convert("RGB").save(path)
