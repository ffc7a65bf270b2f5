"""Has the desktops of the tasks that start next booted before their turn comes."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from runner.dispatch import upcoming
from runner.state import RunState
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

AHEAD = 2
"""At most so many desktops wait for tasks: each holds memory that nobody uses yet."""


class Warmer:
    """What the host keeps warm for one run. Desktops that may reach a network are never among it."""

    def __init__(self, host: Host, backend: str) -> None:
        self._host = host
        self._backend = backend
        self._wanted: Counter[DesktopSpec] = Counter()

    def look_ahead(self, state: RunState, parallel: int) -> None:
        """Have the host keep warm what the run needs next, and no longer what it does not."""
        specs = {task.id: task.desktop for task in state.swarm.tasks}
        upcoming_specs = (specs[task_id] for task_id in upcoming(state.plan, state.tasks))
        offline = (spec for spec in upcoming_specs if spec.network == "none")
        wanted = Counter(islice(offline, min(AHEAD, parallel)))
        for spec in {*self._wanted, *wanted}:
            self._host.warm(spec, wanted[spec], backend=self._backend)
        self._wanted = wanted
