"""Running the checks, and what becomes of each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import anyio

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

CHECK_TIMEOUT_S = 900.0

_MODULES = (
    *(actions, text, files, transfers, limits, timeouts, isolation, leaks, fencing, honesty, network),
    snapshots,
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
    """Run all groups, or only these, one after the other. `on_result` sees each result as it comes.

    Raises InputError for a group or backend that is not known, BackendUnavailable where the backend does
    not work here, ImageNotFound.
    """
    chosen = list(only) or list(GROUPS)
    for name in chosen:
        if name not in GROUPS:
            raise InputError(f"group: {name!r} is not known; use one of {', '.join(GROUPS)}")
    return [
        result
        for name in chosen
        for result in await run_group(host, backend, name, image=image, on_result=on_result)
    ]


async def run_group(
    host: Host, backend: str, group: str, *, image: str = "slim", on_result: OnResult = _nothing
) -> list[Result]:
    """Run the checks of one group, on desktops that they share. Raises as `run_suite`."""
    results = []
    async with Subject(host, backend, image) as subject:
        await subject.load().check()
        await host.prepare(subject.spec(), backend=backend)
        for check in checks_of(GROUPS[group]):
            results.append(await _run(subject, group, check))
            on_result(results[-1])
    return results


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
