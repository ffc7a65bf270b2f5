"""What OSWorld's code may do to us: here it is another that misbehaves, in the same process and bounds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from runner.osworld import phases, provider
from runner.osworld.contained import Ended, run_contained
from sandboxes.deadline import Pace

pytestmark = pytest.mark.anyio

PATIENCE_S = 60
MEMORY_BYTES = 400 << 20
ENVIRONMENT = """
class DesktopEnv:
    def __init__(self, **options):
        self.action_history = []
        self.setup_controller = self

    def reset_cache_dir(self, folder):
        pass

    def _set_task_info(self, task):
        self.cache_dir, self.config, self.code = "", task["config"], task["evaluator"]

    def setup(self, config):
        return True

    def evaluate(self):
        found = {"history": self.action_history}
        exec(self.code, found)
        return found["score"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "desktop_env"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "desktop_env.py").write_text(ENVIRONMENT)
    (tmp_path / "deskswarm_osworld.py").write_text(Path(provider.__file__).read_text())
    (tmp_path / "phases.py").write_text(Path(phases.__file__).read_text())
    return tmp_path


async def evaluate(folder: Path, code: str, deadline_s: float = PATIENCE_S, **more: Any) -> Ended:
    case = {
        "phase": phases.EVALUATE,
        "task": {"config": [], "evaluator": code},
        "gave_up": False,
        "address": "127.0.0.1:1:2:0:3",
        "token": "secret",
        "cache": str(folder),
        "memory_bytes": MEMORY_BYTES,
        "deadline_s": 600,
        **more,
    }
    command = [sys.executable, str(folder / "phases.py")]
    return await run_contained(command, json.dumps(case).encode(), deadline_s, folder)


async def test_a_score_is_the_answer_whatever_is_printed(folder: Path) -> None:
    ended = await evaluate(folder, "print('x' * 1_000_000); score = True if history == ['DONE'] else 0")
    assert (ended.code, json.loads(ended.stdout)) == (0, {"score": 1.0})
    assert len(ended.stderr) == 64 << 10
    ended = await evaluate(folder, "score = history == ['FAIL']", gave_up=True)
    assert json.loads(ended.stdout) == {"score": 1.0}


async def test_what_is_raised_is_told(folder: Path) -> None:
    answer = json.loads((await evaluate(folder, "raise LookupError('gone')")).stdout)
    assert answer["fault"] == "LookupError: gone"
    assert "in evaluate" in answer["traceback"]
    assert json.loads((await evaluate(folder, "score = None")).stdout)["fault"].startswith("TypeError")


async def test_memory_is_limited(folder: Path) -> None:
    answer = json.loads((await evaluate(folder, f"score = len(bytearray({2 * MEMORY_BYTES}))")).stdout)
    assert answer["fault"] == "MemoryError"


async def test_nothing_of_our_environment_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    ended = await evaluate(folder, "import os; score = 'A_KEY' in os.environ")
    assert json.loads(ended.stdout) == {"score": 0.0}


async def test_one_that_hangs_ends_with_all_it_started(folder: Path) -> None:
    started = "import subprocess as s; p = s.Popen(['sleep', '3600'])"
    ended = await evaluate(folder, f"{started}; open('pid', 'w').write(str(p.pid)); p.wait()", deadline_s=5)
    assert ended.code is None
    with anyio.fail_after(PATIENCE_S):
        if (folder / "pid").exists():  # on a machine that got so far by then
            await gone(int((folder / "pid").read_text()))


async def gone(pid: int) -> None:
    pace = Pace()
    while is_alive(pid):
        await pace.wait()


def is_alive(pid: int) -> bool:
    """Not of one that is dead and has nobody yet to ask how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_one_that_leaves_programs_behind_does_not_hold_us_up(folder: Path) -> None:
    program, thread = "s.Popen(['sleep', '3600'])", "t.Thread(target=t.Event().wait).start()"
    code = f"import subprocess as s, threading as t; {program}; {thread}; score = 1"
    with anyio.fail_after(PATIENCE_S):
        ended = await evaluate(folder, code, deadline_s=3600)
    assert (ended.code, json.loads(ended.stdout)) == (0, {"score": 1.0})


async def test_one_that_does_not_start_or_dies_has_an_end(folder: Path) -> None:
    ended = await evaluate(folder, "import os; os.abort()")
    assert ended.code not in (0, None)
    with pytest.raises(OSError, match="No such file"):
        await run_contained([str(folder / "nothing")], b"", PATIENCE_S, folder)
