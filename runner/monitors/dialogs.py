"""Unexpected dialogs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from runner.checks.result import shown
from runner.monitors.spec import Dialogs
from runner.monitors.step import Step, fits
from sandboxes.guest.protocol import Node
from sandboxes.ui_state import open_dialogs

TROUBLE = (
    "*error*", "*crash*", "*recover*", "*not responding*", "*failed*", "*failure*", "*cannot*", "*could not*",
    "*unable to*", "*authenticat*", "*keyring*", "*problem*",
)  # fmt: skip


class DialogsMonitor:
    """Tells of each unexpected dialog when it opens.

    Those that are expected are named in the swarm file; else one is unexpected that tells of trouble, in its
    name or in what it says.
    """

    name: ClassVar[str] = "dialogs"

    def __init__(self, spec: Dialogs) -> None:
        self._expected = spec.expected
        self._open: set[str] = set()

    def see(self, step: Step) -> str | None:
        dialogs = {node.name: node for node in open_dialogs(step.tree.nodes)}
        opened = [name for name in dialogs if name not in self._open]
        self._open = set(dialogs)
        found = [name for name in opened if self._unexpected(step.tree.nodes, dialogs[name])]
        return f"unexpected dialog: {', '.join(shown(name) for name in found)}" if found else None

    def _unexpected(self, nodes: Sequence[Node], dialog: Node) -> bool:
        if self._expected is not None:
            return not fits(dialog.name, self._expected)
        return any(fits(text, TROUBLE) for text in (dialog.name, *_labels(nodes, dialog)))


def _labels(nodes: Sequence[Node], dialog: Node) -> Iterator[str]:
    """What a dialog says; the names of all labels in it."""
    inside = {index for index, node in enumerate(nodes) if node is dialog}
    for index, node in enumerate(nodes):
        if node.parent in inside:
            inside.add(index)
            if node.role == "label":
                yield node.name or node.text
