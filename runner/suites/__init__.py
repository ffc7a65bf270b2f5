"""Suites: swarms of independent tasks, given to one agent each, some times over, and scored."""
