"""Who may start a desktop now: as many as the machine carries, and in the order in which they asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import anyio
import pytest

from sandboxes import admission, cgroup, machine
from sandboxes.admission import FIRST_GUESS, Admission, HostLimits, Need, Wait
from sandboxes.backends import memory_of
from sandboxes.desktop import Desktop
from sandboxes.errors import HostFull, InputError
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec, Screen

pytestmark = pytest.mark.anyio

GIB = 1 << 30
NEED = Need(("test", "slim"), memory=3 * GIB, local=True)
SMALL = DesktopSpec(image="slim", screen=Screen(width=640, height=480))


class Machine:
    """What the machine says it has."""

    memory = 10 * GIB
    disk = 100 * GIB


@pytest.fixture
def has(monkeypatch: pytest.MonkeyPatch) -> Machine:
    has = Machine()
    monkeypatch.setattr(machine, "free_memory", lambda: has.memory)
    monkeypatch.setattr(machine, "free_disk", lambda _: has.disk)
    monkeypatch.setattr(admission, "_LOOK_SECONDS", 0.01)
    return has


async def no_warm() -> bool:
    return False


def make(home: Path, **limits: int) -> Admission:
    return Admission(home, HostLimits.model_validate(limits), no_warm)


async def enter(line: Admission, name: str, need: Need = NEED, waits: list[Wait] | None = None) -> None:
    async def note(wait: Wait) -> None:
        if waits is not None:
            waits.append(wait)

    async with line.starting(name, need, note):
        pass


async def test_as_many_as_memory_carries(tmp_path: Path, has: Machine) -> None:
    """10 GiB less the one in reserve carry 36 desktops of the first guess, however large their limit is."""
    line, waits = make(tmp_path), list[Wait]()
    for number in range(36):
        await enter(line, f"d-{number}")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(enter, line, "d-late", NEED, waits)
        await until(lambda: bool(waits))
        assert "d-late" not in line.inside
        assert (waits[0].place, waits[0].reason) == (
            1,
            "it needs 256 MiB of memory, and 0 MiB are left for more",
        )
        line.leave("d-7")
    assert "d-late" in line.inside


async def test_what_desktops_really_use_counts(tmp_path: Path, has: Machine) -> None:
    """Once one was seen to use 4 times the guess, the others may yet; what they use now is gone already."""
    line = make(tmp_path)
    for number in range(4):
        await enter(line, f"d-{number}")
    line.measured({"d-0": 4 * FIRST_GUESS, "d-1": FIRST_GUESS, "d-unknown": 99 * GIB})
    # 1 GiB for each: 0 + 0.75 + 1 + 1 GiB may still come, 1 GiB is kept, and 1 GiB is for the next.
    has.memory = int(4.75 * GIB) - 1
    assert not line.has_spare(NEED)
    has.memory += 1
    assert line.has_spare(NEED)
    line.leave("d-1")
    has.memory -= FIRST_GUESS
    assert line.has_spare(NEED)


async def test_one_kind_does_not_speak_for_another_nor_for_more_than_its_limit(
    tmp_path: Path, has: Machine
) -> None:
    line = make(tmp_path)
    await enter(line, "d-1")
    line.measured({"d-1": 8 * GIB})
    has.memory = 2 * GIB
    assert not line.has_spare(NEED)
    assert line.has_spare(Need(("test", "desktop"), 3 * GIB, local=True))
    assert line.has_spare(Need(("test", "slim"), GIB, local=True))
    assert line.has_spare(Need(("remote", "slim"), 9 * GIB, local=False))


async def test_a_full_disk_lets_nobody_in(tmp_path: Path, has: Machine) -> None:
    line, waits = make(tmp_path, reserve_disk=2 * GIB), list[Wait]()
    await enter(line, "d-first")
    has.disk = 2 * GIB - 1
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(enter, line, "d-1", NEED, waits)
        await until(lambda: bool(waits))
        assert "on the disk" in waits[0].reason
        has.disk += 1


async def test_first_come_first_served(tmp_path: Path, has: Machine) -> None:
    line, waits = make(tmp_path, max_desktops=1), list[Wait]()
    await enter(line, "d-0")
    async with anyio.create_task_group() as tasks:
        for number in (1, 2, 3):
            tasks.start_soon(enter, line, f"d-{number}", NEED, waits)
            await until(partial(has_length, waits, number))
        assert [wait.place for wait in waits] == [1, 2, 3]
        assert waits[0].reason == "1 desktops run, and 1 are the most"
        for number in range(3):
            line.leave(f"d-{number}")
            await until(partial(is_inside, line, f"d-{number + 1}"))


async def test_who_gives_up_does_not_hold_up_the_others(tmp_path: Path, has: Machine) -> None:
    line = make(tmp_path, max_desktops=1)
    await enter(line, "d-0")
    with anyio.move_on_after(0.05) as scope:
        await enter(line, "d-impatient")
    assert scope.cancelled_caught
    line.leave("d-0")
    with anyio.fail_after(30):
        await enter(line, "d-1")
    assert list(line.inside) == ["d-1"]


async def test_a_failed_boot_gives_its_room_back(tmp_path: Path, has: Machine) -> None:
    line = make(tmp_path, max_desktops=1)
    with pytest.raises(ZeroDivisionError):
        async with line.starting("d-0", NEED):
            raise ZeroDivisionError
    with anyio.fail_after(30):
        await enter(line, "d-1")


async def test_a_machine_too_small_for_one_says_so(
    tmp_path: Path, has: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_ALONE_SECONDS", 0.05)
    has.memory = GIB
    with (
        anyio.fail_after(30),
        pytest.raises(HostFull, match=r"cannot carry a desktop of 'slim': it needs 256"),
    ):
        await enter(make(tmp_path), "d-0")


async def test_overload_touches_no_desktop_that_runs(tmp_path: Path, has: Machine) -> None:
    """On a host: memory runs out, what runs runs on, and who waited comes in once there is room."""
    waits: list[Wait] = []

    async def note(wait: Wait) -> None:
        waits.append(wait)

    async with Host(tmp_path, HostLimits(max_desktops=2)) as host, AsyncExitStack() as stack:
        started = [
            await stack.enter_async_context(await host.start(SMALL, backend="simulated", holder=f"h{number}"))
            for number in range(2)
        ]
        late: list[Desktop] = []

        async def start() -> None:
            late.append(await host.start(SMALL, backend="simulated", holder="late", on_wait=note))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            await until(lambda: bool(waits))
            for desktop in started:
                await desktop.screenshot()
            assert late == []
            await started[0].stop()
        await late[0].screenshot()
        await started[1].screenshot()


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKSWARM_MAX_DESKTOPS", "7")
    monkeypatch.setenv("DESKSWARM_RESERVE_MEMORY", "2GiB")
    assert HostLimits.from_environment() == HostLimits(max_desktops=7, reserve_memory=2 * GIB)
    monkeypatch.setenv("DESKSWARM_MAX_DESKTOPS", "many")
    with pytest.raises(InputError, match=r"DESKSWARM_MAX_DESKTOPS: 'many'"):
        HostLimits.from_environment()


# --- what is measured -----------------------------------------------------------------------------------


def test_the_machine_says_what_it_has(tmp_path: Path) -> None:
    assert 0 < machine.free_memory() < 1 << 50
    assert 0 < machine.free_disk(tmp_path / "not" / "there" / "yet") < 1 << 60
    assert machine.processors() >= 1


@pytest.mark.parametrize(
    ("files", "room"),
    [
        ({"memory.limit_in_bytes": "1000", "memory.usage_in_bytes": "700"}, 400),
        ({"memory.max": "1000", "memory.current": "600"}, 500),
        ({"memory.max": "max", "memory.current": "600"}, None),
    ],
)
def test_the_room_of_a_control_group(tmp_path: Path, files: dict[str, str], room: int | None) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "memory.stat").write_text("inactive_file 100\nactive_file 3\n")
    assert cgroup.room(tmp_path) == room


async def test_a_desktops_working_set_is_measured(host: Host, backend: str, desktop: Desktop) -> None:
    engine = host.backends.get(backend)
    before = (await memory_of(engine, [desktop.id]))[desktop.id]
    fill = "open('/tmp/block', 'wb').write(bytes(range(256)) * (1 << 18))"
    assert (await desktop.exec(["python3", "-c", fill])).exit_code == 0
    after = (await memory_of(engine, [desktop.id, "d-none"]))[desktop.id]
    assert 20 << 20 < before < after < 1 << 30
    assert after - before > 48 << 20


def has_length(waits: list[Wait], length: int) -> bool:
    return len(waits) == length


def is_inside(line: Admission, name: str) -> bool:
    return list(line.inside) == [name]


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not condition():
            await anyio.lowlevel.checkpoint()
