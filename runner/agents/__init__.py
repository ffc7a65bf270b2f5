"""Agents: guests of the factory floor. Each decides what to do next; none touches a desktop itself."""

from __future__ import annotations

from pathlib import Path

from runner.agents.base import Agent
from runner.agents.process import ProcessAgent
from runner.agents.script import ScriptAgent
from runner.spec import AgentSpec
from runner.spec import ScriptAgent as ScriptSpec


def make_agent(spec: AgentSpec, folder: Path, done: int = 0) -> Agent:
    """The agent for one attempt, used as an async context manager; `folder` is that of the swarm file.
    So many steps were `done` before, on the same desktop, by one like it."""
    return ScriptAgent(spec, done) if isinstance(spec, ScriptSpec) else ProcessAgent(spec, folder)


def goes_on(spec: AgentSpec) -> bool:
    """Whether such an agent can go on where another one stopped, on the same desktop."""
    return isinstance(spec, ScriptSpec) or spec.goes_on
