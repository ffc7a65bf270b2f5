"""Disposable desktops, and the ways to make one.

async with Host() as host:
    async with await host.start(DesktopSpec(image="slim"), holder="me") as desktop:
        await desktop.open(["mousepad"])
        await desktop.locator("text").fill("Hello")
"""

from sandboxes.desktop import Desktop, ExecResult, Observation, Screenshot, Settled, UiTree
from sandboxes.errors import (
    ActionFailed,
    BackendBusy,
    BackendUnavailable,
    DeadlineExceeded,
    DeskswarmError,
    DesktopLost,
    DesktopSilent,
    DesktopStartError,
    FileError,
    GuestError,
    ImageBuildError,
    ImageNotFound,
    InfraError,
    InputError,
    LocatorError,
    ProtocolError,
    StaleLease,
)
from sandboxes.guest.protocol import FileEntry, Node, Point, Rect, Window
from sandboxes.host import Host
from sandboxes.lease import Lease
from sandboxes.locator import Locator
from sandboxes.spec import Capabilities, DesktopSpec, Limits, Screen

__all__ = [
    "ActionFailed",
    "BackendBusy",
    "BackendUnavailable",
    "Capabilities",
    "DeadlineExceeded",
    "DeskswarmError",
    "Desktop",
    "DesktopLost",
    "DesktopSilent",
    "DesktopSpec",
    "DesktopStartError",
    "ExecResult",
    "FileEntry",
    "FileError",
    "GuestError",
    "Host",
    "ImageBuildError",
    "ImageNotFound",
    "InfraError",
    "InputError",
    "Lease",
    "Limits",
    "Locator",
    "LocatorError",
    "Node",
    "Observation",
    "Point",
    "ProtocolError",
    "Rect",
    "Screen",
    "Screenshot",
    "Settled",
    "StaleLease",
    "UiTree",
    "Window",
]
