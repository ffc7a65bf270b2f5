"""Screenshots, the accessibility tree and one action, each beside its baseline."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from runner.bench.companion import Companion
from runner.bench.figures import Figure, Goal
from runner.bench.request import Tell
from runner.bench.timing import compare, timed
from sandboxes.desktop import Desktop
from sandboxes.errors import InfraError
from sandboxes.guest.atspi import role_name
from sandboxes.guest.protocol import MAX_TREE_NODES
from sandboxes.observation import UiTree

UNCHANGED = Goal(times=10, at_most=6)
CHANGED = Goal(times=2.5)
TREE = Goal(times=40)
ACTION = Goal(times=50, at_most=5)
# Of the nodes that either way finds, how many both must find with the same role and name.
_SAME = 0.97
_MS = 1000


async def measure_screenshots(desktop: Desktop, companion: Companion, readings: int) -> list[Figure]:
    """Of a screen at rest, and of one of which every pixel has changed; of that also with a PNG made of it,
    as the baseline makes one."""
    shoot, save = timed(desktop.screenshot), companion.screenshot_s

    async def shoot_png() -> bytes:
        return (await desktop.screenshot()).png

    await desktop.settle()
    unchanged = await compare(shoot, save, readings)
    changed = await compare(shoot, save, readings, before=companion.paint)
    as_png = await compare(timed(shoot_png), save, readings, before=companion.paint)
    await companion.clear()
    await desktop.settle()
    return [
        _milliseconds("screenshot_unchanged", unchanged, UNCHANGED),
        _milliseconds("screenshot_changed", changed, CHANGED),
        _milliseconds("screenshot_changed_png", as_png, None),
    ]


async def measure_action(desktop: Desktop, readings: int) -> Figure:
    """The pointer is moved: ours in one request, the baseline by a Python process that lives for it."""
    places = itertools.cycle([(300, 1000), (310, 1010), (320, 1020)])

    async def ours() -> None:
        await desktop.move(*next(places))

    async def baseline() -> None:
        x, y = next(places)
        result = await desktop.exec(["python3", "-c", f"import pyautogui; pyautogui.moveTo({x}, {y})"])
        if result.exit_code != 0:
            raise InfraError(f"the baseline of `action` failed: {result.stderr.decode(errors='replace')}")

    return _milliseconds("action", await compare(timed(ours), timed(baseline), readings), ACTION)


async def measure_trees(desktop: Desktop, companion: Companion, walks: int, tell: Tell) -> list[Figure]:
    """`tree`: all objects and all that OSWorld's tree holds of them; `tree_fresh`: the same where nothing
    said before may be used again; `tree_showing`: what an agent is given.

    A key is typed into the editor before each reading. Raises InfraError where the two ways do not find
    the same objects: then they cannot be compared.
    """

    async def type_key() -> None:
        await desktop.type("x")
        await desktop.settle()

    async def compare_ways(look: Callable[[], Awaitable[UiTree]], **wanted: bool) -> tuple[float, float]:
        walk = partial(companion.walk, **wanted)
        seconds = await compare(timed(look), partial(_walk_s, walk), walks, before=type_key)
        tell(_agreement(await look(), await walk()))
        return seconds

    # A guest may keep what it read, but not for a request with other limits.
    limits = itertools.cycle(range(MAX_TREE_NODES - 100, MAX_TREE_NODES))
    whole = partial(desktop.ui_tree, MAX_TREE_NODES, showing_only=False, details=True)

    async def fresh() -> UiTree:
        return await desktop.ui_tree(next(limits), showing_only=False, details=True)

    return [
        _milliseconds("tree", await compare_ways(whole, showing_only=False, details=True), TREE),
        _milliseconds("tree_fresh", await compare_ways(fresh, showing_only=False, details=True), None),
        _milliseconds(
            "tree_showing", await compare_ways(desktop.ui_tree, showing_only=True, details=False), None
        ),
    ]


async def _walk_s(walk: Callable[[], Awaitable[dict[str, Any]]]) -> float:
    return float((await walk())["seconds"])


def _agreement(tree: UiTree, walk: dict[str, Any]) -> str:
    """What either way finds. Raises InfraError."""
    share = shared(
        Counter((node.role, node.name) for node in tree.nodes),
        Counter((role_name(node["role"]), node["name"].strip()) for node in walk["nodes"]),
    )
    found = (
        f"{len(tree.nodes)} nodes; the walk finds {len(walk['nodes'])} by {walk['calls']} calls;"
        f" {share:.1%} of them are the same"
    )
    if share < _SAME:
        raise InfraError(f"too few to compare: {found}")
    return found


def shared(first: Counter[tuple[str, str]], second: Counter[tuple[str, str]]) -> float:
    """Of all objects in either, the part that is in both."""
    return (first & second).total() / max(1, (first | second).total())


def _milliseconds(name: str, seconds: tuple[float, float], goal: Goal | None) -> Figure:
    ours, baseline = seconds
    return Figure.of(name, "ms", ours * _MS, baseline * _MS, goal)
