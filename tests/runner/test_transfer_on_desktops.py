"""A real desktop changes hands, or is copied for the next: a document nobody has saved survives, and the old
handle is fenced off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runner.controller import run_swarm
from runner.events import DesktopHandedOver, DesktopLeased
from runner.ownership import violations
from runner.state import RunState
from sandboxes.backend import load_backend
from sandboxes.errors import BackendUnavailable, StaleLease
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec
from tests.conftest import lacking
from tests.runner.laboratory import Laboratory, swarm

pytestmark = pytest.mark.anyio
WORDS = ("five ", "agents, ", "one ", "unsaved ", "note")
OPENS: tuple[dict[str, Any], ...] = ({"open": ["mousepad", "note.txt"]}, {"focus": "note.txt"})
SAVES: tuple[dict[str, Any], ...] = (
    {"press": "ctrl+s"},
    {"wait_for": {"role": "frame", "name": "*", "exact": False, "state": "gone"}},
)
NOTE = {"note": {"path": "~/note.txt"}}
PATIENCE_S = 120


def agent(index: int, mode: str) -> dict[str, Any]:
    """The first opens the editor, each types a word, and the last saves. On a fresh desktop all open one."""
    steps: list[dict[str, Any]] = [{"focus": "note.txt"}] if mode == "transfer" and index else list(OPENS)
    steps += [{"press": "ctrl+End"}, {"type": WORDS[index]}]
    one: dict[str, Any] = {
        "id": f"t{index}",
        "instruction": f"Add the word '{WORDS[index]}'.",
        "desktop": {"image": "slim", "screen": {"width": 1024, "height": 768}},
    }
    if index:
        one |= {"after": [f"t{index - 1}"], "handoffs": {f"t{index - 1}": {"mode": mode}}}
    if index == len(WORDS) - 1:
        steps += SAVES
        whole = {"check": "text", "path": "~/note.txt", "contains": ["".join(WORDS)]}
        one |= {"outputs": NOTE, "checks": [whole]}
    return one | {"agent": {"kind": "script", "steps": steps}}


async def run(home: Path, folder: Path, backend: str, mode: str, lab: Laboratory) -> RunState:
    tasks = [agent(index, mode) for index in range(len(WORDS))]
    return await run_tasks(home, folder, backend, tasks, lab)


async def run_tasks(
    home: Path, folder: Path, backend: str, tasks: Sequence[dict[str, Any]], lab: Laboratory
) -> RunState:
    summary = await run_swarm(
        swarm(*tasks), folder, home, backend=backend, on_event=lambda record, _: lab.records.append(record)
    )
    assert list(violations(record.event for record in lab.records)) == []
    return lab.read(summary.run)


async def test_an_unsaved_document_survives_five_agents(home: Path, tmp_path: Path, backend: str) -> None:
    lab = Laboratory(home, tmp_path)
    state = await run(home, tmp_path, backend, "transfer", lab)
    assert {name: (one.status, one.reason) for name, one in state.tasks.items()} == {
        f"t{index}": ("succeeded", "") for index in range(5)
    }
    leases = [record.event for record in lab.records if isinstance(record.event, DesktopLeased)]
    assert len({lease.desktop for lease in leases}) == 1
    assert [lease.epoch for lease in leases] == [1, 3, 5, 7, 9]


def looker(index: int, last: int) -> dict[str, Any]:
    """The first opens a window that waits for an answer, each looks at it, and the last answers. Programs of
    little weight, as the machine may be emulated."""
    answered = "echo answered > note.txt; xmessage -title saved saved"
    steps: list[dict[str, Any]] = [{"focus": {"title": "question", "timeout": PATIENCE_S}}]
    if index == 0:
        ask = f"xmessage -title question -default okay Well? && {{ {answered}; }}"
        steps.insert(0, {"open": ["sh", "-c", ask]})
    one: dict[str, Any] = {"id": f"t{index}", "instruction": "Look.", "desktop": {"image": "slim"}}
    if index:
        one |= {"after": [f"t{index - 1}"], "handoffs": {f"t{index - 1}": {"mode": "fork"}}}
    if index == last:
        steps += [{"press": "Return"}, {"focus": {"title": "saved", "timeout": PATIENCE_S}}]
        check = {"check": "text", "path": "~/note.txt", "equals": "answered\n"}
        one |= {"outputs": NOTE, "checks": [check]}
    return one | {"agent": {"kind": "script", "steps": steps}}


@pytest.mark.libvirt
async def test_what_runs_is_in_the_copies_of_virtual_machines(
    home: Path, tmp_path: Path, needs_image: Callable[[str], None]
) -> None:
    """Five agents, each on a copy of the machine of the one before, made while it runs."""
    needs_image("slim")
    try:
        await load_backend("libvirt", home).check()
    except BackendUnavailable as error:
        lacking(f"libvirt: {error}")
    lab, tasks = Laboratory(home, tmp_path), [looker(index, 4) for index in range(5)]
    state = await run_tasks(home, tmp_path, "libvirt", tasks, lab)
    assert {name: (one.status, one.reason) for name, one in state.tasks.items()} == {
        f"t{index}": ("succeeded", "") for index in range(5)
    }
    handed = [record.event for record in lab.records if isinstance(record.event, DesktopHandedOver)]
    desktops = [one.attempts[0].desktop for one in state.tasks.values()]
    assert [(one.fork_of, one.desktop) for one in handed] == list(pairwise(desktops))


async def test_on_fresh_desktops_it_does_not_and_the_contract_says_so(
    home: Path, tmp_path: Path, backend: str
) -> None:
    lab = Laboratory(home, tmp_path)
    state = await run(home, tmp_path, backend, "fresh", lab)
    last = state.tasks["t4"].attempts[-1]
    assert (last.failure, last.cause) == ("contract", "check")
    assert "note" in last.reason
    assert len({one.attempts[0].desktop for one in state.tasks.values()}) == 5


async def test_the_old_handle_is_fenced_off(host: Host, backend: str) -> None:
    spec = DesktopSpec(image="slim")
    first = await host.start(spec, backend=backend, holder="a")
    async with first, await first.hand_over("b") as second:
        with pytest.raises(StaleLease, match="handed over to b"):
            await first.press("a")
        with pytest.raises(StaleLease):
            await first.stop()
        await second.press("a")
