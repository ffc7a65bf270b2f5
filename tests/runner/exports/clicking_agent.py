"""A program that works as a model does that sees only pixels: it looks where a thing is and clicks there.

What is not there yet it waits for by looking again: it leaves the pointer where it is.
"""

from __future__ import annotations

import json
import sys
from typing import Any

NOTE = "grüße, 世界"
Actions = list[dict[str, Any]]


def shown(view: dict[str, Any], role: str, *names: str) -> Actions:
    """The objects of that role, and of one of these names, that show."""
    nodes = view["observation"]["tree"]["nodes"]
    return [
        node for node in nodes
        if node["role"] == role and node.get("rect") and (not names or node.get("name") in names)
    ]  # fmt: skip


def click(view: dict[str, Any], role: str, *names: str) -> Actions:
    """Click the middle of it; nothing while it is not there."""
    for node in shown(view, role, *names):
        rect = node["rect"]
        return [
            {"click": {"at": {"x": rect["x"] + rect["width"] // 2, "y": rect["y"] + rect["height"] // 2}}}
        ]
    return []


def may_type(view: dict[str, Any], title: str) -> bool:
    """Whether a text in the window of that title has the keyboard."""
    windows = [window for window in view["observation"]["windows"] if window["focused"]]
    focused = any(window["title"].lstrip("*") == title for window in windows)
    return focused and any("focused" in node["states"] for node in shown(view, "text"))


def decide(view: dict[str, Any], phase: int) -> Actions:
    """What comes next; nothing while what it needs is not there."""
    match phase:
        case 0:
            return [{"open": ["mousepad", "note.txt"]}]
        case 1:
            return click(view, "text")
        case 2:
            return [{"type": NOTE}] if may_type(view, "~/note.txt - Mousepad") else []
        case 3:
            return click(view, "menu", "File")
        case 4:
            return click(view, "menu item", "Save As...", "Save As…")
        case 5:
            return [{"press": "ctrl+a"}] if may_type(view, "Save As") else []
        case 6:
            return [{"type": "/home/user/saved.txt"}]
        case _:
            return click(view, "push button", "Save")


phase = 0
for line in sys.stdin:
    view = json.loads(line)
    if view["say"] != "view":
        continue
    failed = [result["error"] for result in view["last"] if not result["ok"]]
    saved = any(window["title"] == "~/saved.txt - Mousepad" for window in view["observation"]["windows"])
    if failed:
        answer: dict[str, Any] = {"say": "failed", "reason": failed[0]}
    elif phase == 8 and saved:
        answer = {"say": "done"}
    else:
        actions = decide(view, phase) if phase < 8 else []
        note = f"phase {phase}" if actions else "not there yet"
        phase += bool(actions)
        looks_again = [{"hover": {"at": view["observation"]["cursor"]}}]
        answer = {"say": "act", "actions": actions or looks_again, "note": note}
    print(json.dumps(answer), flush=True)
