"""OpenAI's Responses API and chat completions, as far as computer use goes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from tests.runner.models.strict import KEY, Json, Move, StrictServer, must, only, url_image_size

USAGE = {
    "input_tokens": 180,
    "input_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 200,
}
TOOL_FIELDS = {
    "computer": {"type"},
    "computer_use_preview": {"type", "display_width", "display_height", "environment"},
}


def batch(*actions: Json, checks: tuple[Json, ...] = ()) -> Json:
    """A call of `computer`."""
    return {"type": "computer_call", "actions": list(actions), "pending_safety_checks": list(checks)}


def single(action: Json, checks: tuple[Json, ...] = ()) -> Json:
    """A call of the preview."""
    return {"type": "computer_call", "action": action, "pending_safety_checks": list(checks)}


def calls(*items: Json) -> Json:
    return {"status": "completed", "output": [{"type": "reasoning", "summary": []}, *items]}


def says(text: str) -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"status": "completed", "output": [_message(part)]}


def refuses(text: str) -> Json:
    return {"status": "completed", "output": [_message({"type": "refusal", "refusal": text})]}


def _message(part: Json) -> Json:
    return {"type": "message", "role": "assistant", "content": [part]}


class ResponsesServer(StrictServer):
    """Every computer_call must be answered, by one output with all its safety checks acknowledged, and stand
    behind the reasoning that it came with."""

    def __init__(self, *moves: Move, tool: str = "computer") -> None:
        super().__init__(*moves)
        self._tool = tool
        self._said: dict[str, Json] = {}
        self._ids = itertools.count(1)

    def check(self, path: str, headers: Mapping[str, str], request: Json) -> None:
        must(path == "/v1/responses", f"{path}: not found")
        must(headers.get("authorization") == f"Bearer {KEY}", "Incorrect API key provided")
        only(
            request, "model", "instructions", "input", "tools", "max_output_tokens", "store", "include",
            "truncation", where="request",
        )  # fmt: skip
        must(request["model"] == "gpt-local", "model: not found")
        [tool] = request["tools"]
        must(tool.get("type") == self._tool, f"tools: {self._tool} is what this model takes")
        must(set(tool) == TOOL_FIELDS[self._tool], f"tools.0: fields must be {TOOL_FIELDS[self._tool]}")
        must(self._tool == "computer" or request.get("truncation") == "auto", "truncation: must be auto")
        must(request.get("store") is False, "this server keeps nothing")
        must("reasoning.encrypted_content" in request["include"], "include: reasoning would be lost")
        self._check_input(request["input"])

    def answer(self, content: Json, request: Json) -> Json:
        items = []
        for item in content.get("output", ()):
            number = next(self._ids)
            made = {**item, "id": f"item_{number}", "status": "completed"}
            if item["type"] == "computer_call":
                made["call_id"] = f"call_{number}"
            if item["type"] == "reasoning":
                made["encrypted_content"] = f"sealed-{number}"
            self._said[made["id"]] = made
            items.append(made)
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 0,
            "model": request["model"],
            "error": None,
            "incomplete_details": None,
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": request["tools"],
            "usage": USAGE,
            **content,
            "output": items,
        }

    def _check_input(self, items: list[Json]) -> None:
        open_calls: dict[str, Json] = {}
        must(items and items[0].get("role") == "user", "input: begins with the user's message")
        for index, item in enumerate(items):
            where = f"input.{index}"
            if "id" in item:
                must(item == self._said.get(item["id"]), f"{where}: nobody said this")
                if item["type"] == "computer_call":
                    before = items[index - 1]["type"]
                    must(before in ("reasoning", "computer_call"), f"{where}: without its reasoning item")
                    open_calls[item["call_id"]] = item
                if item["type"] == "reasoning":
                    must(items[index + 1]["type"] != "reasoning", f"{where}: without its following item")
            elif item.get("type") == "computer_call_output":
                must(
                    item["call_id"] in open_calls, f"{where}: no call {item['call_id']} waits for this output"
                )
                self._check_output(item, open_calls.pop(item["call_id"]), where)
            else:
                must(not open_calls, f"No tool output found for computer call {[*open_calls]}")
                self._check_message(item, where)
        must(not open_calls, f"No tool output found for computer call {[*open_calls]}")

    def _check_output(self, item: Json, call: Json, where: str) -> None:
        only(item, "type", "call_id", "output", "acknowledged_safety_checks", where=where)
        only(item["output"], "type", "image_url", where=f"{where}.output")
        must(item["output"]["type"] == "computer_screenshot", f"{where}.output.type: computer_screenshot")
        url_image_size(item["output"]["image_url"])
        acknowledged = {check["id"] for check in item.get("acknowledged_safety_checks", ())}
        pending = {check["id"] for check in call["pending_safety_checks"]}
        must(acknowledged == pending, f"{where}: {pending - acknowledged} have not been acknowledged")

    def _check_message(self, item: Json, where: str) -> None:
        only(item, "type", "role", "content", where=where)
        must(item["role"] == "user", f"{where}: role")
        for part in item["content"]:
            if part["type"] == "input_text":
                must(part["text"].strip(), f"{where}: empty text")
            else:
                must(part["type"] == "input_image", f"{where}: {part['type']} is unknown")
                only(part, "type", "image_url", "detail", where=where)
                url_image_size(part["image_url"])


class ChatServer(StrictServer):
    """Chat completions of a local server that has a key."""

    def check(self, path: str, headers: Mapping[str, str], request: Json) -> None:
        must(path == "/v1/chat/completions", f"{path}: not found")
        must(headers.get("authorization") == f"Bearer {KEY}", "Incorrect API key provided")
        only(request, "model", "max_tokens", "messages", where="request")
        messages = request["messages"]
        must(messages[0]["role"] == "system", "the system message comes first")
        for index, message in enumerate(messages[1:]):
            only(message, "role", "content", where=f"messages.{index}")
            must(message["role"] == ("user", "assistant")[index % 2], "roles must alternate user/assistant")
            for part in message["content"] if message["role"] == "user" else ():
                must(part["type"] in ("text", "image_url"), f"messages.{index}: {part['type']}")
                if part["type"] == "image_url":
                    url_image_size(part["image_url"]["url"])
        must(messages[-1]["role"] == "user", "the last message must be the user's")

    def answer(self, content: Json, request: Json) -> Json:
        usage: Any = {
            "prompt_tokens": 180,
            "completion_tokens": 20,
            "total_tokens": 200,
            "prompt_tokens_details": {"cached_tokens": 50},
        }
        message = {"role": "assistant", "content": content.get("text"), "refusal": content.get("refusal")}
        choice = {"index": 0, "finish_reason": content.get("finish", "stop"), "message": message}
        return {
            "id": "chat_1",
            "object": "chat.completion",
            "created": 0,
            "model": request["model"],
            "choices": [choice],
            **({"usage": usage} if content.get("counts", True) else {}),
        }
