"""Warm desktops: there before one asks, nobody's before the lease, and nobody else's after."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from sandboxes import pool
from sandboxes.admission import HostLimits
from sandboxes.backend import load_backend
from sandboxes.conformance.subject import eventually
from sandboxes.conformance.traces import traces
from sandboxes.deadline import Pace
from sandboxes.errors import InputError
from sandboxes.home import images_folder
from sandboxes.host import Host
from sandboxes.owner import Owner
from sandboxes.pool import Kind, is_warm
from sandboxes.simulated import SimulatedBackend
from sandboxes.simulation.settings import FILE_NAME, Fault, Simulation
from sandboxes.spec import DesktopSpec, Limits, Screen
from sandboxes.starter import Starter
from tests.sandboxes.test_leaks import kill_desktop

pytestmark = pytest.mark.anyio

SPEC = DesktopSpec(image="slim", screen=Screen(width=640, height=480))
OTHER = DesktopSpec(image="slim", screen=Screen(width=800, height=600))
READY_S = 120


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(READY_S):
        pace = Pace(0.01)
        while not condition():
            await pace.wait()


async def warm_ids(host: Host) -> set[str]:
    return {record.id for record in await host.desktops() if is_warm(record)}


# --- on simulated desktops: what a pool decides ---------------------------------------------------------


async def ready(host: Host, count: int, spec: DesktopSpec = SPEC) -> None:
    await until(lambda: host.warm_ready(spec, backend="simulated") == count)


async def test_it_is_filled_leased_from_and_filled_again(tmp_path: Path) -> None:
    async with Host(tmp_path) as host:
        host.warm(SPEC, 2, backend="simulated")
        await ready(host, 2)
        before = await warm_ids(host)
        desktop = await host.start(SPEC, backend="simulated", holder="alice", labels={"task": "t"})
        assert desktop.id in before
        assert (desktop.lease.holder, desktop.lease.epoch, desktop.spec) == ("alice", 2, SPEC)
        assert {record.id: record.labels for record in await host.desktops()}[desktop.id] == {"task": "t"}
        await ready(host, 2)
        assert desktop.id not in await warm_ids(host)
        await desktop.stop()
        assert len(await host.desktops()) == 2, "a leased desktop came back"


async def test_another_spec_is_not_served_from_it(tmp_path: Path) -> None:
    async with Host(tmp_path) as host:
        host.warm(SPEC, 1, backend="simulated")
        await ready(host, 1)
        desktop = await host.start(OTHER, backend="simulated", holder="alice")
        assert desktop.lease.epoch == 1
        assert desktop.size == OTHER.screen


async def test_it_is_drained_when_no_longer_wanted(tmp_path: Path) -> None:
    async with Host(tmp_path) as host:
        host.warm(SPEC, 3, backend="simulated")
        await ready(host, 3)
        host.warm(SPEC, 1, backend="simulated")
        await ready(host, 1)
        host.warm(SPEC, 0, backend="simulated")
        await ready(host, 0)

        async def ended() -> bool:
            return not await host.desktops()

        await eventually("the end of the warm desktops", ended)


async def test_who_asks_for_a_desktop_comes_before_the_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the backend only makes ready for the start."""
    monkeypatch.setattr(pool, "_LOOK_SECONDS", 0.01)
    looks, asked, prepared = list[bool](), anyio.Event(), anyio.Event()
    has_spare = Starter.has_spare

    def look(starter: Starter, kind: Kind) -> bool:
        looks.append(has_spare(starter, kind))
        return looks[-1]

    async def prepare(_backend: SimulatedBackend, _spec: DesktopSpec) -> None:
        asked.set()
        await prepared.wait()

    monkeypatch.setattr(Starter, "has_spare", look)
    monkeypatch.setattr(SimulatedBackend, "prepare", prepare)
    async with Host(tmp_path) as host:

        async def start() -> None:
            desktop = await host.start(SPEC, backend="simulated", holder="alice")
            assert desktop.lease.epoch == 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            await asked.wait()
            host.warm(SPEC, 1, backend="simulated")
            await until(lambda: len(looks) > 2)
            assert not any(looks)
            prepared.set()
        await ready(host, 1)


async def test_an_old_one_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_LOOK_SECONDS", 0.01)
    async with Host(tmp_path) as host:
        host.warm(SPEC, 1, backend="simulated")
        await ready(host, 1)
        old = await warm_ids(host)
        monkeypatch.setattr(pool, "MAX_AGE_S", 0.0)
        await until(lambda: host.warm_ready(SPEC, backend="simulated") == 0)
        monkeypatch.setattr(pool, "MAX_AGE_S", 600.0)
        await ready(host, 1)
        assert not old & await warm_ids(host)


