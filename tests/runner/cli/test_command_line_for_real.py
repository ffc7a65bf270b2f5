"""The real command on real desktops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxes.backend import load_backend
from sandboxes.errors import BackendUnavailable
from sandboxes.home import images_folder
from tests.runner.cli.command import Command, interrupt, read_until

SWARM = """
name: real
tasks:
  - id: terminal
    instruction: Write a file from a terminal.
    desktop: {image: slim}
    agent:
      kind: script
      steps:
        - open: [lxterminal]
        - focus: user
        - type: "echo hello > ~/hello.txt\\n"
        - wait_for: {role: terminal}
    outputs:
      hello: {path: ~/hello.txt}
    checks:
      - {check: text, path: ~/hello.txt, contains: [hello]}
"""
HANGING = SWARM.replace("{role: terminal}", "{role: push button, name: Never, timeout: 120}")


@pytest.fixture
async def deskswarm(tmp_path: Path, home: Path, needs_image: Callable[[str], None]) -> Command:
    needs_image("slim")
    try:
        await load_backend("bubblewrap", home).check()
    except BackendUnavailable as error:
        pytest.skip(str(error))
    command = Command(tmp_path)
    images_folder(command.home).symlink_to(images_folder(home).resolve())
    return command


@pytest.mark.anyio
async def test_a_run_on_real_desktops(deskswarm: Command) -> None:
    assert deskswarm.run(SWARM, backend="bubblewrap")["status"] == "succeeded"
    deskswarm("replay", "last", "--html", "replay.html")
    assert (deskswarm.folder / "replay.html").stat().st_size > 20_000
    deskswarm("show", "last", "--artifacts", "out")
    assert (deskswarm.folder / "out/terminal/hello.txt").read_text() == "hello\n"
    assert "ok    backend bubblewrap" in deskswarm("doctor").stdout


@pytest.mark.anyio
async def test_another_process_sees_a_desktop_and_may_end_it(deskswarm: Command) -> None:
    run = deskswarm.start("run", deskswarm.file(HANGING), "--json")
    try:
        read_until(run, "step 3", "stderr")
        desktop = deskswarm("desktop", "ls").stdout.splitlines()[1].split()[0]
        deskswarm("desktop", "shot", desktop, "shot.png")
        assert (deskswarm.folder / "shot.png").read_bytes().startswith(b"\x89PNG")
        assert deskswarm("desktop", "rm", desktop).stdout.strip() == desktop
        assert "(infra)" in read_until(run, "terminal#1  failed", "stderr")
        read_until(run, "terminal#2  step 3", "stderr")
    finally:
        _, _, code = interrupt(run)
    assert code == 130
    assert deskswarm("desktop", "ls").stdout.splitlines()[1:] == []
