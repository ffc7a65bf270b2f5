"""Faults of outputs: what an agent leaves is not what its contract asks for."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable
from dataclasses import replace

from jsonschema import Draft202012Validator

from runner.agents.base import Done, Reply
from runner.drill.fault import Fault, Undisturbed, content_of, found, has_json_schema, with_outputs
from runner.drill.rehearsal import Rehearsal, outputs_of_its_own
from runner.drill.stage import Sabotage, Scene, Turn
from runner.lint.contracts import is_asked_of
from runner.spec import Output, Task
from runner.truncation import cut_off

_TELLS_ITS_END = {".xlsx", ".docx", ".odt", ".ods", ".odp", ".zip", ".pdf", ".png", ".jpg", ".jpeg", ".json"}
_NO_SUCH_THING: tuple[object, ...] = ({}, [], "drill", 0, None)
_EMPTY_WORDS = b"Done, as asked."

Spoil = Callable[[Turn, Output, bytes], bytes]
"""What takes the place of an output, given what it held."""


def _spoiling(spoil: Spoil) -> Sabotage:
    """When the agent is done, its outputs are spoilt; it says that it is done all the same."""

    async def sabotage(turn: Turn) -> Reply:
        reply = await turn.honest()
        if isinstance(reply, Done):
            await _spoil_all(turn, spoil)
        return reply

    return sabotage


async def _spoil_all(turn: Turn, spoil: Spoil) -> None:
    files, outputs = turn.desktop.files, turn.scene.task.outputs
    for name in turn.scene.outputs:
        path = outputs[name].path
        spoilt = spoil(turn, outputs[name], await files.read(path) if await files.exists(path) else b"")
        turn.stage.inject(spoilt)
        await files.write(path, spoilt)


def _against_schema(_turn: Turn, output: Output, _content: bytes) -> bytes:
    assert isinstance(output.schema_, dict)
    schema = Draft202012Validator(output.schema_)
    wrong = next((value for value in _NO_SUCH_THING if not schema.is_valid(value)), "drill")
    return json.dumps(wrong).encode()


def _halved(_turn: Turn, _output: Output, content: bytes) -> bytes:
    return content[: len(content) // 2]


def _left_over(turn: Turn, output: Output, _content: bytes) -> bytes:
    return turn.scene.before[output.path]


def _empty_words(_turn: Turn, output: Output, _content: bytes) -> bytes:
    return _EMPTY_WORDS.ljust(output.min_bytes)


# --- where ------------------------------------------------------------------------------------------


def _with_schema(rehearsal: Rehearsal, _: Undisturbed) -> Scene:
    return with_outputs(
        rehearsal, lambda task: tuple(name for name, one in task.outputs.items() if has_json_schema(one))
    )


def _that_tells_its_end(rehearsal: Rehearsal, undisturbed: Undisturbed) -> Scene:
    def choose(task: Task) -> tuple[str, ...]:
        left = undisturbed.outputs.get(task.id, {})
        return tuple(
            name
            for name, one in task.outputs.items()
            if posixpath.splitext(one.path)[1].lower() in _TELLS_ITS_END
            and cut_off(left[name][: len(left[name]) // 2], one.path)
        )

    return with_outputs(rehearsal, choose)


def _with_left_overs(rehearsal: Rehearsal, undisturbed: Undisturbed) -> Scene:
    """What an earlier month left is there before the agent begins: good, but for one line end more."""

    def may_be_old(task: Task) -> bool:
        return any(not task.outputs[name].fresh for name in outputs_of_its_own(task))

    scene = with_outputs(rehearsal, outputs_of_its_own, may_be_old)
    before = {
        scene.task.outputs[name].path: content_of(scene, name, undisturbed) + b"\n" for name in scene.outputs
    }
    return replace(scene, before=before)


def _asked_least_of(rehearsal: Rehearsal, _: Undisturbed) -> Scene:
    """Where nobody looks into what is left, if there is such a place."""

    def unasked(task: Task) -> tuple[str, ...]:
        return tuple(name for name in task.outputs if not is_asked_of(task, name))

    return with_outputs(
        rehearsal, lambda task: unasked(task) or tuple(task.outputs), lambda task: bool(unasked(task))
    )


FAULTS = (
    Fault(
        "output fails its schema",
        "validator (contract.schema)",
        _with_schema,
        _spoiling(_against_schema),
        found("schema"),
    ),
    Fault(
        "output truncated",
        "validator (contract.truncated)",
        _that_tells_its_end,
        _spoiling(_halved),
        found("truncated"),
    ),
    Fault(
        "stale artifact",
        "validator (contract.stale)",
        _with_left_overs,
        _spoiling(_left_over),
        found("stale"),
    ),
)

FALSE_CLAIM = Fault(
    "agent claims success falsely",
    "validator (contract.check)",
    _asked_least_of,
    _spoiling(_empty_words),
    found("check", "schema", "judge"),
)
