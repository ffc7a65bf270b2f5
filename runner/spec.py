"""What people write: a swarm of tasks, in YAML or in Python."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from runner.actions import Action
from runner.artifacts import Sha256
from runner.checks.spec import Check, JsonSchema
from runner.hooks import Function
from runner.model_agents import AnthropicAgent, CompatibleAgent, OpenAIAgent
from runner.monitors.spec import Allow, Monitors
from runner.osworld.spec import LeftOut, OSWorldTask
from runner.redaction.spec import Region, SecretSource
from runner.rules import Escalation, Handoff, Lock, Policy
from sandboxes.lease import MAX_OUTLIVE_S
from sandboxes.spec import DesktopSpec, Model, Name

DesktopPath = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^(~|/)")]


class ScriptAgent(Model):
    """Steps carried out one after the other; no model needed. Without any it says at once that it is done."""

    kind: Literal["script"]
    steps: tuple[Action, ...] = Field(max_length=2000)
    gives_up: str | None = Field(
        default=None, min_length=1, max_length=2000, description="in the end, why it cannot be done"
    )


class ProcessAgent(Model):
    """Any program that speaks JSON lines on its standard input and output (docs/process-agents.md)."""

    kind: Literal["process"]
    command: tuple[str, ...] = Field(min_length=1, description="relative paths count from the swarm file")
    screenshots: bool = Field(default=True, description="each view names a PNG the program may read")
    goes_on: bool = Field(
        default=False, description="may start on a desktop where another attempt has done some of the work"
    )


class PersonAgent(Model):
    """A person, who is asked what to do at every step (docs/failures.md)."""

    kind: Literal["person"]
    goes_on: ClassVar[bool] = True


AgentSpec = Annotated[
    ScriptAgent | ProcessAgent | PersonAgent | AnthropicAgent | OpenAIAgent | CompatibleAgent,
    Field(discriminator="kind"),
]


class Input(Model):
    """A file put on the desktop before the agent starts: from beside the swarm file, another task's, or one
    that was kept before."""

    file: str | None = None
    artifact: str | None = Field(default=None, description="`TASK.OUTPUT`; the task waits for that one")
    stored: Sha256 | None = Field(default=None, description="the SHA-256 of a file in the artifact store")
    to: DesktopPath


class PydanticModel(Model):
    """A pydantic model of the user's own, as the schema of an output."""

    python: Function = Field(description="`module:Class`")


def _kind_of_schema(schema: Any) -> str:
    named = isinstance(schema, PydanticModel) or (isinstance(schema, dict) and "python" in schema)
    return "python" if named else "json"


Schema = Annotated[
    Annotated[PydanticModel, Tag("python")] | Annotated[JsonSchema, Tag("json")],
    Discriminator(_kind_of_schema),
]


class Output(Model):
    """A file the task must leave behind; kept as an artifact, and handed on only after a verdict."""

    model_config = ConfigDict(serialize_by_alias=True)

    path: DesktopPath
    schema_: Schema | None = Field(
        default=None,
        alias="schema",
        description="of its JSON: a JSON Schema, or `{python: module:Class}`, a pydantic model",
    )
    fresh: bool = Field(default=True, description="must be another than the file that was there before")
    min_bytes: int = Field(default=1, ge=0)
    max_bytes: int = Field(default=64 << 20, gt=0)
    max_tokens: int | None = Field(
        default=None, ge=1, le=100_000, description="of text; refused where it is over, never cut"
    )


class Budget(Model):
    """Hard stops of one attempt."""

    steps: int = Field(default=200, ge=1, le=100_000)
    wall_s: float = Field(default=600, gt=0, le=86_400)
    tokens: int | None = Field(default=None, ge=1)
    money: float | None = Field(default=None, gt=0, description="US dollars")


