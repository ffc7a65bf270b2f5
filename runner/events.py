"""Everything that can happen in a run, as typed events. The journal holds these and nothing else.

`part` tells apart the things that may happen more than once in an attempt; the journal refuses a
second event of the same run, task, attempt, kind and part.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue, TypeAdapter

from runner.agents.base import Usage
from runner.artifacts import Sha256
from runner.plan import Plan
from runner.rules import Contact, HandoffMode
from runner.spec import Swarm
from sandboxes.errors import FailureKind
from sandboxes.spec import Model, Name

EndStatus = Literal["succeeded", "failed", "cancelled"]


class RunEvent(Model):
    """Base of all events."""

    task: str = ""
    attempt: int = Field(default=0, ge=0)

    @property
    def part(self) -> str:
        return ""


class TaskEvent(RunEvent):
    task: Name


class AttemptEvent(TaskEvent):
    attempt: int = Field(ge=1)


class Kept(Model):
    """A file as it passed into or out of a desktop: its path there, and its bytes by hash."""

    name: Name
    path: str
    sha256: Sha256
    bytes: int = Field(ge=0)


class Finding(Model):
    """What the validator found of one thing: `output NAME`, `check N: KIND` (N from 0) or `judge NAME`.

    `output` names the output it is about, where it is about one; `cause` says in a word what is wrong:
    `missing`, `empty`, `truncated`, `too_long`, `stale`, `schema`, `check` or `judge`.
    """

    subject: str
    output: str = ""
    cause: str = ""
    ok: bool
    detail: str = ""
    facts: dict[str, JsonValue] = Field(default_factory=dict, description="the values found")


class Branched(Model):
    """What a run of one task goes on from: the state before this step of that attempt (steps from 0)."""

    run: str
    task: Name
    attempt: int = Field(ge=1)
    step: int = Field(ge=0)
    snapshot: str = Field(default="", description="what the state was restored from; empty: re-executed")


class RunStarted(RunEvent):
    kind: Literal["run_started"] = "run_started"
    swarm: Swarm
    plan: Plan
    backend: str
    controller: str = Field(description="the process that runs it, as sandboxes.owner.Owner writes itself")
    folder: str = Field(default="", description="where the files are that the swarm names")
    branched: Branched | None = Field(default=None, description="of a run that goes on from another's step")


class RunResumed(RunEvent):
    """Another controller took the run up after the last one had died; `number` counts from 1."""

    kind: Literal["run_resumed"] = "run_resumed"
    number: int = Field(ge=1)
    controller: str

    @property
    def part(self) -> str:
        return str(self.number)


class RunImported(RunEvent):
    """The run happened elsewhere and came here as an archive (runner.exports.intake), whose hash this is.
    What it left is shown, and never taken for work of this home."""

    kind: Literal["run_imported"] = "run_imported"
    sha256: Sha256


class AttemptStarted(AttemptEvent):
    kind: Literal["attempt_started"] = "attempt_started"
    agent: Name | None = Field(default=None, description="one of the swarm's; None for the task's own")


class DesktopAwaited(AttemptEvent):
    """The machine has no room for the attempt's desktop yet; `place` is its place in the line, from 1."""

    kind: Literal["desktop_awaited"] = "desktop_awaited"
    place: int = Field(ge=1)
    reason: str


class DesktopLeased(AttemptEvent):
    """The desktop is up and the attempt's own; `restored` is the snapshot it was made from. The lease's token
    is a secret and is not here."""

    kind: Literal["desktop_leased"] = "desktop_leased"
    desktop: str
    epoch: int = Field(ge=1)
    restored: Sha256 | None = None

    @property
    def part(self) -> str:
        return str(self.epoch) if self.epoch > 1 else ""


class InputPlaced(AttemptEvent):
    kind: Literal["input_placed"] = "input_placed"
    file: Kept

    @property
    def part(self) -> str:
        return self.file.name


class ConnectionEnded(AttemptEvent):
    """A program on the desktop asked for the network, and got it or not (`sandboxes.egress.proxy`).

    `number` counts the attempt's connections from 1, in the order of their ends.
    """

    kind: Literal["connection"] = "connection"
    number: int = Field(ge=1)
    host: str = Field(description="as the program named it; '' where that could not be read")
    port: int
    address: str = Field(description="what it was connected to, or ''")
    allowed: bool
    reason: str = Field(description="why it was refused, or cut off")
    sent: int = Field(ge=0, description="bytes, by the desktop")
    received: int = Field(ge=0)
    seconds: float = Field(ge=0)

    @property
    def part(self) -> str:
        return str(self.number)


