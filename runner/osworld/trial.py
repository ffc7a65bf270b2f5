"""One attempt at one of OSWorld's tasks: its set-up before the agent begins, its evaluation in the end.

Both are OSWorld's own code, each in a process of its own that speaks to the desktop by OSWorld's protocol
(`runner/osworld/phases.py`). Whatever that code does comes to an outcome: it has a deadline and a limit of
memory, and none of our environment's variables.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from anyio import to_process
from pydantic import Field, ValidationError

from runner.checks.result import CheckResult, broken, failed, one_line, passed
from runner.osworld.contained import Ended, run_contained
from runner.osworld.environment import PHASES, find_python
from runner.osworld.phases import EVALUATE, SETUP
from runner.osworld.spec import OSWorldTask
from runner.outcome import EVALUATOR, must_answer
from runner.spec import Task
from sandboxes.desktop import Desktop
from sandboxes.errors import DeskswarmError, InfraError
from sandboxes.spec import Model

DEADLINE_S = 600
MEMORY_BYTES = 4 << 30
SUCCESS = 1.0


class SetUpFailed(InfraError):
    """The desktop was not brought into the state in which the task begins."""


class NoEvaluator(DeskswarmError):
    """OSWorld's code knows no way to rule on the task. That says nothing of the agent."""

    kind = "contract"
    cause = EVALUATOR


class Answer(Model):
    """What a phase says."""

    score: float | None = Field(default=None, allow_inf_nan=False)
    fault: str = ""
    traceback: str = ""
    unfit: bool = False


@dataclass(slots=True)
class Trial:
    """`home` is deskswarm's; `cache` what OSWorld's code keeps of an attempt, from one phase to the next;
    `log` grows with all that it says."""

    task: OSWorldTask
    home: Path
    desktop: Desktop
    cache: Path
    deadline_s: int = DEADLINE_S
    log: bytes = b""

    async def set_up(self) -> None:
        """Raises SetUpFailed, NoEvaluator, and BackendUnavailable where OSWorld's code is not installed."""
        ended = await self._carry_out(SETUP)
        answer = _read(ended)
        if answer is None:
            raise SetUpFailed(f"the set-up {_end_of(ended)}")
        if answer.unfit:
            raise NoEvaluator(one_line(answer.fault))
        if answer.fault:
            raise SetUpFailed(f"the set-up failed: {one_line(answer.fault)}")

    async def evaluate(self) -> CheckResult:
        """What OSWorld's evaluator says of an agent that is done, or, of an infeasible task, has given up.
        Raises DesktopSilent where the desktop is gone, which the evaluator may have taken for a failure."""
        result = _ruling(await self._carry_out(EVALUATE))
        if not result.ok:
            with must_answer(self.desktop):
                await self.desktop.exec(["true"])
        return result

    async def _carry_out(self, phase: str) -> Ended:
        """As soon as a processor is free for it: to import OSWorld's code takes one for seconds."""
        from runner.osworld.seat import lend  # of an extra that is seldom installed

        python, token = find_python(self.home), secrets.token_urlsafe(32)
        async with to_process.current_default_process_limiter(), lend(self.desktop, token) as ports:
            case = {
                "phase": phase,
                "task": self.task.model_dump(mode="json"),
                "gave_up": not self.task.feasible,
                "address": str(ports),
                "token": token,
                "cache": str(self.cache),
                "memory_bytes": MEMORY_BYTES,
                "deadline_s": self.deadline_s + 60,
            }
            command = [str(python), "-W", "ignore", "-m", PHASES]
            ended = await run_contained(command, json.dumps(case).encode(), self.deadline_s, self.cache)
        self.log += b"== %b\n%b\n" % (phase.encode(), ended.stderr.replace(token.encode(), b"TOKEN"))
        return ended


@contextmanager
def trial_of(task: Task, home: Path, desktop: Desktop) -> Iterator[Trial | None]:
    """None where the task is not one of OSWorld's."""
    if task.osworld is None:
        yield None
        return
    with TemporaryDirectory(prefix="deskswarm-osworld-", ignore_cleanup_errors=True) as cache:
        yield Trial(task.osworld, home, desktop, Path(cache))


def _ruling(ended: Ended) -> CheckResult:
    answer = _read(ended)
    if answer is None:
        return broken(f"OSWorld's evaluator {_end_of(ended)}")
    if answer.fault or answer.score is None:
        return broken(f"OSWorld's evaluator: {answer.fault}", traceback=answer.traceback)
    verdict = passed if answer.score >= SUCCESS else failed
    return verdict(f"OSWorld's evaluator: {answer.score:g}", score=answer.score)


def _read(ended: Ended) -> Answer | None:
    """None where it did not come to an end of its own, or to no answer."""
    if ended.code != 0:
        return None
    try:
        return Answer.model_validate_json(ended.stdout)
    except ValidationError:
        return None


def _end_of(ended: Ended) -> str:
    if ended.code is None:
        return "did not end in time"
    last = ended.stderr.decode(errors="replace").rstrip().rpartition("\n")[2]
    return one_line(f"ended with {ended.code}, and no answer: {last}")
