"""Every backend that comes with deskswarm passes the conformance suite; and the suite can fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from sandboxes.backend import load_backend
from sandboxes.conformance.subject import Subject, expect, needs, raises
from sandboxes.conformance.suite import GROUPS, checks_of, run_group, run_suite
from sandboxes.errors import BackendUnavailable, GuestError, InputError
from sandboxes.host import Host
from sandboxes.simulated import SimulatedBackend
from sandboxes.spec import Capabilities
from tests.conftest import BACKENDS, lacking

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=[*BACKENDS, "simulated"])
async def any_backend(request: pytest.FixtureRequest, home: Path, needs_image: Callable[[str], None]) -> str:
    name: str = request.param
    try:
        backend = load_backend(name, home)
        await backend.check()
    except BackendUnavailable as error:
        lacking(f"{name}: {error}")
    if backend.capabilities.real:
        needs_image("slim")
    return name


@pytest.mark.parametrize("group", GROUPS)
async def test_it_conforms(host: Host, any_backend: str, group: str) -> None:
    results = await run_group(host, any_backend, group)
    for result in results:
        print(f"{result.status} {result.check} ({result.seconds:.1f} s): {result.evidence}")
    assert [result for result in results if result.status == "failed"] == []
    assert {result.status for result in results} == {"passed"} or not all_declared(host, any_backend)


def all_declared(host: Host, backend: str) -> bool:
    declared = load_backend(backend, host.home).capabilities.model_dump()
    return all(value not in (False, "none") for value in declared.values())


async def test_groups_hold_checks() -> None:
    for name, module in GROUPS.items():
        checks = checks_of(module)
        assert checks, name
        assert all(check.__module__ == module.__name__ for check in checks)


async def test_an_unknown_group_is_named(host: Host) -> None:
    with pytest.raises(InputError, match=r"group: 'isolaton' is not known; use one of actions, text"):
        await run_suite(host, "simulated", only=["isolaton"])


async def test_what_is_broken_fails_with_evidence(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend whose capabilities promise what it cannot do, and that says one thing and then another."""
    changing = iter(range(1000))

    def capabilities(_: SimulatedBackend) -> Capabilities:
        return Capabilities(real=False, hard_limits=False, snapshots="home", root=next(changing) % 2 == 0)

    monkeypatch.setattr(SimulatedBackend, "capabilities", property(capabilities))
    results = {one.check: one for one in await run_suite(host, "simulated", only=["honesty"])}
    assert results["it is a backend"].status == "failed"
    broken = results["it can save and copy if it says so"]
    assert (broken.status, broken.evidence) == ("failed", "declares home snapshots, and cannot save")


async def test_a_check_that_raises_anything_fails(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(subject: Subject) -> str:
        await subject.desktop()
        return str(1 // 0)

    @needs("live_fork")
    async def copies(subject: Subject) -> str:
        raise NotImplementedError

    async def holds(subject: Subject) -> str:
        expect((await (await subject.desktop()).exec(["true"])).exit_code == 0, "no")
        return await raises(GuestError, (await subject.desktop()).exec(["nothing"]))

    module: Any = GROUPS["files"]
    for check in checks_of(module):
        monkeypatch.delattr(module, check.__name__)
    for check in (breaks, copies, holds):
        monkeypatch.setattr(check, "__module__", module.__name__)
        monkeypatch.setattr(module, check.__name__, check, raising=False)
    with anyio.fail_after(60):
        broken, skipped, passed = await run_group(host, "simulated", "files")
    assert (broken.status, broken.evidence) == (
        "failed",
        "ZeroDivisionError: integer division or modulo by zero",
    )
    assert (skipped.status, skipped.evidence) == ("skipped", "not declared: live_fork")
    assert (passed.status, passed.check) == ("passed", "holds")
    assert "nothing" in passed.evidence
