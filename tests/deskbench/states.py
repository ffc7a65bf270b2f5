"""A task's checks, tried on what its work could look like, without an agent that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.checks.judge import judge
from runner.load import load_swarm
from runner.local_files import local_file
from runner.validator import DesktopEvidence
from sandboxes.desktop import Desktop


@dataclass(frozen=True)
class State:
    """What is on a desktop beside the task's inputs. `shell` is run last, in the home folder."""

    files: Mapping[str, bytes | str] = field(default_factory=dict)
    shell: str = ""


SUITE = load_swarm("deskbench")
TASKS = {task.id: task for task in SUITE.swarm.tasks}


async def passes(desktop: Desktop, task_id: str, state: State) -> bool:
    """Whether all checks of the task pass."""
    task = TASKS[task_id]
    await run(desktop, "rm -rf ~/* ~/.config/vlc ~/.local/share/Trash")
    for one in task.inputs.values():
        assert one.file is not None
        await desktop.files.write(one.to, local_file(SUITE.folder, one.file).read_bytes())
    for path, content in state.files.items():
        await desktop.files.write(path, content.encode() if isinstance(content, str) else content)
    if state.shell:
        await run(desktop, state.shell)
    evidence = DesktopEvidence(desktop, SUITE.folder, {})
    assert task.checks, task_id
    return all([(await judge(check, evidence)).ok for check in task.checks])


async def run(desktop: Desktop, line: str) -> None:
    done = await desktop.exec(["sh", "-c", f"cd ~ && {line}"], timeout=60)
    assert done.exit_code == 0, done