class Allowance(Model):
    """Hard stops of several attempts together: those of a task, a tier or a run. None is no limit."""

    steps: int | None = Field(default=None, ge=1)
    wall_s: float | None = Field(default=None, gt=0, description="since the first of them began")
    tokens: int | None = Field(default=None, ge=1)
    money: float | None = Field(default=None, gt=0, description="US dollars")


class Judge(Model):
    """Somebody else's opinion of the outputs, asked for once all checks have passed (docs/guardrails.md)."""

    name: Name
    python: Function | None = Field(default=None, description="`module:function`; or else a `command`")
    command: tuple[str, ...] | None = Field(default=None, min_length=1, description="takes and answers JSON")
    timeout: float = Field(default=120, gt=0, le=3600)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.python is None) == (self.command is None):
            raise ValueError("give one of `python` and `command`")
        return self


class Judges(Model):
    """Several opinions, and how many must be good. Where they disagree, the arbitrator rules: always with
    `all`, and with `majority` where there is none."""

    require: Literal["all", "majority"] = "all"
    panel: tuple[Judge, ...] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _have_names(self) -> Self:
        if len({judge.name for judge in self.panel}) < len(self.panel):
            raise ValueError("two judges of one name")
        return self


class Snapshots(Model):
    """The desktop saved as it goes, programs and all, where its backend can; `branch` goes on from there."""

    every: int = Field(ge=1, le=100_000, description="steps")


class Retry(Model):
    """How many further attempts a failure of each kind may cost; always on a fresh desktop."""

    infra: int = Field(default=2, ge=0, le=20)
    agent: int = Field(default=0, ge=0, le=20)
    contract: int = Field(default=0, ge=0, le=20)
    timeout: int = Field(default=0, ge=0, le=20)
    budget: int = Field(default=0, ge=0, le=20)


class Lead(Model):
    """How a lead hands work to the tasks that report to it: a brief to each first, their reports last."""

    instruction: str | None = Field(
        default=None,
        min_length=1,
        max_length=20_000,
        description="for writing the briefs; default: the task's",
    )
    agent: str | AgentSpec | None = Field(
        default=None, description="who writes the briefs; default: the task's agent"
    )
    brief_tokens: int = Field(default=500, ge=1, le=20_000, description="hard limit of each brief")
    report_tokens: int = Field(default=500, ge=1, le=20_000, description="hard limit of each report")


class Map(Model):
    """What a task is repeated over: the rows of a file, or the files of a folder; one task for each."""

    rows: str | None = Field(default=None, description="a .csv file with a header, or a .jsonl file")
    files: str | None = Field(default=None, description="a pattern, as `scans/*.png`")
    key: str | None = Field(
        default=None, description="the column that names the tasks; default: a hash of the row"
    )
    most: int = Field(default=1000, ge=1, le=100_000, description="more are refused")


class FilePlanner(Model):
    """Tasks from a file of their own: YAML or JSON with `tasks`."""

    by: Literal["file"]
    path: str


class PythonPlanner(Model):
    """Tasks from a function of the user's own (docs/patterns.md)."""

    by: Literal["python"]
    function: Function = Field(description="`module:function`; modules beside the swarm file come first")


class ModelPlanner(Model):
    """Tasks from a model, which must answer in the plan's schema (docs/patterns.md)."""

    by: Literal["model"]
    function: Function = Field(description="`module:function`: given a prompt, returns the model's answer")
    goal: str = Field(min_length=1, max_length=20_000)
    tries: int = Field(default=3, ge=1, le=10, description="answers asked for until one fits the schema")


Planner = Annotated[FilePlanner | PythonPlanner | ModelPlanner, Field(discriminator="by")]


