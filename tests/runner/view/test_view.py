"""`deskswarm view` in a real browser, while a run goes on in another process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.runner.cli.command import PATIENCE_S, Command, read_until
from tests.runner.replay.browser import CHROMIUM, chromium, watched

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")

SWARM = """
name: notes
tasks:
  - id: write
    instruction: Write a note.
    desktop: {screen: {width: 640, height: 480}}
    agent: {kind: process, command: [python3, agent.py]}
"""
AGENT = """
import json, pathlib, sys, time
asked = 0
for line in sys.stdin:
    asked += 1
    while asked > 2 and not pathlib.Path("go-on").exists():
        time.sleep(0.05)
    say = {"say": "act", "actions": [{"type": f"line {asked} "}]} if asked < 5 else {"say": "done"}
    print(json.dumps(say), flush=True)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def deskswarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    command = Command(tmp_path_factory.mktemp("view"))
    yield command
    for process in command.started:
        process.kill()
        process.communicate()


@pytest.fixture
def address(deskswarm: Command) -> str:
    """That of the viewer, while a run waits after two steps for `go-on`."""
    agent = AGENT.replace('"go-on"', repr(str(deskswarm.folder / "go-on")))
    (deskswarm.folder / "agent.py").write_text(agent)
    running = deskswarm.start("run", deskswarm.file(SWARM), "--backend", "simulated")
    read_until(running, "step 2", "stderr")
    return read_until(deskswarm.start("view"), "http://127.0.0.1:", "stdout").strip()


@pytest.fixture
def wall(browser: Browser, address: str) -> Iterator[Page]:
    parts = urlsplit(address)
    with watched(browser, address, f"{parts.scheme}://{parts.netloc}/") as page:
        yield page


def test_a_run_is_watched_from_the_wall_to_its_end(wall: Page, deskswarm: Command) -> None:
    assert "token" not in wall.url
    card = wall.get_by_role("list", name="Live desktops").get_by_role("link")
    expect(card).to_contain_text("write")
    expect(card.locator("img")).to_be_visible()
    row = wall.get_by_role("row", name=re.compile("notes"))
    expect(row).to_contain_text("running")

    for width in (360, 1440):
        wall.set_viewport_size({"width": width, "height": 900})
        assert wall.evaluate("document.documentElement.scrollWidth") <= width
    names = wall.locator("body").aria_snapshot()
    assert not re.search(r"- (link|button|img|heading)$", names, re.MULTILINE)

    card.click()
    expect(wall.get_by_role("heading", level=2)).to_have_text("write, attempt 1")
    expect(wall.locator("#position")).to_have_text("Step 2 of 2")
    expect(wall.locator("#stage canvas[data-frame]")).to_be_visible()

    (deskswarm.folder / "go-on").touch()
    expect(wall.locator("#position")).to_have_text("Step 5 of 5")
    expect(wall.locator("#run")).to_contain_text("succeeded")
    expect(wall.get_by_role("list", name="Film strip").get_by_role("button")).to_have_count(5)

    wall.go_back()
    expect(wall.get_by_text("No desktop is at work.")).to_be_visible()
    expect(row).to_contain_text("succeeded")


def test_the_viewer_opens_one_run_and_ends_when_told(deskswarm: Command) -> None:
    assert "no run is known yet" in deskswarm("view", code=2).stderr
    (deskswarm.folder / "agent.py").write_text(AGENT.replace("not pathlib", "pathlib"))
    run = deskswarm.run(SWARM)["run"]
    assert "no run is called" in deskswarm("view", "r-none", code=2).stderr
    process = deskswarm.start("view", "last")
    address = read_until(process, "http://127.0.0.1:", "stdout")
    assert f"/runs/{run}/?token=" in address
    process.terminate()
    assert process.wait(timeout=PATIENCE_S) == 143
