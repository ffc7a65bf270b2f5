"""Desktops for tests of the guest: one a module, as most tests need no fresh one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from sandboxes.desktop import Desktop
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec, Screen


@pytest.fixture(scope="module")
async def shared(host: Host, needs_image: Callable[[str], None]) -> AsyncIterator[Desktop]:
    """A small desktop that the tests of a module share, one after another."""
    needs_image("slim")
    async with await host.start(
        DesktopSpec(image="slim", screen=Screen(width=1280, height=800)), holder="test"
    ) as desktop:
        yield desktop
