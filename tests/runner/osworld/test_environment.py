"""The environment of OSWorld's own code; here without its 71 packages, which are 1 GB."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runner.cli.bench_setup import set_up_suite
from runner.osworld import environment
from sandboxes.errors import InputError

TRY = """
import deskswarm_osworld, easyocr, librosa
from pydrive.auth import GoogleAuth
for use in (easyocr.Reader, librosa.load, GoogleAuth):
    try:
        use("x")
    except ImportError as error:
        print(error)
"""


def test_it_has_our_provider_and_stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path / "requirements.txt")
    environment.REQUIREMENTS.write_text("# nothing\n")
    python = environment.set_up(tmp_path)
    told = subprocess.run([python, "-c", TRY], capture_output=True, text=True, check=True).stdout
    packages = ("easyocr", "librosa", "pydrive")
    assert told.splitlines() == [
        f"this task needs {name}, which is not installed: pip install {name}" for name in packages
    ]
    made = python.lstat().st_mtime_ns
    assert environment.set_up(tmp_path).lstat().st_mtime_ns == made


def test_only_what_is_known_is_set_up() -> None:
    with pytest.raises(InputError, match="known: osworld"):
        set_up_suite("nothing")
