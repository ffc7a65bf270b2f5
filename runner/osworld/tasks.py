"""OSWorld's task files as they are, `FOLDER/DOMAIN/ID.json`, and the suite they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from runner.errors import suggest
from runner.osworld.needs import find_need
from runner.osworld.spec import DOMAIN, LeftOut, OSWorldTask, desktop_of
from runner.spec import AgentSpec, Budget, ScriptAgent, Swarm, Task
from sandboxes.errors import InputError
from sandboxes.wire import first_error

SUITE = "osworld"
# OSWorld's own runs end after 15, 50 or 100 steps, however long those take.
_BUDGET = Budget(steps=100, wall_s=7200)
_NOBODY = ScriptAgent(kind="script", steps=())


def read_suite(
    folder: Path,
    domain: str | None,
    name: str | None,
    root: bool,
    oracle: Callable[[str], AgentSpec] | None = None,
) -> Swarm:
    """The tasks of a folder, of one `domain` or the one whose id begins with `name`; by id, `oracle` gives
    each the agent that is its own. What cannot be run is left out, and said to be. Raises InputError."""
    tasks: dict[str, Task] = {}
    left_out: dict[str, LeftOut] = {}
    for path in _find(folder, domain, name):
        read, labels = read_task(path), {DOMAIN: path.parent.name}
        key = read.id.lower()
        if key in tasks or key in left_out:
            raise InputError(f"{path}: id: {read.id!r} is that of another task, too")
        if lack := find_need(read, root):
            left_out[key] = LeftOut(cause=lack.need, reason=lack.reason, labels=labels)
            continue
        agent = oracle(key) if oracle is not None else _NOBODY
        tasks[key] = _task(path, read, key, agent, labels, root)
    if not tasks:
        why = "; ".join(f"{key}: {one.reason}" for key, one in left_out.items())
        raise InputError(f"--tasks: none of {len(left_out)} tasks can be run here: {why[:2000]}")
    return Swarm(name=SUITE, tasks=tuple(tasks.values()), left_out=left_out)


def read_task(path: Path) -> OSWorldTask:
    """Raises InputError, which names the file and the field."""
    try:
        return OSWorldTask.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise InputError(f"{path}: {_place(error)}{first_error(error)}") from None


def _task(
    path: Path, read: OSWorldTask, key: str, agent: AgentSpec, labels: dict[str, str], root: bool
) -> Task:
    try:
        return Task(
            id=key,
            instruction=read.instruction,
            agent=agent,
            desktop=desktop_of(root),
            osworld=read,
            feasible=read.feasible,
            labels=labels,
            budget=_BUDGET,
        )
    except ValidationError as error:
        raise InputError(f"{path}: {_place(error)}{first_error(error)}") from None


def _find(folder: Path, domain: str | None, name: str | None) -> Iterator[Path]:
    """In the order of their names. Raises InputError where there is none."""
    domains = sorted(path.name for path in folder.glob("*/") if any(path.glob("*.json")))
    if not domains:
        raise InputError(f"--tasks: {folder}: no task in it, as DOMAIN/ID.json")
    if domain is not None and domain not in domains:
        raise InputError(f"--domain: {domain!r} is not in {folder}{suggest(domain, domains)}")
    paths = [
        path for one in domains if domain in (None, one) for path in sorted((folder / one).glob("*.json"))
    ]
    found = [path for path in paths if name is None or path.stem.startswith(name)]
    if not found:
        known = suggest(name or "", [path.stem for path in paths])
        raise InputError(f"--id: no task's id begins with {name!r}{known}")
    yield from found


def _place(error: ValidationError) -> str:
    where = error.errors(include_url=False, include_input=False)[0]["loc"]
    return f"{'.'.join(map(str, where))}: " if where else ""
