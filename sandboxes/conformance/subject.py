"""The backend under test, and the desktops that a group of checks shares."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from sandboxes.backend import Backend, load_backend
from sandboxes.deadline import Pace, deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import DeskswarmError
from sandboxes.host import Host
from sandboxes.observation import ExecResult
from sandboxes.spec import Capabilities, DesktopSpec

START_TIMEOUT_S = 300.0
COMMAND_TIMEOUT_S = 120.0
WAIT_S = 240.0

Check = Callable[["Subject"], Coroutine[Any, Any, str]]
"""What a backend must do. Returns the evidence that it does; raises Broken or a DeskswarmError."""

_NEEDS = "deskswarm_needs"


class Broken(Exception):
    """A backend does not do what it must; the text is the evidence."""


def expect(held: bool, evidence: object) -> None:
    """Raises Broken with the evidence, unless it held."""
    if not held:
        raise Broken(str(evidence)[:2000])


def needs(*capabilities: str) -> Callable[[Check], Check]:
    """Marks a check of what only some backends declare: names of `Capabilities`."""

    def mark(check: Check) -> Check:
        setattr(check, _NEEDS, capabilities)
        return check

    return mark


def needs_of(check: Check) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(check, _NEEDS, ())
    return found


@dataclass
class Subject:
    """One backend on one host. Leaving the block ends every desktop that was started through it."""

    host: Host
    backend: str
    image: str = "slim"
    _shared: dict[str, Desktop] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.renew()

    @property
    def capabilities(self) -> Capabilities:
        return self.load().capabilities

    def load(self) -> Backend:
        """The backend itself, as another process would load it."""
        return load_backend(self.backend, self.host.home)

    def spec(self, **fields: Any) -> DesktopSpec:
        return DesktopSpec.model_validate({"image": self.image, **fields})

    async def desktop(self, role: str = "one", **fields: Any) -> Desktop:
        """The desktop that plays this role in all checks of the group; `fields` are of its spec."""
        if role not in self._shared:
            self._shared[role] = await self.fresh(**fields)
        return self._shared[role]

    async def fresh(self, *, labels: Mapping[str, str] | None = None, **fields: Any) -> Desktop:
        """A desktop for one check, which may end it."""
        desktop = await self.host.start(
            self.spec(**fields),
            backend=self.backend,
            holder="conformance",
            labels=labels,
            timeout=START_TIMEOUT_S,
        )
        return await self._stack.enter_async_context(desktop)

    async def renew(self) -> None:
        """End all desktops: what a broken check left behind must not break the next."""
        self._shared.clear()
        await self._stack.aclose()


async def run(desktop: Desktop, *argv: str, stdin: bytes = b"") -> ExecResult:
    return await desktop.exec(argv, stdin=stdin, timeout=COMMAND_TIMEOUT_S)


async def shell(desktop: Desktop, script: str) -> str:
    """Run a script, which must succeed; what it wrote."""
    result = await run(desktop, "sh", "-c", script)
    expect(result.exit_code == 0, f"{script!r} failed: {result}")
    return result.stdout.decode(errors="replace").strip()


async def running(desktop: Desktop, command: str) -> None:
    """Wait until a program with such a command line runs: what was just started may still be a copy of its
    parent. Raises DeadlineExceeded."""

    async def found() -> bool:
        return (await run(desktop, "pgrep", "-f", f"^{command}")).exit_code == 0

    await eventually(f"{command!r} among the processes", found)


async def refused(desktop: Desktop, script: str) -> str:
    """Run a script, which must fail; what it complained of."""
    result = await run(desktop, "sh", "-c", script)
    expect(result.exit_code != 0, f"{script!r} succeeded: {result.stdout[:500]!r}")
    return result.stderr.decode(errors="replace")


async def raises(kind: type[DeskswarmError], call: Coroutine[Any, Any, object]) -> str:
    """Await a call that must raise this kind of error; its text."""
    try:
        outcome = await call
    except kind as error:
        return f"{type(error).__name__}: {error}"
    raise Broken(f"no {kind.__name__}, but {outcome!r:.500}")


async def eventually(
    what: str, look: Callable[[], Coroutine[Any, Any, bool]], within_s: float = WAIT_S
) -> None:
    """Wait until a look finds it so. Raises DeadlineExceeded."""
    pace = Pace()
    with deadline(what, within_s):
        while not await look():
            await pace.wait()