class ActIntended(AttemptEvent):
    """An action is about to be carried out: the one thing that is known of it should the controller die.

    `step` is that of the checkpoint it will be in, `action` its number in the decision, from 0.
    """

    kind: Literal["act_intended"] = "act_intended"
    step: int = Field(ge=0)
    action: int = Field(ge=0)
    does: str = Field(description="the action's kind, as `click`")

    @property
    def part(self) -> str:
        return f"{self.step}/{self.action}"

    @property
    def words(self) -> str:
        """As people are told of it."""
        return f"action {self.action} of step {self.step} ({self.does})"


class CheckpointTaken(AttemptEvent):
    """A checkpoint (runner.checkpoints) is in the artifact store, as is the screenshot it shows.

    `say` is what the agent decided, or None where it came to no decision; `executed` is how many actions
    were tried.
    """

    kind: Literal["checkpoint"] = "checkpoint"
    step: int = Field(ge=0)
    sha256: Sha256
    screenshot: Sha256
    say: Literal["act", "look", "done", "failed"] | None
    executed: int = Field(ge=0)
    usage: Usage

    @property
    def part(self) -> str:
        return str(self.step)


class SnapshotTaken(AttemptEvent):
    """The desktop was saved as it was before this step, when so many decisions had been `acted` on, those of
    earlier attempts on it included; `snapshot` is its id."""

    kind: Literal["snapshot_taken"] = "snapshot_taken"
    step: int = Field(ge=0)
    acted: int = Field(default=0, ge=0)
    snapshot: Sha256

    @property
    def part(self) -> str:
        return str(self.step)


class OutputKept(AttemptEvent):
    """Kept as evidence; it is handed on only once the attempt's verdict has passed."""

    kind: Literal["output_kept"] = "output_kept"
    file: Kept

    @property
    def part(self) -> str:
        return self.file.name


class Warned(AttemptEvent):
    """A monitor saw something that need not end the attempt. `step` is the checkpoint it saw it at."""

    kind: Literal["warned"] = "warned"
    monitor: str
    step: int = Field(ge=0)
    message: str

    @property
    def part(self) -> str:
        return f"{self.step}/{self.monitor}"


class Refused(AttemptEvent):
    """Something the agent asked for was not done. `action` is its number in the decision, from 0; None for
    a claim to be done."""

    kind: Literal["refused"] = "refused"
    monitor: str
    step: int = Field(ge=0)
    action: int | None = None
    reason: str

    @property
    def part(self) -> str:
        return f"{self.step}/{'' if self.action is None else self.action}"


class VerdictGiven(AttemptEvent):
    """A ruling on what an attempt left behind: a judge's opinion or, where `judge` is empty, the
    validator's own, which is the last and the one that counts.

    `conflict` is a verdict that did not pass because judges disagree. `outputs` are the bytes ruled on.
    """

    kind: Literal["verdict"] = "verdict"
    judge: str = ""
    passed: bool
    conflict: bool = False
    findings: tuple[Finding, ...]
    outputs: dict[Name, Sha256] = Field(default_factory=dict)
    usage: Usage = Usage()

    @property
    def part(self) -> str:
        return self.judge


class AttemptEnded(AttemptEvent):
    """`failure` is None for a success; `evidence` maps a name, as `guest_log`, to a blob.

    `cause` says in a word what made it fail, below its kind: docs/guardrails.md lists them.
    """

    kind: Literal["attempt_ended"] = "attempt_ended"
    status: EndStatus
    failure: FailureKind | None = None
    cause: str = ""
    reason: str = ""
    evidence: dict[str, Sha256] = Field(default_factory=dict)
    steps: int = Field(default=0, ge=0, description="all it took, so that each need not be read to know")
    usage: Usage = Usage()


