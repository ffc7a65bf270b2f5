"""An agent in a file of its own, as it would stand in a swarm file: `agent: {kind: ...}`."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from runner.errors import SpecError
from runner.explain import explain
from runner.spec import AgentSpec
from runner.yaml_source import MAX_BYTES, parse_yaml
from sandboxes.errors import InputError
from sandboxes.spec import Model


class AgentFile(Model):
    agent: AgentSpec


def read_agent(path: Path) -> AgentSpec:
    """Raises SpecError with each problem and its line, InputError where the file cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--agent: {path}: cannot be read: {error}") from None
    root, problems = parse_yaml(text)
    try:
        found = AgentFile.model_validate(root.data())
    except ValidationError as error:
        problems += explain(error, root, AgentFile)
    if problems:
        raise SpecError(problems, str(path))
    return found.agent
