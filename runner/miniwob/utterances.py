"""What the episodes of MiniWoB++ ask for. Only the page itself knows: it makes that up from its seed."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from runner.miniwob.package import PAGES, UNPACK, Episode, Package
from sandboxes.desktop import Desktop
from sandboxes.errors import InfraError
from sandboxes.host import DEFAULT_BACKEND, Host
from sandboxes.spec import DesktopSpec, Limits

if TYPE_CHECKING:
    from playwright.async_api import Page

HOLDER = "miniwob"
LIFETIME_S = 86_400.0
PAGE_TIMEOUT_S = 120.0
MAX_UTTERANCE = 2000
_ASK = "(() => { const said = core.getUtterance(); return String(said.utterance || said); })()"


async def utterances(
    home: Path, package: Package, episodes: Collection[Episode], backend: str = DEFAULT_BACKEND
) -> dict[Episode, str]:
    """Of each of these; what is not known yet is asked of the pages, on a desktop of its own, and kept.

    That takes a third of a second an episode. Raises InfraError, and BackendUnavailable without the
    `browser` extra.
    """
    kept = package.folder / "utterances.json"
    known = json.loads(kept.read_text()) if kept.is_file() else {}
    missing = [one for one in episodes if str(one) not in known]
    if missing:
        spec = DesktopSpec(limits=Limits(lifetime_s=LIFETIME_S))
        async with (
            Host(home) as host,
            await host.start(spec, holder=HOLDER, backend=backend) as desktop,
        ):
            known |= await _ask_pages(desktop, package, missing)
        scratch = kept.with_suffix(".new")
        scratch.write_text(json.dumps(known, indent=1))
        scratch.replace(kept)
    return {one: known[str(one)] for one in episodes}


async def _ask_pages(desktop: Desktop, package: Package, episodes: Collection[Episode]) -> dict[str, str]:
    await desktop.files.write(f"~/{PAGES}", package.pages.read_bytes())
    unpacked = await desktop.exec(["sh", "-c", UNPACK])
    if unpacked.exit_code != 0:
        raise InfraError(f"MiniWoB's pages could not be unpacked: {unpacked.stderr[-500:]!r}")
    async with desktop.browser(timeout=PAGE_TIMEOUT_S) as browser:
        from playwright.async_api import Error  # there, since the browser is

        try:
            page = await browser.contexts[0].new_page()
            return {str(one): await _ask_page(page, one) for one in episodes}
        except Error as error:
            raise InfraError(f"MiniWoB's pages do not answer: {error}") from error


async def _ask_page(page: Page, episode: Episode) -> str:
    await page.goto(f"file:///home/user/{episode.page}", timeout=PAGE_TIMEOUT_S * 1000)
    said = await page.evaluate(_ASK)
    if not isinstance(said, str) or not said.strip():
        raise InfraError(f"MiniWoB's page {episode} asks for nothing")
    return said.strip()[:MAX_UTTERANCE]
