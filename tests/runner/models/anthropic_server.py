"""Anthropic's Messages API as far as computer use goes, and what it demands per version of the tool."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from tests.runner.models.strict import KEY, Json, Move, StrictServer, image_size, must, only

TOOLSET = "computer_toolset_20260801"
VERSIONS = ("2023-06-01", "2026-10-21")
BETAS = {
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
}
USAGE = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 50,
    "output_tokens": 20,
    "output_tokens_details": {"thinking_tokens": 5},
}


def use(name: str, **values: Any) -> Json:
    """A call of the toolset's member, as a move's content."""
    return {"type": "tool_use", "name": name, "toolset_name": "computer", "input": values}


def act(action: str, **values: Any) -> Json:
    """A call of one of the older tools."""
    return {"type": "tool_use", "name": "computer", "input": {"action": action, **values}}


def calls(*blocks: Json) -> Json:
    return {"content": list(blocks), "stop_reason": "tool_use"}


def says(text: str, stop: str = "end_turn", **more: Any) -> Json:
    return {"content": [{"type": "text", "text": text}] if text else [], "stop_reason": stop, **more}


class AnthropicServer(StrictServer):
    def __init__(self, *moves: Move, tool: str = TOOLSET, usage: Json = USAGE) -> None:
        super().__init__(*moves)
        self._tool = tool
        self._usage = usage
        self._said: list[list[Json]] = []
        self._ids = itertools.count(1)

    def refusal(self, status: int, message: str) -> Json:
        return {"type": "error", **super().refusal(status, message)}

    def check(self, path: str, headers: Mapping[str, str], request: Json) -> None:
        must(path.partition("?")[0] == "/v1/messages", f"{path}: not found")
        authorized = headers.get("x-api-key") == KEY or headers.get("authorization") == f"Bearer {KEY}"
        must(authorized, "invalid x-api-key")
        must(headers.get("anthropic-version") in VERSIONS, "anthropic-version: header is required")
        only(request, "model", "max_tokens", "system", "tools", "messages", where="request")
        must(request.get("model") == "claude-local" and request.get("max_tokens", 0) > 0, "model, max_tokens")
        beta = headers.get("anthropic-beta", "")
        if self._tool == TOOLSET:
            must("computer-use" not in beta, f"anthropic-beta: {beta} is not for {TOOLSET}")
        else:
            must(BETAS[self._tool] in beta.split(","), f"anthropic-beta: {BETAS[self._tool]} is required")
        self._check_tools(request["tools"])
        self._check_messages(request["messages"])
        blocks = [*request["system"], *(b for m in request["messages"] for b in m["content"])]
        must(sum("cache_control" in block for block in blocks) <= 4, "at most 4 blocks with cache_control")

    def answer(self, content: Json, request: Json) -> Json:
        blocks = [
            {**block, "id": f"toolu_{next(self._ids):03}"} if block["type"] == "tool_use" else block
            for block in content["content"]
        ]
        self._said.append(blocks)
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "stop_sequence": None,
            "usage": self._usage,
            **content,
            "content": blocks,
        }

    def _check_tools(self, tools: list[Json]) -> None:
        must(
            [tool.get("type") for tool in tools] == [self._tool],
            f"tools: {self._tool} is what this model takes",
        )
        [tool] = tools
        if self._tool == TOOLSET:
            only(tool, "type", "configs", "cache_control", "allowed_callers", where="tools.0")
            return
        zoom = ("enable_zoom",) if self._tool == "computer_20251124" else ()
        sizes = ("display_width_px", "display_height_px")
        only(tool, "type", "name", *sizes, "display_number", *zoom, "cache_control", where="tools.0")
        must(tool.get("name") == "computer", "tools.0.name: must be `computer`")
        must(all(isinstance(tool.get(size), int) for size in sizes), f"tools.0: {sizes} are required")

    def _check_messages(self, messages: list[Json]) -> None:
        must(messages and messages[-1]["role"] == "user", "messages: the last must be the user's")
        sizes: list[tuple[int, int]] = []
        pending: dict[str, Json] = {}
        for index, message in enumerate(messages):
            where = f"messages.{index}"
            only(message, "role", "content", where=where)
            must(message["role"] == ("user", "assistant")[index % 2], f"{where}: roles must alternate")
            must(message["content"], f"{where}: content must not be empty")
            if message["role"] == "assistant":
                must(
                    message["content"] in [said or _EMPTY for said in self._said],
                    f"{where}: nobody said this",
                )
                pending = {b["id"]: b for b in message["content"] if b["type"] == "tool_use"}
            else:
                self._check_user(message["content"], pending, where, sizes)
                pending = {}
        self._check_sizes(sizes)

    def _check_user(
        self, content: list[Json], pending: dict[str, Json], where: str, sizes: list[tuple[int, int]]
    ) -> None:
        results = [block for block in content if block["type"] == "tool_result"]
        answered = [result["tool_use_id"] for result in results]
        must(
            sorted(answered) == sorted(pending), f"{where}: tool_result for {answered}, tool_use {[*pending]}"
        )
        must(content[: len(results)] == results, f"{where}: tool_result blocks must come first")
        for result in results:
            only(
                result,
                "type",
                "tool_use_id",
                "content",
                "is_error",
                "toolset_name",
                "cache_control",
                where=where,
            )
            toolset = pending[result["tool_use_id"]].get("toolset_name")
            must(result.get("toolset_name") == toolset, f"{where}: toolset_name must be {toolset}")
            kinds = {block["type"] for block in result["content"]}
            must(kinds <= {"text", "image"}, f"{where}: a tool_result holds text and images, not {kinds}")
            must(
                not result.get("is_error") or kinds == {"text"},
                f"{where}: all content must be text if is_error",
            )
            self._check_blocks(result["content"], where, sizes)
        self._check_blocks(content[len(results) :], where, sizes)

    def _check_blocks(self, blocks: list[Json], where: str, sizes: list[tuple[int, int]]) -> None:
        for block in blocks:
            if block["type"] == "text":
                only(block, "type", "text", "cache_control", where=where)
                must(block["text"].strip(), f"{where}: text content blocks must contain non-whitespace text")
            else:
                must(block["type"] == "image", f"{where}: {block['type']} is unknown here")
                only(block, "type", "source", "cache_control", where=where)
                only(block["source"], "type", "media_type", "data", where=f"{where}.source")
                sizes.append(image_size(block["source"]["data"], block["source"]["media_type"]))

    def _check_sizes(self, sizes: list[tuple[int, int]]) -> None:
        for width, height in sizes:
            if self._tool == TOOLSET:
                tokens = math.ceil(width / 28) * math.ceil(height / 28)
                must(max(width, height) <= 2576 and tokens <= 4784, f"image of {width}x{height} is too large")
            else:
                fits = max(width, height) <= 1568 and width * height <= 1_150_000
                must(fits, f"image of {width}x{height} is too large")
            must(len(sizes) <= 20 or max(width, height) <= 2000, "many images: at most 2000 pixels a side")


_EMPTY = [{"type": "text", "text": "(no answer)"}]
