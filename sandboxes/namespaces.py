"""The bubblewrap command line: what a desktop in namespaces sees, and as whom it runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import PIPE, Popen

from sandboxes.spec import DesktopSpec, Limits

GUEST = ("python3", "-m", "deskswarm_guest")
BOOT_TTL_SECONDS = 60
_USER = 1000
_FIRST_HOST_USER = 0x7000_0000  # far above the ids that systems and container engines hand out
_HOST_USERS = 1 << 24
PRIVATE_FOLDERS = {
    "/home/user": "0755",
    "/tmp": "1777",
    "/var/tmp": "1777",
    "/dev/shm": "1777",
    "/run": "0755",
}
_STAGE = Path("/run")
_STAGED_IMAGE = _STAGE / "image"
_STAGED_GUEST = _STAGE / "guest"
_ISOLATION = (
    "--unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try "
    f"--uid {_USER} --gid {_USER} --hostname desktop "
    "--cap-drop ALL --as-pid-1 --die-with-parent --new-session"
).split()


def guest_environment(spec: DesktopSpec, *, watched: bool) -> dict[str, str]:
    """How the guest is told what to do. `watched`: it has to watch the limits itself."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/home/user",
        "USER": "user",
        "LANG": "C.UTF-8",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",  # looking for some takes 20 ms
        "PYTHONPATH": "/opt/deskswarm/lib:/opt/deskswarm/guest",
        "DESKSWARM_SCREEN": f"{spec.screen.width}x{spec.screen.height}",
        "DESKSWARM_BOOT_TTL_S": str(BOOT_TTL_SECONDS),
        "DESKSWARM_LIFETIME_S": str(spec.limits.lifetime_s),
        "DESKSWARM_MEMORY": str(int(spec.limits.memory) if watched else 0),
        "DESKSWARM_PROCESSES": str(spec.limits.processes if watched else 0),
        "DESKSWARM_NETWORK": "0" if spec.network == "none" else "1",
    }


def command(
    rootfs: Path,
    guest: Path,
    limits: Limits,
    environment: dict[str, str],
    info_fd: int,
    user_namespace: int | None,
    program: Sequence[str],
) -> list[str]:
    """Run a program as process 1 of new namespaces, with the guest's code in place. Nothing of the host is
    writable inside."""
    if user_namespace is None:
        arguments = ["bwrap", "--unshare-user"]
        image = rootfs
    else:
        arguments = [*_staging(rootfs, guest), "bwrap", "--userns", str(user_namespace)]
        image, guest = _STAGED_IMAGE, _STAGED_GUEST
    arguments += [*_ISOLATION, "--info-fd", str(info_fd)]
    arguments += ["--ro-bind", str(image), "/", "--dev", "/dev", "--proc", "/proc"]
    for folder, mode in PRIVATE_FOLDERS.items():
        arguments += ["--size", str(int(limits.disk)), "--perms", mode, "--tmpfs", folder]
    arguments += ["--ro-bind", str(guest), "/opt/deskswarm/guest/deskswarm_guest"]
    arguments += ["--remount-ro", "/dev", "--chdir", "/home/user", "--clearenv"]
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    return [*arguments, *program]


def _staging(rootfs: Path, guest: Path) -> list[str]:
    """A command that runs the rest where the image and the guest are mounted on paths open to all.

    Bubblewrap looks for them as the desktop's user, who may not enter root's own folders. The mounts are
    in a mount namespace of this command; nobody else sees them.
    """
    script = (
        f"mount -t tmpfs -o mode=755 deskswarm {_STAGE} && mkdir {_STAGED_IMAGE} {_STAGED_GUEST} && "
        f'mount --bind "$1" {_STAGED_IMAGE} && mount --bind "$2" {_STAGED_GUEST} && shift 2 && exec "$@"'
    )
    return [
        *("unshare", "--mount", "--propagation", "private"),
        *("/bin/sh", "-c", script, "sh", str(rootfs), str(guest)),
    ]


@contextlib.contextmanager
def user_namespace(desktop_id: str) -> Iterator[int | None]:
    """For root: a user namespace in which the desktop's user is a host user of no rights, one for each
    desktop. Without it the user would be root outside, and own the device nodes it sees.

    Yields a file descriptor; None for a plain user, whose namespace bubblewrap makes itself.
    """
    if not _is_real_root():
        yield None
        return
    user = host_user(desktop_id)
    holder = Popen(["unshare", "--user", "sh", "-c", "echo; read _"], stdin=PIPE, stdout=PIPE)
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{holder.pid}/{name}").write_text(f"{_USER} {user} 1\n")
        namespace = os.open(f"/proc/{holder.pid}/ns/user", os.O_RDONLY)
    try:
        yield namespace
    finally:
        os.close(namespace)


def host_user(desktop_id: str) -> int:
    """A host user of no rights, another one for each desktop."""
    return _FIRST_HOST_USER + int(desktop_id[-6:], 16) % _HOST_USERS


def _is_real_root() -> bool:
    """Root of the whole machine, not of a user namespace that holds only some of its users."""
    mapped = Path("/proc/self/uid_map").read_text().split()
    return os.geteuid() == 0 and mapped == ["0", "0", "4294967295"]
