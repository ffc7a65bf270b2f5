"""Anthropic's Messages API with each version of its computer tool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread

from runner.agents.models.aiming import Aim
from runner.agents.models.answer import Answer, Call, end_of, refused
from runner.agents.models.anthropic_actions import call_of
from runner.agents.models.history import Block, Exchange, History
from runner.agents.models.keys import load_package, read_key, scrubbed
from runner.agents.models.patience import Trouble, reading_an_answer, trouble_of
from runner.agents.models.pricing import Tokens
from runner.agents.models.scaling import Limits, Picture, Scale
from runner.model_agents import AnthropicAgent
from sandboxes.guest.protocol import Point

TOOLSET = "computer_toolset_20260801"
BETAS = {
    "computer_20251124": "computer-use-2025-11-24",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20241022": "computer-use-2024-10-22",
}
CURRENT = Limits(edge=2576, tokens=4784)
OLDER = Limits(edge=1568, area=1_150_000)
MANY_IMAGES = 20  # in one request; above it each may be less large
EDGE_OF_MANY = 2000
_CACHED = {"type": "ephemeral"}


class AnthropicProvider:
    of_thousand = False
    whole = False
    manual = ""

    def __init__(self, spec: AnthropicAgent) -> None:
        """Raises InputError without the package or the key."""
        self._spec = spec
        self._sdk = load_package(spec.kind, "anthropic")
        self._key = read_key(spec.kind, spec.key_env)
        self._client: Any = None

    @property
    def limits(self) -> Limits:
        """Older tools are for older models too, which take less."""
        limits = CURRENT if self._spec.tool == TOOLSET else OLDER
        many = self._spec.context.screenshots >= MANY_IMAGES
        return Limits(min(limits.edge, EDGE_OF_MANY), limits.tokens, limits.area) if many else limits

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        client = self._sdk.AsyncAnthropic(
            api_key=self._key, base_url=self._spec.base_url, max_retries=0, timeout=self._spec.answer_s
        )
        async with client as self._client:
            yield

    async def ask(self, system: str, history: History, scale: Scale, cursor: Point) -> Answer:
        request = await to_thread.run_sync(self._request, system, history, scale)
        message = await self._send(request)
        with reading_an_answer():
            return self._answer(message.to_dict(mode="json", warnings=False), Aim(scale, cursor))

    def _request(self, system: str, history: History, scale: Scale) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._spec.model,
            "max_tokens": self._spec.answer_tokens,
            "system": [{"type": "text", "text": system, "cache_control": _CACHED}],
            "tools": [self._tool(scale)],
            "messages": _messages(history),
        }
        beta = BETAS.get(self._spec.tool)
        return {**request, "betas": [beta]} if beta else request

    def _tool(self, scale: Scale) -> dict[str, Any]:
        if self._spec.tool == TOOLSET:
            return {"type": TOOLSET}
        width, height = scale.image
        tool = {
            "type": self._spec.tool,
            "name": "computer",
            "display_width_px": width,
            "display_height_px": height,
        }
        return {**tool, "enable_zoom": True} if self._spec.tool == "computer_20251124" else tool

    async def _send(self, request: dict[str, Any]) -> Any:
        messages = self._client.beta.messages if "betas" in request else self._client.messages
        try:
            return await messages.create(**request)
        except self._sdk.APIStatusError as error:
            message = scrubbed(_message_of(error.body) or str(error), self._key)
            raise trouble_of(error.status_code, error.response.headers, message) from None
        except self._sdk.APIConnectionError as error:
            raise Trouble(scrubbed(str(error), self._key), again=True) from None
        except self._sdk.AnthropicError as error:
            raise Trouble(scrubbed(str(error), self._key)) from None

    def _answer(self, message: dict[str, Any], aim: Aim) -> Answer:
        content = [
            block
            for block in message.get("content", ())
            if block.get("type") != "text" or block["text"].strip()
        ]
        text = "\n".join(block["text"] for block in content if block.get("type") == "text")
        tokens, stop = _tokens(message.get("usage") or {}), message.get("stop_reason")
        sent_back = content or [{"type": "text", "text": "(no answer)"}]
        if stop == "refusal":
            why = (message.get("stop_details") or {}).get("explanation") or text
            return Answer(sent_back, text, tokens, end=refused(why))
        calls = tuple(
            call_of(block, self._spec.tool, aim) for block in content if block.get("type") == "tool_use"
        )
        if stop in ("end_turn", "stop_sequence") and not calls:
            return Answer(sent_back, text, tokens, end=end_of(text))
        if stop != "tool_use" or not calls:
            calls = _cut_short(calls, f"your answer was cut short ({stop})")
        return Answer(sent_back, text, tokens, calls)


def _cut_short(calls: tuple[Call, ...], why: str) -> tuple[Call, ...]:
    """None of them may be whole, so none is carried out."""
    told = tuple(Call(call.id, call.does, problem=why, toolset=call.toolset) for call in calls)
    return told or (Call(None, "nothing", problem=why),)


def _message_of(body: object) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _tokens(usage: dict[str, Any]) -> Tokens:
    """Anthropic's `input_tokens` are those that the cache has no part in."""
    return Tokens(
        input=usage.get("input_tokens") or 0,
        cached=usage.get("cache_read_input_tokens") or 0,
        written=usage.get("cache_creation_input_tokens") or 0,
        output=usage.get("output_tokens") or 0,
        reasoning=(usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    )


# --- what is sent -----------------------------------------------------------------------------------


def _messages(history: History) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for exchange in history.exchanges:
        messages.append({"role": "user", "content": _told(exchange)})
        if exchange.answer is not None:
            messages.append({"role": "assistant", "content": exchange.answer.sent_back})
    if history.note:
        messages[0]["content"].append({"type": "text", "text": history.note})
    messages[-1]["content"][-1]["cache_control"] = _CACHED
    return messages


def _told(exchange: Exchange) -> list[dict[str, Any]]:
    """Results come before anything else, as the API wants it; those of errors hold only text."""
    results = [_result(block) for block in exchange.told if block.call and block.call.id is not None]
    rest = [part for block in exchange.told for part in _beside(block)]
    return [*results, *rest]


def _result(block: Block) -> dict[str, Any]:
    assert block.call is not None
    result = {
        "type": "tool_result",
        "tool_use_id": block.call.id,
        "content": _parts(block)[:1] if block.error else _parts(block),
        "is_error": block.error,
    }
    return {**result, "toolset_name": block.call.toolset} if block.call.toolset else result


def _beside(block: Block) -> list[dict[str, Any]]:
    """What of a block is no part of a result."""
    if block.call is None or block.call.id is None:
        return _parts(block)
    return _parts(block)[1:] if block.error else []


def _parts(block: Block) -> list[dict[str, Any]]:
    text = [{"type": "text", "text": block.text}]
    return [*text, _image(block.picture)] if block.picture else text


def _image(picture: Picture) -> dict[str, Any]:
    source = {"type": "base64", "media_type": picture.media_type, "data": picture.base64}
    return {"type": "image", "source": source}
