"""Trajectories as JSON lines, films, and OSWorld's folders, of runs on simulated desktops."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.cli.export import export_film, export_osworld, export_trajectory
from runner.exports.encode import write_gif
from runner.exports.film import scenes
from runner.exports.recording import find_recording
from runner.exports.trajectory import Line, Seen
from runner.frames import read_frame
from sandboxes.errors import InfraError, InputError
from tests.runner.exports.playing import ENTRY, SAVE, act, at, play, recorded
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio
DOCUMENTED = (Path(__file__).parents[3] / "docs" / "exports.md").read_text()
NOWHERE = {"click": {"role": "push button", "name": "Nowhere", "timeout": 0.05}}
ANSWERS = (
    act({"click": at(ENTRY)}, {"type": "hello"}, note="first", usage={"tokens": 7}),
    act({"click": at(SAVE)}),
    {"say": "done", "note": "saved"},
)


@pytest.fixture(autouse=True)
def _at_home(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKSWARM_HOME", str(lab.home))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_a_line_for_each_step(lab: Laboratory, tmp_path: Path) -> None:
    run = await play(lab, *ANSWERS)
    export_trajectory(run, None, tmp_path / "t.jsonl", tmp_path / "frames", trees=True)
    first, second, last = lines(tmp_path / "t.jsonl")
    assert [line["step"] for line in (first, second, last)] == [0, 1, 2]
    assert first["decision"]["say"] == "act"
    assert [done["action"]["do"] for done in first["executed"]] == ["click", "type"]
    assert first["executed"][0]["points"] == [{"x": ENTRY[0], "y": ENTRY[1]}]
    assert first["usage"] == {"tokens": 7, "money": 0}
    assert last["decision"] == {"say": "done", "note": "saved", "brief": "", "questions": [], "read": []}
    assert 'entry "Note" = "hello"' in second["observation"]["text"]
    seen = first["observation"]
    with Image.open(tmp_path / "frames" / seen["image"]) as image:
        frame = read_frame(lab.store, seen["frame"])
        assert (image.size, image.tobytes()) == ((640, 480), frame.image().tobytes())


async def test_what_is_not_asked_for_is_not_there(
    lab: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    await lab.run(task("a"), task("b"))
    export_trajectory("last", "b", None, None, trees=False)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["task"] for line in told} == {"b"}
    assert {(line["observation"]["image"], line["observation"]["text"]) for line in told} == {(None, None)}
    with pytest.raises(InputError, match="task: 'c' is not in run"):
        export_trajectory("last", "c", None, None, trees=False)


def test_every_field_is_documented() -> None:
    for name in [*Line.model_fields, *Seen.model_fields]:
        assert f"`{name}`" in DOCUMENTED


async def test_osworld_finds_its_results(lab: Laboratory, tmp_path: Path) -> None:
    await play(lab, act(NOWHERE), *ANSWERS)
    export_osworld("last", None, tmp_path)
    folder = tmp_path / "deskswarm/screenshot_a11y_tree/process/test/a"
    rows = lines(folder / "traj.jsonl")
    keys = ["step_num", "action_timestamp", "action", "response", "reward", "done", "info", "screenshot_file"]
    assert [list(row) for row in rows] == [keys] * 5
    assert [row["step_num"] for row in rows] == [1, 2, 2, 3, 4]
    assert [row["done"] for row in rows] == [False] * 4 + [True]
    assert "Nowhere" in rows[0]["info"]["error"]
    assert (rows[2]["action"], rows[2]["response"]) == ({"type": "hello"}, "first")
    assert (rows[4]["action"], rows[4]["response"]) == ("DONE", "saved")
    for row in rows:
        with Image.open(folder / row["screenshot_file"]) as image:
            assert image.size == (640, 480)
    assert float((folder / "result.txt").read_text()) == 1.0
    assert (folder / "recording.mp4").stat().st_size > 1000


async def test_osworld_is_told_of_a_failure(lab: Laboratory, tmp_path: Path) -> None:
    await play(lab, {"say": "failed", "reason": "no ledger"})
    export_osworld("last", "a", tmp_path)
    [traj] = tmp_path.rglob("traj.jsonl")
    [row] = lines(traj)
    assert (row["action"], row["response"], row["done"]) == ("FAIL", "no ledger", True)
    assert float((traj.parent / "result.txt").read_text()) == 0.0


# --- films


async def test_a_film_shows_every_step_and_how_it_ended(lab: Laboratory) -> None:
    film = list(scenes(await recorded(lab, act(NOWHERE), *ANSWERS), lab.store, 400))
    assert len(film) == 5
    assert {scene.image.size for scene in film} == {film[0].image.size}
    width, height = film[0].image.size
    assert (width, width % 2, height % 2) == (400, 0, 0)
    assert height > 300, "the caption stands below the screen, not on it"
    captions = [scene.image.crop((0, 300, width, height)).tobytes() for scene in film]
    assert len(set(captions)) == len(film), "each says what it is"


def reds(image: Image.Image) -> int:
    """Pixels of the colour in which a failure is told."""
    return sum(
        count for count, color in image.convert("RGB").getcolors(1 << 24) or () if color == (255, 138, 128)
    )


async def test_a_film_tells_what_failed(lab: Laboratory) -> None:
    film = list(scenes(await recorded(lab, act(NOWHERE), *ANSWERS), lab.store, 640))
    assert [reds(scene.image) > 0 for scene in film] == [True, False, False, False, False]


async def test_a_gif_shows_each_scene_for_as_long_as_it_takes_to_read(
    lab: Laboratory, tmp_path: Path
) -> None:
    film = list(scenes(await recorded(lab, *ANSWERS), lab.store, 320))
    write_gif(film, tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as gif:
        durations = []
        for number in range(gif.n_frames):  # type: ignore[attr-defined]
            gif.seek(number)
            durations.append(gif.info["duration"])
    assert durations == [round(scene.seconds * 100) * 10 for scene in film]


async def test_an_mp4_plays_as_long_as_its_scenes(lab: Laboratory, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    run = await play(lab, *ANSWERS)
    export_film(run, "a", tmp_path / "film.mp4", None)
    film = list(scenes(find_recording(lab.read(run), lab.store, "a"), lab.store, 1280))
    with av.open(str(tmp_path / "film.mp4")) as file:
        frames = list(file.decode(video=0))
    assert frames[0].to_image().size == film[0].image.size
    assert frames[-1].time == pytest.approx(sum(scene.seconds for scene in film), abs=0.5 * len(film))


async def test_what_a_film_needs_is_told(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await play(lab, *ANSWERS)
    with pytest.raises(InputError, match=r"--out: .*film\.avi.*\.mp4 or \.gif"):
        export_film(run, "a", tmp_path / "film.avi", None)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InfraError, match=re.escape("pip install 'deskswarm[video]'")):
        export_film(run, "a", tmp_path / "film.mp4", None)
