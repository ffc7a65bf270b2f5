"""What one desktop may use up: its own share, and never its neighbour's."""

from __future__ import annotations

from sandboxes.conformance.subject import COMMAND_TIMEOUT_S, Subject, expect, needs, raises, run, shell
from sandboxes.errors import DesktopLost, DesktopStartError, InfraError

_MIB = 1 << 20
_MEMORY = 400
_PROCESSES = 120
_SMALL = {"memory": _MEMORY * _MIB, "processes": _PROCESSES, "disk": 64 * _MIB}
_FOLDERS = ("/home/user", "/tmp", "/dev/shm", "/run", "/var/tmp")

_HOG = """
held = []
while True:
    held.append(bytearray(16 << 20))
    print(len(held) * 16, flush=True)
"""
_FORKS = """
import os, signal
children = []
try:
    while len(children) < 1000:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except OSError:
    pass
print(len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
"""


@needs("real")
async def a_memory_hog_is_killed_and_nothing_else(subject: Subject) -> str:
    small, neighbour = await subject.desktop(limits=_SMALL), await subject.desktop("neighbour")
    result = await run(small, "python3", "-c", _HOG)
    expect(result.exit_code != 0, result)
    reached = int(result.stdout.split()[-1])
    expect(50 < reached < _MEMORY, f"it got {reached} MiB of {_MEMORY}")
    await neighbour.screenshot()
    await small.screenshot()
    return f"killed at {reached} MiB of {_MEMORY}"


@needs("real")
async def files_in_memory_count_as_memory(subject: Subject) -> str:
    """A private folder may hold more than the desktop's memory; what fills it pays for it."""
    greedy = await subject.fresh(limits={"memory": _MEMORY * _MIB, "disk": 4096 * _MIB})
    neighbour = await subject.desktop("neighbour")
    try:
        result = await run(greedy, "dd", "if=/dev/zero", "of=/tmp/big", "bs=1M", "count=1000")
        expect(result.exit_code != 0, "a gigabyte fits")
        outcome = f"dd ended with {result.exit_code}"
    except DesktopLost:  # the kernel may choose process 1, which ends the desktop
        outcome = "the desktop ended"
    await neighbour.screenshot()
    return outcome


@needs("real")
async def a_fork_bomb_is_contained(subject: Subject) -> str:
    small, neighbour = await subject.desktop(limits=_SMALL), await subject.desktop("neighbour")
    result = await run(small, "python3", "-c", _FORKS)
    expect(result.exit_code == 0, result)
    expect(10 < int(result.stdout) < _PROCESSES, f"{int(result.stdout)} processes")
    for desktop in (small, neighbour):
        expect((await run(desktop, "true")).exit_code == 0, "programs no longer start")
    return f"{int(result.stdout)} processes of {_PROCESSES}"


@needs("real")
async def a_full_folder_says_so(subject: Subject) -> str:
    small = await subject.desktop(limits=_SMALL)
    for folder in _FOLDERS:
        result = await run(small, "dd", "if=/dev/zero", f"of={folder}/big", "bs=1M", "count=100")
        expect(b"No space left on device" in result.stderr, f"{folder}: {result}")
        await shell(small, f"rm {folder}/big")
    await small.screenshot()
    return ", ".join(_FOLDERS)


async def its_lifetime_ends_it(subject: Subject) -> str:
    complaint = await raises(InfraError, _outlive(subject, lifetime_s=6))
    return complaint.splitlines()[0]


async def _outlive(subject: Subject, lifetime_s: float) -> None:
    """Where the machine is slow, its life may end while it boots."""
    try:
        short = await subject.fresh(limits={"lifetime_s": lifetime_s})
    except DesktopStartError as error:
        expect("lifetime over" in str(error), error)
        raise
    await short.exec(["sleep", "100"], timeout=COMMAND_TIMEOUT_S)