class Task(Model):
    """One agent's work on one desktop."""

    id: Name
    instruction: str = Field(min_length=1, max_length=20_000)
    agent: str | AgentSpec = Field(description="the name of one of the swarm's agents, or an agent")
    desktop: DesktopSpec = DesktopSpec()
    after: tuple[Name, ...] = ()
    each: Name | None = Field(
        default=None, description="one of the swarm's maps; one task for each row of it"
    )
    reports_to: Name | None = Field(default=None, description="in a hierarchy: the task that leads this one")
    lead: Lead | None = Field(default=None, description="in a hierarchy: how this task leads")
    inputs: dict[Name, Input] = Field(default_factory=dict)
    setup: tuple[Action, ...] = Field(
        default=(), max_length=100, description="done on a fresh desktop once its inputs are in place"
    )
    outputs: dict[Name, Output] = Field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    feasible: bool = Field(
        default=True, description="where it is not, the agent has to find that out, and give up"
    )
    osworld: OSWorldTask | None = Field(
        default=None, description="one of OSWorld's task files: its set-up and evaluation (docs/osworld.md)"
    )
    labels: dict[Name, str] = Field(
        default_factory=dict, description="of your own, as `domain: editor`; reports group by them"
    )
    judges: Judges | None = Field(default=None, description="opinions asked for after the checks")
    allow: Allow = Field(default=Allow(), description="what the agent may use")
    monitors: Monitors = Field(default=Monitors(), description="how the agent is watched")
    budget: Budget = Budget()
    total: Allowance = Field(default=Allowance(), description="budget of all attempts together")
    tier: Name | None = Field(default=None, description="one of the swarm's tiers, whose budget it shares")
    retry: Retry = Retry()
    snapshots: Snapshots | None = Field(default=None, description="saved states to branch from")
    handoffs: dict[Name, Handoff] = Field(
        default_factory=dict, description="how it takes over, by the task it takes over from"
    )
    policy: Policy | None = Field(default=None, description="default: the swarm's")
    escalate: Escalation | None = Field(default=None, description="default: the swarm's")
    locks: tuple[Name, ...] = Field(default=(), max_length=20, description="held for as long as it runs")
    secrets: tuple[Name, ...] = Field(default=(), max_length=100, description="those its agent may type")
    redact: tuple[Region, ...] = Field(
        default=(), max_length=100, description="what is never kept: areas of the screen, or objects"
    )


class Swarm(Model):
    """A set of tasks to run; each on a desktop of its own."""

    name: Name
    description: str = ""
    agents: dict[Name, AgentSpec] = Field(default_factory=dict)
    pattern: Literal["pipeline", "swarm", "hierarchy"] = "swarm"
    map: dict[Name, Map] = Field(default_factory=dict, description="what tasks are repeated over, by name")
    planner: Planner | None = Field(default=None, description="makes the tasks, once; instead of `tasks`")
    tasks: tuple[Task, ...] = Field(default=(), max_length=100_000)
    left_out: dict[Name, LeftOut] = Field(
        default_factory=dict, description="tasks of a benchmark that cannot be run here, and why"
    )
    parallel: int = Field(default=4, ge=1, le=4096, description="tasks at once")
    outlive_s: float | None = Field(
        default=None,
        gt=0,
        le=MAX_OUTLIVE_S,
        description="desktops outlive a controller that dies by so long, for `resume` to go on with them",
    )
    budget: Allowance = Field(default=Allowance(), description="of the whole run")
    tiers: dict[Name, Allowance] = Field(default_factory=dict, description="budgets that tasks share")
    policy: Policy = Field(default=Policy(), description="what follows failures (docs/failures.md)")
    escalate: Escalation = Field(default=Escalation(), description="who answers questions")
    locks: dict[Name, Lock] = Field(default_factory=dict, description="things outside that tasks must share")
    secrets: dict[Name, SecretSource] = Field(
        default_factory=dict, max_length=1000, description="what is typed and never kept (docs/secrets.md)"
    )

    @model_validator(mode="after")
    def _has_tasks_or_a_planner(self) -> Self:
        if bool(self.tasks) == (self.planner is not None):
            raise ValueError("give either `tasks`, at least one, or a `planner`")
        return self
