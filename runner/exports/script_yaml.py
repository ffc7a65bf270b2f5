"""A task that a script carries out, in YAML as a person would write it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from runner.actions import short_form
from runner.exports.steps import ScriptStep
from runner.spec import Task

_PLAIN = re.compile(r"(~?/)?[A-Za-z]([A-Za-z0-9_./+ -]*[A-Za-z0-9])?")
_WIDEST = 1 << 30  # no text is broken into lines
_MAX_COMMENT = 200


def swarm_text(swarm: dict[str, Any], task: Task, steps: list[ScriptStep], about: str) -> str:
    """A swarm file of one task, whose agent is a script of these steps; `swarm` is what stands above it."""
    said = task.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"agent"})
    lines = [f"# {_one_line(about)}", *_dump(swarm, flow=False).splitlines(), "tasks:"]
    lines += _indented(_dump(said, flow=False), "  - ", "    ")
    lines += ["    agent:", "      kind: script", "      steps:"]
    lines += (f"        {line}" for step in steps for line in _step_lines(step))
    return "\n".join([*lines, ""])


def _step_lines(step: ScriptStep) -> Iterator[str]:
    said = " · ".join(filter(None, (step.note, step.was and f"was: {step.was}")))
    if said:
        yield f"# {_one_line(said)}"
    yield f"- {_dump(short_form(step.action), flow=True)}"


def _one_line(text: str) -> str:
    """Text of agents and applications, which must not end the comment it stands in."""
    clean = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return clean if len(clean) <= _MAX_COMMENT else clean[: _MAX_COMMENT - 1] + "…"


def _indented(text: str, first: str, other: str) -> list[str]:
    return [f"{other if number else first}{line}" for number, line in enumerate(text.splitlines())]


def _dump(value: Any, *, flow: bool) -> str:
    dumped: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=_WIDEST
    )
    return dumped.strip()


class _Dumper(yaml.SafeDumper):
    """Quotes whatever a reader might take for something else than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if _PLAIN.fullmatch(text) else '"'
    )


def _number(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    return dumper.represent_int(int(number)) if number.is_integer() else dumper.represent_float(number)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)
