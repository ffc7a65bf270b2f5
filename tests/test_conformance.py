"""Every backend that comes with deskswarm passes the conformance suite; and the suite can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from sandboxes import namespaces
from sandboxes.backend import load_backend
from sandboxes.conformance import fencing, isolation, leaks
from sandboxes.conformance.subject import Broken, Check, Subject, expect, needs, raises
from sandboxes.conformance.suite import GROUPS, Result, checks_of, run_suite
from sandboxes.errors import BackendUnavailable, GuestError, InputError
from sandboxes.host import Host
from sandboxes.simulated import SimulatedBackend
from sandboxes.simulation import operations
from sandboxes.simulation.files import Files
from sandboxes.simulation.guest import SimulatedGuest
from sandboxes.simulation.operations import Answer
from sandboxes.spec import Capabilities
from tests.conftest import lacking

pytestmark = pytest.mark.anyio

ALL = [
    *("bubblewrap", "simulated"),
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("libvirt", marks=pytest.mark.libvirt),
]
SKIPPED = {
    "bubblewrap": {"root", "live_fork", "survives_controller"},
    "docker": {"live_fork"},
    "libvirt": set[str](),
    "simulated": {"real", "root", "snapshots", "survives_controller"},
}
"""What each backend may leave out."""


@pytest.fixture(scope="module", params=ALL)
async def results(
    request: pytest.FixtureRequest, host: Host, needs_image: Callable[[str], None]
) -> tuple[str, list[Result]]:
    """A backend, and what became of the whole suite on it."""
    name: str = request.param
    try:
        backend = load_backend(name, host.home)
        await backend.check()
    except BackendUnavailable as error:
        lacking(f"{name}: {error}")
    if backend.capabilities.real:
        needs_image("slim")
    return name, await run_suite(host, name)


@pytest.mark.parametrize("group", GROUPS)
async def test_it_conforms(results: tuple[str, list[Result]], group: str) -> None:
    mine = [result for result in results[1] if result.group == group]
    for result in mine:
        print(f"{result.status} {result.check} ({result.seconds:.1f} s): {result.evidence}")
    assert [result for result in mine if result.status == "failed"] == []
    assert len(mine) > len(checks_of(GROUPS[group]))


async def test_it_skips_only_what_it_cannot_do(results: tuple[str, list[Result]]) -> None:
    backend, all_results = results
    reasons = {result.evidence for result in all_results if result.status == "skipped"}
    assert reasons <= {f"not declared: {name}" for name in SKIPPED[backend]}


# --- the suite can fail


async def broken(host: Host, backend: str, check: Check) -> str:
    """What a check finds fault with."""
    async with Subject(host, backend) as one:
        with pytest.raises(Broken) as found:
            await check(one)
    return str(found.value)


async def test_a_desktop_that_is_never_stopped(host: Host) -> None:
    async def stop(_: SimulatedBackend, _desktop_id: str) -> None:
        return

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SimulatedBackend, "stop", stop)
        complaint = await broken(host, "simulated", leaks.stopping_leaves_nothing)
    left = [record.id for record in await host.desktops() if record.backend == "simulated"]
    assert [f"desktop {desktop_id}" in complaint for desktop_id in left] == [True]
    await host.stop(left[0])


async def test_a_creation_that_leaves_its_traces(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    create = SimulatedBackend.create

    async def slow(backend: SimulatedBackend, *desktop: Any) -> None:
        await create(backend, *desktop)
        await anyio.sleep(60)

    monkeypatch.setattr(SimulatedBackend, "create", slow)
    monkeypatch.setattr(leaks, "_CLEAN_WITHIN_S", 0.5)
    complaint = await broken(host, "simulated", leaks.a_cancelled_creation_leaves_nothing)
    left = [record.id for record in await host.desktops() if record.backend == "simulated"]
    assert left
    for desktop_id in left:
        assert f"desktop {desktop_id}" in complaint
        await host.stop(desktop_id)


async def test_desktops_with_one_folder_between_them(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Files(1 << 20)
    monkeypatch.setattr(operations, "Files", lambda _max_bytes: shared)
    complaint = await broken(host, "simulated", isolation.two_desktops_share_no_files_of_the_api)
    assert complaint == "a file of the other"


async def test_a_desktop_that_anyone_may_hold(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    hello = SimulatedGuest._hello  # noqa: SLF001

    def trusting(guest: SimulatedGuest, *said: Any) -> Answer:
        guest._epoch = 0  # noqa: SLF001
        return hello(guest, *said)

    monkeypatch.setattr(SimulatedGuest, "_hello", trusting)
    assert "no StaleLease" in await broken(host, "simulated", fencing.an_older_lease_is_refused)


async def test_desktops_on_the_hosts_network(
    host: Host, needs_image: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_image("slim")
    shared = [option for option in namespaces._ISOLATION if option != "--unshare-net"]  # noqa: SLF001
    monkeypatch.setattr(namespaces, "_ISOLATION", shared)
    complaint = await broken(host, "bubblewrap", isolation.the_hosts_network_is_out_of_reach)
    assert complaint != "['lo']"


async def test_capabilities_that_are_not_kept(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that promises what it cannot do, and says one thing and then another."""
    changing = iter(range(1000))

    def capabilities(_: SimulatedBackend) -> Capabilities:
        return Capabilities(real=False, hard_limits=False, snapshots="home", root=next(changing) % 2 == 0)

    monkeypatch.setattr(SimulatedBackend, "capabilities", property(capabilities))
    results = {one.check: one for one in await run_suite(host, "simulated", only=["honesty"])}
    assert results["it is a backend"].status == "failed"
    promised = results["it can save and copy if it says so"]
    assert (promised.status, promised.evidence) == ("failed", "declares home snapshots, and cannot save")


async def test_a_check_that_raises_anything_fails(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(subject: Subject) -> str:
        await subject.desktop()
        return str(1 // 0)

    @needs("snapshots")
    async def saves(subject: Subject) -> str:
        raise NotImplementedError

    async def holds(subject: Subject) -> str:
        expect((await (await subject.desktop()).exec(["true"])).exit_code == 0, "no")
        return await raises(GuestError, (await subject.desktop()).exec(["nothing"]))

    module: Any = GROUPS["files"]
    for check in checks_of(module):
        monkeypatch.delattr(module, check.__name__)
    for check in (breaks, saves, holds):
        monkeypatch.setattr(check, "__module__", module.__name__)
        monkeypatch.setattr(module, check.__name__, check, raising=False)
    failed, skipped, passed, ended = await run_suite(host, "simulated", only=["files"])
    assert (failed.status, failed.evidence) == (
        "failed",
        "ZeroDivisionError: integer division or modulo by zero",
    )
    assert (skipped.status, skipped.evidence) == ("skipped", "not declared: snapshots")
    assert (passed.status, passed.check) == ("passed", "holds")
    assert "nothing" in passed.evidence
    assert ended.status == "passed"


# --- what it is made of


async def test_groups_hold_checks() -> None:
    for name, module in GROUPS.items():
        checks = checks_of(module)
        assert checks, name
        assert all(check.__module__ == module.__name__ for check in checks)


async def test_an_unknown_group_is_named(host: Host) -> None:
    with pytest.raises(InputError, match=r"group: 'isolaton' is not known; use one of leaks, isolation"):
        await run_suite(host, "simulated", only=["isolaton"])
