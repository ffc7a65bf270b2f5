"""Checks of the user's own, and what no check may do: hang, or take all memory."""

from __future__ import annotations

import time

import pytest
from pydantic import TypeAdapter

from runner.checks import spec
from runner.checks.judge import judge
from runner.checks.result import CheckResult
from sandboxes.errors import DesktopLost, InputError
from tests.runner.checks.conftest import FolderEvidence
from tests.runner.checks.test_text import ruling

pytestmark = pytest.mark.anyio

CHECKS = """\
from helper import wanted

def right(files):
    return files["~/a"] == wanted

def explained(files):
    return files["~/a"] == b"no", f"found {files['~/a']!r}"

def missing(files):
    return files["~/none"] is None

def raises(files):
    return 1 / 0

def leaves(files):
    raise SystemExit("bye")

def nothing(files):
    print("to nowhere")

def hangs(files):
    while True:
        pass

def dies(files):
    import os
    os.abort()

def grows(files):
    return len(bytearray(8 << 30)) > 0

async def later(files):
    return True
"""


@pytest.fixture
def own(evidence: FolderEvidence) -> FolderEvidence:
    evidence.write("checks.py", CHECKS)
    evidence.write("helper.py", "wanted = b'yes'\n")
    evidence.write("a", "yes")
    return evidence


async def ruling_of(evidence: FolderEvidence, name: str, **more: object) -> CheckResult:
    return await ruling(
        evidence, check="python", function=f"checks.py:{name}", paths=["~/a", "~/none"], **more
    )


@pytest.mark.parametrize(
    ("name", "ok", "detail"),
    [
        ("right", True, "the function says so"),
        ("explained", False, "found b'yes'"),
        ("missing", True, "the function says so"),
        ("raises", False, "checks.py:13: ZeroDivisionError: division by zero"),
        ("leaves", False, "checks.py:16: SystemExit: bye"),
        ("nothing", False, "expected the function to return True, False or (bool, text), found a NoneType"),
        ("grows", False, "checks.py:30: MemoryError"),
        ("none", False, "checks.py defines no function none"),
        ("dies", False, "expected a ruling, but the process that judges died: is the file hostile?"),
    ],
)
async def test_a_function(own: FolderEvidence, name: str, ok: bool, detail: str) -> None:
    result = await ruling_of(own, name)
    assert (result.ok, result.detail) == (ok, detail)


async def test_the_end_of_the_traceback_is_kept(own: FolderEvidence) -> None:
    result = await ruling_of(own, "raises")
    assert str(result.facts["traceback"]).endswith(
        "return 1 / 0\n           ~~^~~\nZeroDivisionError: division by zero\n"
    )


async def test_a_function_that_hangs_is_killed(own: FolderEvidence) -> None:
    started = time.monotonic()
    result = await ruling_of(own, "hangs", timeout=1)
    assert not result.ok
    assert "within 1 s" in result.detail
    assert time.monotonic() - started < 60


async def test_a_coroutine_is_refused(own: FolderEvidence) -> None:
    assert "found a coroutine" in (await ruling_of(own, "later")).detail


async def test_an_edited_helper_is_read_again(own: FolderEvidence) -> None:
    assert (await ruling_of(own, "right")).ok
    own.write("helper.py", "wanted = b'something else'\n")
    assert not (await ruling_of(own, "right")).ok


async def test_a_file_that_went_since_it_was_loaded_is_the_users_to_mend(evidence: FolderEvidence) -> None:
    with pytest.raises(InputError):
        await ruling_of(evidence, "right")


async def test_a_pattern_that_never_ends_is_a_failed_check(
    evidence: FolderEvidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.checks.judge.DEADLINE_S", 1.0)
    evidence.write("a", "a" * 50 + "!")
    result = await ruling(evidence, check="text", path="~/a", matches=r"^(a+)+$")
    assert not result.ok
    assert "within 1 s" in result.detail


async def test_a_lost_desktop_is_no_ruling(evidence: FolderEvidence) -> None:
    class Lost(FolderEvidence):
        async def read(self, path: str, max_bytes: int) -> bytes | None:
            raise DesktopLost("gone")

    check: spec.Check = TypeAdapter(spec.Check).validate_python({"check": "file_exists", "path": "~/a"})
    with pytest.raises(DesktopLost):
        await judge(check, Lost(evidence.folder))
