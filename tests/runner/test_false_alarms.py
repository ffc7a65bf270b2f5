"""Clean work is left alone: 200 runs of honest agents, no two alike, no alarm, and no fault that a drill
would see."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from runner.drill.faults import FAULTS
from runner.events import Refused, Warned
from sandboxes.simulation.settings import Delay
from tests.runner.laboratory import Laboratory, swarm, task

pytestmark = pytest.mark.anyio
RUNS = 200
ALLOWED = 0.02
WORDS = ("total", "42", "ledger", "paid", "open", "March")
SLOW = {key: Delay(median_s=0.002, sigma=1.5) for key in ("observe", "act", "settle")}


def honest(random: Random, number: int) -> dict[str, Any]:
    """Work as people do it: typing, correcting, looking into menus, waiting, saving; some of it often."""
    steps: list[dict[str, Any]] = [{"open": ["notes", f"~/{number}.txt"]}]
    for _ in range(random.randint(1, 2)):
        steps += random.choice((types, corrects, looks, rewrites, waits, fills))(random)
    steps += [{"type": random.choice(WORDS)}, {"press": "ctrl+s"}]
    return task(
        f"t{number}",
        *steps,
        outputs={"note": {"path": f"~/{number}.txt"}},
        allow={"applications": ["notes"], "commands": ["notes"], "keys": ["*"], "hosts": []},
    )


def types(random: Random) -> list[dict[str, Any]]:
    return [{"type": f"{random.choice(WORDS)} "} for _ in range(random.randint(1, 20))]


def corrects(random: Random) -> list[dict[str, Any]]:
    times = random.randint(1, 20)
    return [{"press": random.choice("abcdefgh")}] * times + [{"press": "BackSpace"}] * times


def looks(_: Random) -> list[dict[str, Any]]:
    return [
        {"click": {"role": "menu", "name": "File"}},
        {"click": {"role": "menu item", "name": "About"}},
        {"click": {"role": "push button", "name": "Close"}},
        {"click": {"role": "entry"}},
    ]


def rewrites(random: Random) -> list[dict[str, Any]]:
    row = [{"press": "ctrl+a"}, {"type": f"{random.random()}"}, {"press": "ctrl+s"}]
    return row * random.randint(1, 3)


def waits(random: Random) -> list[dict[str, Any]]:
    return [{"wait_for": {"role": "entry", "name": "Note"}}] * random.randint(1, 10)


def fills(random: Random) -> list[dict[str, Any]]:
    return [{"fill": {"role": "entry", "text": f"{random.random()}"}} for _ in range(random.randint(1, 8))]


async def test_honest_work_raises_no_alarm(lab: Laboratory) -> None:
    lab.simulate(seed=7, latency=SLOW)
    random = Random(7)
    tasks = [honest(random, number) for number in range(RUNS)]
    state = await lab.run_swarm(swarm(*tasks, parallel=16))
    alarmed = {one.event.task for one in lab.records if isinstance(one.event, Warned | Refused)}
    alarmed |= {one.event.task for one in lab.records if any(fault.proof(one.event) for fault in FAULTS)}
    alarmed |= {id_ for id_, one in state.tasks.items() if one.status != "succeeded"}
    assert len(alarmed) <= ALLOWED * RUNS, sorted(alarmed)
    assert sum(one.attempts[0].steps for one in state.tasks.values()) > 10 * RUNS, "there was work to watch"
