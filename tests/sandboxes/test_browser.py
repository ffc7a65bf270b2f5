"""Playwright, driving the Chromium inside a real desktop."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable

import anyio
import pytest

from sandboxes.deadline import Pace
from sandboxes.desktop import Desktop
from sandboxes.errors import BackendUnavailable, StaleLease
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

pytestmark = pytest.mark.anyio

PAGE = b"""<!doctype html><title>Waiting</title>
<label>Who <input id=who></label><button onclick="document.title = 'Hello ' + who.value">Greet</button>"""


@pytest.fixture
async def browsing(host: Host, backend: str, needs_image: Callable[[str], None]) -> AsyncIterator[Desktop]:
    """A desktop with a browser, and a web server of its own."""
    needs_image("desktop")
    async with await host.start(DesktopSpec(image="desktop"), backend=backend, holder="test") as desktop:
        await desktop.files.write("~/site/index.html", PAGE)
        await desktop.open(["python3", "-m", "http.server", "8000", "--directory", "/home/user/site"])
        yield desktop


async def test_playwright_and_locators_see_the_same_page(browsing: Desktop) -> None:
    async with browsing.browser() as browser:
        page = browser.contexts[0].pages[0]
        await page.goto("http://127.0.0.1:8000/")
        await page.get_by_label("Who").fill("Ada")
        await page.get_by_role("button", name="Greet").click()
        assert await page.title() == "Hello Ada"

        await browsing.locator("entry", "Who").fill("Grace")
        await browsing.locator("push button", "Greet").click()
        await page.wait_for_function("document.title == 'Hello Grace'")

    # Chromium is still open, with its page; it is connected to, not started again.
    async with browsing.browser() as browser:
        assert await browser.contexts[0].pages[0].title() == "Hello Grace"


async def test_an_observation_has_the_addresses_of_all_tabs(browsing: Desktop) -> None:
    async with browsing.browser() as browser:
        context = browser.contexts[0]
        await context.pages[0].goto("http://127.0.0.1:8000/")
        second = await context.new_page()
        await second.goto("http://127.0.0.1:8000/index.html?second")
        await second.bring_to_front()
        await browsing.locator("page tab", "Waiting", exact=False, states=["selected"]).wait_for()
        expected = {
            ("Waiting", "http://127.0.0.1:8000/", False),
            ("Waiting", "http://127.0.0.1:8000/index.html?second", True),
        }
        pace = Pace()
        seen: set[tuple[str, str, bool]] = set()
        with anyio.fail_after(30):  # The tree follows the browser in its own time.
            while seen != expected:
                await pace.wait()
                seen = {(tab.title, tab.address, tab.selected) for tab in (await browsing.observe()).tabs}


async def test_it_ends_with_the_lease(browsing: Desktop) -> None:
    async with browsing.browser() as browser:
        gone = anyio.Event()
        browser.on("disconnected", lambda _: gone.set())
        new = await browsing.hand_over("next")
        with pytest.raises(StaleLease):
            async with browsing.browser():
                pytest.fail("connected")
        with anyio.fail_after(30):
            await gone.wait()
    async with new, new.browser() as browser:
        assert browser.contexts[0].pages


async def test_without_playwright(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'deskswarm\[browser\]'"):
        async with desktop.browser():
            pytest.fail("connected")
