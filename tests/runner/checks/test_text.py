"""Text, JSON, files and commands: the right thing passes, near misses do not."""

from __future__ import annotations

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from runner.checks.judge import judge
from runner.checks.result import CheckResult
from runner.checks.spec import Check
from sandboxes.guest.protocol import Node, Rect
from sandboxes.observation import UiTree
from tests.runner.checks.conftest import FolderEvidence

pytestmark = pytest.mark.anyio
_CHECK: TypeAdapter[Check] = TypeAdapter(Check)


async def ruling(evidence: FolderEvidence, **check: object) -> CheckResult:
    return await judge(_CHECK.validate_python(check), evidence)


@pytest.mark.parametrize(
    ("asked", "found", "ok"),
    [
        ({"equals": "one\ntwo"}, b"one\ntwo", True),
        ({"equals": "one\ntwo"}, b"one\ntwo\n", True),
        ({"equals": "one\ntwo"}, b"one\r\ntwo\r\n", True),
        ({"equals": "one\ntwo"}, b"\xef\xbb\xbfone\ntwo", True),
        ({"equals": "one\ntwo"}, "one\ntwo".encode("utf-16"), True),
        ({"equals": "one\ntwo"}, b"one\ntwo\n\n", False),
        ({"equals": "one\ntwo"}, b"one two", False),
        ({"equals": "one\ntwo"}, b"One\ntwo", False),
        ({"equals": "one\ntwo"}, b" one\ntwo", False),
        ({"equals": ""}, b"x", False),
        ({"equals": "café"}, "café".encode("latin-1"), False),
        ({"contains": ["a", "b"]}, b"b and a", True),
        ({"contains": ["a", "b"]}, b"a and c", False),
        ({"matches": r"^total: \d+$"}, b"x\ntotal: 12\ny", True),
        ({"matches": r"^total: \d+$"}, b"x\ntotal: 12.5\ny", False),
        ({"contains": ["a"], "matches": "b"}, b"a", False),
    ],
)
async def test_text(evidence: FolderEvidence, asked: dict[str, object], found: bytes, ok: bool) -> None:
    evidence.write("a.txt", found)
    assert (await ruling(evidence, check="text", path="~/a.txt", **asked)).ok is ok


async def test_a_difference_is_shown_where_it_is(evidence: FolderEvidence) -> None:
    evidence.write("a.txt", "first\nsecond line\n")
    result = await ruling(evidence, check="text", path="~/a.txt", equals="first\nsecond lime\n")
    assert result.detail == "line 2: expected 'first\\nsecond lime', found 'first\\nsecond line'"


async def test_what_a_file_says_cannot_write_to_the_terminal(evidence: FolderEvidence) -> None:
    evidence.write("a.json", '{"a\\u001b[2J": 1}')
    result = await ruling(
        evidence, check="json", path="~/a.json", schema={"additionalProperties": False, "type": "object"}
    )
    assert not result.ok
    assert "\x1b" not in result.detail


@pytest.mark.parametrize("kind", ["text", "json", "cells", "document", "pdf", "file_exists"])
async def test_a_missing_file_fails(evidence: FolderEvidence, kind: str) -> None:
    needed: dict[str, dict[str, object]] = {
        "text": {"equals": ""},
        "cells": {"values": {"A1": 1}},
        "document": {"equals": ""},
    }
    result = await ruling(evidence, check=kind, path="~/none", **needed.get(kind, {}))
    assert (result.ok, result.detail) == (False, "~/none: expected a file, found none")


async def test_a_folder_in_the_place_of_a_file_fails(evidence: FolderEvidence) -> None:
    (evidence.folder / "a").mkdir()
    assert not (await ruling(evidence, check="file_exists", path="~/a")).ok


@pytest.mark.parametrize(("size", "ok"), [(0, False), (9, False), (10, True), (11, True)])
async def test_file_exists(evidence: FolderEvidence, size: int, ok: bool) -> None:
    evidence.write("a", b"x" * size)
    result = await ruling(evidence, check="file_exists", path="~/a", min_bytes=10)
    assert (result.ok, result.facts) == (ok, {"bytes": size})


DOCUMENT = {"a": [{"b/c": 1, "d~e": None}, "x"], "": 5, "n": 1.0, "t": True}


