"""The desktops of the tasks that start next are booted before their turn comes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from runner.events import RunStarted
from runner.journal import Record
from runner.plan import make_plan
from runner.state import RunState
from runner.warming import Warmer
from sandboxes.deadline import Pace
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec
from tests.runner.laboratory import SMALL, swarm, task

pytestmark = pytest.mark.anyio

OTHER = {"screen": {"width": 800, "height": 600}}
ONLINE = {"network": {"allow": ["example.org:443"]}}


def state_of(*tasks: dict[str, object]) -> RunState:
    described = swarm(*tasks)
    event = RunStarted(swarm=described, plan=make_plan(described), backend="simulated", controller="1:1:x")
    return RunState.start(Record(seq=1, run="r", at=0.0, event=event))


async def warm_becomes(host: Host, small: int, other: int) -> None:
    def ready(spec: Mapping[str, object]) -> int:
        return host.warm_ready(DesktopSpec.model_validate(spec), backend="simulated")

    pace = Pace(0.01)
    with anyio.fail_after(30):
        while (ready(SMALL), ready(OTHER)) != (small, other):
            await pace.wait()


async def test_it_follows_the_run(tmp_path: Path) -> None:
    state = state_of(
        task("a"),
        task("b", after=["a"]),
        task("c", after=["a"], desktop=OTHER),
        task("d", after=["b"]),
        task("e", after=["a"], desktop=ONLINE),
    )
    async with Host(tmp_path) as host:
        warmer = Warmer(host, "simulated")
        state.tasks["a"].status = "running"
        warmer.look_ahead(state, parallel=4)
        await warm_becomes(host, 1, 1)
        state.tasks["a"].status, state.tasks["b"].status = "succeeded", "running"
        desktop = await host.start(DesktopSpec.model_validate(SMALL), backend="simulated", holder="b")
        assert desktop.lease.epoch == 2, "not a warm one"
        warmer.look_ahead(state, parallel=4)
        await warm_becomes(host, 1, 1)
        for name in "bcde":
            state.tasks[name].status = "succeeded"
        warmer.look_ahead(state, parallel=4)
        await warm_becomes(host, 0, 0)


async def test_one_task_at_a_time_has_one_desktop_ahead(tmp_path: Path) -> None:
    state = state_of(task("a"), task("b"), task("c", desktop=OTHER))
    state.tasks["a"].status = "running"
    async with Host(tmp_path) as host:
        Warmer(host, "simulated").look_ahead(state, parallel=1)
        await warm_becomes(host, 1, 0)
