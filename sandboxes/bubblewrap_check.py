"""Whether bubblewrap works on this machine, and what to do where it does not."""

from __future__ import annotations

import shutil
from pathlib import Path
from subprocess import run

from sandboxes.errors import BackendUnavailable

_CHECK_SECONDS = 10


def check_bubblewrap() -> str:
    """Its version. Raises BackendUnavailable with the fix where it cannot make namespaces."""
    if shutil.which("bwrap") is None:
        raise BackendUnavailable("bubblewrap is not installed: run `apt-get install bubblewrap`")
    version = run(["bwrap", "--version"], capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False)
    trial = run(
        ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"],
        capture_output=True,
        text=True,
        timeout=_CHECK_SECONDS,
        check=False,
    )
    if trial.returncode != 0:
        raise BackendUnavailable(
            f"bubblewrap cannot make namespaces ({trial.stderr.strip()}): {_namespace_fix()}"
        )
    return version.stdout.strip()


def _namespace_fix() -> str:
    """What to set so that this user may make namespaces."""
    for name, needed in (
        ("kernel.apparmor_restrict_unprivileged_userns", "0"),
        ("kernel.unprivileged_userns_clone", "1"),
    ):
        setting = Path("/proc/sys") / name.replace(".", "/")
        if setting.exists() and setting.read_text().strip() != needed:
            return f"run `sysctl -w {name}={needed}` as root"
    setting = Path("/proc/sys/user/max_user_namespaces")
    if setting.read_text().strip() == "0":
        return "run `sysctl -w user.max_user_namespaces=15000` as root"
    return "inside a container, start it with user namespaces allowed (`--security-opt seccomp=unconfined`)"
