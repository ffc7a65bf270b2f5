"""Other people's packages in a folder of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runner.installing import make_once, run_installer
from sandboxes.errors import InfraError


def test_what_is_complete_is_not_made_again_until_it_is_made_from_something_else(tmp_path: Path) -> None:
    made: list[str] = []
    make_once(tmp_path, "first", lambda: made.append("first"))
    make_once(tmp_path, "first", lambda: made.append("again"))
    make_once(tmp_path, "second", lambda: made.append("second"))
    assert made == ["first", "second"]


def test_what_was_cut_short_is_made_again(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="it could not be made: no such package"):
        make_once(tmp_path, "a", lambda: run_installer("it", sys.executable, "-c", "exit('no such package')"))
    made: list[str] = []
    make_once(tmp_path, "a", lambda: made.append("a"))
    assert made == ["a"]
