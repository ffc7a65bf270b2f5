"""Lint judges a plan before it costs anything. Each rule is one function, from a subject to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from runner.compile import expand_templates, make_templates
from runner.errors import SpecError, SpecProblem
from runner.lint.context import growing_context, more_than_the_budget
from runner.lint.contracts import missing_contracts, unchecked_ends
from runner.lint.failures import (
    endless_attempts,
    questions_too_late,
    timeouts_that_go_nowhere,
    unbounded_retries,
)
from runner.lint.finding import Finding, Subject
from runner.lint.secrets import passwords_in_clear
from runner.lint.shape import bottleneck, one_agent_would_do, really_a_pipeline
from runner.lint.sharing import (
    hosts_without_a_lock,
    locks_in_different_orders,
    locks_that_can_deadlock,
    outputs_at_one_path,
)
from runner.spec import ModelPlanner, Swarm

Rule = Callable[[Subject], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    missing_contracts,
    unchecked_ends,
    unbounded_retries,
    endless_attempts,
    timeouts_that_go_nowhere,
    questions_too_late,
    outputs_at_one_path,
    hosts_without_a_lock,
    locks_in_different_orders,
    locks_that_can_deadlock,
    passwords_in_clear,
    more_than_the_budget,
    growing_context,
    really_a_pipeline,
    one_agent_would_do,
    bottleneck,
)

MAX_FINDINGS = 20  # of one rule; the twenty-first says nothing new
_ORDER = {"error": 0, "warning": 1, "advice": 2}


def subject_of(swarm: Swarm, folder: Path) -> Subject:
    """What the rules look at. Raises SpecError where the swarm cannot run, or a model makes its tasks."""
    if isinstance(swarm.planner, ModelPlanner):
        fix = "write its plan to a file first: `deskswarm plan FILE --json`, and lint the `swarm` in it"
        raise SpecError([SpecProblem(("planner",), f"lint asks no model; {fix}")])
    templates = make_templates(swarm, folder)
    expand_templates(templates)
    return Subject(swarm, templates, folder)


def lint(subject: Subject) -> list[Finding]:
    """The findings of every rule, the gravest first."""
    found = [finding for rule in RULES for finding in islice(rule(subject), MAX_FINDINGS)]
    return sorted(found, key=lambda finding: _ORDER[finding.severity])