Answer = Annotated[
    Literal[
        "retry_fresh", "retry_checkpoint", "other_agent", "person", "accept", "abort_branch", "abort_run"
    ],
    # What journals of the first version hold.
    BeforeValidator(lambda said: {"retry": "retry_fresh", "give_up": "abort_branch"}.get(said, said)),
]


class Ruling(AttemptEvent):
    """The arbitrator's answer to a failed attempt, with its reason.

    `rule` is the key of the policy table it comes from; `loop` says which loop was seen, where one was;
    `by` is `policy`, `model`, or who answered `question`, the number of one asked before.
    """

    kind: Literal["ruling"] = "ruling"
    answer: Answer
    reason: str
    agent: Name | None = None
    rule: str = ""
    loop: str = ""
    by: str = "policy"
    question: int | None = None

    @property
    def part(self) -> str:
        return "" if self.question is None else str(self.question)


class TaskEnded(TaskEvent):
    """A task is over. `blocked`: a task it needs was not done, so it never started.

    `round` counts how often the task was reopened before.
    """

    kind: Literal["task_ended"] = "task_ended"
    status: Literal["succeeded", "failed", "blocked"]
    reason: str = ""
    round: int = Field(default=0, ge=0)

    @property
    def part(self) -> str:
        return str(self.round) if self.round else ""


class TaskReopened(TaskEvent):
    """A task that had ended waits again, and so do those it blocked: requeued by a person, or because the
    desktop it handed over to `needed_by` is gone. `round` counts the times."""

    kind: Literal["task_reopened"] = "task_reopened"
    round: int = Field(ge=1)
    reason: str
    by: str
    needed_by: Name | None = None

    @property
    def part(self) -> str:
        return str(self.round)


# --- between tasks -------------------------------------------------------------------------------


class HandoffSent(AttemptEvent):
    """What an attempt that succeeded hands on to a task that needs it. Checked before it is sent.

    `inputs` maps the receiver's inputs to the hashes of what they must hold; `tokens` is the length of the
    brief; `contract` is the hash of the sender's task, whose checks have passed.
    """

    kind: Literal["handoff_sent"] = "handoff_sent"
    to: Name
    mode: HandoffMode
    intent: str
    brief: str
    tokens: int = Field(ge=0)
    inputs: dict[Name, Sha256]
    questions: tuple[str, ...]
    contract: Sha256

    @property
    def part(self) -> str:
        return self.to


class TaskReused(TaskEvent):
    """An earlier run has done the very same task: what attempt `did` of it left and handed on is taken."""

    kind: Literal["task_reused"] = "task_reused"
    run: str
    did: int = Field(ge=1)
    outputs: dict[Name, Kept]
    handoffs: tuple[HandoffSent, ...]


class HandoffReceived(AttemptEvent):
    """The receiver has the brief and, on its desktop, every input by its hash."""

    kind: Literal["handoff_received"] = "handoff_received"
    sender: Name
    sender_attempt: int = Field(ge=1)

    @property
    def part(self) -> str:
        return self.sender


class InputRead(AttemptEvent):
    """An input's receipt is acknowledged: the agent says it read it, or an action of its own names it."""

    kind: Literal["input_read"] = "input_read"
    name: Name
    sha256: Sha256
    how: Literal["said", "named"]

    @property
    def part(self) -> str:
        return self.name


class InputsUnread(AttemptEvent):
    """The agent was done and had never read these."""

    kind: Literal["inputs_unread"] = "inputs_unread"
    names: tuple[Name, ...]


class DesktopHandedOver(AttemptEvent):
    """A desktop left the attempt: the controller holds it, under this epoch, until `to` takes it.

    `fork_of` is the desktop it is a copy of; that one stays with the attempt.
    """

    kind: Literal["desktop_handed_over"] = "desktop_handed_over"
    desktop: str
    epoch: int = Field(ge=1)
    to: Name
    fork_of: str | None = None

    @property
    def part(self) -> str:
        return self.to


class DesktopAdopted(TaskEvent):
    """A desktop that outlived its controller: the next one holds it, under this epoch, until the task, which
    an earlier attempt was at on it or which it was handed over to, starts.

    `steps` were acted on before. `doubt` is an action that was begun after that: it may now be done twice.
    """

    kind: Literal["desktop_adopted"] = "desktop_adopted"
    desktop: str
    epoch: int = Field(ge=1)
    steps: int = Field(default=0, ge=0)
    doubt: str = ""

    @property
    def part(self) -> str:
        return f"{self.desktop}/{self.epoch}"


