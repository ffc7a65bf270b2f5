"""Sessions that time themselves, on simulated desktops, and what their records take on disk."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from runner.agents.base import View
from runner.bench.sessions import action, disk_bytes, fresh_records
from sandboxes.desktop import Desktop
from sandboxes.errors import InfraError
from sandboxes.home import VARIABLE
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec, Screen

pytestmark = pytest.mark.anyio
SMALL = DesktopSpec(screen=Screen(width=640, height=480))


@pytest.fixture
async def simulated(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desktop:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return await host.start(SMALL, holder="test", backend="simulated")


async def test_each_step_is_timed_without_what_is_done_with_its_view(
    simulated: Desktop, tmp_path: Path
) -> None:
    views: list[int] = []

    async def on_view(view: View) -> None:
        views.append(view.step)
        await anyio.sleep(1.0 if view.step == 1 else 0)

    async with simulated:
        with fresh_records() as records:
            keys = [action({"type": letter}) for letter in "abc"]
            taken = await records.run_session(simulated, keys, on_view)
            records.close()
            assert disk_bytes(records.folder) > 4 * 4096
    assert views == [0, 1, 2, 3]
    assert len(taken) == 3
    assert 0 < min(taken) <= max(taken) < 1
    assert not list(tmp_path.glob("bench-*"))


async def test_an_action_that_fails_is_loud(simulated: Desktop) -> None:
    async with simulated:
        with fresh_records() as records, pytest.raises(InfraError, match=r"action 1: .*outside the screen"):
            await records.run_session(simulated, [action({"click": {"at": {"x": 9999, "y": 1}}})])


def test_files_take_whole_blocks(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "one").write_bytes(b"x")
    (tmp_path / "deep" / "two").write_bytes(b"x" * 4097)
    (tmp_path / "none").touch()
    assert disk_bytes(tmp_path) == 3 * 4096
