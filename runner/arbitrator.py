"""The arbitrator: sees one failure, with only its context, and rules on what follows."""

from __future__ import annotations

from collections.abc import Sequence

from runner.events import AttemptEnded, Ruling
from runner.spec import Retry
from sandboxes.errors import FailureKind


def arbitrate(failed: AttemptEnded, earlier: Sequence[FailureKind], retry: Retry) -> Ruling:
    """Retry or give up. `earlier` are the kinds of the task's earlier failures.

    Each kind has an allowance of its own, so that a broken machine does not use up an agent's tries.
    """
    kind = failed.failure
    allowed = 0 if kind is None or kind == "cancelled" else getattr(retry, kind)
    used = sum(other == kind for other in earlier)
    answer = "retry" if used < allowed else "give_up"
    reason = f"{kind}: {used} of {allowed} retries used before"
    return Ruling(task=failed.task, attempt=failed.attempt, answer=answer, reason=reason)
