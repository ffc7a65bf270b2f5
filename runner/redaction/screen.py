"""What may be kept of a screen: the frame with rectangles blacked out, the tree without what they hide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from runner.redaction.masking import Masking
from runner.redaction.secrets import NO_SECRETS, Secrets
from runner.redaction.spec import Area, Objects, Region
from sandboxes.errors import InputError
from sandboxes.frame import Frame
from sandboxes.guest.protocol import Node, Rect, Window
from sandboxes.observation import Observation, UiTree
from sandboxes.ui_state import active_element

PASSWORD = "password text"
_ECHOES = frozenset({"terminal"})  # shows what is typed as text, or not at all
_BLACK = 0
_MARGIN = 2  # pixels by which glyphs may stick out of their object
_MAY_BE_CUT = 1800
"""Characters of a text from which on it may be only a part: a desktop tells the first 2000 of each."""


@dataclass(slots=True)
class Hidden:
    """Where on one desktop secrets were typed: windows that do not tell what they show, and fields that may
    still hold a part of one; both by id."""

    windows: set[int] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)

    def copy(self) -> Hidden:
        """For who takes the desktop on, or a copy of it."""
        return Hidden(set(self.windows), set(self.watched))


class Redaction:
    """What one attempt must not leave on disk. Password fields are always hidden; the rest is as asked for.

    `may_use` are the secrets its task may type; `hidden` is what is known of its desktop. The agent sees the
    screen as it is: only copies are changed.
    """

    def __init__(
        self,
        secrets: Secrets = NO_SECRETS,
        may_use: Iterable[str] = (),
        regions: Sequence[Region] = (),
        hidden: Hidden | None = None,
    ) -> None:
        self.secrets = secrets
        self.masking = Masking(secrets)
        self._may_use = frozenset(may_use)
        self._areas = [region for region in regions if isinstance(region, Area)]
        self._queries = [region.query for region in regions if isinstance(region, Objects)]
        self.blind = False
        """A secret is being typed; until it is known where it went, nothing of the screen is kept."""
        self._hidden = hidden or Hidden()

    def reveal(self, name: str) -> str:
        """The value of a secret that is typed now. Raises InputError for one the task may not use."""
        if name not in self._may_use:
            raise InputError(f"secret: the task may not use {name!r}; its `secrets` list those it may")
        value = self.secrets.value(name)
        self.blind = True
        return value

    def arrived(self, seen: Observation) -> bool:
        """Whether the secret that was typed shows whole in the field that has the keyboard, or never will."""
        target = active_element(seen.tree.nodes)
        return target is not None and (target.role == PASSWORD or self._shows_in(target, seen.tree.nodes))

    def typed(self, seen: Observation) -> None:
        """A secret was typed, and this is the screen after it."""
        target = active_element(seen.tree.nodes)
        self.blind = False
        if target is not None:
            self._hidden.watched.add(target.id)
        if not self.arrived(seen) and (target is None or target.role not in _ECHOES):
            focused = {window.id for window in seen.windows if window.focused}
            self._hidden.windows |= focused
            self.blind = not focused

    def screen(self, seen: Observation) -> Observation:
        """The observation as it may be kept; the same object where there is nothing to hide."""
        if self.blind:
            nothing = UiTree((), {"": "a secret was being typed"})
            return self._kept(seen, [_whole(seen)], nothing)
        tree, hidden = self._tree(seen)
        hidden += [Rect.model_validate(area.model_dump()) for area in self._areas]
        hidden += [window.frame for window in _on_screen(seen) if window.id in self._hidden.windows]
        if self._cannot_tell(seen):
            hidden = [_whole(seen)]
        if not hidden and tree is seen.tree:
            return seen
        return self._kept(seen, hidden, tree)

    def _kept(self, seen: Observation, hidden: Sequence[Rect], tree: UiTree) -> Observation:
        shot = replace(seen.screenshot, frame=_covered(seen.screenshot.frame, hidden))
        return replace(seen, screenshot=shot, tree=tree, windows=self.masking.value(seen.windows))

    def _cannot_tell(self, seen: Observation) -> bool:
        """Whether a secret may show where no object says so: in a title, or in what could not be read."""
        if not self.secrets:
            return False
        return bool(seen.tree.cut) or any(self.secrets.show_in(window.title) for window in seen.windows)

    def _shows_in(self, target: Node, nodes: Sequence[Node]) -> bool:
        """Whether a secret shows in an object, or in one of those in it."""
        inside: set[int | None] = set()
        for index, node in enumerate(nodes):
            if node is target or node.parent in inside:
                inside.add(index)
                if self.secrets.show_in(node.text) or self.secrets.show_in(node.name):
                    return True
        return False

    def _tree(self, seen: Observation) -> tuple[UiTree, list[Rect]]:
        """The tree as it may be kept, and where what is missing from it lies on the screen."""
        tree = seen.tree
        blank = self._blank(tree.nodes)
        if not (blank or self.secrets):
            return tree, []
        around = _around(blank, tree.nodes)
        nodes: list[Node] = []
        hidden: list[Rect] = []
        for index, node in enumerate(tree.nodes):
            kept = self._masked(node)
            if kept is not node or self._has_a_part(node):
                hidden += _windows_of(index, seen)  # where else in it the text shows, nobody says
            elif index in blank and node.rect is not None:
                hidden += [node.rect] if _is_in_place(index, tree.nodes) else _windows_of(index, seen)
            kept = self._bared(kept) if index in blank else kept
            # A text holds those of the objects in it.
            nodes.append(kept.model_copy(update={"text": ""}) if kept.text and index in around else kept)
        cut = self.masking.value(tree.cut)
        same = cut is tree.cut and all(new is old for new, old in zip(nodes, tree.nodes, strict=True))
        return tree if same else UiTree(tuple(nodes), cut), hidden

    def _bared(self, node: Node) -> Node:
        if node.role == PASSWORD and not any(query.matches(node) for query in self._queries):
            return _without_value(node)
        return _without_text(node)

    def _masked(self, node: Node) -> Node:
        said = [node.name, node.text, node.address, *(text for pair in node.attributes for text in pair)]
        if not self.secrets.may_show_in("\n".join(said)):  # which is so of nearly all, and quickly found
            return node
        masked = self.masking.model(node)
        # What is still there is broken over lines, and goes as a whole.
        broken = self.secrets.show_in(masked.text) or self.secrets.show_in(masked.name)
        return _without_text(node) if broken else masked

    def _blank(self, nodes: Sequence[Node]) -> set[int]:
        """The objects of which no text is kept, with all that is in them."""
        blank: set[int] = set()
        for index, node in enumerate(nodes):
            if node.parent in blank or self._is_blank(node):
                blank.add(index)
        if self._areas:
            parents = {node.parent for node in nodes}
            blank.update(
                index for index, node in enumerate(nodes) if self._is_in_area(node, leaf=index not in parents)
            )
        return blank

    def _is_blank(self, node: Node) -> bool:
        if node.role == PASSWORD or any(query.matches(node) for query in self._queries):
            return True
        return bool(self.secrets) and (len(node.text) >= _MAY_BE_CUT or self._has_a_part(node))

    def _has_a_part(self, node: Node) -> bool:
        """Whether a field in which a secret was typed shows the beginning or the end of one."""
        watched = node.id in self._hidden.watched and node.role != PASSWORD
        return watched and self.secrets.show_partly_in(self.secrets.mask(node.text))

    def _is_in_area(self, node: Node, *, leaf: bool) -> bool:
        """All that lies within an area, and the smallest objects that reach into it."""
        rect = node.rect
        return rect is not None and any(
            _within(rect, area) or (leaf and _overlaps(rect, area)) for area in self._areas
        )


def _around(inner: Iterable[int], nodes: Sequence[Node]) -> set[int]:
    """The objects that these are in."""
    found: set[int] = set()
    for index in inner:
        parent = nodes[index].parent
        while parent is not None and parent not in found:
            found.add(parent)
            parent = nodes[parent].parent
    return found


def _without_text(node: Node) -> Node:
    """What kind of object it is and where: nothing of what it says, nor how long that is."""
    bare = {"name": "", "text": "", "address": "", "attributes": (), "range": None, "actions": ()}
    return node.model_copy(update=bare)


def _without_value(node: Node) -> Node:
    """A password field keeps its name, by which people and scripts find it."""
    return _without_text(node).model_copy(update={"name": node.name})


def _windows_of(index: int, seen: Observation) -> list[Rect]:
    """The windows that an object is in, or may be in; all of the screen where nobody knows."""
    nodes = seen.tree.nodes
    top = nodes[index]
    while top.parent is not None and nodes[top.parent].parent is not None:
        top = nodes[top.parent]
    named = [window.frame for window in _on_screen(seen) if top.name and window.title == top.name]
    if named or top.rect is None:
        return named or [_whole(seen)]
    reach = Area(
        x=max(top.rect.x, 0), y=max(top.rect.y, 0), width=top.rect.width or 1, height=top.rect.height or 1
    )
    return [top.rect, *(window.frame for window in _on_screen(seen) if _overlaps(window.frame, reach))]


def _on_screen(seen: Observation) -> list[Window]:
    return [window for window in seen.windows if not window.minimized]


def _is_in_place(index: int, nodes: Sequence[Node]) -> bool:
    """Whether its place can be believed. LibreOffice leaves the menu bar out: what lies below is said to lie
    above, which shows in an object that is as large as the one it is in and lies elsewhere."""
    node = nodes[index]
    while node.parent is not None:
        inner, node = node.rect, nodes[node.parent]
        if (
            inner is not None
            and node.rect is not None
            and inner != node.rect
            and _size(inner) == _size(node.rect)
        ):
            return False
    return True


def _size(rect: Rect) -> tuple[int, int]:
    return rect.width, rect.height


def _covered(frame: Frame, places: Sequence[Rect]) -> Frame:
    """A copy with these rectangles, a little larger, in one colour."""
    if not places:
        return frame
    pixels = frame.pixels.copy()
    for place in places:
        left, top = max(place.x - _MARGIN, 0), max(place.y - _MARGIN, 0)
        right, bottom = place.x + place.width + _MARGIN, place.y + place.height + _MARGIN
        pixels[top : max(bottom, 0), left : max(right, 0)] = np.uint32(_BLACK)
    return Frame(pixels)


def _whole(seen: Observation) -> Rect:
    return Rect(x=0, y=0, width=seen.screenshot.width, height=seen.screenshot.height)


def _within(rect: Rect, area: Area) -> bool:
    return (
        area.x <= rect.x
        and area.y <= rect.y
        and rect.x + rect.width <= area.x + area.width
        and rect.y + rect.height <= area.y + area.height
    )


def _overlaps(rect: Rect, area: Area) -> bool:
    return (
        rect.x < area.x + area.width
        and area.x < rect.x + rect.width
        and rect.y < area.y + area.height
        and area.y < rect.y + rect.height
    )