async def test_its_time_in_the_pool_is_not_taken_from_its_holder(tmp_path: Path) -> None:
    """A desktop whose life is shorter than it waits."""
    spec = SPEC.model_copy(update={"limits": Limits(lifetime_s=0.05)})
    async with Host(tmp_path) as host:
        host.warm(spec, 1, backend="simulated")
        await ready(host, 1, spec)
        await anyio.sleep(0.2)  # the time it waits is what is tested
        desktop = await host.start(spec, backend="simulated", holder="alice")
        assert desktop.lease.epoch == 2
        await desktop.screenshot()


async def test_a_failing_boot_is_tried_again_only_when_asked(tmp_path: Path) -> None:
    simulation = Simulation(faults=(Fault(what="refuse", times=1),))
    (tmp_path / FILE_NAME).write_text(simulation.model_dump_json())
    async with Host(tmp_path) as host:
        host.warm(SPEC, 1, backend="simulated")
        with anyio.move_on_after(0.3):
            await until(lambda: host.warm_ready(SPEC, backend="simulated") > 0)
        assert await host.desktops() == []
        host.warm(SPEC, 1, backend="simulated")
        await ready(host, 1)


async def test_warm_ones_make_room_for_who_asks(tmp_path: Path) -> None:
    async with Host(tmp_path, HostLimits(max_desktops=2)) as host:
        host.warm(SPEC, 2, backend="simulated")
        await ready(host, 2)
        with anyio.fail_after(READY_S):
            for _ in range(2):
                await host.start(OTHER, backend="simulated", holder="alice")
        assert await warm_ids(host) == set()


async def test_nothing_with_a_network_is_kept_warm(tmp_path: Path) -> None:
    spec = DesktopSpec.model_validate({"image": "slim", "network": {"allow": ["example.org:443"]}})
    async with Host(tmp_path) as host:
        with pytest.raises(InputError, match=r"desktop\.network"):
            host.warm(spec, 1, backend="simulated")


# --- on real desktops -----------------------------------------------------------------------------------


async def test_a_dead_one_is_not_handed_out(host: Host, backend: str) -> None:
    await host.prepare(SPEC, backend=backend)
    host.warm(SPEC, 1, backend=backend)
    await until(lambda: host.warm_ready(SPEC, backend=backend) == 1)
    [dead] = await warm_ids(host)
    kill_desktop(backend, host.home, dead)
    async with await host.start(SPEC, backend=backend, holder="alice") as desktop:
        assert desktop.id != dead
        await desktop.screenshot()
    await until(lambda: host.warm_ready(SPEC, backend=backend) == 1)
    async with await host.start(SPEC, backend=backend, holder="bob", labels={"run": "r"}) as desktop:
        host.warm(SPEC, 0, backend=backend)
        assert desktop.lease.epoch == 2
        assert (await desktop.exec(["true"])).exit_code == 0
        assert (await desktop.screenshot()).width == SPEC.screen.width

    async def drained() -> bool:
        return not await warm_ids(host)

    await eventually("the end of the last warm desktop", drained)


KEEPER = """
import anyio, sys
from pathlib import Path
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

async def main():
    spec, backend = DesktopSpec(image="slim"), sys.argv[2]
    async with Host(Path(sys.argv[1])) as host:
        await host.prepare(spec, backend=backend)
        host.warm(spec, 2, backend=backend)
        while not host.warm_ready(spec, backend=backend):
            await anyio.sleep(0.05)
        await host.start(spec, backend=backend, holder="alice")
        print("ready", flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


async def test_a_killed_controller_leaves_no_warm_desktop(tmp_path: Path, home: Path, backend: str) -> None:
    """Killed with one leased, and another warm or on its way."""
    images_folder(tmp_path).symlink_to(images_folder(home).resolve())
    (tmp_path / "id").write_text((home / "id").read_text())
    engine = load_backend(backend, tmp_path)
    command = [sys.executable, "-c", KEEPER, str(tmp_path), backend]
    async with await anyio.open_process(command, stderr=None) as process:
        assert process.stdout is not None
        await BufferedByteReceiveStream(process.stdout).receive_until(b"ready\n", 100)
        owner = str(Owner.of(process.pid))
        ids = [record.id for record in await engine.desktops() if str(record.owner) == owner]
        assert ids
        assert await traces(engine, tmp_path, ids)
        process.kill()

    async def clean() -> bool:
        return not await traces(engine, tmp_path, ids)

    await eventually("nothing left of a killed controller's warm desktops", clean)
