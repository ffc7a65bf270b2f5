"""Agents: guests of the factory floor. Each decides what to do next; none touches a desktop itself."""

from __future__ import annotations

from pathlib import Path

from runner.agents.base import Agent
from runner.agents.process import ProcessAgent
from runner.agents.script import ScriptAgent
from runner.spec import AgentSpec
from runner.spec import ScriptAgent as ScriptSpec


def make_agent(spec: AgentSpec, folder: Path) -> Agent:
    """The agent for one attempt, used as an async context manager; `folder` is that of the swarm file."""
    return ScriptAgent(spec) if isinstance(spec, ScriptSpec) else ProcessAgent(spec, folder)
