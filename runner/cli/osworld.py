"""`deskswarm osworld`."""

from __future__ import annotations

import os
import secrets
import sys
from importlib.util import find_spec

import anyio

from runner.cli.signals import run_interruptibly
from sandboxes.errors import BackendUnavailable, InputError
from sandboxes.host import Host

TOKEN = "DESKSWARM_OSWORLD_TOKEN"  # the name of the variable, not a secret
_STDIN = 0


def serve_desktops(backend: str, count: int, image: str, no_token: bool, until_eof: bool) -> None:
    """Until a signal ends it, or, where asked for, the end of standard input. The token comes from the
    environment, or is made and printed once. Prints an address for each desktop, as it comes up."""
    check_installed()
    from runner.osworld.seat import Seat, spec_of

    token = None if no_token else os.environ.get(TOKEN) or secrets.token_urlsafe(32)

    async def work() -> None:
        async with Host() as host, anyio.create_task_group() as tasks:
            if until_eof:
                tasks.start_soon(_end_with_input, tasks.cancel_scope)
            spec = spec_of(host, backend, image)
            await host.prepare(spec, backend=backend)

            async def take_seat() -> None:
                print(await tasks.start(Seat(host, spec, backend, token).serve), flush=True)

            async with anyio.create_task_group() as seats:
                for _ in range(count):
                    seats.start_soon(take_seat)
            host.warm(spec, 1, backend=backend)  # for whoever asks for a fresh one first

    if token is not None and TOKEN not in os.environ:
        print(f"token: {token}", file=sys.stderr)
    run_interruptibly(work)


def check_installed() -> None:
    """Raises BackendUnavailable where the extra `osworld` is not installed."""
    if find_spec("aiohttp") is None:
        raise BackendUnavailable("osworld needs aiohttp: pip install 'deskswarm[osworld]'")


async def _end_with_input(scope: anyio.CancelScope) -> None:
    """Whoever started us is gone, however it went. Raises InputError where it cannot be waited for."""
    data = b"-"
    while data:
        try:
            await anyio.wait_readable(_STDIN)
        except PermissionError:
            raise InputError("--until-eof: standard input must be a pipe or a terminal") from None
        data = os.read(_STDIN, 4096)
    scope.cancel()
