"""Near misses of the tasks with the editor, the terminal and the file manager."""

from __future__ import annotations

import pytest

from sandboxes.desktop import Desktop
from tests.deskbench.states import State, passes

pytestmark = pytest.mark.anyio

MEETING = "~/Documents/meeting.txt"
TODO = "~/Documents/todo.txt"
PRICES = "~/Documents/prices.txt"
RUN = "printf '#!/bin/sh\\necho ready\\n' > projects/run.sh"

RIGHT: dict[str, State] = {
    "editor-write": State({MEETING: "Meet at 9:30 in room Köln\n"}),
    "editor-append": State({TODO: "Buy paper\nCall Ada\nBook the hall\nPay the deposit\n"}),
    "editor-replace": State({PRICES: "Tea 4.20 euros\nCoffee 5.10 euros\nJuice 3.80 euros\n"}),
    "terminal-count": State({"~/errors.txt": "22\n"}),
    "terminal-tree": State(
        shell=f"mkdir -p projects/alpha/src projects/beta/src; {RUN}; chmod +x projects/run.sh"
    ),
    "files-new-folder": State(shell="mkdir 'Documents/Invoices 2026'"),
    "files-rename": State(shell="mv Documents/todo-old.txt Documents/archive.txt"),
}
MISSES: dict[str, tuple[str, State]] = {
    "another word": ("editor-write", State({MEETING: "Meet at 9:30 in room Koln\n"})),
    "in another folder": ("editor-write", State({"~/meeting.txt": "Meet at 9:30 in room Köln\n"})),
    "no new line before": (
        "editor-append",
        State({TODO: "Buy paper\nCall Ada\nBook the hallPay the deposit\n"}),
    ),
    "in the other file": (
        "editor-append",
        State({"~/Documents/todo-old.txt": "Buy paper\nCall Bob\nPay the deposit\n"}),
    ),
    "only the first": (
        "editor-replace",
        State({PRICES: "Tea 4.20 euros\nCoffee 5.10 EUR\nJuice 3.80 EUR\n"}),
    ),
    "a count of all": ("terminal-count", State({"~/errors.txt": "200\n"})),
    "more than the number": ("terminal-count", State({"~/errors.txt": "22 access.log\n"})),
    "not executable": ("terminal-tree", State(shell=f"mkdir -p projects/alpha/src projects/beta/src; {RUN}")),
    "one folder of two": (
        "terminal-tree",
        State(shell=f"mkdir -p projects/alpha/src; {RUN}; chmod +x projects/run.sh"),
    ),
    "a file of that name": ("files-new-folder", State({"~/Documents/Invoices 2026": "x"})),
    "a copy": ("files-rename", State(shell="cp Documents/todo-old.txt Documents/archive.txt")),
    "the wrong file": ("files-rename", State(shell="mv Documents/todo.txt Documents/archive.txt")),
}


@pytest.mark.parametrize("task", RIGHT)
async def test_work_done_right_passes(small: Desktop, task: str) -> None:
    assert await passes(small, task, RIGHT[task])


@pytest.mark.parametrize(("task", "state"), MISSES.values(), ids=MISSES)
async def test_a_near_miss_fails(small: Desktop, task: str, state: State) -> None:
    assert not await passes(small, task, state)
