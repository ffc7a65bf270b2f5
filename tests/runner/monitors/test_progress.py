"""No progress: what counts, what does not."""

from __future__ import annotations

from runner.monitors.progress import ProgressMonitor
from runner.monitors.spec import Progress
from tests.runner.monitors.steps import step

CLICK = {"click": {"at": {"x": 1, "y": 1}}}
WAIT = {"wait_for": {"role": "label", "name": "Loaded"}}


def test_steps_without_anything_new_are_told_of() -> None:
    monitor = ProgressMonitor(Progress(steps=10))
    said = [monitor.see(step(f"seen {number % 3}", CLICK, {"type": str(number)})) for number in range(13)]
    assert [index for index, one in enumerate(said) if one] == [11], (
        "ten steps after the third screen, the last new"
    )
    assert "nothing new on the screen in 10 steps" in str(said[11])


def test_every_new_screen_begins_the_count_anew() -> None:
    monitor = ProgressMonitor(Progress(steps=5))
    screens = [f"{number // 4}" for number in range(100)]
    assert not any(monitor.see(step(screen, CLICK)) for screen in screens)


def test_waiting_for_a_slow_page_is_within_limits_for_so_long() -> None:
    monitor = ProgressMonitor(Progress(steps=3, wait_s=300))
    assert not any(monitor.see(step("loading", WAIT, act_s=29)) for _ in range(10))
    assert "300 s" in str(monitor.see(step("loading", WAIT, act_s=10)))


def test_the_last_look_is_no_step() -> None:
    monitor = ProgressMonitor(Progress(steps=2))
    assert monitor.see(step("a", CLICK)) is None
    assert monitor.see(step("a")) is None
    assert monitor.see(step("a", CLICK)) is not None
