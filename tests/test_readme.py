"""What README.md shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    [text] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(text)


def run(home: Path, *command: str | Path) -> str:
    ran = subprocess.run(
        command,
        env=os.environ | {"DESKSWARM_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def slim(needs_image: Callable[[str], None]) -> None:
    needs_image("slim")


@pytest.mark.usefixtures("slim")
def test_the_swarm_file_runs(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "hello.yaml"
    file.write_text(example("yaml"), encoding="utf-8")
    assert "succeeded" in run(home, Path(sys.executable).with_name("deskswarm"), "run", file)


@pytest.mark.usefixtures("slim")
def test_the_python_program_runs(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "hello.py"
    file.write_text(example("python"), encoding="utf-8")
    assert run(home, sys.executable, file).startswith("1920 1080 ")


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    missing = [link for link in links if not (Path(__file__).parents[1] / link).exists()]
    assert missing == []
