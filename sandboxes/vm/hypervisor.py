"""libvirt: one connection for this process, used from threads, its complaints told as our errors."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit
from xml.etree import ElementTree

import anyio
import libvirt

from sandboxes.errors import BackendUnavailable
from sandboxes.namespaces import host_user

VARIABLE = "DESKSWARM_LIBVIRT_URI"
_SYSTEM, _SESSION = "qemu:///system", "qemu:///session"
_LOCAL_TRANSPORTS = ("qemu", "qemu+unix")
_STATE = Path("/var/lib/libvirt/qemu")  # where the system daemon's QEMU reads its secrets
_DAEMON = "libvirtd"

T = TypeVar("T")

# libvirt prints every error besides raising it.
libvirt.registerErrorHandler(lambda _context, _error: None, None)


@dataclass(frozen=True, slots=True)
class User:
    """Whom QEMU runs as, and the group in which all machines' users are."""

    uid: int
    gid: int

    def label(self) -> str:
        return f"+{self.uid}:+{self.gid}"

    def give(self, file: Path) -> None:
        """Let this user open a file, and nobody else but root."""
        os.chown(file, self.uid, self.gid)
        file.chmod(0o600)

    def share(self, file: Path) -> None:
        """Let the users of all machines open a file, which stays ours."""
        os.chown(file, -1, self.gid)
        file.chmod(0o660)


@dataclass(frozen=True)
class Host:
    """What libvirt says of the machine it runs on. Security models are those besides plain users."""

    qemu_version: str
    capabilities: str

    @cached_property
    def security_models(self) -> tuple[str, ...]:
        return tuple(model for model, _ in self._models if model != "dac")

    @cached_property
    def tsc_khz(self) -> int | None:
        """How fast this machine's processors count time, where libvirt knows."""
        counter = ElementTree.fromstring(self.capabilities).find("host/cpu/counter[@name='tsc']")
        return int(counter.attrib["frequency"]) // 1000 if counter is not None else None

    @cached_property
    def default_user(self) -> User | None:
        """As whom the system daemon runs QEMU unless told otherwise."""
        for model, element in self._models:
            label = element.find("baselabel")
            found = re.fullmatch(r"\+(\d+):\+(\d+)", label.text or "") if label is not None else None
            if model == "dac" and found:
                return User(int(found[1]), int(found[2]))
        return None

    @cached_property
    def _models(self) -> list[tuple[str, ElementTree.Element]]:
        found = ElementTree.fromstring(self.capabilities).findall("host/secmodel")
        return [(model.findtext("model", ""), model) for model in found]


class Hypervisor:
    def __init__(self) -> None:
        self.uri = os.environ.get(VARIABLE) or (_SYSTEM if os.geteuid() == 0 else _SESSION)
        self._lock = Lock()
        self._connection: libvirt.virConnect | None = None

    async def ask(self, question: Callable[[libvirt.virConnect], T]) -> T:
        """Ask libvirt, in a thread. Raises BackendUnavailable where it cannot be reached, or refuses."""
        return await anyio.to_thread.run_sync(self.call, question)

    def call(self, question: Callable[[libvirt.virConnect], T]) -> T:
        """The same, here and now."""
        try:
            return question(self._open())
        except libvirt.libvirtError as error:
            raise BackendUnavailable(f"libvirt refused ({error}): see its own log") from error

    @cached_property
    def host(self) -> Host:
        """Asks libvirt the first time. Raises BackendUnavailable."""
        return self.call(_host)

    def user(self, desktop_id: str, *, kvm: bool) -> User | None:
        """Whom a machine's QEMU runs as: a user of its own, in the group that may enter libvirt's folder.

        Only libvirt's own user may open KVM's device. Unless we are root, it is ourselves, and None: root has
        no session, and is given the system's libvirt for one.
        """
        if os.geteuid() != 0:
            return None
        return self.host.default_user if kvm else User(host_user(desktop_id), _STATE.stat().st_gid)

    def _open(self) -> libvirt.virConnect:
        with self._lock:
            if self._connection is None or not self._connection.isAlive():
                self._connection = self._connect()
            return self._connection

    def _connect(self) -> libvirt.virConnect:
        url = urlsplit(self.uri)
        if url.scheme not in _LOCAL_TRANSPORTS or url.netloc:
            raise BackendUnavailable(
                f"{VARIABLE}: {self.uri!r} is not this machine's, and a desktop's memory and disk are files "
                f"of this machine: use {_SYSTEM} or {_SESSION}, and run deskswarm where that libvirt runs"
            )
        if url.path == "/system" and os.geteuid() != 0:
            raise BackendUnavailable(
                f"{VARIABLE}: at {self.uri} each machine is a host user of its own, and only root can see to "
                f"that: use {_SESSION}, or run deskswarm as root"
            )
        try:
            return libvirt.open(self.uri)
        except libvirt.libvirtError as error:
            raise BackendUnavailable(f"no libvirt answers at {self.uri} ({error}): {_fix()}") from error


def _fix() -> str:
    if shutil.which(_DAEMON) or shutil.which(_DAEMON, path="/usr/sbin:/sbin"):
        return "start it (`scripts/engine start`, or your system's service libvirtd)"
    return "run `apt-get install libvirt-daemon-system libvirt-daemon-driver-qemu`"


def _host(connection: libvirt.virConnect) -> Host:
    number = connection.getVersion()
    version = f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
    return Host(qemu_version=version, capabilities=connection.getCapabilities())
