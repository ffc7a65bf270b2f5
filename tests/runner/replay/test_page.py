"""The page in a real browser, opened from disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from runner.replay.data import Deed, Recording
from runner.replay.page import render_page
from sandboxes.frame import Frame
from tests.runner.replay.browser import CHROMIUM, chromium, watched
from tests.runner.replay.sample_pages import HOSTILE, make_long_recording, make_recording, pixels_of

WEIGHED = """() => {
    const { data } = document.querySelector("#stage canvas").getContext("2d").getImageData(0, 0, 1280, 800);
    return data.reduce((sum, value, at) => sum + value * (at % 9973), 0);
}"""
PIXEL = """() => {
    const context = document.querySelector("#stage canvas").getContext("2d");
    return [...context.getImageData(320, 400, 1, 1).data];
}"""
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return make_recording(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, recording: Recording) -> str:
    path = tmp_path_factory.mktemp("replay") / "replay.html"
    path.write_text(render_page(recording), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def view(browser: Browser, address: str) -> Iterator[Page]:
    with watched(browser, address, address) as page:
        yield page


def go(view: Page, place: str) -> None:
    """Follow a link to a place other than the present one."""
    view.evaluate(
        """place => new Promise((followed) => {
            addEventListener("hashchange", followed, { once: true });
            location.hash = place;
        })""",
        place,
    )


def png(pixels: NDArray[np.uint8]) -> bytes:
    return Frame.from_image(Image.fromarray(pixels)).png()


def position(view: Page) -> Locator:
    return view.locator("#position")


def screen_of(view: Page, frame: int) -> Locator:
    """The screen, once it shows that frame."""
    return view.locator(f'#stage canvas[data-frame="{frame}"]')


def test_it_opens_on_the_telling_step_of_the_first_failed_task(view: Page) -> None:
    expect(view.get_by_role("heading", level=2)).to_have_text("check, attempt 1")
    expect(position(view)).to_have_text("Step 3 of 5")
    expect(view.get_by_role("note", name="What went wrong")).to_contain_text("failed at step 3 of 5")
    expect(view.get_by_role("img", name=re.compile("The screen at step 3"))).to_be_visible()
    expect(screen_of(view, 1)).to_have_attribute("width", "1280")


def test_the_keyboard_steps(view: Page) -> None:
    go(view, "#write/2")
    expect(position(view)).to_have_text("Step 1 of 2")
    for key, expected in [("ArrowRight", 2), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 2), ("Home", 1)]:
        view.keyboard.press(key)
        expect(position(view)).to_have_text(f"Step {expected} of 2")
    assert view.url.endswith("#write/2/1")


def test_keys_open_panels_and_modes_but_not_while_one_types(view: Page) -> None:
    view.keyboard.press("w")
    expect(view.get_by_role("tabpanel", name="Why")).to_be_visible()
    view.get_by_role("tab", name="Why").focus()
    view.keyboard.press("ArrowLeft")
    expect(view.get_by_role("tabpanel", name="Accessibility tree")).to_be_visible()
    view.keyboard.press("3")
    expect(view.get_by_role("button", name="Difference")).to_have_attribute("aria-pressed", "true")
    view.keyboard.press("/")
    view.keyboard.type("w3")
    expect(view.get_by_role("searchbox", name="Search actions")).to_have_value("w3")
    expect(view.get_by_role("tabpanel", name="Why")).to_be_hidden()


def test_buttons_and_film_strip_step(view: Page) -> None:
    go(view, "#write/2/1")
    expect(view.get_by_role("button", name="Previous step")).to_be_disabled()
    view.get_by_role("button", name="Next step").click()
    expect(position(view)).to_have_text("Step 2 of 2")
    expect(view.get_by_role("button", name="Next step")).to_be_disabled()
    view.get_by_role("button", name="Step 1: click").click()
    expect(position(view)).to_have_text("Step 1 of 2")


def test_the_screen_is_the_frame_bit_for_bit(view: Page, recording: Recording) -> None:
    for place, frame in [("#write/1/1", 0), ("#write/1/4", 2), ("#write/1/3", 1)]:
        go(view, place)
        expect(screen_of(view, frame)).to_be_visible()
        colors = np.full((800, 1280, 4), 255, np.float64)
        colors[..., :3] = pixels_of(recording, frame)
        weights = np.arange(colors.size) % 9973
        assert view.evaluate(WEIGHED) == (colors.reshape(-1) * weights).sum()


def test_a_click_is_marked_where_it_was_and_so_is_what_it_hit(view: Page) -> None:
    go(view, "#write/1/1")
    disc = view.locator("#stage circle.mark-disc")
    expect(disc).to_have_count(1)
    at, picture = disc.bounding_box(), view.locator("#stage canvas").bounding_box()
    assert at is not None
    assert picture is not None
    scale = picture["width"] / 1280
    assert at["x"] + at["width"] / 2 - picture["x"] == pytest.approx(300 * scale, abs=2)
    assert at["y"] + at["height"] / 2 - picture["y"] == pytest.approx(200 * scale, abs=2)
    expect(view.locator("#stage rect.mark-node")).to_have_count(1)


def test_a_drag_is_a_path_and_a_batch_is_numbered(view: Page) -> None:
    expect(view.locator("#stage polyline.mark-line")).to_have_attribute("points", "100,55 250,180 420,300")
    expect(view.locator("#stage text")).to_have_text(["1", "2"])
    expect(view.locator("#stage .deed.failed")).to_have_text("3press ctrl+s")
    expect(view.get_by_text("the window does not answer")).to_be_visible()


def test_what_was_emitted_and_what_was_executed_are_both_marked(view: Page) -> None:
    emitted, executed = view.locator("#stage circle.mark-emitted"), view.locator("#stage circle.mark-disc")
    expect(emitted).to_have_attribute("cx", "60")
    expect(executed).to_have_attribute("cx", "64")


def test_links_lead_to_a_task_an_attempt_and_a_step(view: Page) -> None:
    go(view, "#check/1/2")
    expect(view.get_by_role("heading", level=2)).to_have_text("check, attempt 1")
    expect(position(view)).to_have_text("Step 2 of 5")
    go(view, "#write/1/99")
    expect(position(view)).to_have_text("Step 5 of 5")
    go(view, "#nothing/%")
    expect(view.get_by_role("heading", level=2)).to_have_text("check, attempt 1")


def test_a_failure_says_why(view: Page) -> None:
    button = view.get_by_role("button", name="check, attempt 1 · contract.check, failed, 5 steps")
    button.click()
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-current", "true")
    outcome = view.get_by_role("region", name="Outcome of the attempt")
    expect(outcome).to_contain_text("does not contain “total”")
    expect(outcome).to_contain_text("expected “total”, got “Quarterly figures…”")
    expect(outcome.get_by_role("img", name="failed")).to_have_count(1)
    expect(outcome).to_contain_text("abababababababab…")
    view.get_by_role("tab", name="Why").click()
    why = view.get_by_role("tabpanel", name="Why")
    expect(why).to_contain_text("given by write: note")
    expect(why).to_contain_text("so nothing else waited for it")
    expect(why).to_contain_text("text ~/note.txt")
    expect(why.get_by_role("listitem").last).to_contain_text("ruling: abort branch")


def test_the_difference_counts_the_pixels_that_changed(view: Page) -> None:
    go(view, "#write/1/2")
    view.get_by_role("button", name="Difference").click()
    said = view.locator("#stage .said")
    expect(said).to_have_text(re.compile(r"^1,\d+ pixels changed, in 8 of 260 tiles"))
    go(view, "#write/1/1")
    expect(said).to_have_text("0 pixels changed, in 0 of 260 tiles.")


def test_a_slider_parts_before_and_after(view: Page) -> None:
    go(view, "#write/1/2")
    view.get_by_role("button", name="Before and after").click()
    slider = view.get_by_role("slider", name="How much of the screen before is shown")
    expect(slider).to_be_visible()
    slider.fill("25")
    assert view.evaluate(PIXEL) == [0xFF, 0x3D, 0x71, 0xFF]
    go(view, "#write/1/5")
    expect(slider).to_be_hidden()


def test_the_tree_shows_what_changed_and_is_searched(view: Page) -> None:
    go(view, "#write/1/3")
    view.get_by_role("tab", name="Tree").click()
    tree = view.get_by_role("tabpanel", name="Accessibility tree")
    expect(tree).to_contain_text("1 new or changed, 0 gone since the step before")
    expect(tree.get_by_role("button", name=re.compile("^entry Note"))).to_contain_text("text")
    tree.get_by_label("only what changed").check()
    expect(tree.get_by_role("listitem").filter(has=view.get_by_role("button"))).to_have_count(1)
    tree.get_by_label("only what changed").uncheck()
    tree.get_by_role("searchbox", name="Search the tree").fill("clear")
    tree.get_by_role("button", name=re.compile("Clear")).click()
    expect(view.locator("#stage rect.mark-chosen")).to_have_count(1)


def test_filters_leave_the_steps_that_fit(view: Page) -> None:
    strip = view.get_by_role("list", name="Film strip").get_by_role("button")
    view.get_by_role("button", name="Guardrails").click()
    expect(strip).to_have_count(1)
    expect(position(view)).to_have_text("Step 4 of 5")
    view.get_by_role("button", name="Guardrails").click()
    view.get_by_role("button", name="Failures").click()
    expect(strip).to_have_count(1)
    expect(position(view)).to_have_text("Step 3 of 5")
    view.get_by_role("button", name="Retries").click()
    expect(view.get_by_role("heading", level=2)).to_have_text("write, attempt 1")


@pytest.mark.parametrize(
    ("text", "place"),
    [("“Totals”", "#write/2/2"), ("does not answer", "#check/1/3"), ("About", "#check/1/4")],
    ids=["an action", "an error", "an object"],
)
def test_search_finds_actions_text_and_objects(view: Page, text: str, place: str) -> None:
    view.get_by_role("searchbox", name="Search actions").fill(text)
    expect(view.locator("#strip button")).to_have_count(1)
    assert view.url.endswith(place)
    view.get_by_role("searchbox", name="Search actions").fill("is nowhere")
    expect(view.get_by_text("No step of this attempt matches.")).to_be_visible()
    expect(view.get_by_text("Nothing matches.")).to_be_visible()


def test_two_attempts_stand_side_by_side(view: Page) -> None:
    go(view, "#write/2/1")
    view.get_by_role("combobox", name="beside").select_option("attempt 1")
    view.get_by_role("tab", name="Compared").click()
    compared = view.get_by_role("tabpanel", name="Compared")
    expect(compared).to_contain_text("First divergence: row 2 of 5. They did different things.")
    expect(compared.get_by_role("button", name=re.compile("first divergence"))).to_contain_text("2 | 2")
    expect(view.get_by_role("img", name=re.compile("The other screen at step 2"))).to_be_visible()
    assert view.url.endswith("#write/2/2/vs/0.1")
    compared.get_by_role("button", name=re.compile(r"\| 5")).click()
    expect(view.locator("#other-name")).to_have_text("attempt 1, step 5")


def test_two_runs_open_where_they_part(browser: Browser, recording: Recording, tmp_path: Path) -> None:
    [run] = recording.page.runs
    check = run.tasks[1]
    steps = list(check.attempts[0].steps)
    steps[1] = steps[1].model_copy(update={"deeds": (Deed(verb="type", detail="“Monthly figures”"),)})
    attempt = check.attempts[0].model_copy(update={"steps": tuple(steps)})
    task = check.model_copy(update={"attempts": (attempt,)})
    other = run.model_copy(update={"id": "r-0456", "tasks": (run.tasks[0], task)})
    page = recording.page.model_copy(update={"runs": (run, other)})
    path = tmp_path / "both.html"
    path.write_text(render_page(Recording(page, recording.sheets)), encoding="utf-8")
    with watched(browser, path.as_uri(), path.as_uri()) as view:
        expect(view.get_by_role("heading", level=2)).to_have_text("check, attempt 1")
        compared = view.get_by_role("tabpanel", name="Compared")
        expect(compared).to_contain_text("First divergence: row 2 of 5. They did different things.")
        expect(compared).to_contain_text("type “Quarterly figures” ≠ type “Monthly figures”")
        expect(view.locator("#other-name")).to_have_text("r-0456, attempt 1, step 2")
        assert view.url.endswith("#check/1/2/vs/1.1")
        view.keyboard.press("ArrowRight")
        expect(view.locator("#other-name")).to_have_text("r-0456, attempt 1, step 3")


def test_a_step_without_a_picture_says_so(view: Page) -> None:
    go(view, "#write/1/5")
    expect(view.get_by_text("No picture was taken at this step.")).to_be_visible()
    expect(view.locator("#stage canvas")).to_be_hidden()


def test_hostile_text_stays_text(view: Page) -> None:
    go(view, "#write/1/4")
    expect(view.locator("#step")).to_contain_text(HOSTILE)
    expect(view.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    assert HOSTILE in view.title()
    assert view.locator("script:not([type])").count() == 1
    assert view.locator("img").count() == 0


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


def test_narrow_windows_do_not_overflow(view: Page) -> None:
    for width in (360, 700, 1000):
        view.set_viewport_size({"width": width, "height": 780})
        assert view.evaluate("document.documentElement.scrollWidth") <= width
        view.locator("#stage canvas").scroll_into_view_if_needed()
        expect(view.locator("#stage canvas")).to_be_in_viewport()


def test_dark_mode(view: Page) -> None:
    shade = "getComputedStyle(document.body).backgroundColor"
    light = view.evaluate(shade)
    view.emulate_media(color_scheme="dark")
    assert view.evaluate(shade) != light


def test_every_control_has_a_name(view: Page) -> None:
    for tab in ("Step", "Tree", "Why"):
        view.get_by_role("tab", name=tab).click()
        snapshot = view.locator("body").aria_snapshot()
        assert "button:" not in snapshot
        assert not re.search(r"- (button|img|heading|searchbox|slider|combobox|tab)$", snapshot, re.MULTILINE)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A thousand steps, which show 150 different screens."""
    return make_long_recording(tmp_path_factory.mktemp("long"), steps=1000, looks=150)


