"""What follows when things go wrong: is it bounded, and does anybody hear of it?"""

from __future__ import annotations

from collections.abc import Iterator

from runner.lint.finding import Finding, Subject, listed
from runner.rules import Policy
from runner.spec import Allowance, Budget, Task

DAY_S = 86_400


def unbounded_retries(subject: Subject) -> Iterator[Finding]:
    """Attempts that are paid for, with no limit to what they cost."""
    tasks = [
        task
        for task in subject.swarm.tasks
        if subject.asks_a_model(task)
        and attempts(subject, task) > 1
        and not _costs_are_bounded(subject, task)
    ]
    if tasks:
        most = max(attempts(subject, task) for task in tasks)
        yield Finding(
            "unbounded-retries",
            "warning",
            subject.place(tasks[0].id, "budget"),
            f"{listed([task.id for task in tasks])}: up to {most} attempts, no limit in tokens or money",
            "give the swarm a `budget` with `tokens` or `money`, or the tasks a `total`",
        )


def endless_attempts(subject: Subject) -> Iterator[Finding]:
    """Attempts that, one after the other, may take more than a day."""
    if subject.swarm.budget.wall_s is not None:
        return
    for task in subject.swarm.tasks:
        most, each = attempts(subject, task), task.budget.wall_s
        if most * each > DAY_S and task.total.wall_s is None:
            yield Finding(
                "endless-attempts",
                "warning",
                subject.place(task.id),
                f"{most} attempts of {each:g} s are {most * each / 3600:.0f} hours",
                "give the task a `total` with `wall_s`, or fewer retries",
            )


def timeouts_that_go_nowhere(subject: Subject) -> Iterator[Finding]:
    """Work that others wait for, and nothing said of what happens when its time is up."""
    tasks = [
        task.id
        for task in subject.swarm.tasks
        if subject.dependants[task.id] and not _timeout_is_answered(subject, task)
    ]
    if tasks:
        lost = sorted({name for task in tasks for name in subject.dependants[task]} - set(tasks))
        yield Finding(
            "timeout-goes-nowhere",
            "warning",
            subject.place(tasks[0]),
            f"when the time of {listed(tasks)} is up, nothing is tried and nobody is asked; "
            f"{listed(lost or tasks[-1:])} will not start",
            "say what follows: `policy: {answers: {timeout: [retry_fresh, person]}}`, of the swarm or a task",
        )


def questions_too_late(subject: Subject) -> Iterator[Finding]:
    """People who still have time to answer when the run's own is up."""
    limit = subject.swarm.budget.wall_s
    for task in subject.swarm.tasks:
        asks = any(
            "person" in answers for policy in _policies(subject, task) for answers in policy.answers.values()
        )
        path = (task.escalate or subject.swarm.escalate).path
        patience = sum(contact.within_s for contact in path)
        if asks and limit is not None and patience >= limit:
            yield Finding(
                "question-too-late",
                "warning",
                subject.place(task.id),
                f"people have {patience:g} s to answer for {task.id}; the whole run has {limit:g} s",
                "shorten `within_s` on the path of `escalate`, or lengthen the run's `budget.wall_s`",
            )


def attempts(subject: Subject, task: Task) -> int:
    """The most attempts a task can take."""
    policies = _policies(subject, task)
    if any(policy.python for policy in policies):
        return policies[0].max_attempts
    answers = {key: given for policy in reversed(policies) for key, given in policy.answers.items()}
    further = sum(answer != "abort_branch" for given in answers.values() for answer in given)
    for kind, times in task.retry.model_dump().items():
        further += 0 if kind in answers else times
    return min(1 + further, policies[0].max_attempts)


def _policies(subject: Subject, task: Task) -> list[Policy]:
    """The task's own and the swarm's."""
    return [policy for policy in (task.policy, subject.swarm.policy) if policy is not None]


def _timeout_is_answered(subject: Subject, task: Task) -> bool:
    policies = _policies(subject, task)
    keys = {
        key.partition(".")[0] for policy in policies for key, answers in policy.answers.items() if answers
    }
    return "timeout" in keys or task.retry.timeout > 0 or any(policy.python for policy in policies)


def _costs_are_bounded(subject: Subject, task: Task) -> bool:
    shared: list[Allowance | Budget] = [task.budget, task.total, subject.swarm.budget]
    if task.tier is not None:
        shared.append(subject.swarm.tiers[task.tier])
    return any(one.tokens is not None or one.money is not None for one in shared)
