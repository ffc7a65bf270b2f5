"""Accessible objects on the screen."""

from __future__ import annotations

from runner.checks.result import CheckResult, failed, passed
from runner.checks.spec import Tree
from sandboxes.observation import UiTree
from sandboxes.query import Query
from sandboxes.spec import Screen

_ANY_SCREEN = Screen(width=7680, height=4320)


def judge_tree(check: Tree, tree: UiTree) -> CheckResult:
    """Whether an object is showing, or is not; with `nth`, whether so many are."""
    target = check.target
    query = Query(target.role, target.name, target.text, target.app, frozenset(target.states), target.exact)
    matches = len(query.find(tree.nodes, _ANY_SCREEN))
    is_there = matches > (target.nth or 0)
    found = f"found {matches}" if matches else "found none"
    if not matches and (near := query.near(tree.nodes)):
        found += f", but {', '.join(near)}"
    if tree.cut:
        found += f" (not all was read: {', '.join(f'{app}: {why}' for app, why in tree.cut.items())})"
    expected = f"expected {'no ' if not check.present else ''}{query} on the screen"
    ruling = passed if is_there is check.present else failed
    return ruling(f"{expected}, {found}", matches=matches)
