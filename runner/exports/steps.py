"""From a recorded session to the steps of a script: what was done, told so that it can be done again.

A point becomes the locator of what was there, where the tree has one. Agents look between their actions and
go on when they see what they need; a script waits for that: for the window, or the object with the keyboard,
that the recorded action had before it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import zip_longest

from runner.actions import Action, Click, Drag, Fill, Focus, Hover, Press, Scroll, Target, Type, WaitFor
from runner.agents.base import Act, Done
from runner.artifacts import ArtifactStore
from runner.checkpoints import Checkpoint, Executed
from runner.exports.recording import Recording
from runner.locating import find, locator_at, locator_of, node_at
from runner.replay.describe import describe
from runner.trees import read_tree
from sandboxes.guest.protocol import Node, Window
from sandboxes.observation import UiTree
from sandboxes.spec import Screen
from sandboxes.ui_state import active_element

PATIENCE_S = 300.0
"""How long a script waits at most for anything: other machines are slower, and agents were patient."""

_ENTRIES = frozenset({"entry", "password text"})
_TYPED_INTO = _ENTRIES | {"text", "paragraph", "terminal", "spin button", "combo box"}
# A click there, or text without Return, opens and closes nothing: what was seen before it still holds.
_STAYING = _TYPED_INTO | {"check box", "radio button"}


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """`note` is what the agent said; `was` is what was recorded, in words, where that is not the action."""

    action: Action
    note: str = ""
    was: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What people have to know of a script: a step, from 0, and what of it is not as they would wish."""

    step: int
    what: str


@dataclass(slots=True)
class Script:
    """`fixed` are points that stayed points, `left_out` what was tried and failed."""

    steps: list[ScriptStep] = field(default_factory=list)
    located: int = 0
    fixed: list[Told] = field(default_factory=list)
    left_out: list[Told] = field(default_factory=list)


def script_of(recording: Recording, store: ArtifactStore) -> Script:
    """The session as a script. Raises InfraError where the record cannot be read."""
    writer = _Writer(store)
    chain = recording.checkpoints
    for place, (checkpoint, following) in enumerate(zip_longest(chain, chain[1:])):
        writer.take(place, checkpoint, following.executed if following else ())
    return writer.script


@dataclass(slots=True)
class _Look:
    """What the agent saw before it decided; `place` is the checkpoint's in the recording, from 0."""

    place: int
    checkpoint: Checkpoint
    tree: UiTree

    @property
    def screen(self) -> Screen:
        return Screen(width=self.checkpoint.screen.width, height=self.checkpoint.screen.height)

    @property
    def window(self) -> Window | None:
        return next((window for window in self.checkpoint.screen.windows if window.focused), None)

    @property
    def title(self) -> str:
        """Of the window that has the keyboard; without the star of what is not saved."""
        return self.window.title.strip().lstrip("*") if self.window else ""

    @property
    def keyboard(self) -> Node | None:
        return active_element(self.tree.nodes)


class _Writer:
    """Goes through the checkpoints of a session, in order."""

    def __init__(self, store: ArtifactStore) -> None:
        self.script = Script()
        self._store = store
        self._before: _Look | None = None

    def take(self, place: int, checkpoint: Checkpoint, following: tuple[Executed, ...]) -> None:
        """`following` is what was done at the next checkpoint."""
        look = _Look(place, checkpoint, read_tree(self._store, checkpoint.screen.tree))
        executed = checkpoint.executed
        if isinstance(checkpoint.decision, Done):
            self._wait_for_the_end(look)
        stale, count = False, len(self.script.steps)
        for done, after in zip_longest(executed, (*executed[1:], *following[:1])[: len(executed)]):
            if not done.ok:
                self.script.left_out.append(Told(place, f"{describe(done.action)}: {done.error}"))
                continue
            if _only_looks(look, done.action):
                continue
            if done is executed[0]:
                self._wait(look, done.action)
            self._add(look, done, after, stale)
            stale = stale or _may_change_the_screen(look, done)
        if len(self.script.steps) > count:
            self._before = look

    def _add(self, look: _Look, done: Executed, after: Executed | None, stale: bool) -> None:
        """`stale`: what was seen may not be what was there any more."""
        decision = look.checkpoint.decision
        recorded = _patient(done.action)
        action = recorded if stale else _patient(_aimed_anew(done.action, after, look))
        if _has_point(action):
            why = "the screen had changed since it was last seen" if stale else "no object tells that place"
            self.script.fixed.append(Told(look.place, f"{describe(done.action)}: {why}"))
        elif _has_point(recorded):
            self.script.located += 1
        note = decision.note if isinstance(decision, Act) and done is look.checkpoint.executed[0] else ""
        was = describe(done.action) if action != recorded else ""
        self.script.steps.append(ScriptStep(action, note, was))

    def _wait(self, look: _Look, action: Action) -> None:
        """Before input that does not itself wait for what it needs."""
        if not isinstance(action, Type | Press) and not _has_point(action):
            return
        if look.title and (self._before is None or look.title != self._before.title):
            self._wait_for_window(look)
        if isinstance(action, Type | Press):
            self._wait_for_keyboard(look)

    def _wait_for_window(self, look: _Look) -> None:
        last = self.script.steps[-1].action if self.script.steps else None
        if not (isinstance(last, Focus) and last.title in look.title):
            self._insert(Focus(do="focus", title=look.title, timeout=PATIENCE_S))

    def _wait_for_keyboard(self, look: _Look) -> None:
        """For an object one types into, where it was another, or none, when the agent last looked."""
        node, before = look.keyboard, self._before.keyboard if self._before else None
        if node is None or node.role not in _TYPED_INTO or (before is not None and before.id == node.id):
            return
        what = Target(role=node.role, name=node.name or None, app=node.app or None, states=("focused",))
        self._wait_until(look, node, what)

    def _wait_for_the_end(self, look: _Look) -> None:
        """The agent was done when it saw this: where the window's title tells, so is the script."""
        node = _window_node(look)
        if node is not None and self._before is not None:
            self._wait_until(look, node, Target(role=node.role, name=node.name, app=node.app or None))

    def _wait_until(self, look: _Look, node: Node, target: Target) -> None:
        """Where that tells it from what was there before, and from all else that is there now."""
        before = self._before
        there_before = before is not None and find(target, before.tree.nodes, before.screen) is not None
        if not there_before and find(target, look.tree.nodes, look.screen) is node:
            waits = target.model_copy(update={"timeout": PATIENCE_S})
            self._insert(WaitFor(do="wait_for", target=waits))

    def _insert(self, action: Action) -> None:
        if not self.script.steps or self.script.steps[-1].action != action:
            self.script.steps.append(ScriptStep(action))


