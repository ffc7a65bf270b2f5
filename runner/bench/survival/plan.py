"""The swarm of the kill study: work side by side, handoffs of both kinds, a lock, and a failure."""

from __future__ import annotations

from typing import Any

from runner.spec import Swarm

NOTE = "~/note.txt"
_EDITORS = {"simulated": "notes"}
_REAL_EDITOR = "mousepad"


def swarm_for(backend: str) -> Swarm:
    """`finish` takes the very desktop of `both`, so that after a crash both are done anew. `careless` never
    leaves what it must, and fails for good."""
    editor = _EDITORS.get(backend, _REAL_EDITOR)
    inputs = {name: {"artifact": f"{name}.note", "to": f"~/{name}.txt"} for name in ("first", "second")}
    return Swarm.model_validate(
        {
            "name": "survivors",
            "parallel": 3,
            "locks": {"mailbox": {}},
            "tasks": [
                _task("first", editor, "one", locks=["mailbox"]),
                _task("second", editor, "two", locks=["mailbox"]),
                _task("both", editor, "three", inputs=inputs),
                _task(
                    "finish",
                    editor,
                    "four",
                    after=["both"],
                    handoffs={"both": {"mode": "transfer"}},
                    locks=["mailbox"],
                ),
                _careless(editor),
            ],
        }
    )


def _task(id_: str, editor: str, text: str, **more: Any) -> dict[str, Any]:
    """Types and saves, so often that there are many moments to die in. `finish` goes on where `both` was."""
    path = f"~/{id_}-note.txt"
    steps: list[dict[str, Any]] = [{"open": [editor, path]}]
    if editor == _REAL_EDITOR:
        steps.append({"focus": f"{id_}-note"})
    steps += [{"type": f"{text} "}, {"type": "and more"}, {"press": "ctrl+s"}]
    return {
        "id": id_,
        "instruction": "Write a note.",
        "agent": {"kind": "script", "steps": steps},
        "desktop": {"image": "slim", "screen": {"width": 640, "height": 480}},
        "outputs": {"note": {"path": path}},
        "checks": [{"check": "file_exists", "path": path, "min_bytes": len(text) + 1}],
        "retry": {"infra": 5},
        **more,
    }


def _careless(editor: str) -> dict[str, Any]:
    task = _task("careless", editor, "five", retry={"infra": 5, "contract": 1})
    return {**task, "outputs": {"note": {"path": NOTE}}, "monitors": {"claims": {"returned": 0}}}
