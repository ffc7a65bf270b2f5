"""A person as an agent: every decision is a question, and its answer is what is done next.

An answer is an action as in a swarm file (`click: {role: push button, name: OK}`, `type: hello`), a list of
them, `look`, `done`, or `give up`, with what the note says for its reason.
"""

from __future__ import annotations

import yaml
from pydantic import TypeAdapter, ValidationError

from runner.actions import Action
from runner.agents.base import Act, Ask, Done, Failed, Look, PlainAgent, Reply, View

GIVE_UP = "give up"
_ACTIONS: TypeAdapter[tuple[Action, ...]] = TypeAdapter(tuple[Action, ...])


class PersonAgent(PlainAgent):
    async def decide(self, view: View) -> Reply:
        if view.answer is None:
            return _question(view)
        text, note = view.answer.choice.strip(), view.answer.note
        match text:
            case "done":
                return Done(note=note)
            case "look":
                return Look(note=note)
            case "give up":
                return Failed(reason=note or f"answered by {view.answer.by}: {GIVE_UP}")
        try:
            return Act(actions=_actions(text), note=note)
        except (ValidationError, yaml.YAMLError) as error:
            return _question(view, f"That is no action: {error}")


def _actions(text: str) -> tuple[Action, ...]:
    """Raises ValidationError, YAMLError."""
    said = yaml.safe_load(text)
    return _ACTIONS.validate_python(said if isinstance(said, list) else [said])


def _question(view: View, problem: str = "") -> Ask:
    windows = ", ".join(f"“{one.title}”" for one in view.observation.windows)
    failed = "; ".join(result.error or "" for result in view.last if not result.ok)
    lines = [
        problem[:2000],
        f"Windows: {windows}"[:2000],
        f"The last action failed: {failed}"[:2000] if failed else "",
        "`deskswarm view` shows the screen. Answer with an action, `look`, `done` or `give up`.",
    ]
    context = "\n".join(filter(None, [view.instruction, *lines]))
    return Ask(question=f"Step {view.step + 1}: what next?", context=context[:20_000], default=GIVE_UP)
