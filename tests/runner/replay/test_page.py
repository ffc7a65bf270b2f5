"""The page in a real browser, opened from disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from runner.replay.page import render_page
from tests.runner.replay.sample_pages import HOSTILE, make_page

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("replay") / "replay.html"
    path.write_text(render_page(make_page()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def view(browser: Browser, address: str) -> Iterator[Page]:
    """The page; the test fails where it wrote to the console or asked for anything but itself."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("data:", address)) else complaints.append(request.url)
        ),
    )
    page.goto(address)
    yield page
    page.close()
    assert complaints == []


def test_it_opens_on_the_first_step_of_the_last_attempt(view: Page) -> None:
    expect(view.get_by_role("heading", level=2)).to_have_text("write, attempt 2")
    expect(view.locator("#position")).to_have_text("Step 1 of 2")
    expect(view.get_by_role("img", name=re.compile("The screen at step 1"))).to_be_visible()
    assert view.evaluate("document.getElementById('picture').naturalWidth") == 1280


def test_the_keyboard_steps(view: Page) -> None:
    for key, expected in [("ArrowRight", 2), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 2), ("Home", 1)]:
        view.keyboard.press(key)
        expect(view.locator("#position")).to_have_text(f"Step {expected} of 2")
    assert view.url.endswith("#write/2/1")


def test_buttons_and_film_strip_step(view: Page) -> None:
    view.get_by_role("button", name="Next step").click()
    expect(view.locator("#position")).to_have_text("Step 2 of 2")
    expect(view.get_by_role("button", name="Next step")).to_be_disabled()
    view.get_by_role("button", name="Step 1: click").click()
    expect(view.get_by_role("button", name="Previous step")).to_be_disabled()


def test_a_click_is_marked_where_it_was(view: Page) -> None:
    disc = view.locator("#markers circle.mark-disc")
    expect(disc).to_be_visible()
    at, picture = disc.bounding_box(), view.locator("#picture").bounding_box()
    assert at is not None
    assert picture is not None
    scale = picture["width"] / 1280
    assert at["x"] + at["width"] / 2 - picture["x"] == pytest.approx(300 * scale, abs=2)
    assert at["y"] + at["height"] / 2 - picture["y"] == pytest.approx(200 * scale, abs=2)


def test_a_drag_is_a_path_and_a_batch_is_numbered(view: Page, address: str) -> None:
    view.goto(f"{address}#write/1/3")
    expect(view.locator("#markers polyline.mark-line")).to_have_attribute("points", "100,55 250,180 420,300")
    expect(view.locator("#markers text")).to_have_text(["1", "2"])
    expect(view.locator("#caption .deed.failed")).to_have_text("3press ctrl+s")
    expect(view.get_by_text("the window does not answer")).to_be_visible()


def test_links_lead_to_a_task_an_attempt_and_a_step(view: Page, address: str) -> None:
    view.goto(f"{address}#check/1/2")
    expect(view.get_by_role("heading", level=2)).to_have_text("check, attempt 1")
    expect(view.locator("#position")).to_have_text("Step 2 of 5")
    view.evaluate("location.hash = '#write/1/99'")
    expect(view.locator("#position")).to_have_text("Step 5 of 5")
    view.evaluate("location.hash = '#nothing/%'")
    expect(view.get_by_role("heading", level=2)).to_have_text("write, attempt 2")


def test_a_failure_says_why(view: Page) -> None:
    button = view.get_by_role("button", name="check, attempt 1 · contract, failed, 5 steps")
    button.click()
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-current", "true")
    outcome = view.get_by_role("region", name="Outcome of the attempt")
    expect(outcome).to_contain_text("does not contain “total”")
    expect(outcome).to_contain_text("expected “total”, got “Quarterly figures…”")
    expect(outcome.get_by_role("img", name="failed")).to_have_count(1)
    expect(outcome).to_contain_text("abababababababab…")


def test_a_step_without_a_picture_says_so(view: Page, address: str) -> None:
    view.goto(f"{address}#write/1/5")
    expect(view.get_by_text("No picture was taken at this step.")).to_be_visible()
    expect(view.locator("#picture")).to_be_hidden()


def test_hostile_text_stays_text(view: Page, address: str) -> None:
    view.goto(f"{address}#write/1/4")
    expect(view.locator("#caption")).to_contain_text(HOSTILE)
    expect(view.locator("#step")).to_contain_text(HOSTILE)
    expect(view.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    assert HOSTILE in view.title()
    assert view.locator("script").count() == 2
    assert view.locator("img[src=x]").count() == 0


def test_the_policy_allows_no_request_and_no_other_script(browser: Browser, address: str) -> None:
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(address)
    assert page.evaluate("fetch('data:,x').then(() => 'loaded', () => 'refused')") == "refused"
    page.evaluate(
        """const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);"""
    )
    assert page.evaluate("window.ran === undefined")
    page.close()
    assert any("connect" in message for message in refused)
    assert any("script" in message for message in refused)


@pytest.mark.parametrize("width", [360, 700, 1000])
def test_narrow_windows_do_not_overflow(view: Page, width: int) -> None:
    view.set_viewport_size({"width": width, "height": 780})
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    expect(view.locator("#picture")).to_be_in_viewport()


def test_dark_mode(view: Page) -> None:
    shade = "getComputedStyle(document.body).backgroundColor"
    light = view.evaluate(shade)
    view.emulate_media(color_scheme="dark")
    assert view.evaluate(shade) != light


def test_every_control_has_a_name(view: Page) -> None:
    snapshot = view.locator("body").aria_snapshot()
    assert "button:" not in snapshot
    assert not re.search(r"- (button|img|heading)$", snapshot, re.MULTILINE)


def test_a_frame_that_several_steps_share_is_embedded_once() -> None:
    page = make_page()
    text = render_page(page)
    assert all(text.count(frame.image) == 1 for frame in page.frames.values())
