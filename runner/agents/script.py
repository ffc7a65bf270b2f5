"""An agent that carries out a list of actions; no model needed."""

from __future__ import annotations

from runner.agents.base import Act, Decision, Done, Failed, PlainAgent, View
from runner.spec import ScriptAgent as ScriptSpec


class ScriptAgent(PlainAgent):
    """One action a decision; the first that fails ends it."""

    def __init__(self, spec: ScriptSpec, done: int = 0) -> None:
        """So many steps were `done` before."""
        self._steps = spec.steps
        self._gives_up = spec.gives_up
        self._done = done
        self._said_done = False

    async def decide(self, view: View) -> Decision:
        failure = next((result for result in view.last if not result.ok), None)
        if failure is not None and not self._said_done:
            verb = self._steps[self._done - 1].do
            return Failed(
                reason=f"step {self._done} of {len(self._steps)} ({verb}): {failure.error}"[:20_000]
            )
        if self._done == len(self._steps) and self._gives_up is not None:
            return Failed(reason=self._gives_up)
        if self._done == len(self._steps):
            self._said_done = True  # told that it is not, a script knows nothing better
            return Done()
        self._done += 1
        return Act(actions=(self._steps[self._done - 1],))
