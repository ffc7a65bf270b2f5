"""An agent for the simple tasks of MiniWoB++: a process agent (docs/process-agents.md).

It reads the page's accessible objects and does what its rules say. Where what is asked for does not show, it
opens one section or tab after the other. What it does not understand it gives up.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

from runner.miniwob.page import Node, NotFound, Page, click
from runner.miniwob.rules import plan

_MOST_TRIES = 3


class Oracle:
    """One episode's agent."""

    def __init__(self) -> None:
        self.tries = 0
        self.opened: set[str] = set()

    def decide(self, view: dict[str, Any]) -> dict[str, Any]:
        seen = view["observation"]
        if any(_is_over(window["title"]) for window in seen["windows"]):
            return {"say": "done"}
        page = Page(seen["tree"]["nodes"])
        try:
            actions = plan(view["instruction"], page)
            self.tries += 1
        except NotFound:
            hidden = self._next_hidden(page)
            actions = [click(hidden)] if hidden else []
        if not actions or self.tries > _MOST_TRIES:
            return {"say": "failed", "reason": "it does not know how"}
        return {"say": "act", "actions": actions}

    def _next_hidden(self, page: Page) -> Node | None:
        """A tab or a section that has not been looked into."""
        for node in page.all("page tab"):
            if node.name not in self.opened:
                self.opened.add(node.name)
                return node
        return None


def _is_over(title: str) -> bool:
    return title.startswith("MiniWoB ") and ": reward " in title


def main() -> None:
    oracle = Oracle()
    for line in sys.stdin:
        view = json.loads(line)
        if view["say"] == "view":
            print(json.dumps(oracle.decide(view)), flush=True)


if __name__ == "__main__":
    main()
