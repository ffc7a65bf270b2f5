"""Every error deskswarm raises on purpose, in one tree.

    DeskswarmError
    ├── InputError              the user's file, flag or value is wrong; nothing was started
    │   ├── SpecError               a swarm is wrong, and where (in runner.errors)
    │   ├── ImageNotFound           no image of that name is known or built
    │   └── SnapshotError           no such snapshot, or one that does not fit, is damaged or too large
    ├── InfraError              the machine, an engine or a desktop failed; never the agent's fault
    │   ├── BackendUnavailable      a backend cannot work here; the message names the fix
    │   │   └── BackendBusy             it is there and does not answer in time
    │   ├── ImageBuildError         the image did not build
    │   ├── HostFull                the machine cannot carry one more desktop
    │   ├── DesktopStartError       a desktop did not come up
    │   ├── DesktopLost             the desktop or its stream ended
    │   │   └── DesktopSilent           it is there, and does not answer
    │   └── ProtocolError           the guest broke the protocol: nonsense, oversized or out of order
    ├── StaleLease              the caller no longer owns the desktop
    ├── GuestError              the guest understood the request and could not do it
    │   ├── ActionFailed            an input action could not be carried out
    │   ├── FileError               a file in the desktop could not be read or written
    │   └── LocatorError            no node matched, or more than one did
    └── DeadlineExceeded        (also a TimeoutError) a condition was not met before its deadline

`kind` is the failure kind of the design: what a failed attempt is journaled as; `cause` says more in a word.
"""

from __future__ import annotations

from typing import ClassVar, Literal

FailureKind = Literal["infra", "agent", "contract", "budget", "timeout", "cancelled"]


class DeskswarmError(Exception):
    """Base of every error raised on purpose."""

    kind: ClassVar[FailureKind] = "agent"
    cause: ClassVar[str] = ""


class InputError(DeskswarmError):
    """The user's input is wrong. The message names the field, the value and the fix."""

    kind = "contract"


class ImageNotFound(InputError):
    """No image of that name is known, or it has not been built."""


class SnapshotError(InputError):
    """There is no such snapshot, or it does not fit here, or it is damaged or larger than allowed."""


class InfraError(DeskswarmError):
    """The environment failed. Never scored as an agent's failure."""

    kind = "infra"


class BackendUnavailable(InfraError):
    """A backend cannot work on this machine. The message names the fix."""


class BackendBusy(BackendUnavailable):
    """A backend is there but does not answer in time. It may yet, and may hold desktops."""


class ImageBuildError(InfraError):
    """An image did not build. The message holds the end of the build's log."""


class HostFull(InfraError):
    """The machine cannot carry one more desktop, and nothing it runs will make room for one."""


class DesktopStartError(InfraError):
    """A desktop did not come up before its deadline."""

    cause = "not_started"


class DesktopLost(InfraError):
    """The desktop ended, or its stream did, while it was in use."""

    cause = "lost"


class DesktopSilent(DesktopLost):
    """The desktop no longer answers, neither what it is asked nor heartbeats."""

    cause = "silent"


class ProtocolError(InfraError):
    """The guest broke the protocol. Its desktop is no longer to be trusted."""

    cause = "protocol"


class StaleLease(DeskswarmError):
    """The caller's lease is not the desktop's current one."""

    kind = "infra"


class GuestError(DeskswarmError):
    """The guest understood the request and could not do it."""


class ActionFailed(GuestError):
    """An input action could not be carried out; `index` is its place in its batch, from 0."""

    def __init__(self, message: str, index: int = 0) -> None:
        super().__init__(message)
        self.index = index


class FileError(GuestError):
    """A file in the desktop could not be read or written."""


class LocatorError(GuestError):
    """No node matched a locator, or more than one did."""


class DeadlineExceeded(DeskswarmError, TimeoutError):
    """A condition was not met before its deadline. The message names the condition."""

    kind = "timeout"
