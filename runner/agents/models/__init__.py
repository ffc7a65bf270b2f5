"""Agents behind models: Anthropic's and OpenAI's computer tools, and endpoints compatible with OpenAI's."""

from __future__ import annotations

from runner.agents.models.agent import ModelAgent, Provider
from runner.agents.models.anthropic_agent import AnthropicProvider
from runner.agents.models.compatible_agent import CompatibleProvider
from runner.agents.models.openai_agent import OpenAIProvider
from runner.model_agents import AnthropicAgent, CompatibleAgent, OpenAIAgent

__all__ = ["make_model_agent"]


def make_model_agent(spec: AnthropicAgent | OpenAIAgent | CompatibleAgent) -> ModelAgent:
    """The agent for one attempt. Raises InputError without its key or its package."""
    return ModelAgent(spec, _provider(spec))


def _provider(spec: AnthropicAgent | OpenAIAgent | CompatibleAgent) -> Provider:
    match spec:
        case AnthropicAgent():
            return AnthropicProvider(spec)
        case OpenAIAgent():
            return OpenAIProvider(spec)
        case CompatibleAgent():
            return CompatibleProvider(spec)
