"""OSWorld's tasks run by our runner, set up and scored by OSWorld's own code as it is on PyPI.

Its environment here is a lean one: what its evaluators of documents, films and pictures import is stood in
for by empty modules, as in `stock_client.py`.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from venv import EnvBuilder

import anyio
import pytest

from runner.agent_file import read_agent
from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.cli.bench import Options
from runner.cli.bench_osworld import run_osworld
from runner.cli.export import export_osworld
from runner.controller import run_swarm
from runner.journal import Journal
from runner.osworld import environment
from runner.osworld.spec import OSWorldTask
from runner.osworld.tasks import read_suite
from runner.osworld.trial import Trial
from runner.reexecution.record import read_record
from runner.spec import ScriptAgent, Swarm, Task
from runner.state import RunState, fold
from runner.suites.outcomes import ScoredTask
from runner.suites.report import Report, report
from runner.suites.words import report_lines
from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop
from sandboxes.errors import BackendUnavailable, DeskswarmError, InputError
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec
from tests.conftest import lacking, must_work
from tests.runner.osworld.test_stock_client import CLIENT, TASKS
from tests.runner.osworld.test_tasks import ORACLES, evaluated, task, write

pytestmark = pytest.mark.anyio

# Read as the environment's Python starts: the client, what it imports of ours, and the stand-ins.
PATHS = f"""
{CLIENT}
{sysconfig.get_path("purelib")}
{Path(__file__).parent}
import sys, stock_client; sys.meta_path.insert(0, stock_client._Finder())
"""


@pytest.fixture(scope="module")
def osworld_home(home: Path) -> Path:
    """The home, with OSWorld's environment."""
    if not CLIENT.is_dir():
        lacking("OSWorld's client is not installed: scripts/setup test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "install", install_lean)
        environment.set_up(home)
    return home


def install_lean(folder: Path) -> None:
    EnvBuilder(with_pip=False, symlinks=True).create(folder)
    packages = sysconfig.get_path("purelib", "venv", {"base": str(folder)})
    Path(packages, "lean.pth").write_text(PATHS)


def shell(command: str) -> dict[str, Any]:
    return {"type": "execute", "parameters": {"command": command, "shell": True}}


def reads(command: str, expected: str, func: str = "exact_match", **more: Any) -> dict[str, Any]:
    """A task whose evaluator compares what a command says."""
    result = {"type": "vm_command_line", "command": command, "shell": True}
    rule = {"type": "rule", "rules": {"expected": expected}}
    return evaluated(func=func, result=result, expected=rule, **more)


NOTE = ["sh", "-c", "echo yes > ~/new && mv ~/new ~/note"]
UNTIL_NOTE = "for _ in $(seq 1000); do [ -e ~/note ] && break; sleep 0.1; done"
SUITE: dict[str, dict[str, Any]] = {
    "passes": {
        **reads("cat ~/before ~/note", "no\nyes\n", postconfig=[shell(UNTIL_NOTE)]),
        "config": [shell("echo no > ~/before")],
    },
    "fails": reads("cat ~/note", "yes\n"),
    "partly": reads("echo abcd", "abcx\n", func="fuzzy_match"),
    "raises": evaluated(result={"type": "vm_command_line"}),
    "unfit": evaluated(func="no_such_function"),
    "cannot": task(evaluator={"func": "infeasible"}),
    "breaks": task(config=[{"type": "open", "parameters": {"path": "/nowhere"}}]),
    "web": task(proxy=True),
}
AGENTS: dict[str, dict[str, Any]] = {
    "passes": {"steps": [{"open": NOTE}]},
    "cannot": {"steps": [], "gives_up": "there is no way"},
}


def agent_of(name: str) -> ScriptAgent:
    return ScriptAgent.model_validate({"kind": "script", **AGENTS.get(name, {"steps": []})})


def small(one: Task) -> Task:
    retry = one.retry.model_copy(update={"infra": 1})
    desktop = one.desktop.model_copy(update={"image": "slim"})
    return one.model_copy(update={"desktop": desktop, "retry": retry})


async def run(suite: Swarm, home: Path, backend: str) -> tuple[RunState, Report]:
    summary = await run_swarm(suite, home, home, backend=backend, parallel=2)
    with Journal(home) as journal, closing(ArtifactStore(home / ARTIFACTS)) as store:
        state = fold(journal.read(summary.run))
        return state, report(state, store)


def told(one: ScoredTask) -> tuple[str, str]:
    return one.outcome, one.cause


async def test_every_fate_is_in_the_report(
    osworld_home: Path, bubblewrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKSWARM_HOME", str(osworld_home))
    for name, fields in SUITE.items():
        write(tmp_path, "os", **{**fields, "id": name})
    suite = read_suite(tmp_path, None, None, root=False, oracle=agent_of)
    suite = suite.model_copy(update={"tasks": tuple(map(small, suite.tasks))})
    state, found = await run(suite, osworld_home, bubblewrap)
    tasks = {one.id: one for one in found.tasks}
    assert {name: told(one) for name, one in tasks.items()} == {
        "passes": ("passed", ""),
        "fails": ("failed", ""),
        "partly": ("failed", ""),
        "raises": ("not_scored", "evaluator"),
        "unfit": ("not_scored", "evaluator"),
        "cannot": ("passed", ""),
        "breaks": ("not_scored", "infra"),
        "web": ("not_scored", "needs_web"),
    }
    assert found.average_over == "4 of 8 tasks; not scored: 1 infra, 2 evaluator, 1 need the web"
    assert any("web" in line and "proxy: it goes" in line for line in report_lines(found))
    assert len(tasks["breaks"].attempts) == 2
    assert "the set-up failed: Exception: Setup step 1" in tasks["breaks"].attempts[0].reason
    assert "KeyError: 'command'" in tasks["raises"].attempts[0].reason
    unfit = tasks["unfit"].attempts[0]
    assert (unfit.steps, "no_such_function" in unfit.reason) == (0, True)
    assert "OSWorld's evaluator: 0.8" in tasks["partly"].attempts[0].reason
    with closing(ArtifactStore(osworld_home / ARTIFACTS)) as store:
        log = store.get(state.tasks["breaks"].attempts[0].evidence["osworld_log"])
        with pytest.raises(InputError, match="set up by OSWorld's own code"):
            read_record(lambda _: state, store, state.id, "passes")
        export_osworld(state.id, "partly", tmp_path)
    assert b"SETUP FAILED" in log
    [exported] = tmp_path.glob("deskswarm/*/script/os/partly/result.txt")
    assert float(exported.read_text()) == 0.8


async def test_an_evaluator_may_hang_and_a_desktop_may_be_gone(
    osworld_home: Path, host: Host, bubblewrap: str, tmp_path: Path
) -> None:
    """What OSWorld's code makes of a desktop that dies under it says nothing of the agent."""
    hangs = OSWorldTask.model_validate(reads("sleep 600", ""))
    long = OSWorldTask.model_validate(reads("touch ~/begun; sleep 600", ""))
    async with await host.start(DesktopSpec(image="slim"), backend=bubblewrap, holder="test") as desktop:
        result = await Trial(hangs, osworld_home, desktop, tmp_path, deadline_s=5).evaluate()
        assert (result.broken, result.detail) == (True, "OSWorld's evaluator did not end in time")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end_once_begun, host, desktop)
            with pytest.raises(DeskswarmError) as raised:
                await Trial(long, osworld_home, desktop, tmp_path).evaluate()
        assert raised.value.kind == "infra"


async def end_once_begun(host: Host, desktop: Desktop) -> None:
    pace = Pace()
    while not await desktop.files.exists("~/begun"):
        await pace.wait()
    await host.stop(desktop.id)


async def test_the_command(
    osworld_home: Path, bubblewrap: str, needs_image: Callable[[str], None], tmp_path: Path
) -> None:
    needs_image("desktop")
    write(tmp_path, "os", **{**SUITE["cannot"], "id": "cannot"})
    write(tmp_path, "web", **{**SUITE["web"], "id": "web"})
    agents = tmp_path / "agents"
    agents.mkdir()
    (agents / "cannot.yaml").write_text("agent: {kind: script, steps: [], gives_up: there is no way}\n")
    words = ["bench", "osworld", "--tasks", str(tmp_path), "--agent", str(agents), "--json"]
    command = [sys.executable, "-c", "from runner.cli import main; main()", *words]
    environment = {**os.environ, "DESKSWARM_HOME": str(osworld_home)}
    ran = await anyio.run_process(command, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    found = json.loads(ran.stdout)
    assert (found["suite"], found["agent"], found["score"], found["scored"]) == ("osworld", "oracle", 1, 1)
    assert [(one["id"], one["outcome"], one["cause"]) for one in found["tasks"]] == [
        ("cannot", "passed", ""),
        ("web", "not_scored", "needs_web"),
    ]


def test_without_its_environment_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKSWARM_HOME", str(tmp_path))
    with pytest.raises(BackendUnavailable, match="deskswarm bench setup osworld"):
        run_osworld(tmp_path, None, None, Options("null", 1, None, None, as_json=True))


@pytest.mark.docker
async def test_a_task_of_the_benchmark(osworld_home: Path) -> None:
    """It sets itself up with `sudo`. `DesktopEnv` scores the same in `test_stock_client.py`."""
    if not TASKS.is_dir():
        pytest.skip(f"there are no tasks of OSWorld in {TASKS}")
    await must_work("docker", osworld_home)
    suite = read_suite(TASKS, "os", None, root=True, oracle=lambda name: read_agent(ORACLES / f"{name}.yaml"))
    nobody = suite.tasks[0].model_copy(update={"id": "nobody", "agent": agent_of("nobody")})
    suite = suite.model_copy(update={"tasks": (*suite.tasks, nobody)})
    _, found = await run(suite, osworld_home, "docker")
    assert [told(one) for one in found.tasks] == [("passed", ""), ("failed", "")]
