"""Is anything typed in clear that should be a secret?"""

from __future__ import annotations

from collections.abc import Iterator

from runner.actions import Fill
from runner.graph import agent_of
from runner.lint.finding import Finding, Subject
from runner.redaction.screen import PASSWORD
from runner.spec import ScriptAgent


def passwords_in_clear(subject: Subject) -> Iterator[Finding]:
    """A script that fills a password field with what stands in the swarm file, and then in the journal."""
    for task in subject.swarm.tasks:
        agent = agent_of(subject.swarm, task)
        steps = agent.steps if isinstance(agent, ScriptAgent) else ()
        for number, step in enumerate(steps):
            if isinstance(step, Fill) and step.target.role == PASSWORD and step.text:
                yield Finding(
                    "password-in-clear",
                    "warning",
                    subject.place(task.id, "agent"),
                    f"step {number} of {task.id} types a password that stands in the file, and is kept",
                    "declare it in `secrets`, and write `secret: NAME` in place of `text`",
                )
