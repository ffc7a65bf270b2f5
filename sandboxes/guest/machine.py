"""Process 1 of a virtual machine: starts the guest as the desktop's user, does for it what only root may, and
ends the machine with it."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import pwd
import select
import signal
import socket
import struct
import time
from pathlib import Path
from typing import NoReturn

from .log import log

MACHINE_FD = "DESKSWARM_MACHINE_FD"
PORT_FDS = "DESKSWARM_PORT_FDS"
MAX_ORDER_BYTES = 4096
_USER = 1000
_PORTS = Path("/sys/class/virtio-ports")
_PORT_NAMES = "deskswarm."
_LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")
_HOSTS = Path("/etc/hosts")
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_RNDADDENTROPY = 0x40085203
_RNDRESEEDCRNG = 0x5207
_POWER_OFF = 0x4321FEDC


def start() -> None:
    """Returns in a child of its own, which is to become the guest; process 1 never returns."""
    ours, guests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ports = _open_ports()
    guest = os.fork()
    if guest:
        guests.close()
        for port in ports:
            os.close(port)
        _supervise(guest, ours)
    ours.close()
    _become_user()
    os.environ[MACHINE_FD] = str(guests.detach())
    os.environ[PORT_FDS] = " ".join(map(str, ports))


def _open_ports() -> list[int]:
    """The guest is handed the ports open, as the user's programs may not open them."""
    found = [port.name for port in _PORTS.iterdir() if (port / "name").read_text().startswith(_PORT_NAMES)]
    return [os.open(f"/dev/{name}", os.O_RDWR | os.O_NONBLOCK) for name in sorted(found)]


def _become_user() -> None:
    """From here on this process is what it is in every other kind of desktop."""
    user = pwd.getpwuid(_USER)
    rootless = os.environ.get("DESKSWARM_ROOT") != "1"
    if rootless:
        for capability in range(int(_LAST_CAPABILITY.read_text()) + 1):
            _prctl(_PR_CAPBSET_DROP, capability)
    os.setsid()
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.chdir(user.pw_dir)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if rootless:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _prctl(option: int, argument: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _supervise(guest: int, orders: socket.socket) -> NoReturn:
    """Wait, without ever waking in between, for orders and for the guest's end."""
    ended, ended_in_handler = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(ended_in_handler, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ended_in_handler, warn_on_full_buffer=False)
    events = select.poll()
    events.register(ended, select.POLLIN)
    events.register(orders, select.POLLIN)
    while _runs(guest):
        for descriptor, _ in events.poll():
            if descriptor == ended:
                os.read(ended, 4096)
            elif not _obey(orders):
                events.unregister(orders)
    _power_off()


def _runs(guest: int) -> bool:
    """Collect what has ended; whether the guest has not."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == guest:
            log(f"the guest ended with {os.waitstatus_to_exitcode(status)}")
            return False
        if pid == 0:
            return True


def _obey(orders: socket.socket) -> bool:
    """Carry out one order and say what came of it; False at the end of orders."""
    data = orders.recv(MAX_ORDER_BYTES)
    if not data:
        return False
    try:
        _adopt(**json.loads(data))
        orders.send(b"done")
    except (OSError, ValueError, TypeError) as error:
        orders.send(f"{type(error).__name__}: {error}".encode())
    return True


def _adopt(hostname: str, time_ns: int, seed: str) -> None:
    """Become another machine than the one this is a copy of."""
    socket.sethostname(hostname)
    _HOSTS.write_text(
        f"127.0.0.1 localhost\n127.0.1.1 {hostname}\n::1 localhost ip6-localhost ip6-loopback\n",
        encoding="ascii",
    )
    time.clock_settime_ns(time.CLOCK_REALTIME, time_ns)
    entropy = bytes.fromhex(seed)
    with open("/dev/random", "wb", buffering=0) as pool:  # noqa: PTH123
        fcntl.ioctl(pool, _RNDADDENTROPY, struct.pack("ii", 8 * len(entropy), len(entropy)) + entropy)
        fcntl.ioctl(pool, _RNDRESEEDCRNG)


def _power_off() -> NoReturn:
    os.sync()
    ctypes.CDLL(None).reboot(ctypes.c_int(_POWER_OFF))
    raise SystemExit("the machine does not switch off")
