"""OSWorld's own client, as it is on PyPI, against our desktops."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

import runner.osworld.provider
from sandboxes.host import Host
from tests.conftest import lacking
from tests.runner.osworld.conftest import Client, check, served

pytestmark = pytest.mark.anyio

REPOSITORY = Path(__file__).parents[3]
CLIENT = Path(sys.prefix) / "osworld-client"
TASKS = Path(os.environ.get("DESKSWARM_OSWORLD_TASKS", REPOSITORY.parent / "shared" / "osworld" / "tasks"))
TOKEN = "s3cret"
VM_IP = f"deskswarm:{TOKEN}@127.0.0.1"
PATIENCE_S = 240

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def ask(needs_image: Callable[[str], None]) -> Ask:
    """Runs a case of `stock_client.py`, and returns what it saw."""
    needs_image("desktop")
    if not CLIENT.is_dir():
        lacking("OSWorld's client is not installed: scripts/setup test")
    return _ask


async def _ask(*arguments: object, **environment: str) -> Any:
    done = await anyio.to_thread.run_sync(
        partial(
            subprocess.run,
            [
                sys.executable,
                "-W",
                "ignore",
                Path(__file__).with_name("stock_client.py"),
                *map(str, arguments),
            ],
            env={**os.environ, "PYTHONPATH": str(CLIENT), **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
async def client(host: Host, backend: str, ask: Ask) -> AsyncIterator[Client]:
    async with served(host, backend, "desktop", TOKEN) as client:
        yield client


async def test_the_controller(client: Client, ask: Ask) -> None:
    seen = await ask("controller", VM_IP, client.ports.server)
    assert seen["platform"] == "Linux"
    assert seen["screen"] == {"width": 1920, "height": 1080}
    assert seen["desktop"] == "/home/user/Desktop"
    assert seen["python"]["output"] == "42\n"
    assert (seen["bash"]["output"], seen["bash"]["returncode"]) == ("42\n", 3)
    assert {"type": "file", "name": "rc.xml"} in seen["tree"]["children"]
    assert seen["file"]
    assert seen["screenshot"] == b"\x89PNG\r\n\x1a\n".hex()
    assert seen["accessibility"] == "<desktop-frame"
    assert seen["window"]["width"] > 100
    assert seen["clicked"]["output"] == "(345, 335)\n"
    assert seen["typed"]["output"] == "it's typed\n"


async def test_set_up_steps(client: Client, backend: str, ask: Ask, tmp_path: Path) -> None:
    """The browser's too, on one backend: the port that leads to it is the same code on all."""
    with_browser = backend == "bubblewrap"
    chromium = client.ports.chromium if with_browser else 0
    assert (await ask("setup", VM_IP, client.ports.server, chromium, tmp_path))["success"]
    headers = {"Authorization": f"Bearer {TOKEN}"}

    async def said(script: str) -> str:
        answer = await client.post("/execute", {"command": script, "shell": True}, headers=headers)
        return str(answer.json["output"])

    assert (await client.post("/wallpaper", headers=headers)).body == (tmp_path / "green.png").read_bytes()
    assert await said("cat ~/half ~/n ~/in/note.txt") == "960\nagain\nagain\nagain\na note"
    if with_browser:
        pages = json.loads(await said("curl -s localhost:9222/json"))
        assert [page["title"] for page in pages if page["type"] == "page"] == ["two"]


NOTE = {
    "id": "note",
    "instruction": "Write `yes` into note.txt in the home folder.",
    "config": [{"type": "execute", "parameters": {"command": "echo no > ~/note.txt", "shell": True}}],
    "evaluator": {
        "func": "exact_match",
        "result": {"type": "vm_command_line", "command": "cat ~/note.txt", "shell": True},
        "expected": {"type": "rule", "rules": {"expected": "yes\n"}},
        "postconfig": [{"type": "execute", "parameters": {"command": ["sync"]}}],
    },
}
CANNOT = {"id": "cannot", "instruction": "Fold the screen.", "evaluator": {"func": "infeasible"}}


async def test_the_environment(home: Path, bubblewrap: str, ask: Ask, tmp_path: Path) -> None:
    """Through reset, step and evaluate; each attempt on a desktop of its own."""
    attempts: list[tuple[Any, list[str]]] = [
        (NOTE, ["open('/home/user/note.txt', 'w').write('yes\\n')", "DONE"]),
        (NOTE, ["DONE"]),
        (CANNOT, ["FAIL"]),
    ]
    assert await run(ask, home, bubblewrap, tmp_path, attempts) == [1, 0, 1]


@pytest.mark.docker
async def test_tasks_of_the_benchmark(host: Host, ask: Ask, tmp_path: Path) -> None:
    """One of them sets itself up with `sudo`."""
    if not TASKS.is_dir():
        pytest.skip(f"there are no tasks of OSWorld in {TASKS}")
    await check(host, "docker")
    rename = _read("os", "e0df059f-28a6-4169-924f-b9623e7184cc")
    photo = _read("gimp", "e19bd559-633b-4b02-940f-d946248f088e")
    done = "import os; os.chdir('/home/user/Desktop'); os.rename('todo_list_Jan_1', 'todo_list_Jan_2')"
    attempts = [(rename, [done, "DONE"]), (rename, ["DONE"]), (photo, ["FAIL"])]
    assert await run(ask, host.home, "docker", tmp_path, attempts) == [1, 0, 1]


def _read(domain: str, task: str) -> Any:
    return json.loads((TASKS / domain / f"{task}.json").read_text())


async def run(
    ask: Ask, home: Path, backend: str, folder: Path, attempts: list[tuple[Any, list[str]]]
) -> list[float]:
    deskswarm = Path(sys.executable).with_name("deskswarm")
    command = f"env PYTHONPATH={REPOSITORY} {deskswarm} osworld serve --backend {backend}"
    seen = await ask(
        "environment",
        runner.osworld.provider.__file__,
        folder,
        *map(json.dumps, attempts),
        DESKSWARM_HOME=str(home),
        DESKSWARM_OSWORLD_SERVE=command,
    )
    scores: list[float] = seen["scores"]
    return scores
