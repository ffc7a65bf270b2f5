"""A failed attempt in one paragraph: which step, what the agent saw and did, what was found and ruled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.replay.data import CheckResult, Deed, Step
from runner.state import AttemptState

_SHOWN_CHECKS = 3
_SHOWN_DEEDS = 5
_SHOWN_LENGTH = 200


def telling_step(attempt: AttemptState, steps: Sequence[Step]) -> int:
    """The step to look at first, from 0. Of an attempt that failed, the last one with an action that did, or
    else the last; of one that goes on, the last; of any other, the first."""
    last = max(0, len(steps) - 1)
    if attempt.status == "failed":
        return max((at for at, step in enumerate(steps) if _trouble(step)), default=last)
    return last if attempt.status == "running" else 0


def summarize(task: str, attempt: AttemptState, steps: Sequence[Step], checks: Sequence[CheckResult]) -> str:
    """Empty for an attempt that did not fail."""
    if attempt.status != "failed":
        return ""
    return " ".join(_sentences(task, attempt, steps, checks))


def _sentences(
    task: str, attempt: AttemptState, steps: Sequence[Step], checks: Sequence[CheckResult]
) -> Iterator[str]:
    at = telling_step(attempt, steps)
    kind = ".".join(filter(None, (attempt.failure, attempt.cause)))
    yield f"Attempt {attempt.number} of {task} failed ({kind})" + (
        f" at step {at + 1} of {len(steps)}." if steps else " before its first step."
    )
    if steps:
        yield from _of_step(steps, at)
    yield from _of_checks(attempt, checks)
    for ruling in attempt.rulings:
        by = f"by rule {ruling.rule}" if ruling.rule else f"by {ruling.by}"
        yield f"Ruling {by}: {ruling.answer.replace('_', ' ')}, because {_cut(ruling.reason) or 'no reason'}."


def _of_step(steps: Sequence[Step], at: int) -> Iterator[str]:
    step = steps[at]
    focused = [window.title for window in step.windows if window.focused]
    titles = focused or [window.title for window in step.windows]
    yield f"The agent saw the window “{_cut(titles[0])}”." if titles else "The agent saw no window."
    failed = _trouble(step)
    if failed is not None:
        yield f"It tried: {_told(failed)}; that failed: {_cut(failed.error or 'refused')}."
        return
    deeds = [deed for one in steps[: at + 1] for deed in one.deeds][-_SHOWN_DEEDS:]
    if deeds:
        yield f"The last it did: {'; '.join(map(_told, deeds))}."
    if not step.deeds:
        yield f"Then it said: {_cut(': '.join(filter(None, (step.say, step.note))))}."


def _of_checks(attempt: AttemptState, checks: Sequence[CheckResult]) -> Iterator[str]:
    failed = [check for check in checks if not check.ok]
    for check in failed[:_SHOWN_CHECKS]:
        yield f"Failed: {check.name}{f', {_cut(check.detail)}' if check.detail else ''}."
    if len(failed) > _SHOWN_CHECKS:
        yield f"And {len(failed) - _SHOWN_CHECKS} more."
    if not failed and attempt.reason:
        yield f"Reason: {_cut(attempt.reason)}."


def _trouble(step: Step) -> Deed | None:
    return next((deed for deed in step.deeds if deed.ok is False), None)


def _told(deed: Deed) -> str:
    return _cut(f"{deed.verb} {deed.detail}")


def _cut(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "…"
