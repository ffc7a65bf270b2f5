"""Asks the policy: the user's function first, where there is one, and then the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anyio import to_thread

from runner.arbitrator import BadAnswer, Case, arbitrate, rule_on
from runner.events import Ruling
from runner.hooks import describe, load_function
from runner.rules import Policy
from runner.spec import Retry
from sandboxes.deadline import deadline
from sandboxes.errors import DeadlineExceeded, InputError

FUNCTION_TIMEOUT_S = 120.0


async def rule(case: Case, policies: Sequence[Policy], retry: Retry, folder: Path) -> Ruling:
    """The ruling on one failure. A function that fails, or says nonsense, leaves it to the table, and the
    ruling's reason says so."""
    function = next((policy.python for policy in policies if policy.python), None)
    note = ""
    if function is not None and case.failure.kind != "cancelled":
        try:
            ruling = rule_on(case, await _ask(function, case, folder), policies[0])
        except (BadAnswer, DeadlineExceeded, InputError) as error:
            ruling, note = None, f"; the policy function {function} failed: {error}"
        if ruling is not None:
            return ruling
    ruling = arbitrate(case, policies, retry)
    return ruling.model_copy(update={"reason": ruling.reason + note})


async def _ask(function: str, case: Case, folder: Path) -> object:
    with deadline(f"an answer of {function}", FUNCTION_TIMEOUT_S):
        return await to_thread.run_sync(_call, function, case, folder, abandon_on_cancel=True)


def _call(function: str, case: Case, folder: Path) -> object:
    called = load_function(function, folder)
    try:
        return called(case)
    except (Exception, SystemExit) as error:  # the user's own code
        raise InputError(describe(error)) from error
