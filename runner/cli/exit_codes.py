"""What the command's exit codes mean."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `deskswarm --help` does without
    from runner.summary import RunSummary

SUCCEEDED = 0
TASK_FAILED = 1
DIVERGED = 1
BAD_INPUT = 2
INFRASTRUCTURE = 3
LINT_ERRORS = 4
FAULT_WENT_THROUGH = 5
INTERRUPTED = 130


class Interrupted(Exception):
    """A signal ended the work, which has cleaned up after itself."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted ({signal.Signals(number).name})")
        self.exit_code = 128 + number


def code_of_error(error: Exception) -> int | None:
    """None for one that nobody raised on purpose."""
    from sandboxes.errors import DeskswarmError, InputError

    match error:
        case Interrupted():
            return error.exit_code
        case InputError():
            return BAD_INPUT
        case DeskswarmError():
            return INFRASTRUCTURE
    return None


def code_of_run(run: RunSummary) -> int:
    """Infrastructure is to blame only where nothing else failed."""
    if run.status == "succeeded":
        return SUCCEEDED
    if run.status == "cancelled":
        return INTERRUPTED
    kinds = {task.kind for task in run.tasks if task.status == "failed"}
    return INFRASTRUCTURE if kinds <= {"infra"} else TASK_FAILED
