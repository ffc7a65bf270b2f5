"""However a desktop or its controller ends, nothing is left soon after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import anyio
from anyio import to_thread

from sandboxes.conformance.subject import WAIT_S, Broken, Subject, eventually, expect, needs, raises
from sandboxes.conformance.traces import processes, traces
from sandboxes.connection import Connection
from sandboxes.errors import DeadlineExceeded, DesktopLost, DesktopStartError, InputError
from sandboxes.lease import Lease
from sandboxes.owner import Owner
from sandboxes.spec import new_desktop_id

_DESKTOPS = 2
_CANCELLED_AFTER_S = (0.0, 0.01, 0.05, 0.1, 0.2, 0.4)
_CLEAN_WITHIN_S = 15.0
_OUTLIVE_S = 600.0


async def stopping_leaves_nothing(subject: Subject) -> str:
    desktop = await subject.fresh()
    if subject.capabilities.real:
        expect(bool(await _left(subject, [desktop.id])), "a living desktop leaves no trace to look for")
    await desktop.stop()
    await subject.host.stop(desktop.id)
    left = await _left(subject, [desktop.id])
    expect(not left, left)
    return "no process, mount, control group, file or desktop"


async def a_cancelled_start_leaves_no_desktop(subject: Subject) -> str:
    labels = {"cancelled": new_desktop_id()}
    for after in _CANCELLED_AFTER_S:
        with anyio.move_on_after(after) as scope:
            desktop = await subject.fresh(labels=labels)
        if not scope.cancelled_caught:
            await desktop.stop()
        left = await _labelled(subject, labels)
        expect(not left, f"cancelled after {after:g} s: {left}")
    return f"cancelled after {', '.join(f'{after:g}' for after in _CANCELLED_AFTER_S)} s"


async def a_cancelled_creation_leaves_nothing(subject: Subject) -> str:
    """By the backend itself, which is not told to stop what it did not finish."""
    backend, ids = subject.load(), [new_desktop_id() for _ in _CANCELLED_AFTER_S]
    for desktop_id, after in zip(ids, _CANCELLED_AFTER_S, strict=True):
        with anyio.move_on_after(after) as scope:
            await backend.create(desktop_id, subject.spec(), Owner.current(), {})
        if not scope.cancelled_caught:
            await backend.stop(desktop_id)
    await _until_clean(subject, ids, _CLEAN_WITHIN_S)
    return "no process, mount, control group, file or desktop"


@needs("real")
async def a_failed_start_says_why_and_leaves_nothing(subject: Subject) -> str:
    """A desktop whose life is shorter than its boot."""
    labels = {"failed": new_desktop_id()}
    start = subject.fresh(labels=labels, limits={"lifetime_s": 0.05})
    complaint = await raises(DesktopStartError, start)
    expect("lifetime over" in complaint, complaint)
    left = await _labelled(subject, labels)
    expect(not left, left)
    return "lifetime over"


async def a_desktop_ended_behind_its_holders_back_is_lost_at_once(subject: Subject) -> str:
    desktop = await subject.fresh()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(subject.load().stop, desktop.id)
        began = anyio.current_time()
        complaint = await raises(DesktopLost, desktop.exec(["sleep", "100"], timeout=120))
    return f"{complaint}, after {anyio.current_time() - began:.1f} s"


async def a_desktop_whose_holder_falls_silent_ends_itself(subject: Subject) -> str:
    backend, lease = subject.load(), Lease(new_desktop_id(), "conformance", ttl_s=2)
    await backend.create(lease.desktop_id, subject.spec(), Owner.current(), {})
    try:
        async with Connection(await backend.connect(lease.desktop_id), lease):
            pass
        began = anyio.current_time()

        async def ended() -> bool:
            try:
                await anyio.aclose_forcefully(await backend.connect(lease.desktop_id))
            except DesktopLost:
                return True
            return False

        await eventually("the end of a desktop without a word from its holder", ended)
        return f"{anyio.current_time() - began:.1f} s after the last word; {lease.ttl_s:g} s were agreed"
    finally:
        await backend.stop(lease.desktop_id)


async def nothing_outlives_a_killed_controller(subject: Subject) -> str:
    return await _after(subject, lambda controller: controller.kill())


async def nothing_outlives_a_killed_process_group(subject: Subject) -> str:
    return await _after(subject, lambda controller: os.killpg(controller.pid, signal.SIGKILL))


async def nothing_outlives_an_interrupted_controller(subject: Subject) -> str:
    return await _after(subject, lambda controller: controller.send_signal(signal.SIGINT))


async def what_outlives_a_controller_and_its_reaper_is_the_next_ones_to_remove(subject: Subject) -> str:
    def strike(controller: subprocess.Popen[str]) -> None:
        owner = str(Owner.of(controller.pid))
        [reaper] = [pid for pid, text in processes() if "sandboxes.reaper" in text and owner in text]
        os.kill(reaper, signal.SIGKILL)
        controller.kill()
        controller.wait()

    return await _after(subject, strike, reap=True)


@needs("survives_controller")
async def what_may_outlive_its_controller_does_and_is_taken_over(subject: Subject) -> str:
    with _controller(subject, 1, _OUTLIVE_S) as (controller, errors):
        assert controller.stdout is not None
        [desktop_id] = (await to_thread.run_sync(controller.stdout.readline)).split() or [""]
        expect(bool(desktop_id), f"the controller did not start its desktop: {errors.read_text()}")
        await raises(InputError, subject.host.adopt(desktop_id, holder="thief", epoch=2))
        controller.kill()
        await to_thread.run_sync(controller.wait)
    reaped = await subject.host.reap()
    expect(desktop_id not in reaped, "it was removed before its time")
    async with await subject.host.adopt(desktop_id, holder="heir", epoch=2) as desktop:
        await desktop.screenshot()
        reaped = await subject.host.reap()
        expect(desktop_id not in reaped, "it was removed although it has a new owner")
    left = await _left(subject, [desktop_id])
    expect(not left, left)
    return f"{desktop_id} went on under lease {desktop.lease.epoch}, and left nothing in the end"


async def reaping_spares_the_living(subject: Subject) -> str:
    desktop = await subject.fresh()
    reaped = await subject.host.reap()
    expect(desktop.id not in reaped, reaped)
    await desktop.screenshot()
    return f"removed {len(reaped)} others"


async def _after(
    subject: Subject, strike: Callable[[subprocess.Popen[str]], None], *, reap: bool = False
) -> str:
    """How long it took until all was clean after a blow to a controller with desktops."""
    with _controller(subject, _DESKTOPS) as (controller, errors):
        assert controller.stdout is not None
        ids = (await to_thread.run_sync(controller.stdout.readline)).split()
        expect(len(ids) == _DESKTOPS, f"the controller did not start its desktops: {errors.read_text()}")
        helpers = [str(Owner.of(controller.pid))]
        for mark in [*ids, *helpers] if subject.capabilities.real else helpers:
            expect(bool(await _left(subject, [mark])), f"alive, {mark} leaves no trace to look for")
        began = anyio.current_time()
        strike(controller)
        if reap:
            await _reap(subject, ids)
        await _until_clean(subject, ids, _CLEAN_WITHIN_S)
        took = anyio.current_time() - began
        await _until_clean(subject, helpers, WAIT_S)
        return f"{len(ids)} desktops gone after {took:.1f} s, and then the controller's reaper"


async def _reap(subject: Subject, ids: Sequence[str]) -> None:
    await subject.load().reap()
    left = {record.id for record in await subject.load().desktops()} & set(ids)
    expect(not left, f"the next one did not remove {left}")


@contextmanager
def _controller(
    subject: Subject, desktops: int, outlive_s: float = 0
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """In a process group of its own; and the file of its complaints."""
    words = (str(subject.host.home), subject.backend, subject.image, str(desktops), str(outlive_s))
    command = [sys.executable, "-m", "sandboxes.conformance.controller", *words]
    with (
        NamedTemporaryFile() as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, process_group=0
        ) as process,
    ):
        try:
            yield process, Path(errors.name)
        finally:
            process.kill()


async def _labelled(subject: Subject, labels: dict[str, str]) -> list[str]:
    """The desktops with just these labels."""
    return [record.id for record in await subject.load().desktops() if record.labels == labels]


async def _until_clean(subject: Subject, marks: Sequence[str], within_s: float) -> None:
    """Raises Broken with what is left."""
    left: list[str] = []

    async def clean() -> bool:
        left[:] = await _left(subject, marks)
        return not left

    try:
        await eventually("nothing left", clean, within_s)
    except DeadlineExceeded as error:
        raise Broken(f"{error}: {left}") from None


async def _left(subject: Subject, marks: Sequence[str]) -> list[str]:
    return await traces(subject.load(), subject.host.home, marks)