class DesktopReleased(TaskEvent):
    """A desktop the controller held for a task is ended: the task does not take it any more."""

    kind: Literal["desktop_released"] = "desktop_released"
    desktop: str

    @property
    def part(self) -> str:
        return self.desktop


class LockGranted(TaskEvent):
    """Taken when the attempt starts, all at once."""

    kind: Literal["lock_granted"] = "lock_granted"
    lock: Name

    @property
    def part(self) -> str:
        return self.lock


class LockReleased(TaskEvent):
    """`to` is the task it passes to with the desktop, and which waits with it; None where it is free."""

    kind: Literal["lock_released"] = "lock_released"
    lock: Name
    to: Name | None = None

    @property
    def part(self) -> str:
        return self.lock


class Waits(Model):
    """A task waits for a lock that another one holds or, without `lock`, for that one to be done."""

    task: Name
    holder: Name
    lock: Name | None = None

    def __str__(self) -> str:
        what = f"for lock {self.lock}, which {self.holder} holds" if self.lock else f"for {self.holder}"
        return f"{self.task} waits {what};"


class DeadlockFound(TaskEvent):
    """Tasks wait for each other's locks. `task` is the one that is given up, so that the others go on."""

    kind: Literal["deadlock_found"] = "deadlock_found"
    cycle: tuple[Waits, ...]
    round: int = Field(default=0, ge=0)

    @property
    def part(self) -> str:
        return str(self.round)


# --- people --------------------------------------------------------------------------------------


class QuestionEvent(AttemptEvent):
    """Base of what happens to a question; `number` counts an attempt's questions, from 1."""

    number: int = Field(ge=1)

    @property
    def part(self) -> str:
        return str(self.number)


class Asked(QuestionEvent):
    """A question for a person. Contact N of `path` has it until the end of their time, counted from here.

    Without `choices`, any text is an answer. `about` a failure, the choices are answers to it.
    """

    kind: Literal["asked"] = "asked"
    about: Literal["failure", "agent"]
    question: str
    context: str
    choices: tuple[str, ...]
    default: str
    path: tuple[Contact, ...] = Field(min_length=1)


class Notified(QuestionEvent):
    """The question was posted to a contact's URL, or could not be."""

    kind: Literal["notified"] = "notified"
    level: int = Field(ge=0)
    ok: bool
    detail: str

    @property
    def part(self) -> str:
        return f"{self.number}.{self.level}"


class Escalated(QuestionEvent):
    """A contact's time ran out, and the question went on to the next: `level` of the path, from 0."""

    kind: Literal["escalated"] = "escalated"
    level: int = Field(ge=1)
    to: str

    @property
    def part(self) -> str:
        return f"{self.number}.{self.level}"


class Answered(QuestionEvent):
    """The first answer counts. `by` is who gave it; `default` where nobody did."""

    kind: Literal["answered"] = "answered"
    choice: str
    by: str
    note: str = ""


class RunEnded(RunEvent):
    kind: Literal["run_ended"] = "run_ended"
    status: EndStatus
    reason: str = ""
    round: int = Field(default=0, ge=0, description="how often tasks were reopened after an end")

    @property
    def part(self) -> str:
        return str(self.round) if self.round else ""


Event = Annotated[
    RunStarted
    | RunResumed
    | RunImported
    | AttemptStarted
    | DesktopAwaited
    | ActIntended
    | DesktopLeased
    | InputPlaced
    | ConnectionEnded
    | CheckpointTaken
    | SnapshotTaken
    | OutputKept
    | Warned
    | Refused
    | VerdictGiven
    | AttemptEnded
    | Ruling
    | TaskReused
    | TaskEnded
    | TaskReopened
    | HandoffSent
    | HandoffReceived
    | InputRead
    | InputsUnread
    | DesktopHandedOver
    | DesktopAdopted
    | DesktopReleased
    | LockGranted
    | LockReleased
    | DeadlockFound
    | Asked
    | Notified
    | Escalated
    | Answered
    | RunEnded,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)

Recorder = Callable[[Event], Awaitable[None]]
"""Makes an event a fact: returns once it is in the journal."""
