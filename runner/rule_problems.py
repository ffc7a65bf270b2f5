"""What is wrong with what a swarm says of the space between its agents: policies, handoffs."""

from __future__ import annotations

from collections.abc import Iterator

from runner.errors import Loc, SpecProblem, suggest
from runner.rules import OtherAgent, Policy
from runner.spec import Swarm, Task
from runner.tokens import count_tokens


def rule_problems(swarm: Swarm) -> Iterator[SpecProblem]:
    yield from _policy_problems(("policy",), swarm.policy, swarm)
    taken: dict[str, str] = {}
    for index, task in enumerate(swarm.tasks):
        at: Loc = ("tasks", index)
        if task.policy is not None:
            yield from _policy_problems((*at, "policy"), task.policy, swarm)
        yield from _mode_problems((*at, "handoffs"), task, taken)
        yield from _brief_problems((*at, "handoffs"), task)


def _policy_problems(at: Loc, policy: Policy, swarm: Swarm) -> Iterator[SpecProblem]:
    for key, answers in policy.answers.items():
        for number, answer in enumerate(answers):
            if isinstance(answer, OtherAgent) and answer.other_agent not in swarm.agents:
                message = (
                    f"no agent is named {answer.other_agent!r}{suggest(answer.other_agent, swarm.agents)}"
                )
                yield SpecProblem((*at, "answers", key, number, "other_agent"), message)


def _mode_problems(at: Loc, task: Task, taken: dict[str, str]) -> Iterator[SpecProblem]:
    """`taken` is, by sender, the task that takes over its very desktop."""
    wanted = [sender for sender, handoff in task.handoffs.items() if handoff.mode != "fresh"]
    if len(wanted) > 1:
        message = f"a task works on one desktop; {' and '.join(wanted)} cannot both hand theirs over"
        yield SpecProblem(at, message)
    for sender in wanted:
        if task.handoffs[sender].mode == "transfer":
            first = taken.setdefault(sender, task.id)
            if first != task.id:
                message = f"{first} takes over the desktop of {sender} already; use fork or fresh"
                yield SpecProblem((*at, sender, "mode"), message)


def _brief_problems(at: Loc, task: Task) -> Iterator[SpecProblem]:
    for sender, handoff in task.handoffs.items():
        tokens = count_tokens(handoff.brief or "")
        if tokens > handoff.max_tokens:
            message = f"{tokens} tokens are over the limit of {handoff.max_tokens} (max_tokens)"
            yield SpecProblem((*at, sender, "brief"), message)
