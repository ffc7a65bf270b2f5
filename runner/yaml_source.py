"""YAML as a tree of values that know their line and column, bounded before anything is built from it.

The types are those of YAML 1.2's core schema. What YAML 1.1 reads differently (`no`, `on`, `0777`)
is refused rather than guessed. Aliases are counted as if written out, never expanded while counting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple, NoReturn

import yaml
from yaml import CSafeLoader  # libyaml: twenty times as fast, and its parser does not recurse

from runner.errors import MAX_PROBLEMS, Loc, SpecError, SpecProblem

MAX_BYTES = 1 << 20
MAX_NODES = 200_000
MAX_DEPTH = 64

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_BOOLEAN_IN_1_1 = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Mark(NamedTuple):
    """A place in the text, counted from 1."""

    line: int
    column: int


@dataclass
class Node:
    """A value and where it starts. `raw` is a scalar as written; `nodes` counts aliases written out."""

    mark: Mark
    value: str | int | float | bool | list[Node] | dict[str, Entry] | None
    raw: str = ""
    nodes: int = 1
    height: int = 1

    def data(self) -> Any:
        """The value as plain lists, dictionaries and scalars."""
        if isinstance(self.value, list):
            return [node.data() for node in self.value]
        if isinstance(self.value, dict):
            return {key: entry.node.data() for key, entry in self.value.items()}
        return self.value


class Entry(NamedTuple):
    key: Mark
    node: Node


class Place(NamedTuple):
    """Where a loc leads: the parts of it that the text holds, the node there, and its key if it has one."""

    path: Loc
    node: Node
    key: Mark | None


def locate(root: Node, loc: Loc) -> Place:
    """Follow a loc, stepping over the parts that the text does not hold (the tags of a union's members)."""
    node, key, path = root, None, []
    for part in loc:
        if isinstance(node.value, dict) and part in node.value:
            key, node = node.value[str(part)]
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            key, node = None, node.value[part]
        else:
            continue
        path.append(part)
    return Place(tuple(path), node, key)


def parse_yaml(text: str) -> tuple[Node, list[SpecProblem]]:
    """The one document of a text, and what is wrong with it that still leaves a tree to look at.

    Raises SpecError where it leaves none: no YAML, no document or several, too large, too deep.
    """
    if bad := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        column = bad.start() - text.rfind("\n", 0, bad.start())
        raise SpecError([SpecProblem((), f"{bad[0]!r} may not stand in YAML", line, column)])
    composer = _Composer(text)
    try:
        return composer.document(), composer.problems
    except yaml.MarkedYAMLError as error:
        raise SpecError([*composer.problems, _syntax_problem(error, text)]) from None


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> SpecProblem:
    mark = _mark(error.problem_mark or error.context_mark)
    lines = text.splitlines()
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or line[mark.column - 1 : mark.column] == "\t":
        return SpecProblem((), "a tab; YAML is indented with spaces only", *mark)
    message = f"not YAML: {error.problem}"
    if error.context and error.context_mark:
        message += f" ({error.context} that starts on line {error.context_mark.line + 1})"
    return SpecProblem((), message, *mark)


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


@dataclass
class _Composer:
    """Builds the tree from libyaml's events, so that every limit holds before the tree is there."""

    text: str
    problems: list[SpecProblem] = field(default_factory=list)
    anchors: dict[str, Node | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.loader = CSafeLoader(self.text)

    def document(self) -> Node:
        self.loader.get_event()  # the stream's start
        event = self.loader.get_event()
        if isinstance(event, yaml.StreamEndEvent):
            raise SpecError([SpecProblem((), "the file is empty; a swarm has a `name` and `tasks`", 1, 1)])
        root = self._node(())
        self.loader.get_event()  # the document's end
        event = self.loader.get_event()
        if not isinstance(event, yaml.StreamEndEvent):
            self._stop(event, "a second document; a swarm file holds one")
        return root

    def _node(self, loc: Loc) -> Node:
        event: Any = self.loader.get_event()
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, loc)
        if len(loc) >= MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} deep")
        if event.tag is not None:
            self._problem(
                loc, _mark(event.start_mark), f"the tag '{event.tag[:60]}' — not read; leave it out"
            )
        if event.anchor:
            self.anchors[event.anchor] = None
        node = self._collection_or_scalar(event, loc)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _collection_or_scalar(self, event: Any, loc: Loc) -> Node:
        node = Node(_mark(event.start_mark), None)
        if isinstance(event, yaml.ScalarEvent):
            node.raw = event.value
            node.value = self._plain(loc, event.value, node.mark) if event.implicit[0] else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            node.value = self._sequence(node, loc)
        else:
            node.value = self._mapping(node, loc)
        return node

    def _sequence(self, parent: Node, loc: Loc) -> list[Node]:
        items: list[Node] = []
        while not isinstance(self.loader.peek_event(), yaml.SequenceEndEvent):
            items.append(self._child(parent, (*loc, len(items))))
        self.loader.get_event()
        return items

    def _mapping(self, parent: Node, loc: Loc) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(self.loader.peek_event(), yaml.MappingEndEvent):
            key = self._child(parent, loc)
            name = key.value if isinstance(key.value, str) else key.raw
            if not isinstance(key.value, str):
                self._problem(loc, key.mark, _not_a_name(key))
            elif name in entries:
                first = entries[name].key.line
                message = f"'{name[:60]}' — twice in one mapping; it is on line {first} already"
                self._problem(loc, key.mark, message)
            entries.setdefault(name, Entry(key.mark, self._child(parent, (*loc, name))))
        self.loader.get_event()
        return entries

    def _child(self, parent: Node, loc: Loc) -> Node:
        event = self.loader.peek_event()
        child = self._node(loc)
        parent.nodes += child.nodes
        parent.height = max(parent.height, child.height + 1)
        if parent.nodes > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES:,} values, aliases written out; split the swarm")
        return child

    def _alias(self, event: Any, loc: Loc) -> Node:
        if event.anchor not in self.anchors:
            self._stop(event, f"'*{event.anchor}' — an alias of nothing; name it first with &{event.anchor}")
        node = self.anchors[event.anchor]
        if node is None:
            self._stop(event, f"'*{event.anchor}' — an alias inside what it stands for")
        if len(loc) + node.height > MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} deep, aliases written out")
        return node

    def _plain(self, loc: Loc, text: str, mark: Mark) -> str | int | float | bool | None:
        """The value of an unquoted scalar."""
        if text in _NULL:
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        if _INTEGER.fullmatch(text) and len(text) <= 30 and not re.match(r"[-+]?0[0-9]", text):
            return int(text)
        if _FLOAT.fullmatch(text) and not _INTEGER.fullmatch(text) and isfinite(float(text)):
            return float(text)
        if reason := _ambiguous(text):
            self._problem(loc, mark, f"{text[:60]} — {reason}")
        return text

    def _problem(self, loc: Loc, mark: Mark, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(SpecProblem(loc, message, *mark))

    def _stop(self, event: Any, message: str) -> NoReturn:
        raise SpecError([*self.problems, SpecProblem((), message, *_mark(event.start_mark))])


def _ambiguous(text: str) -> str | None:
    """Why an unquoted scalar may not stand as it is, or None."""
    lower = text.lower()
    if lower in _BOOLEAN_IN_1_1 and text in (lower, lower.upper(), lower.capitalize()):
        boolean = _BOOLEAN_IN_1_1[lower]
        return f"a boolean to YAML 1.1, text to YAML 1.2; write {boolean}, or quote it: '{text}'"
    if _INTEGER.fullmatch(text):
        if len(text) > 30:
            return "too long for a number; quote it if it is text"
        return "octal to YAML 1.1, decimal to YAML 1.2; leave out the leading zero, or quote it"
    if _NOT_FINITE.fullmatch(text) or _FLOAT.fullmatch(text):
        return "not a finite number; quote it if it is text"
    return None


def _not_a_name(key: Node) -> str:
    if isinstance(key.value, list | dict):
        return "a list or mapping as the name of a field; names are text"
    return f"{key.raw[:60] or '(nothing)'} — names of fields are text; quote it: '{key.raw[:60]}'"
