"""Programs as agents: real ones, that behave, talk nonsense, hang, flood and die."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.state import AttemptState
from sandboxes.errors import InputError
from tests.runner.laboratory import SMALL, Laboratory

pytestmark = pytest.mark.anyio
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "echo_agent.py"
READ = "import json, os, subprocess, sys, time\nnext(sys.stdin)\nview = json.loads(next(sys.stdin))\n"
DONE = 'print(json.dumps({"say": "done"}), flush=True)\n'


def program(lab: Laboratory, text: str, wall_s: float = 10, **agent: Any) -> dict[str, Any]:
    (lab.folder / "agent.py").write_text(text)
    kind = {"kind": "process", "command": [sys.executable, "agent.py"], **agent}
    return {
        "id": "a", "instruction": "Do it.", "agent": kind, "desktop": SMALL, "budget": {"wall_s": wall_s}
    }  # fmt: skip


async def attempt_at(lab: Laboratory, one: dict[str, Any]) -> AttemptState:
    [attempt] = (await lab.run(one)).tasks["a"].attempts
    return attempt


def left_over(lab: Laboratory) -> list[int]:
    """Processes that still have something in the swarm's folder as their working directory."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cwd").readlink() == lab.folder:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


async def test_the_example_of_the_documentation(lab: Laboratory) -> None:
    check = {"check": "text", "path": "~/note.txt", "equals": "Do it."}
    attempt = await attempt_at(lab, {**program(lab, EXAMPLE.read_text()), "checks": [check]})
    assert (attempt.status, attempt.reason, attempt.steps) == ("succeeded", "", 1)


async def test_a_look_is_answered_with_another_view_and_takes_no_step(lab: Laboratory) -> None:
    agent = READ + 'print(json.dumps({"say": "look"}), flush=True)\nview = json.loads(next(sys.stdin))\n'
    agent += "assert (view['step'], view['budget']['steps'], view['last']) == (1, 200, [])\n"
    attempt = await attempt_at(lab, program(lab, agent + DONE))
    assert (attempt.status, attempt.reason, attempt.steps) == ("succeeded", "", 0)
    assert [point.say for point in attempt.checkpoints] == ["look", "done"]


async def test_the_view_is_what_the_documentation_says(lab: Laboratory) -> None:
    agent = READ + "open('view.json', 'w').write(json.dumps(view))\n"
    agent += "open('copy.png', 'wb').write(open(view['observation']['screenshot'], 'rb').read())\n"
    attempt = await attempt_at(lab, program(lab, agent + DONE))
    assert attempt.status == "succeeded"
    view = json.loads((lab.folder / "view.json").read_text())
    assert {key: view[key] for key in ("say", "instruction", "step", "inputs", "last")} == {
        "say": "view",
        "instruction": "Do it.",
        "step": 0,
        "inputs": {},
        "last": [],
    }
    assert view["budget"]["steps"] == 200
    assert 9 < view["budget"]["wall_s"] <= 10
    seen = view["observation"]
    with Image.open(lab.folder / "copy.png") as image:
        assert image.size == (seen["width"], seen["height"]) == (640, 480)
    assert not Path(seen["screenshot"]).parent.exists(), "the folder is removed afterwards"
    assert seen["windows"][0]["application"] == "Notes"
    assert {node["role"] for node in seen["tree"]["nodes"]} >= {"application", "push button"}
    documented = (EXAMPLE.parents[1] / "process-agents.md").read_text()
    for key in [*view, *seen]:
        assert f'"{key}"' in documented


