"""What tests of the suite's checks share: one desktop, on which each state is laid out anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from sandboxes.desktop import Desktop
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec


@pytest.fixture(scope="session")
async def one_desktop(host: Host, needs_image: Callable[[str], None]) -> AsyncIterator[Desktop]:
    needs_image("slim")
    async with await host.start(DesktopSpec(image="slim"), holder="test") as desktop:
        yield desktop
