"""Our desktops as a provider of OSWorld's `DesktopEnv`.

    import desktop_env.desktop_env as osworld
    from deskswarm_osworld import create_vm_manager_and_provider

    osworld.create_vm_manager_and_provider = create_vm_manager_and_provider
    env = osworld.DesktopEnv(provider_name="docker", action_space="pyautogui")

`provider_name` is one of OSWorld's own, for `DesktopEnv` refuses others. It is `deskswarm osworld serve` that
holds the desktop, in a process that ends with this one. This module is copied into OSWorld's environment as
`deskswarm_osworld`: it imports nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
from collections.abc import Callable, Sequence
from typing import Any
from urllib.request import Request, urlopen

COMMAND = "DESKSWARM_OSWORLD_SERVE"  # what is run instead of this:
DEFAULT_COMMAND = "deskswarm osworld serve"
TOKEN = "DESKSWARM_OSWORLD_TOKEN"  # the name of the variable, not a secret
FRESH_TIMEOUT_S = 300.0
END_TIMEOUT_S = 60.0
_SCREEN = (1920, 1080)


class Address(str):
    """ip:server:chromium:vnc:vlc, whose "ip" holds the token, as a user's password in a URL. `DesktopEnv`
    splits it at its colons, puts the first part into URLs, and so sends the token without knowing."""

    __slots__ = ("token",)
    token: str

    def split(self, sep: str | None = None, maxsplit: Any = -1) -> list[str]:
        ip, *ports = super().split(sep, maxsplit)
        return [f"deskswarm:{self.token}@{ip}", *ports]


class DeskswarmProvider:
    """One desktop. To revert it is to get a fresh one."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._token = secrets.token_urlsafe(32)
        self._process: subprocess.Popen[str] | None = None
        self._address = ""

    def start_emulator(self, path_to_vm: str, headless: bool, os_type: str = "Ubuntu") -> None:
        """Harmless for one that runs. Raises RuntimeError where no desktop comes up."""
        if os_type != "Ubuntu":
            raise ValueError(f"os_type: {os_type!r}: deskswarm's desktops are Linux; use 'Ubuntu'")
        if self._process is None:
            self._process = self._serve()

    def get_ip_address(self, path_to_vm: str) -> str:
        address = Address(self._address)
        address.token = self._token
        return address

    def revert_to_snapshot(self, path_to_vm: str, snapshot_name: str) -> str:
        """Every snapshot is the image itself. Raises urllib.error.URLError where no desktop comes up."""
        if self._process is not None:
            server = ":".join(self._address.split(":")[:2])
            headers = {"Authorization": f"Bearer {self._token}"}
            request = Request(f"http://{server}/deskswarm/fresh", b"", headers)
            with urlopen(request, timeout=FRESH_TIMEOUT_S) as answer:
                self._address = json.load(answer)["address"]
        return path_to_vm

    def stop_emulator(self, path_to_vm: str, *_: object, **__: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()  # its reaper ends the desktop
            process.wait()

    def save_state(self, path_to_vm: str, snapshot_name: str) -> None:
        raise NotImplementedError("deskswarm's desktops are saved by `deskswarm snapshot`")

    def _serve(self) -> subprocess.Popen[str]:
        """It ends when its input does, which is when this process is gone, however it went."""
        process = subprocess.Popen(
            [*self._command, "--count", "1", "--until-eof"],
            env={**os.environ, TOKEN: self._token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        self._address = process.stdout.readline().strip()
        if not self._address:
            raise RuntimeError(f"`{shlex.join(self._command)}` ended with {process.wait()}, and no desktop")
        return process


class DeskswarmManager:
    """What `DesktopEnv` takes its machines from. Ours need no registry: each is made when it is asked for."""

    def get_vm_path(self, screen_size: tuple[int, int] = _SCREEN, **_: object) -> str:
        if tuple(screen_size) != _SCREEN:
            raise ValueError(f"screen_size: {screen_size}: OSWorld's screen is {_SCREEN}")
        return "deskswarm"

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name in {"initialize_registry", "add_vm", "delete_vm", "occupy_vm", "check_and_clean"}:
            return lambda *_, **__: None
        raise AttributeError(name)


def create_vm_manager_and_provider(
    provider_name: str = "", region: str | None = None, use_proxy: bool = False
) -> tuple[DeskswarmManager, DeskswarmProvider]:
    """In place of `desktop_env.providers.create_vm_manager_and_provider`."""
    command = shlex.split(os.environ.get(COMMAND, DEFAULT_COMMAND))
    return DeskswarmManager(), DeskswarmProvider(command)
