"""From an object in a recorded tree to the locator that finds it again, and back.

A locator is a `Target` without a point: what scripts write and `desktop.locator` takes. It clicks the centre
of what it finds, so where it matters at which place in an object input went, there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.actions import Target
from runner.monitors.under import under
from sandboxes.guest.protocol import Node, Point, Rect, Window
from sandboxes.query import Query, visible_part
from sandboxes.spec import Screen

_WIDGETS = frozenset(
    {
        "button", "push button", "toggle button", "radio button", "check box", "combo box", "switch", "entry",
        "password text", "text", "spin button", "link", "menu", "menu item", "check menu item",
        "radio menu item", "page tab", "list item", "tree item", "table cell", "table column header",
        "column header", "icon",
    }
)  # fmt: skip
_PASSIVE = frozenset({"label", "static", "heading", "image", "paragraph"})
_MENUS = frozenset({"menu item", "check menu item", "radio menu item"})
# What is clicked at a certain place: where the caret goes, or up and not down.
_BY_PLACE = frozenset({"entry", "password text", "text", "paragraph", "spin button"})
_MAX_TEXT = 200


def locator_at(at: Point, nodes: Sequence[Node], windows: Sequence[Window], screen: Screen) -> Target | None:
    """What to write in place of a point; None where only the point will do."""
    index = node_at(at, nodes, windows)
    if index is None or _place_matters(nodes[index]):
        return None
    part = visible_part(nodes[index], screen)
    if part is None or node_at(part.center, nodes, windows) != index:
        return None
    return locator_of(index, nodes, screen)


def locator_of(index: int, nodes: Sequence[Node], screen: Screen) -> Target | None:
    """The shortest locator that finds this object and no other; None where there is none."""
    for target in _candidates(nodes[index], nodes, screen):
        if find(target, nodes, screen) is nodes[index]:
            return target
    return None


def node_at(at: Point, nodes: Sequence[Node], windows: Sequence[Window]) -> int | None:
    """The index of the object that input at this point goes to, as far as the tree tells.

    None where that is a mere container, as a frame or a canvas, or where something else may lie over it.
    """
    hit = {id(node) for node in under(at, windows, nodes).nodes}
    there = [index for index, node in enumerate(nodes) if id(node) in hit]
    for index in there:
        # Nothing lies over a menu bar. LibreOffice says otherwise: that its tool bars begin where that does.
        if nodes[index].role == "menu" and _is_in_menu_bar(index, there, nodes):
            return index
    for roles in (_MENUS, _WIDGETS, _PASSIVE):
        known = [index for index in there if nodes[index].role in roles]
        if known:
            best = min(known, key=lambda index: (_area(nodes[index]), -index))
            return best if roles is _MENUS or _on_top(best, there, nodes) else None
    return None


def find(target: Target, nodes: Sequence[Node], screen: Screen) -> Node | None:
    """The one object a locator finds, by the rules of `sandboxes.locator`."""
    query = _query(target)
    if target.nth is not None:
        matches = query.find(nodes, screen)[target.nth : target.nth + 1]
    else:
        matches = query.choose(nodes, screen)
    return matches[0].node if len(matches) == 1 else None


def _is_in_menu_bar(index: int, there: Sequence[int], nodes: Sequence[Node]) -> bool:
    """In one that is there: LibreOffice publishes another, which has no place on the screen."""
    parent = nodes[index].parent
    return parent is not None and parent in there and nodes[parent].role == "menu bar"


def _candidates(node: Node, nodes: Sequence[Node], screen: Screen) -> Iterator[Target]:
    """From the plainest to those that need a number."""
    what = {"role": node.role} | _words(node)
    for scope in ({}, {"app": node.app} if node.app else {}):
        yield Target(**what, **scope)
    same = _query(Target(**what, app=node.app or None)).find(nodes, screen)
    number = next((place for place, match in enumerate(same) if match.node is node), None)
    if number is not None:
        yield Target(**what, app=node.app or None, nth=number)


def _words(node: Node) -> dict[str, str]:
    """What is said of an object beside its role; not what was typed into it."""
    if node.name.strip():
        return {"name": node.name}
    if node.text.strip() and len(node.text) <= _MAX_TEXT and "editable" not in node.states:
        return {"text": node.text}
    return {}


def _query(target: Target) -> Query:
    return Query(target.role, target.name, target.text, target.app, frozenset(target.states), target.exact)


def _place_matters(node: Node) -> bool:
    return node.role in _BY_PLACE and (node.role == "spin button" or bool(node.text.strip()))


def _on_top(index: int, there: Sequence[int], nodes: Sequence[Node]) -> bool:
    """Whether whatever else is there, and no larger, is a part of it: else that may be what input goes to."""
    area = _area(nodes[index])
    return all(
        index in _line(other, nodes) or other in _line(index, nodes)
        for other in there
        if _area(nodes[other]) <= area
    )


def _line(index: int, nodes: Sequence[Node]) -> Iterator[int]:
    """An object and all it is inside of."""
    place: int | None = index
    while place is not None:
        yield place
        place = nodes[place].parent


def _area(node: Node) -> int:
    rect = node.rect or Rect(x=0, y=0, width=0, height=0)
    return rect.width * rect.height
