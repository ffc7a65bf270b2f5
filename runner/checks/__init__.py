"""Checks: what the validator looks at to rule on a task's outputs."""
