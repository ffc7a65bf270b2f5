"""The pages on swarm files and checks show every field, and their examples load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from runner import actions, model_agents, rules, spec
from runner.checks import spec as checks
from runner.load import load_swarm
from runner.monitors import spec as guards
from runner.redaction import spec as redaction
from sandboxes import spec as desktops

DOCS = Path(__file__).parents[2] / "docs"
CHECKS = get_args(get_args(checks.Check)[0])
ACTIONS = get_args(get_args(actions.Action)[0])
MODELS: list[tuple[str, type[BaseModel]]] = [
    *(
        ("swarm-files.md", model)
        for model in (
            spec.Swarm, spec.Task, spec.ScriptAgent, spec.ProcessAgent, spec.PersonAgent, spec.Input,
            spec.Output, spec.Budget, spec.Retry, spec.Snapshots, desktops.DesktopSpec,
            desktops.Screen, desktops.Limits, desktops.Network, actions.Target, *ACTIONS,
        )
    ),
    *(
        ("patterns.md", model)
        for model in (spec.Lead, spec.Map, spec.FilePlanner, spec.PythonPlanner, spec.ModelPlanner)
    ),
    *(("checks.md", model) for model in CHECKS),
    *(
        ("guardrails.md", model)
        for model in (
            spec.Allowance, spec.Judges, spec.Judge, guards.Allow, guards.Monitors, guards.Repeats,
            guards.Progress, guards.Dialogs, guards.Claims, guards.Targets, guards.Refusals, guards.Own,
        )
    ),
    *(
        ("model-agents.md", model)
        for model in (
            model_agents.AnthropicAgent, model_agents.OpenAIAgent, model_agents.CompatibleAgent,
            model_agents.Context, model_agents.Prices,
        )
    ),
    ("handoffs.md", rules.Handoff),
    *(("secrets.md", model) for model in (redaction.SecretSource, redaction.Area, redaction.Objects)),
    *(("failures.md", model) for model in (rules.Policy, rules.Escalation, rules.Contact, rules.Lock)),
]  # fmt: skip


def table(model: type[BaseModel]) -> str:
    """The fields of a model as a table of Markdown."""
    schema = model.model_json_schema(by_alias=True)
    lines = ["| field | value | default | |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        required = name in schema.get("required", ())
        default = "required" if required else _default(field.get("default"))
        lines.append(f"| `{name}` | {_value(field)} | {default} | {field.get('description', '')} |")
    return "\n".join(lines)


def _default(value: Any) -> str:
    return "" if value in (None, [], {}, "") or isinstance(value, dict) else f"`{str(value).lower()}`"


def _value(field: dict[str, Any]) -> str:
    """What may stand there, as a few words."""
    if "anyOf" in field:
        return " or ".join(
            dict.fromkeys(_value(kind) for kind in field["anyOf"] if kind.get("type") != "null")
        )
    if "$ref" in field:
        return "mapping"
    if "oneOf" in field:
        kinds = dict.fromkeys(map(_value, field["oneOf"]))
        return " or ".join(kinds) if len(kinds) > 1 else "one of several mappings"
    if choices := field.get("enum") or ([field["const"]] if "const" in field else []):
        return ", ".join(f"`{choice}`" for choice in choices)
    kind = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`", "array": "list"}
    name = {"object": "mapping", **kind}.get(field.get("type", ""), str(field.get("type", "anything")))
    if field.get("type") == "array" and "items" in field:
        name = f"list of {_value(field['items'])}"
    return name + _bounds(field)


def _bounds(field: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤"}
    bounds = [f"{sign} {field[key]:g}" for key, sign in signs.items() if key in field]
    return f" {', '.join(bounds)}" if bounds else ""


@pytest.mark.parametrize(("page", "model"), MODELS, ids=[model.__name__ for _, model in MODELS])
def test_every_field_is_in_the_page(page: str, model: type[BaseModel]) -> None:
    text = (DOCS / page).read_text()
    assert table(model) in text, f"docs/{page} should hold:\n{table(model)}"


EXAMPLES = [
    example
    for page in ("swarm-files.md", "patterns.md", "guardrails.md", "secrets.md", "model-agents.md")
    for example in re.findall(r"```yaml\n(name: .*?)```", (DOCS / page).read_text(), re.DOTALL)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_whole_example_loads(tmp_path: Path, example: str) -> None:
    for name in (
        "ledger.csv",
        "agent.py",
        "letterhead.png",
        "my_checks.py",
        "judges.py",
        "report.py",
        "mine.py",
    ):
        (tmp_path / name).write_text("number,amount\n7,12.50\n")
    (tmp_path / "swarm.yaml").write_text(example)
    load_swarm(tmp_path / "swarm.yaml")


def test_every_check_of_the_page_loads(tmp_path: Path) -> None:
    found = re.findall(r"```yaml\n(- check: .*?)```", (DOCS / "checks.md").read_text(), re.DOTALL)
    assert len(found) == len(CHECKS)
    body = "".join(found).replace("\n", "\n      ")
    for name in ("expected-chart.png", "my_checks.py", "my_models.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "swarm.yaml").write_text(
        "name: a\ntasks:\n  - id: a\n    instruction: x\n    agent: {kind: script, steps: [{press: a}]}\n"
        f"    checks:\n      {body}\n"
    )
    kinds = {check.check for check in load_swarm(tmp_path / "swarm.yaml").swarm.tasks[0].checks}
    assert len(kinds) == len(CHECKS)
