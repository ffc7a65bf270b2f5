"""The desktops of the tasks that start next are booted before their turn comes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from runner.frontier import Frontier
from runner.plan import make_plan
from runner.spec import Task
from runner.warming import Warmer
from sandboxes.deadline import Pace
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec
from tests.runner.laboratory import SMALL, swarm, task

pytestmark = pytest.mark.anyio

OTHER = {"screen": {"width": 800, "height": 600}}
ONLINE = {"network": {"allow": ["example.org:443"]}}


def plan_of(*tasks: dict[str, object]) -> tuple[Frontier, tuple[Task, ...]]:
    described = swarm(*tasks)
    return Frontier.of(make_plan(described)), described.tasks


async def warm_becomes(host: Host, small: int, other: int) -> None:
    def ready(spec: Mapping[str, object]) -> int:
        return host.warm_ready(DesktopSpec.model_validate(spec), backend="simulated")

    pace = Pace(0.01)
    with anyio.fail_after(30):
        while (ready(SMALL), ready(OTHER)) != (small, other):
            await pace.wait()


async def test_it_follows_the_run(tmp_path: Path) -> None:
    frontier, tasks = plan_of(
        task("a"),
        task("b", after=["a"]),
        task("c", after=["a"], desktop=OTHER),
        task("d", after=["b"]),
        task("e", after=["a"], desktop=ONLINE),
    )
    async with Host(tmp_path) as host:
        warmer = Warmer(host, "simulated", tasks)
        frontier.move("a", "running")
        warmer.look_ahead(frontier, parallel=4)
        await warm_becomes(host, 1, 1)
        frontier.move("a", "succeeded")
        frontier.move("b", "running")
        desktop = await host.start(DesktopSpec.model_validate(SMALL), backend="simulated", holder="b")
        assert desktop.lease.epoch == 2, "not a warm one"
        warmer.look_ahead(frontier, parallel=4)
        await warm_becomes(host, 1, 1)
        for name in "bcde":
            frontier.move(name, "succeeded")
        warmer.look_ahead(frontier, parallel=4)
        await warm_becomes(host, 0, 0)


async def test_one_task_at_a_time_has_one_desktop_ahead(tmp_path: Path) -> None:
    frontier, tasks = plan_of(task("a"), task("b"), task("c", desktop=OTHER))
    frontier.move("a", "running")
    async with Host(tmp_path) as host:
        Warmer(host, "simulated", tasks).look_ahead(frontier, parallel=1)
        await warm_becomes(host, 1, 0)