async def test_no_screenshot_is_written_where_none_is_wanted(lab: Laboratory) -> None:
    agent = READ + "assert view['observation']['screenshot'] is None\n" + DONE
    assert (await attempt_at(lab, program(lab, agent, screenshots=False))).status == "succeeded"


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (READ + "print('Sure! I will click.', flush=True)\ntime.sleep(60)", "'Sure! I will click.'"),
        (READ + 'print(\'{"say": "dance"}\', flush=True)\ntime.sleep(60)', "dance"),
        (READ + 'print(\'{"say": "act", "actions": []}\', flush=True)\ntime.sleep(60)', "actions"),
        (READ + "sys.stdout.write('x' * (2 << 20)); sys.stdout.flush()", "line of over 1048576 bytes: 'xxx"),
        (READ + "sys.exit('out of ideas')", "ended (1) before its task was done: out of ideas"),
        ("raise SystemExit(3)", "ended (3)"),
        (READ + "os.close(1)\ntime.sleep(60)", "closed its output"),
        (READ + 'print(json.dumps({"say": "failed", "reason": "no ledger"}), flush=True)', "no ledger"),
    ],
)
async def test_what_the_program_gets_wrong_is_the_agents_failure(
    lab: Laboratory, agent: str, reason: str
) -> None:
    attempt = await attempt_at(lab, program(lab, agent))
    assert attempt.failure == "agent"
    assert reason in attempt.reason
    assert len(attempt.reason) < 1000
    assert len(attempt.checkpoints) == 1, "what it saw is kept"
    assert left_over(lab) == []


async def test_a_program_that_is_not_there(lab: Laboratory) -> None:
    with pytest.raises(InputError, match=r"\./absent"):
        await attempt_at(lab, program(lab, "", command=["./absent"]))


async def test_a_program_that_does_not_start(lab: Laboratory) -> None:
    (lab.folder / "text").write_text("no program")
    attempt = await attempt_at(lab, program(lab, "", command=["./text"]))
    assert attempt.failure == "agent"
    assert "does not start" in attempt.reason


async def test_a_program_that_hangs_is_stopped_by_the_wall_clock_with_all_it_started(lab: Laboratory) -> None:
    agent = (
        READ
        + "subprocess.Popen(['sleep', '60'])\nprint('thinking', file=sys.stderr, flush=True)\ntime.sleep(60)"
    )
    attempt = await attempt_at(lab, program(lab, agent, wall_s=1))
    assert attempt.failure == "timeout"
    assert lab.store.get(attempt.evidence["agent_log"]) == b"thinking\n"
    assert left_over(lab) == []


async def test_a_flood_of_errors_neither_blocks_nor_fills_anything(lab: Laboratory) -> None:
    agent = READ + "sys.stderr.write('flood ' * 1_000_000 + 'end'); sys.stderr.flush()\n" + DONE
    attempt = await attempt_at(lab, program(lab, agent))
    assert attempt.status == "succeeded"
    log = lab.store.get(attempt.evidence["agent_log"])
    assert len(log) == 64 << 10
    assert log.endswith(b"flood end")


async def test_a_program_that_never_reads_is_stopped_too(lab: Laboratory) -> None:
    attempt = await attempt_at(lab, program(lab, "import time\ntime.sleep(60)", wall_s=1))
    assert attempt.failure == "timeout"
    assert left_over(lab) == []


async def test_a_path_counts_from_the_swarm_file(lab: Laboratory) -> None:
    one = program(lab, f"#!{sys.executable}\n{READ}{DONE}", command=["./agent.py"])
    (lab.folder / "agent.py").chmod(0o755)
    assert (await attempt_at(lab, one)).status == "succeeded"


async def test_actions_after_one_that_failed_are_not_tried(lab: Laboratory) -> None:
    act = {"say": "act", "actions": [{"click": {"at": {"x": 9999, "y": 1}}}, {"type": "x"}]}
    agent = f"{READ}print({json.dumps(json.dumps(act))}, flush=True)\n"
    agent += "[failed] = json.loads(next(sys.stdin))['last']\nassert 'outside' in failed['error']\n" + DONE
    attempt = await attempt_at(lab, program(lab, agent))
    assert (attempt.status, attempt.reason) == ("succeeded", "")
    assert attempt.checkpoints[0].executed == 1
