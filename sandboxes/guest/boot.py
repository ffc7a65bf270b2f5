"""The first thing a guest does: start the display and the session bus, before anything heavy is imported."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
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
    LOOPBACK,
    MACHINE_ID,
    PROXY_PORT,
    RUNTIME_DIR,
    SESSION_PROGRAM,
)
from .settings import Settings, read_settings

_START_WHEN_READY = """
read -r bus <&3 && read -r display <&4 && echo >&5 || exit
exec 3<&- 4<&- 5>&-
cd "$1" && exec "$2"
"""
_PROXY_BACKLOG = 128
_PROXY = f"http://{LOOPBACK}:{PROXY_PORT}"
_NOT_PROXIED = f"localhost,{LOOPBACK},::1"
_PROXY_ENVIRONMENT = {
    **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), _PROXY),
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _PROXY),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), _NOT_PROXIED),
}


@dataclass(frozen=True, slots=True)
class Boot:
    """What runs already. The session's program waits for the display and the bus, and starts when both are
    ready: `ready` then becomes readable, and ends if one dies before. What is written to `programs_output`
    can be read from `output`. To `proxy`, where there is a network, programs connect to reach it."""

    settings: Settings
    environment: dict[str, str]
    display_pid: int
    bus_pid: int
    session_pid: int
    ready: int
    output: int
    programs_output: int
    proxy: socket.socket | None


def boot() -> Boot:
    """Raises OSError where a folder cannot be made or a program is missing."""
    settings = read_settings()
    _set_limits(settings)
    _make_folders()
    proxy = _listen_for_programs() if settings.network else None
    environment = _session_environment() | (_PROXY_ENVIRONMENT if proxy else {})
    output, programs_output = os.pipe()
    os.set_blocking(output, False)
    display_pid, display_ready = _start(
        _display_command(settings), "-displayfd", environment, programs_output
    )
    bus_pid, bus_ready = _start(_bus_command(), "--print-address", environment, programs_output)
    _fill_home(HOME_SKELETON, HOME)
    session_pid, ready = _start_session(bus_ready, display_ready, environment, programs_output)
    log("display and session bus launched, home filled")
    return Boot(
        settings=settings,
        environment=environment,
        display_pid=display_pid,
        bus_pid=bus_pid,
        session_pid=session_pid,
        ready=ready,
        output=output,
        programs_output=programs_output,
        proxy=proxy,
    )


def _listen_for_programs() -> socket.socket:
    """Before any program runs that could take the port."""
    listener = socket.create_server((LOOPBACK, PROXY_PORT), backlog=_PROXY_BACKLOG)
    listener.setblocking(False)
    return listener


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
    return pid, ready


def _start_session(
    bus_ready: int, display_ready: int, environment: dict[str, str], output: int
) -> tuple[int, int]:
    """Start the session's program the moment it can run: the imports to come take longer than the display."""
    ready, ready_in_child = os.pipe()
    os.set_blocking(ready, False)
    moved = [_moved_up(descriptor) for descriptor in (bus_ready, display_ready, ready_in_child)]
    passed = [(output, 1), (output, 2), *zip(moved, (3, 4, 5), strict=True)]
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", _START_WHEN_READY, "sh", HOME, SESSION_PROGRAM],
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, old, new) for old, new in passed],
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        setsid=True,
    )
    for descriptor in moved:
        os.close(descriptor)
    return pid, ready


def _moved_up(descriptor: int) -> int:
    """The same under a number above all that a shell's script can name."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


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
