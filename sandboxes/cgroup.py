"""Kernel limits for one desktop: a control group of its own, on version 1 or 2, where we may make one."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from sandboxes.deadline import Pace
from sandboxes.spec import Limits

_ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("memory", "pids")
_USAGE = ("memory.usage_in_bytes", "memory.current")
_LIMITS = ("memory.limit_in_bytes", "memory.max")


def find_parents() -> tuple[Path, ...]:
    """The groups under which a desktop's own can be made: one (version 2), one per controller
    (version 1), or none where this user may not.

    They are this process's own group or its nearest fit ancestor, so its limits hold for its desktops.
    """
    groups = dict(_own_groups())
    if all(controller in groups for controller in _CONTROLLERS):
        parents = tuple(groups[controller] for controller in _CONTROLLERS)
        return parents if all(os.access(parent, os.W_OK) for parent in parents) else ()
    own = groups.get("", _ROOT)
    nearest = (group for group in (own, *own.parents) if group.is_relative_to(_ROOT) and _fits(group))
    return tuple(nearest)[:1]


def plan(parents: Sequence[Path], name: str) -> list[Path]:
    """The groups a desktop of that name would have."""
    return [parent / f"deskswarm-{name}" for parent in parents]


def make(groups: Sequence[Path], limits: Limits) -> None:
    """Make the groups and set their limits. Raises OSError."""
    for group in groups:
        group.mkdir()
        for name, value in _settings(limits):
            if (group / name).exists():
                (group / name).write_text(str(value))


async def remove(groups: Sequence[Path]) -> None:
    """End what is left in the groups, and remove them once the last dead process has left them. Waits without
    a limit.

    A controller that is killed while it starts a desktop leaves processes whose ids nobody has written down.
    """
    pace = Pace()
    for group in groups:
        while not _removed(group):
            await pace.wait()


def joining(groups: Sequence[Path], command: Sequence[str]) -> list[str]:
    """A command that runs `command` with all of it, from its first instruction, in the groups."""
    if not groups:
        return list(command)
    enter = "".join(f'echo 0 >"${number}"/cgroup.procs && ' for number, _ in enumerate(groups, 1))
    script = f'{enter}shift {len(groups)} && exec "$@"'
    return ["/bin/sh", "-c", script, "sh", *map(str, groups), *command]


def working_set(groups: Sequence[Path]) -> int | None:
    """Bytes that groups use and would miss now; None where they do not tell, or are gone."""
    for usage in (group / name for group in groups for name in _USAGE):
        with contextlib.suppress(OSError):
            return max(0, int(usage.read_text()) - _idle_cache(usage.parent))
    return None


def headroom() -> int | None:
    """Bytes that this process's own groups still let it take; None where none has a limit."""
    groups = [group for controller, group in _own_groups() if controller in ("", "memory")]
    ancestors = {parent for group in groups for parent in group.parents if parent.is_relative_to(_ROOT)}
    rooms = [room(group) for group in {*groups, *ancestors}]
    return min((left for left in rooms if left is not None), default=None)


def room(group: Path) -> int | None:
    """Bytes that one group may still take; None where it has no limit."""
    for limit in (group / name for name in _LIMITS):
        with contextlib.suppress(OSError, ValueError):  # ValueError: `max`
            return max(0, int(limit.read_text()) - (working_set([group]) or 0))
    return None


def _idle_cache(group: Path) -> int:
    """Bytes of files nobody read lately, which the kernel drops first; version 1 has a total of its own."""
    lines = (line.split() for line in (group / "memory.stat").read_text().splitlines())
    stat = {name: int(value) for name, value in lines}
    return stat.get("total_inactive_file", stat["inactive_file"])


def _settings(limits: Limits) -> Iterator[tuple[str, int]]:
    """Every setting's name tells its version and controller; a group has only its own."""
    yield "memory.limit_in_bytes", int(limits.memory)
    yield "memory.memsw.limit_in_bytes", int(limits.memory)
    yield "memory.max", int(limits.memory)
    yield "memory.swap.max", 0
    yield "pids.max", limits.processes


def _own_groups() -> Iterator[tuple[str, Path]]:
    """This process's groups by controller; that of version 2 has the name ''."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            group = _ROOT / controller / path.lstrip("/")
            yield controller, group if group.is_dir() else _ROOT / controller


def _fits(group: Path) -> bool:
    """Whether a version 2 group hands both controllers down and lets us move processes below it."""
    with contextlib.suppress(OSError):
        handed_down = (group / "cgroup.subtree_control").read_text().split()
        writable = os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)
        return writable and set(_CONTROLLERS) <= set(handed_down)
    return False


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # EBUSY: a process that is dying still counts
        _kill(group)
        return False
    return True


def _kill(group: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for pid in map(int, (group / "cgroup.procs").read_text().split()):
            if pid:  # 0 stands for one that this process cannot see
                os.kill(pid, signal.SIGKILL)
