"""A tree as text for a model, within a limit of tokens: what shows and can be acted on comes first.

    window "Save As" of mousepad (active)
    [1.12/64] push button "Save" at 812,640
    [1.12/70] entry "Name" = "notes.txt" (focused) at 700,412

A line holds the object's id, what it is, its name, what it holds, its states, and where to click it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandboxes.guest.protocol import Node
from sandboxes.observation import UiTree
from sandboxes.query import visible_part
from sandboxes.spec import Screen


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split("|"))


ACTED_ON = _set(
    "push button|toggle button|radio button|check box|combo box|entry|text|password text|link|menu|"
    "menu item|check menu item|radio menu item|page tab|slider|spin button|list item|tree item|icon|"
    "terminal|push button menu|document web"
)
SAID = _set(
    "active|busy|checked|collapsed|covered|editable|expanded|focused|invalid-entry|modal|pressed|read-only|"
    "required|selected"
)
_MAX_NAME = 80
_MAX_TEXT = 400
_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+|\s{2,}|[^\sA-Za-z0-9]")
_END = "({} more objects left out)"


@dataclass(frozen=True, slots=True)
class TreeText:
    """`tokens` is what the text takes at most; `left_out` objects have found no room in it."""

    text: str
    tokens: int
    left_out: int


def tree_text(tree: UiTree, screen: Screen, max_tokens: int = 4000) -> TreeText:
    """The tree in at most `max_tokens`. First comes what can be acted on in the active window, then in
    others, then what there is to read. Objects that are off the screen, or have nothing to say, have no line.
    """
    lines: list[str] = [f"({app}: {why})" for app, why in tree.cut.items()]
    left = max_tokens - count_tokens(_END) - 4 - sum(map(_line_tokens, lines))
    objects = sorted(_objects(tree.nodes, screen), key=lambda found: found.rank)
    shown, heading = 0, ""
    for found in objects:
        added = [found.line] if found.window == heading else [found.window, found.line]
        cost = sum(map(_line_tokens, added))
        if cost > left:
            break
        lines, left, shown, heading = [*lines, *added], left - cost, shown + 1, found.window
    left_out = len(objects) - shown
    text = "\n".join(lines + [_END.format(left_out)] * bool(left_out))
    return TreeText(text, count_tokens(text), left_out)


def count_tokens(text: str) -> int:
    """More, rather than less, than the tokenizers of the day make of a text that people wrote.

    Random letters take up to twice as many. No byte-level tokenizer makes more tokens than a text has bytes.
    """
    return sum(_piece_tokens(piece) for piece in _PIECES.findall(text)) + text.count("\n")


def _line_tokens(line: str) -> int:
    return count_tokens(line) + 1


def _piece_tokens(piece: str) -> int:
    if not piece.isascii():
        return 3
    if piece.isspace():
        return 1
    if piece.isupper():
        return -(-len(piece) * 2 // 3)
    return -(-len(piece) // 3) if piece.isalpha() else -(-len(piece) // 2)


@dataclass(frozen=True, slots=True)
class _Object:
    rank: tuple[bool, bool, int, int]
    window: str
    line: str


def _objects(nodes: Sequence[Node], screen: Screen) -> Iterator[_Object]:
    windows: list[int] = []
    for index, node in enumerate(nodes):
        parent = node.parent
        top = parent is None or nodes[parent].parent is None
        windows.append(index if top or parent is None else windows[parent])
        part = visible_part(node, screen)
        acted_on = node.role in ACTED_ON
        if top or part is None or not (acted_on or node.name or node.text):
            continue
        window = nodes[windows[index]]
        rank = (not acted_on, "active" not in window.states, windows[index], index)
        center = part.center
        yield _Object(rank, _heading(window), f"{_described(node)} at {center.x},{center.y}")


def _heading(window: Node) -> str:
    active = " (active)" if "active" in window.states else ""
    return f"window {_quoted(window.name, _MAX_NAME)} of {window.app[:_MAX_NAME]}{active}"


def _described(node: Node) -> str:
    said = [state for state in node.states if state in SAID]
    parts = [f"[{node.id}]", node.role]
    parts += [_quoted(node.name, _MAX_NAME)] if node.name else []
    parts += ["=", _quoted(node.text, _MAX_TEXT)] if node.text and node.text != node.name else []
    parts += [f"({', '.join(said)})"] if said else []
    parts += [f"<{node.address[:_MAX_TEXT]}>"] if node.address else []
    return " ".join(parts)


def _quoted(text: str, limit: int) -> str:
    """On one line, whatever an application says."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return '"' + (line if len(line) <= limit else line[:limit] + "…") + '"'
