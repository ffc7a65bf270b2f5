"""Running the checks, and what becomes of each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import anyio

from sandboxes.backend import load_backend
from sandboxes.conformance import (
    actions,
    fencing,
    files,
    honesty,
    isolation,
    leaks,
    limits,
    network,
    snapshots,
    text,
    timeouts,
    transfers,
)
from sandboxes.conformance.subject import Broken, Check, Subject, needs_of
from sandboxes.deadline import deadline
from sandboxes.errors import InputError
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

CHECK_TIMEOUT_S = 900.0
GROUPS_AT_ONCE = 2

# Those that take longest come first.
_MODULES = (
    *(leaks, isolation, limits, snapshots, network, fencing, transfers),
    *(actions, text, files, timeouts, honesty),
)
GROUPS: dict[str, ModuleType] = {module.__name__.rpartition(".")[2]: module for module in _MODULES}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one check. `evidence`: what was seen, what is broken, or which capability is missing."""

    group: str
    check: str
    status: Literal["passed", "failed", "skipped"]
    evidence: str
    seconds: float


OnResult = Callable[[Result], None]


def _nothing(_: Result) -> None:
    return


async def run_suite(
    host: Host, backend: str, *, only: Iterable[str] = (), image: str = "slim", on_result: OnResult = _nothing
) -> list[Result]:
    """Run all groups, or only these, two at a time. `on_result` sees each result as it comes.

    Raises InputError for a group or backend that is not known, BackendUnavailable where the backend does
    not work here, ImageNotFound.
    """
    chosen = list(dict.fromkeys(only)) or list(GROUPS)
    for name in chosen:
        if name not in GROUPS:
            raise InputError(f"group: {name!r} is not known; use one of {', '.join(GROUPS)}")
    await load_backend(backend, host.home).check()
    await host.prepare(DesktopSpec(image=image), backend=backend)
    results: dict[str, list[Result]] = {}
    waiting = iter(chosen)

    async def work() -> None:
        for name in waiting:
            results[name] = await _run_group(Subject(host, backend, image), name, on_result)

    async with anyio.create_task_group() as tasks:
        for _ in range(GROUPS_AT_ONCE):
            tasks.start_soon(work)
    return [result for name in chosen for result in results[name]]


async def _run_group(subject: Subject, group: str, on_result: OnResult) -> list[Result]:
    """The checks of one group, one after the other, on desktops that they share."""
    results: list[Result] = []
    async with subject:
        for check in [*checks_of(GROUPS[group]), its_desktops_end]:
            results.append(await _run(subject, group, check))
            on_result(results[-1])
    return results


async def its_desktops_end(subject: Subject) -> str:
    """The last check of every group."""
    await subject.renew()
    return "all that the group started"


def checks_of(module: ModuleType) -> list[Check]:
    """A group's checks in the order of its text: its async functions whose names do not begin with `_`."""
    return [
        value
        for name, value in vars(module).items()
        if inspect.iscoroutinefunction(value) and value.__module__ == module.__name__ and name[0] != "_"
    ]


async def _run(subject: Subject, group: str, check: Check) -> Result:
    name, began = check.__name__.replace("_", " "), anyio.current_time()
    missing = [need for need in needs_of(check) if getattr(subject.capabilities, need) in (False, "none")]
    if missing:
        return Result(group, name, "skipped", f"not declared: {', '.join(missing)}", 0)
    try:
        with deadline(f"{group}: {name}", CHECK_TIMEOUT_S):
            evidence = await check(subject)
    except Broken as broken:
        return await _failed(subject, group, name, began, str(broken))
    except Exception as error:  # noqa: BLE001  # a backend under test may raise anything
        return await _failed(subject, group, name, began, f"{type(error).__name__}: {error}")
    return Result(group, name, "passed", evidence, anyio.current_time() - began)


async def _failed(subject: Subject, group: str, name: str, began: float, evidence: str) -> Result:
    seconds = anyio.current_time() - began
    try:
        await subject.renew()
    except Exception as error:  # noqa: BLE001
        evidence += f"; and its desktops could not be ended: {error}"
    return Result(group, name, "failed", evidence[:4000], seconds)