def _window_node(look: _Look) -> Node | None:
    """The object of the window that has the keyboard, where it has a title."""
    title = look.window.title if look.window else ""
    windows = (node for node in look.tree.nodes if node.name == title and "active" in node.states)
    return next(windows, None) if title.strip() else None


def _targets(action: Action) -> tuple[Target, ...]:
    match action:
        case Drag():
            return action.start, action.end
        case Click() | Hover() | Scroll() | Fill() | WaitFor():
            return (action.target,)
        case _:
            return ()


def _only_looks(look: _Look, action: Action) -> bool:
    """Agents that only see pixels wait so: the pointer stays where it is."""
    return isinstance(action, Hover) and action.target.at == look.checkpoint.screen.cursor


def _has_point(action: Action) -> bool:
    return any(target.at is not None for target in _targets(action))


def _aimed_anew(action: Action, after: Executed | None, look: _Look) -> Action:
    """The action with locators in place of its points, as far as there are any."""
    match action:
        case Drag():
            start, end = _located(action.start, look), _located(action.end, look)
            return action.model_copy(update={"start": start, "end": end})
        case Click():
            free = _ENTRIES if action.do == "triple_click" else _TYPED_INTO if _selects_all(after) else ()
            return action.model_copy(update={"target": _located(action.target, look, free)})
        case Hover() | Scroll() | Fill():
            return action.model_copy(update={"target": _located(action.target, look, _TYPED_INTO)})
        case _:
            return action


def _located(target: Target, look: _Look, free: Collection[str] = ()) -> Target:
    """`free`: the roles of objects within which it does not matter where input goes."""
    nodes, windows = look.tree.nodes, look.checkpoint.screen.windows
    if target.at is None:
        return target
    index = node_at(target.at, nodes, windows)
    if index is not None and nodes[index].role in free:
        return locator_of(index, nodes, look.screen) or target
    return locator_at(target.at, nodes, windows, look.screen) or target


def _selects_all(done: Executed | None) -> bool:
    return done is not None and isinstance(done.action, Press) and done.action.keys == "ctrl+a"


def _may_change_the_screen(look: _Look, done: Executed) -> bool:
    match done.action:
        case Hover():
            return False
        case Type() as action:
            return not action.text.isprintable()
        case Press() as action:
            return action.keys not in ("ctrl+a", "End", "Home", "BackSpace", "Delete")
        case Click() | Fill():
            hit = [node_at(at, look.tree.nodes, look.checkpoint.screen.windows) for at in done.points]
            return not all(index is not None and look.tree.nodes[index].role in _STAYING for index in hit)
        case _:
            return True


def _patient(action: Action) -> Action:
    """With time for slow machines to show what is waited for."""
    match action:
        case Focus():
            return action.model_copy(update={"timeout": max(action.timeout, PATIENCE_S)})
        case Drag():
            return action.model_copy(update={"start": _waits(action.start), "end": _waits(action.end)})
        case Click() | Hover() | Scroll() | Fill() | WaitFor():
            return action.model_copy(update={"target": _waits(action.target)})
        case _:
            return action


def _waits(target: Target) -> Target:
    if target.at is not None:
        return target
    return target.model_copy(update={"timeout": max(target.timeout, PATIENCE_S)})
