"""The reward that a page of MiniWoB++ gave, as its window's title tells it (`runner/miniwob/episode.js`)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runner.checks.result import CheckResult, failed, passed
from runner.checks.spec import MiniWob
from sandboxes.guest.protocol import Window

_NUMBER = r"(-?\d(?:\.\d+)?(?:e-\d+)?)"  # from -1 to 1
_OVER = re.compile(rf": reward {_NUMBER}, raw {_NUMBER}(?![\d.])")


def judge_miniwob(check: MiniWob, windows: Sequence[Window]) -> CheckResult:
    """An episode that is not over has the reward 0, as in the package."""
    page = f"MiniWoB {check.task}"
    for window in windows:
        if window.title.startswith(page) and (found := _OVER.match(window.title, len(page))):
            reward, raw = float(found[1]), float(found[2])
            ruling = passed if reward > 0 else failed
            return ruling(f"{page}: reward {reward:g}, raw {raw:g}", reward=reward, raw_reward=raw, done=True)
    return failed(f"{page}: the episode is not over", reward=0.0, raw_reward=0.0, done=False)
