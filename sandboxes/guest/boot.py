"""The first thing a guest does: start the display and the session bus, before anything heavy is imported."""

from __future__ import annotations

import os
import resource
import signal
import stat
import uuid
from dataclasses import dataclass

from .log import log
from .paths import (
    BUS_ADDRESS,
    DISPLAY,
    ENVIRONMENT_FILE,
    FRAME_BUFFER_DIR,
    HOME,
    HOME_SKELETON,
    MACHINE_ID,
    RUNTIME_DIR,
)
from .settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class Boot:
    """What runs already. `display_ready` and `bus_ready` become readable when the program is ready, and end
    if it dies; what is written to `programs_output` can be read from `output`."""

    settings: Settings
    environment: dict[str, str]
    display_pid: int
    display_ready: int
    bus_pid: int
    bus_ready: int
    output: int
    programs_output: int


def boot() -> Boot:
    """Raises OSError where a folder cannot be made or a program is missing."""
    settings = read_settings()
    _set_limits(settings)
    _make_folders()
    environment = _session_environment()
    output, programs_output = os.pipe()
    os.set_blocking(output, False)
    display_pid, display_ready = _start(
        _display_command(settings), "-displayfd", environment, programs_output
    )
    bus_pid, bus_ready = _start(_bus_command(), "--print-address", environment, programs_output)
    _fill_home(HOME_SKELETON, HOME)
    log("display and session bus launched, home filled")
    return Boot(
        settings=settings,
        environment=environment,
        display_pid=display_pid,
        display_ready=display_ready,
        bus_pid=bus_pid,
        bus_ready=bus_ready,
        output=output,
        programs_output=programs_output,
    )


def _set_limits(settings: Settings) -> None:
    """Children inherit these. They are soft fences; the backend's own limits are the hard ones."""
    if settings.processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (settings.processes, settings.processes))
    if settings.memory:
        resource.setrlimit(resource.RLIMIT_DATA, (settings.memory, settings.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _make_folders() -> None:
    os.makedirs(FRAME_BUFFER_DIR, mode=0o700, exist_ok=True)  # noqa: PTH103
    os.chmod(RUNTIME_DIR, 0o700)  # noqa: PTH101
    os.makedirs("/tmp/.X11-unix", exist_ok=True)  # noqa: PTH103
    os.chmod("/tmp/.X11-unix", 0o1777)  # noqa: PTH101
    if not os.path.exists(MACHINE_ID):  # noqa: PTH110
        _write(MACHINE_ID, uuid.uuid4().hex + "\n")


def _session_environment() -> dict[str, str]:
    environment = {"HOME": HOME, "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    if os.path.exists(ENVIRONMENT_FILE):  # noqa: PTH110
        environment |= _read_environment(ENVIRONMENT_FILE)
    return environment | {
        "DISPLAY": DISPLAY,
        "XAUTHORITY": f"{environment['HOME']}/.Xauthority",
        "XDG_RUNTIME_DIR": RUNTIME_DIR,
        "DBUS_SESSION_BUS_ADDRESS": BUS_ADDRESS,
    }


def _read_environment(path: str) -> dict[str, str]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        pairs = (line.strip().partition("=") for line in file if not line.startswith("#"))
        return {name: value for name, equals, value in pairs if equals}


def _display_command(settings: Settings) -> list[str]:
    """No access control: the display's sockets are only in this desktop's own namespaces."""
    screen = f"{settings.width}x{settings.height}x24"
    options = ["-fbdir", FRAME_BUFFER_DIR, "-nolisten", "tcp", "-ac", "-noreset", "-dpi", "96"]
    return ["/usr/bin/Xvfb", DISPLAY, "-screen", "0", screen, *options]


def _bus_command() -> list[str]:
    return ["/usr/bin/dbus-daemon", "--session", "--nofork", "--nosyslog", f"--address={BUS_ADDRESS}"]


def _start(
    command: list[str], ready_option: str, environment: dict[str, str], output: int
) -> tuple[int, int]:
    """Start a program that writes to the descriptor given as its last argument once it is ready."""
    ready, ready_in_child = os.pipe()
    separate = [ready_option, str(ready_in_child)]
    argument = [f"{ready_option}={ready_in_child}"] if ready_option.startswith("--") else separate
    os.set_inheritable(ready_in_child, True)
    pid = os.posix_spawn(
        command[0],
        [*command, *argument],
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)],
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
    )
    os.close(ready_in_child)
    os.set_blocking(ready, False)
    return pid, ready


def _fill_home(source: str, target: str) -> None:
    """Copy the skeleton's folders, files and links; what is there already stays."""
    if not os.path.isdir(source):  # noqa: PTH112
        return
    for entry in os.scandir(source):
        path = f"{target}/{entry.name}"
        if entry.is_symlink():
            if not os.path.lexists(path):
                os.symlink(os.readlink(entry.path), path)  # noqa: PTH115, PTH211
        elif entry.is_dir():
            os.makedirs(path, exist_ok=True)  # noqa: PTH103
            _fill_home(entry.path, path)
        elif not os.path.exists(path):  # noqa: PTH110
            _copy_file(entry.path, path)


def _copy_file(source: str, target: str) -> None:
    with open(source, "rb") as original, open(target, "wb") as copy:  # noqa: PTH123
        copy.write(original.read())
        os.fchmod(copy.fileno(), stat.S_IMODE(os.fstat(original.fileno()).st_mode) | stat.S_IWUSR)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
