"""Any endpoint that speaks OpenAI's chat completions, for models that write their actions as text."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from anyio import to_thread

from runner.agents.models import json_actions, ui_tars
from runner.agents.models.aiming import Aim
from runner.agents.models.answer import Answer, Call, refused
from runner.agents.models.history import Block, Exchange, History
from runner.agents.models.openai_client import OpenAIClient
from runner.agents.models.patience import reading_an_answer
from runner.agents.models.pricing import Tokens
from runner.agents.models.scaling import Limits, Scale
from runner.model_agents import CompatibleAgent
from runner.tokens import count_tokens
from sandboxes.guest.protocol import Point

LIMITS = Limits(edge=1920)  # servers differ; `image_edge` says less
MAX_READ = 100_000  # characters of an answer
_STYLES = {"ui_tars": ui_tars, "json": json_actions}


class CompatibleProvider:
    limits = LIMITS
    whole = False

    def __init__(self, spec: CompatibleAgent) -> None:
        """Raises InputError without the package or the key."""
        self._spec = spec
        self._style = _STYLES[spec.actions]
        self._client = OpenAIClient(spec)

    @property
    def of_thousand(self) -> bool:
        return self._spec.coordinates == "thousandths"

    @property
    def manual(self) -> str:
        space = (
            "thousandths of the screenshot's width and height"
            if self.of_thousand
            else "pixels of the screenshot"
        )
        return f"{self._style.MANUAL}\n\nx and y are {space}, from its top left."

    def session(self) -> AbstractAsyncContextManager[None]:
        return self._client.session()

    async def ask(self, system: str, history: History, scale: Scale, cursor: Point) -> Answer:
        request = {
            "model": self._spec.model,
            "max_tokens": self._spec.answer_tokens,
            "messages": await to_thread.run_sync(_messages, system, history),
        }
        completion = await self._client.send(self._client.client.chat.completions.create(**request))
        with reading_an_answer():
            return self._answer(completion, history, Aim(scale, cursor))

    def _answer(self, completion: dict[str, Any], history: History, aim: Aim) -> Answer:
        choice = (completion.get("choices") or [{}])[0]
        message = choice.get("message") or {}
        text, reason = message.get("content") or "", choice.get("finish_reason")
        tokens = _tokens(completion.get("usage"), history, text)
        sent_back = [{"role": "assistant", "content": text or "(no answer)"}]
        if message.get("refusal") or reason == "content_filter":
            return Answer(sent_back, text, tokens, end=refused(message.get("refusal") or text))
        if reason == "length":
            cut = Call(None, "nothing", problem=f"your answer was cut short after {tokens.output} tokens")
            return Answer(sent_back, text, tokens, (cut,))
        calls, end = self._style.parse(text[:MAX_READ], aim)
        return Answer(sent_back, text, tokens, calls, end)


def _tokens(usage: dict[str, Any] | None, history: History, text: str) -> Tokens:
    """By our own estimate where the server does not count, so that budgets hold all the same."""
    if not usage:
        return Tokens(input=history.tokens, output=count_tokens(text))
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Tokens(
        input=max(0, (usage.get("prompt_tokens") or 0) - cached),
        cached=cached,
        output=usage.get("completion_tokens") or 0,
        reasoning=(usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
    )


# --- what is sent -----------------------------------------------------------------------------------


def _messages(system: str, history: History) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}]
    for index, exchange in enumerate(history.exchanges):
        messages.append({"role": "user", "content": _told(exchange, history.note if index == 0 else "")})
        if exchange.answer is not None:
            messages += exchange.answer.sent_back
    return messages


def _told(exchange: Exchange, note: str) -> list[dict[str, Any]]:
    parts = [part for block in exchange.told for part in _parts(block)]
    return [*parts, {"type": "text", "text": note}] if note else parts


def _parts(block: Block) -> list[dict[str, Any]]:
    text = {"type": "text", "text": block.text}
    if block.picture is None:
        return [text]
    return [text, {"type": "image_url", "image_url": {"url": block.picture.url}}]
