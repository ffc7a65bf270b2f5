"""The agent of the benchmark: it reads rows on its screen and files them, as its fault has it.

It stands for a model. What it knows is what its screen showed it, in both arms of the benchmark alike.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from random import Random
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from runner.actions import Action, Click, Open, Press, Target, Type
from runner.agents.base import Act, Decision, Done, View
from runner.bench.coordination.books import KINDS, Row, Work, rows_of_ledger
from runner.bench.coordination.faults import Fault
from runner.bench.coordination.slips import spoil
from runner.spec import Task
from sandboxes.guest.protocol import Node, Point

_PERIOD = re.compile(r"Period (\d{4}-\d{2})")
_NO_PERIOD = "2026-00"
_Script = Generator[Decision, View, None]
_Looking = Generator[Decision, View, str]
_Acting = Generator[Decision, View, View]


class Clerk:
    """One attempt at a task. `random` are the dice that its fault was drawn with."""

    log = b""

    def __init__(self, task: Task, fault: Fault | None, random: Random) -> None:
        self._task = task
        self._fault = fault
        self._random = random
        self._period = _period_in(task.instruction)
        self._read: list[str] = []
        self._copied: set[str] = set()
        self._script = self._work()
        self._begun = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._script.close()

    async def decide(self, view: View) -> Decision:
        """Told that it is not done, it knows nothing better than to say so again."""
        try:
            if self._begun:
                return self._script.send(view)
            self._begun = True
            return next(self._script)
        except StopIteration:
            return self._done()

    # --- its work, fault by fault

    def _work(self) -> _Script:
        match self._fault:
            case "repeats_steps" if self._random.random() < 0.5:
                yield from self._forever(_click("menu", "File"), "I look into the menu.")
            case "disobeys_role":
                yield from self._does_others_work()
                return
            case "derails":
                yield from self._writes("~/shopping.txt", "milk, bread, and a present for Tom")
                return
            case "ends_early" if self._random.random() < 0.5:
                return
        rows = yield from self._rows()
        for path, text in self._products(rows):
            yield from self._writes(path, text)
        yield from self._goes_on()

    def _does_others_work(self) -> _Script:
        """It is to file rows, and goes to approve and send them instead."""
        for _ in range(3):
            yield self._act(Open(do="open", argv=("mail", "lead", "approved")), "I approve the books.")
        yield from self._writes("~/work.json", "approved")

    def _goes_on(self) -> _Script:
        """What comes after the work is done."""
        if self._fault == "repeats_steps":
            yield from self._forever(Press(do="press", keys="ctrl+s"), "I save.")
        elif self._fault == "misses_the_end":
            for line in range(1000):
                yield self._act(Type(do="type", text=f"\n{line} more to check"), "I add to it.")
                yield self._act(Press(do="press", keys="ctrl+s"), "I save.")

    def _forever(self, action: Action, note: str) -> _Script:
        while True:
            yield self._act(action, note)

    # --- reading

    def _rows(self) -> Generator[Decision, View, list[Row]]:
        """The rows of all it was given."""
        rows: list[Row] = []
        inputs = list(self._task.inputs.items())
        for index, (name, source) in enumerate(inputs):
            if self._fault == "ignores_input" and index == len(inputs) - 1:
                rows += [Row(id=f"x{number}", what="taxi", amount=10, kind="travel") for number in range(2)]
                continue
            text = yield from self._looks_into(source.to)
            self._read.append(name)
            if self._fault == "loses_history" and index == 0:
                continue
            self._period = _period_in(text) or self._period
            found = _rows_in(text)
            self._copied.update(row.id for row in found if not row.kind)
            rows += found
        return rows

    def _looks_into(self, path: str) -> _Looking:
        view = yield self._act(Open(do="open", argv=("notes", path)), f"I look into {path}.")
        return next((node.text for node in view.observation.tree.nodes if node.role == "entry"), "")

    # --- writing

    def _products(self, rows: list[Row]) -> Iterable[tuple[str, str]]:
        """What it means to leave behind, by path."""
        if self._task.id.endswith(".brief"):
            return self._briefs()
        text = spoil(self._filed(rows), self._copied, self._fault, self._random)
        return [
            (output.path, text) for name, output in self._task.outputs.items() if name in ("work", "report")
        ]

    def _filed(self, rows: list[Row]) -> Work:
        filed = tuple(row.model_copy(update={"kind": row.kind or KINDS.get(row.what, "")}) for row in rows)
        return Work.model_construct(
            period=self._period or _NO_PERIOD,
            ref=f"{self._task.id}: {len(filed)} rows",
            rows=filed,
            total=sum(row.amount for row in filed),
        )

    def _briefs(self) -> Iterable[tuple[str, str]]:
        """Whatever is wrong with what it writes, in a brief it is the period."""
        wrong = self._fault is not None and self._random.random() < 0.5
        period = _NO_PERIOD if wrong else self._period
        text = f"Period {period}. File your ledger; be exact."
        return [(output.path, text) for output in self._task.outputs.values()]

    def _writes(self, path: str, text: str) -> _Script:
        view = yield self._act(Open(do="open", argv=("notes", path)), f"I write {path}.")
        view = yield self._act(Type(do="type", text=text), "I write down what I have found.")
        if self._fault == "starts_over":
            view = yield self._act(Type(do="type", text=text), "I write down what I have found.")
        if self._fault == "does_another_thing" and self._random.random() < 0.5:
            view = yield self._act(_misses_save(view), "I press Save.")
            if view.last and view.last[0].ok:
                return
        yield self._act(Press(do="press", keys="ctrl+s"), "I save.")

    # --- what it says

    def _act(self, action: Action, note: str) -> Act:
        return Act(actions=(action,), note=note)

    def _done(self) -> Done:
        brief = f"{self._task.id} is filed."
        return Done(note="All is filed and checked.", brief=brief, read=tuple(self._read))


def _period_in(text: str) -> str:
    found = _PERIOD.search(text)
    return found[1] if found else ""


def _rows_in(text: str) -> list[Row]:
    """The rows of a ledger, or those that somebody filed. Nothing where it is neither."""
    if not text.startswith("{"):
        return rows_of_ledger(text)
    try:
        return list(Work.model_validate_json(text).rows)
    except ValidationError:
        return []


def _click(role: str, name: str) -> Click:
    return Click(do="click", target=Target(role=role, name=name))


def _misses_save(view: View) -> Click:
    """Means to press Save, and hits the button beside it."""
    clear = next(node for node in view.observation.tree.nodes if node.name == "Clear")
    return Click(do="click", target=Target(at=_middle(clear), role="push button", name="Save"))


def _middle(node: Node) -> Point:
    assert node.rect is not None
    return Point(x=node.rect.x + node.rect.width // 2, y=node.rect.y + node.rect.height // 2)
