"""Agents: guests of the factory floor. Each decides what to do next; none touches a desktop itself."""

from __future__ import annotations

from pathlib import Path

from runner.agents.base import MAX_ASKED, Agent
from runner.agents.models import make_model_agent
from runner.agents.person import PersonAgent
from runner.agents.process import ProcessAgent
from runner.agents.script import ScriptAgent
from runner.graph import agent_of
from runner.model_agents import ModelAgent as ModelSpec
from runner.spec import AgentSpec, Swarm
from runner.spec import PersonAgent as PersonSpec
from runner.spec import ProcessAgent as ProcessSpec
from runner.spec import ScriptAgent as ScriptSpec

MAX_STEPS = 100_000


def check_agents(swarm: Swarm) -> None:
    """Raises InputError where an agent behind a model lacks its key or its package."""
    agents = (*swarm.agents.values(), *(agent_of(swarm, task) for task in swarm.tasks))
    for agent in {agent for agent in agents if isinstance(agent, ModelSpec)}:
        make_agent(agent, Path())


def make_agent(spec: AgentSpec, folder: Path, done: int = 0) -> Agent:
    """The agent for one attempt, used as an async context manager; `folder` is that of the swarm file.
    So many steps were `done` before, on the same desktop, by one like it."""
    match spec:
        case ScriptSpec():
            return ScriptAgent(spec, done)
        case ProcessSpec():
            return ProcessAgent(spec, folder)
        case PersonSpec():
            return PersonAgent()
        case _:
            return make_model_agent(spec)


def max_asked(spec: AgentSpec) -> int:
    """How many questions one attempt by such an agent may put to a person."""
    return MAX_STEPS if isinstance(spec, PersonSpec) else MAX_ASKED


def goes_on(spec: AgentSpec) -> bool:
    """Whether such an agent can go on where another one stopped, on the same desktop."""
    return isinstance(spec, ScriptSpec) or spec.goes_on
