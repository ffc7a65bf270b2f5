"""Fixtures of the runner's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.laboratory import Laboratory


@pytest.fixture
def lab(tmp_path: Path) -> Laboratory:
    laboratory = Laboratory(tmp_path / "home", tmp_path / "swarm")
    laboratory.home.mkdir()
    laboratory.folder.mkdir()
    return laboratory
