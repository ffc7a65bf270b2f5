"""OpenAI's Responses API with its computer tools. Nothing is kept there: all is sent again each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from anyio import to_thread

from runner.agents.models.aiming import Aim
from runner.agents.models.answer import Answer, Call, end_of, refused
from runner.agents.models.history import Block, Exchange, History
from runner.agents.models.openai_actions import call_of
from runner.agents.models.openai_client import OpenAIClient
from runner.agents.models.patience import Trouble, reading_an_answer
from runner.agents.models.pricing import Tokens
from runner.agents.models.scaling import Limits, Scale
from runner.model_agents import OpenAIAgent
from sandboxes.guest.protocol import Point

LIMITS = Limits(edge=2048)
_POLICIES = frozenset(
    {"invalid_prompt", "bio_policy", "misalignment_policy_violation", "image_content_policy_violation"}
)
_PASSING = frozenset({"server_error", "rate_limit_exceeded"})


class OpenAIProvider:
    limits = LIMITS
    of_thousand = False
    whole = True
    manual = ""

    def __init__(self, spec: OpenAIAgent) -> None:
        """Raises InputError without the package or the key."""
        self._spec = spec
        self._client = OpenAIClient(spec)

    def session(self) -> AbstractAsyncContextManager[None]:
        return self._client.session()

    async def ask(self, system: str, history: History, scale: Scale, cursor: Point) -> Answer:
        request = await to_thread.run_sync(self._request, system, history, scale)
        try:
            response = await self._client.send(self._client.client.responses.create(**request))
        except Trouble as trouble:
            if trouble.code in _POLICIES:
                return Answer([], "", Tokens(), end=refused(str(trouble)))
            raise
        with reading_an_answer():
            return self._answer(response, Aim(scale, cursor))

    def _request(self, system: str, history: History, scale: Scale) -> dict[str, Any]:
        preview = self._spec.tool == "computer_use_preview"
        return {
            "model": self._spec.model,
            "instructions": system,
            "input": list(_items(history)),
            "tools": [_preview(scale) if preview else {"type": "computer"}],
            "max_output_tokens": self._spec.answer_tokens,
            "store": False,
            "include": ["reasoning.encrypted_content"],
            # The preview takes nothing else; what is left out is ours to choose all the same.
            "truncation": "auto" if preview else "disabled",
        }

    def _answer(self, response: dict[str, Any], aim: Aim) -> Answer:
        items, tokens = response.get("output") or [], _tokens(response.get("usage") or {})
        text, refusal = (
            "\n".join(_texts(items, "output_text", "text")),
            "\n".join(_texts(items, "refusal", "refusal")),
        )
        error, status = response.get("error") or {}, response.get("status")
        cut = (response.get("incomplete_details") or {}).get("reason")
        if error.get("code") in _POLICIES or refusal or cut == "content_filter":
            return Answer(items, text, tokens, end=refused(refusal or error.get("message") or str(cut)))
        if status == "failed":
            message = self._client.scrubbed(f"{error.get('code')}: {error.get('message')}")
            raise Trouble(message, again=error.get("code") in _PASSING)
        calls = tuple(call_of(item, aim) for item in items if item.get("type") == "computer_call")
        if status == "incomplete":
            why = f"your answer was cut short ({cut})"
            # A call that may not be whole is not sent back: nothing answers it.
            whole = [item for item in items if item.get("type") == "message"]
            return Answer(whole, text, tokens, (Call(None, "nothing", problem=why),))
        return Answer(items, text, tokens, calls, end=None if calls else end_of(text))


def _preview(scale: Scale) -> dict[str, Any]:
    width, height = scale.image
    return {
        "type": "computer_use_preview",
        "display_width": width,
        "display_height": height,
        "environment": "linux",
    }


def _texts(items: list[dict[str, Any]], kind: str, field: str) -> Iterator[str]:
    for item in items:
        if item.get("type") == "message":
            yield from (part[field] for part in item.get("content") or () if part.get("type") == kind)


def _tokens(usage: dict[str, Any]) -> Tokens:
    """OpenAI's `input_tokens` are all that were sent, whatever the cache had of them."""
    details = usage.get("input_tokens_details") or {}
    cached, written = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    return Tokens(
        input=max(0, (usage.get("input_tokens") or 0) - cached - written),
        cached=cached,
        written=written,
        output=usage.get("output_tokens") or 0,
        reasoning=(usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
    )


# --- what is sent -----------------------------------------------------------------------------------


def _items(history: History) -> Iterator[dict[str, Any]]:
    for index, exchange in enumerate(history.exchanges):
        yield from _told(exchange, history.note if index == 0 else "")
        if exchange.answer is not None:
            yield from exchange.answer.sent_back


def _told(exchange: Exchange, note: str) -> Iterator[dict[str, Any]]:
    """Outputs of calls, then a message with what they have no place for."""
    parts: list[dict[str, Any]] = []
    for block in exchange.told:
        if block.call is not None and block.call.id is not None:
            yield _output(block)
            if block.error:
                parts.append({"type": "input_text", "text": block.text})
        else:
            parts.append({"type": "input_text", "text": block.text})
            if block.picture:
                parts.append({"type": "input_image", "image_url": block.picture.url, "detail": "auto"})
    if note:
        parts.append({"type": "input_text", "text": note})
    if parts:
        yield {"type": "message", "role": "user", "content": parts}


def _output(block: Block) -> dict[str, Any]:
    """A person has consented to all checks of a call that was carried out."""
    assert block.call is not None
    assert block.picture is not None
    output: dict[str, Any] = {
        "type": "computer_call_output",
        "call_id": block.call.id,
        "output": {"type": "computer_screenshot", "image_url": block.picture.url},
    }
    if block.call.checks:
        checks = [{"id": one.id, "code": one.code, "message": one.message} for one in block.call.checks]
        output["acknowledged_safety_checks"] = checks
    return output
