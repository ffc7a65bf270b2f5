"""A secret typed on a real desktop, in clear and into a password field, is found nowhere afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.checkpoints import Checkpoint, read_chain
from runner.controller import run_swarm
from runner.frames import read_frame
from runner.trees import read_tree
from sandboxes.guest.protocol import Node
from sandboxes.home import images_folder
from sandboxes.observation import UiTree
from tests.runner.laboratory import Laboratory, swarm
from tests.runner.redaction.remains import found_in

# What is kept is the same whatever makes the desktop.
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("backend", ["bubblewrap"], indirect=True)]
VALUE = 'c0r"rect h&rse <7>'
SECRET = {"type": {"secret": "bank"}}
STEPS = (
    {"open": ["mousepad", "note.txt"]},
    {"wait_for": {"role": "text", "app": "mousepad", "states": ["focused"], "timeout": 60}},
    {"type": "before "},
    SECRET,
    {"type": " after"},
    {"press": {"keys": "BackSpace", "count": 9}},
    {"open": ["lxterminal"]},
    {"focus": {"title": "user@", "timeout": 60}},
    {"wait_for": {"role": "terminal", "states": ["focused"], "timeout": 60}},
    {"type": "cat "},
    SECRET,
    {"press": "ctrl+u"},
    {"open": ["python3", "ask.py"]},
    {"fill": {"role": "password text", "secret": "bank", "timeout": 60}},
    {"focus": "note.txt"},
    {"press": "ctrl+s"},
)


@pytest.fixture
def own(home: Path, tmp_path: Path) -> Laboratory:
    """A home that nothing else was run in, or the search would be through that too."""
    laboratory = Laboratory(tmp_path / "home", tmp_path / "swarm")
    laboratory.home.mkdir()
    laboratory.folder.mkdir()
    images_folder(laboratory.home).symlink_to(images_folder(home).resolve())
    dialog = Path(__file__).with_name("password_dialog.py")
    (laboratory.folder / "ask.py").write_text(dialog.read_text())
    return laboratory


async def steps_of(own: Laboratory, backend: str) -> list[Checkpoint]:
    one = {
        "id": "a",
        "instruction": "Type a secret wherever it may show.",
        "desktop": {"image": "slim", "screen": {"width": 1024, "height": 768}},
        "agent": {"kind": "script", "steps": STEPS},
        "inputs": {"ask": {"file": "ask.py", "to": "~/ask.py"}},
        "secrets": ["bank"],
    }
    whole = swarm(one, secrets={"bank": {"env": "R_BANK"}})
    summary = await run_swarm(whole, own.folder, own.home, backend=backend)
    attempt = own.read(summary.run).tasks["a"].attempts[-1]
    assert (attempt.status, attempt.reason) == ("succeeded", "")
    return read_chain(own.store, attempt.checkpoints[-1].sha256)


async def test_a_secret_typed_on_a_desktop_is_found_nowhere(
    own: Laboratory, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R_BANK", VALUE)
    steps = await steps_of(own, backend)
    assert found_in(own.home, VALUE) == []
    store = ArtifactStore(own.home / ARTIFACTS)
    typed = STEPS.index(SECRET) + 1
    hidden = [(step, one) for step in steps[typed:] for one in _hidden(read_tree(store, step.screen.tree))]
    assert {one.role for _, one in hidden} >= {"text", "password text"}
    for step, one in hidden:
        assert one.rect is not None
        area = read_frame(store, step.screen.frame).cropped(
            one.rect.x, one.rect.y, one.rect.width, one.rect.height
        )
        assert (area.pixels == 0).all(), f"step {step.step}: {one.role}"
    for step in steps[typed:]:
        frame = read_frame(store, step.screen.frame)
        for place in (window.frame for window in step.screen.windows if "Mousepad" in window.title):
            assert (frame.cropped(place.x, place.y, place.width, place.height).pixels == 0).all()
    plain = read_frame(store, steps[typed - 1].screen.frame)
    assert not (plain.pixels == 0).all(), "what holds no secret is kept"
    store.close()


def _hidden(tree: UiTree) -> list[Node]:
    """The editor and the password field; the terminal while the secret is there."""
    return [
        node
        for node in tree.nodes
        if node.role in ("text", "password text")
        or (node.role == "terminal" and "[secret bank]" in node.text)
    ]
