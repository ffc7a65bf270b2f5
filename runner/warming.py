"""Has the desktops of the tasks that start next booted before their turn comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from runner.dispatch import upcoming
from runner.frontier import Frontier
from runner.spec import Task
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

AHEAD = 2
"""At most so many desktops wait for tasks: each holds memory that nobody uses yet."""


class Warmer:
    """What the host keeps warm for one run. Desktops that may reach a network are never among it."""

    def __init__(self, host: Host, backend: str, tasks: Iterable[Task]) -> None:
        """`tasks`: those that start on a desktop of their own."""
        self._host = host
        self._backend = backend
        self._specs = {task.id: task.desktop for task in tasks if task.desktop.network == "none"}
        self._wanted: Counter[DesktopSpec] = Counter()

    def look_ahead(self, frontier: Frontier, parallel: int) -> None:
        """Have the host keep warm what the run needs next, and no longer what it does not."""
        tasks = upcoming(frontier, AHEAD + parallel)
        specs = (self._specs[task] for task in tasks if task in self._specs)
        wanted = Counter(islice(specs, min(AHEAD, parallel)))
        for spec in {*self._wanted, *wanted}:
            self._host.warm(spec, wanted[spec], backend=self._backend)
        self._wanted = wanted