@pytest.mark.parametrize(
    ("asked", "ok"),
    [
        ({}, True),
        ({"equals": DOCUMENT}, True),
        ({"pointer": "/a/0/b~1c", "equals": 1}, True),
        ({"pointer": "/a/0/b~1c", "equals": 1.0}, True),
        ({"pointer": "/a/0/b~1c", "equals": True}, False),
        ({"pointer": "/a/0/b~1c", "equals": "1"}, False),
        ({"pointer": "/n", "equals": 1}, True),
        ({"pointer": "/t", "equals": 1}, False),
        ({"pointer": "/a/0/d~0e"}, True),
        ({"pointer": "/a/0/d~0e", "schema": {"type": "null"}}, True),
        ({"pointer": "/a/1", "equals": "x"}, True),
        ({"pointer": "/a/2"}, False),
        ({"pointer": "/a/-1"}, False),
        ({"pointer": "/a/01"}, False),
        ({"pointer": "/", "equals": 5}, True),
        ({"pointer": "/none"}, False),
        ({"schema": {"required": ["a"], "properties": {"a": {"minItems": 2}}}}, True),
        ({"schema": {"required": ["a"], "properties": {"a": {"minItems": 3}}}}, False),
        ({"schema": {"$ref": "http://localhost:9/schema.json"}}, False),
    ],
)
async def test_json(evidence: FolderEvidence, asked: dict[str, object], ok: bool) -> None:
    evidence.write("a.json", json.dumps(DOCUMENT))
    assert (await ruling(evidence, check="json", path="~/a.json", **asked)).ok is ok


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": 1,}', "NaN", "[1e999", "9" * 5000, "[" * 100_000, "'a'", b"\xff\xfe\x00"]
)
async def test_what_is_not_json_fails(evidence: FolderEvidence, text: str | bytes) -> None:
    evidence.write("a.json", text)
    assert not (await ruling(evidence, check="json", path="~/a.json")).ok


def test_a_json_check_survives_being_written_and_read() -> None:
    check = _CHECK.validate_python({"check": "json", "path": "~/a", "schema": {"type": "object"}})
    assert _CHECK.validate_json(_CHECK.dump_json(check)) == check


@pytest.mark.parametrize(
    ("asked", "ok"),
    [
        ({"argv": ["true"]}, True),
        ({"argv": ["false"]}, False),
        ({"argv": ["false"], "exit_code": 1}, True),
        ({"argv": ["echo", "hi"], "equals": "hi"}, True),
        ({"argv": ["echo", "hi"], "equals": "ho"}, False),
        ({"argv": ["sh", "-c", "echo hi; exit 3"], "equals": "hi"}, False),
        ({"argv": ["sleep", "60"], "timeout": 0.1}, False),
        ({"argv": ["printf", "\\377"], "contains": ["x"]}, False),
    ],
)
async def test_command(evidence: FolderEvidence, asked: dict[str, object], ok: bool) -> None:
    assert (await ruling(evidence, check="command", **asked)).ok is ok


def _node(role: str, name: str, *, showing: bool = True) -> Node:
    rect = Rect(x=0, y=0, width=10, height=10)
    return Node(role=role, name=name, app="calc", rect=rect, states=("showing",) if showing else ())


@pytest.mark.parametrize(
    ("target", "present", "ok"),
    [
        ({"role": "label", "name": "Saved"}, True, True),
        ({"role": "label", "name": "Saved"}, False, False),
        ({"role": "label", "name": "saved"}, True, False),
        ({"role": "label", "name": "save", "exact": False}, True, True),
        ({"role": "label", "name": "Hidden"}, True, False),
        ({"role": "label", "name": "Hidden"}, False, True),
        ({"role": "button", "name": "Saved"}, True, False),
        ({"role": "label", "name": "Saved", "nth": 1}, True, False),
        ({"role": "label", "nth": 1}, True, True),
        ({"role": "label", "name": "Saved", "app": "writer"}, True, False),
    ],
)
async def test_tree(evidence: FolderEvidence, target: dict[str, object], present: bool, ok: bool) -> None:
    nodes = (_node("label", "Saved"), _node("label", "Hidden", showing=False), _node("label", "Other"))
    evidence.shown = UiTree(nodes, {"mail": "did not answer"})
    result = await ruling(evidence, check="tree", target=target, present=present)
    assert result.ok is ok
    assert "did not answer" in result.detail


async def test_a_tree_names_what_is_there_instead(evidence: FolderEvidence) -> None:
    evidence.shown = UiTree((_node("label", "Saved it"),), {})
    result = await ruling(evidence, check="tree", target={"role": "label", "name": "Saved"})
    assert result.detail == 'expected "label" named "Saved" on the screen, found none, but "label" "Saved it"'


@pytest.mark.parametrize(
    "check",
    [
        {"check": "text", "path": "~/a"},
        {"check": "document", "path": "~/a"},
        {"check": "cells", "path": "~/a"},
        {"check": "cells", "path": "~/a", "values": {"b2": 1}},
        {"check": "cells", "path": "~/a", "values": {"B0": 1}},
        {"check": "json", "path": "~/a", "pointer": "a"},
        {"check": "json", "path": "~/a", "pointer": "/~2"},
        {"check": "json", "path": "~/a", "schema": {"type": "strange"}},
        {"check": "text", "path": "~/a", "matches": "(" * 5000},
        {"check": "text", "path": "~/a", "matches": "a{99999999999}"},
        {"check": "tree", "target": {"at": {"x": 1, "y": 1}}},
        {"check": "python", "function": "a.py", "paths": ["~/a"]},
        {"check": "python", "function": "a.py:f", "paths": []},
    ],
)
def test_a_check_that_could_not_work_is_refused(check: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _CHECK.validate_python(check)
