"""`deskswarm branch`."""

from __future__ import annotations

from pathlib import Path

from runner.agent_file import read_agent
from runner.cli.execute import find_record, secrets_of_run, tell_step, told
from runner.cli.exit_codes import DIVERGED
from runner.cli.journals import open_journal, read_state
from runner.cli.output import write_file
from runner.cli.run import carry_out
from runner.controller import OnEvent
from runner.reexecution.again import REPORT
from runner.reexecution.branch import NotReached, Wanted, branch
from runner.spec import AgentSpec, PersonAgent
from runner.summary import RunSummary
from sandboxes.errors import InputError
from sandboxes.home import find_home
from sandboxes.host import Host

PERSON = "person"


def branch_off(
    run: str,
    task: str,
    at: int,
    attempt: int | None,
    agent: str | None,
    brief: str,
    backend: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """The exit code: that of the new run, or of a divergence. Raises InputError, InfraError, Interrupted."""
    record = find_record(run, task, attempt)
    last = len(record.checkpoints) - record.before
    if at > last:
        raise InputError(f"--at: attempt {record.attempt} at {task} has {last} steps, and no step {at}")
    with open_journal() as journal:
        state = read_state(journal, record.run)
    wanted = Wanted(
        state=state,
        record=record,
        step=record.before + at - 1,
        backend=backend or record.backend,
        agent=_agent(agent) if agent else None,
        brief=brief,
        secrets=secrets_of_run(record.run),
    )
    folder = out or Path(f"{record.run}-{task}-branch")

    async def work(on_event: OnEvent) -> RunSummary:
        async with Host(find_home()) as host:
            return await branch(host, wanted, tell_step, folder, on_event)

    try:
        return carry_out(work, as_json)
    except NotReached as error:
        write_file(folder / REPORT, error.report.model_dump_json(indent=1).encode())
        print(error.report.model_dump_json() if as_json else "\n".join(told(error.report, folder)))
        return DIVERGED


def _agent(named: str) -> AgentSpec:
    return PersonAgent(kind="person") if named == PERSON else read_agent(Path(named))