def test_a_thousand_steps_open_in_bounded_work(browser: Browser, long: Recording, tmp_path: Path) -> None:
    """However long the session: few elements, and of its pictures those that are looked at."""
    path = tmp_path / "long.html"
    assert len(long.sheets) >= 4
    path.write_text(render_page(long), encoding="utf-8")
    with watched(browser, path.as_uri(), path.as_uri()) as page:
        expect(screen_of(page, 0)).to_be_visible()
        assert page.evaluate("document.querySelectorAll('*').length") < 500
        assert page.evaluate("sheets.count") <= 2
        page.keyboard.press("End")
        expect(page.get_by_role("button", name="Step 1000")).to_have_attribute("aria-current", "step")
        expect(page.get_by_role("button", name="Step 1000")).to_be_in_viewport()
        assert page.evaluate("document.querySelectorAll('*').length") < 500
        assert page.evaluate("thumbnails.size") < 60


def test_a_page_is_at_most_a_tenth_of_its_screens_as_pngs(long: Recording) -> None:
    """Although it holds each screen once, and shows it several times."""
    sample = range(10, 140, 15)
    pngs = sum(len(png(pixels_of(long, number))) for number in sample) * len(long.page.frames) // len(sample)
    assert len(render_page(long)) * 10 <= pngs
