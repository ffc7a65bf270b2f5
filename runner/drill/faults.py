"""The fourteen faults of a drill."""

from __future__ import annotations

from runner.drill import of_agents, of_desktops, of_outputs

FAULTS = (*of_desktops.FAULTS, *of_outputs.FAULTS, *of_agents.FAULTS)
