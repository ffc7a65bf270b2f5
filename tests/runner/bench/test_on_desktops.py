"""The baselines on a real desktop, and the whole benchmark, which must work; its speed is not judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from anyio import to_thread
from PIL import Image

from runner.bench.companion import run_companion
from runner.bench.desk import open_editor
from sandboxes.desktop import Desktop
from sandboxes.guest.atspi import role_name, state_names
from sandboxes.home import VARIABLE

pytestmark = pytest.mark.anyio
FIGURES = [
    "screenshot_unchanged",
    "screenshot_changed",
    "screenshot_changed_png",
    "tree",
    "tree_fresh",
    "tree_showing",
    "action",
    "step",
    "store_bytes",
    "swarm2",
    "swarm2_rate",
]
GOALLESS = {"screenshot_changed_png", "tree_fresh", "tree_showing", "swarm2_rate"}


async def pixels(desktop: Desktop) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Image.open(BytesIO((await desktop.screenshot()).png)).convert("RGB"))


async def test_every_paint_changes_every_tile(desktop: Desktop) -> None:
    await open_editor(desktop)
    before = await pixels(desktop)
    async with run_companion(desktop) as companion:
        for _ in range(6):
            await companion.paint()
            after = await pixels(desktop)
            changed = (before != after).any(axis=2)
            assert all(
                changed[top : top + 64, left : left + 64].any()
                for top in range(0, 1080, 64)
                for left in range(0, 1920, 64)
            )
            assert changed.mean() > 0.9
            before = after


@pytest.mark.parametrize("showing_only", [True, False])
async def test_the_walk_finds_what_the_tree_holds(desktop: Desktop, showing_only: bool) -> None:
    await desktop.open(["thunar", "/usr/share"])
    await desktop.locator("frame", "share - Thunar").wait_for()
    await open_editor(desktop)
    await desktop.type("to be read")
    await desktop.settle(0.5)
    async with run_companion(desktop) as companion:
        walked = (await companion.walk(showing_only=showing_only, details=True))["nodes"]
    tree = await desktop.ui_tree(showing_only=showing_only)
    ours = [(node.role, node.name, set(node.states)) for node in tree.nodes]
    theirs = [
        (role_name(node["role"]), node["name"].strip(), set(state_names(node["states"]))) for node in walked
    ]
    assert len(ours) > 50
    assert sorted(ours, key=str) == sorted(theirs, key=str)
    [editor] = [node for node in walked if (node.get("text") or "").startswith("to be read")]
    assert editor["extents"][2] > 100
    assert any(action[0] for node in walked for action in node.get("actions") or ())


def run_bench(*arguments: str, home: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runner.bench", *arguments]
    return subprocess.run(
        command, env={**os.environ, VARIABLE: str(home)}, capture_output=True, text=True, timeout=timeout
    )


def test_an_unknown_benchmark_is_bad_input(home: Path) -> None:
    result = run_bench("speed", "--json", home=home)
    assert (result.returncode, result.stdout) == (2, "")
    known = "observe, start, reset, fork, density, churn, coordination, scale, survival"
    assert result.stderr == f"bench: 'speed' is no benchmark; there are: {known}\n"


@pytest.mark.slow
async def test_observe_works_from_end_to_end(
    home: Path, backend: str, needs_image: Callable[[str], None]
) -> None:
    needs_image("desktop")
    result = await to_thread.run_sync(
        lambda: run_bench("observe", "--quick", "--json", "--backend", backend, home=home)
    )
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)["figures"]
    assert [figure["name"] for figure in figures] == FIGURES
    for figure in figures[:7]:
        assert figure["ratio"] == pytest.approx(figure["baseline"] / figure["ours"], rel=0.01)
    assert all(figure["ours"] > 0 for figure in figures)
    assert {figure["name"] for figure in figures if figure["met"] is None} == GOALLESS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["start", "reset", "fork", "density", "churn"])
async def test_the_others_work_from_end_to_end(home: Path, backend: str, name: str) -> None:
    result = await to_thread.run_sync(
        lambda: run_bench(name, "--quick", "--json", "--backend", backend, home=home)
    )
    assert result.returncode == 0, result.stderr
    figures = {figure["name"]: figure for figure in json.loads(result.stdout)["figures"]}
    assert len(figures) >= 2
    assert all(figure.endswith(f"_{backend}") for figure in figures)
    if name == "churn":
        assert figures[f"churn_left_{backend}"]["met"], result.stderr
    if name == "density":
        assert figures[f"density_{backend}"]["ours"] == 2
