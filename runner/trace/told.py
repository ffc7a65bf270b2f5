"""What is told of a run: attributes, under OpenTelemetry's names for generative AI where those fit."""

from __future__ import annotations

from typing import Any

from runner.agents.base import Usage
from runner.checkpoints import Checkpoint
from runner.events import Event, VerdictGiven
from runner.state import AttemptState

_TOLD: dict[str, tuple[str, ...]] = {
    "run_resumed": ("number",),
    "task_reused": ("run", "did"),
    "task_reopened": ("round", "needed_by"),
    "desktop_leased": ("desktop", "epoch"),
    "desktop_handed_over": ("desktop", "to", "fork_of"),
    "desktop_adopted": ("desktop", "epoch", "steps", "doubt"),
    "desktop_released": ("desktop",),
    "lock_granted": ("lock",),
    "lock_released": ("lock", "to"),
    "deadlock_found": ("round",),
    "handoff_sent": ("to", "mode", "tokens"),
    "handoff_received": ("sender", "sender_attempt"),
    "inputs_unread": ("names",),
    "snapshot_taken": ("step", "snapshot"),
    "warned": ("monitor", "step"),
    "refused": ("monitor", "step", "action"),
    "ruling": ("answer", "agent", "rule", "loop", "question"),
    "asked": ("number", "about"),
    "notified": ("number", "level", "ok"),
    "escalated": ("number", "level", "to"),
    "answered": ("number",),
}
"""What is told of each kind of event; of other kinds, what is in the spans themselves."""


def tell(event: Event) -> tuple[str, dict[str, Any]] | None:
    """The name and the attributes of a span's event; None for what is not told so."""
    if isinstance(event, VerdictGiven):
        return "gen_ai.evaluation.result", _verdict(event)
    if event.kind not in _TOLD:
        return None
    told = {f"deskswarm.{event.kind}.{name}": getattr(event, name) for name in _TOLD[event.kind]}
    return f"deskswarm.{event.kind}", present(told)


def of_step(checkpoint: Checkpoint) -> dict[str, Any]:
    """Of the step that led to a checkpoint; seconds as measured, whatever the journal's clock did."""
    decision, timings = checkpoint.decision, checkpoint.timings
    return {
        "deskswarm.step.say": decision.say if decision else None,
        "deskswarm.step.look_s": timings.look_s,
        "deskswarm.step.agent_s": timings.agent_s,
        "deskswarm.step.act_s": timings.act_s,
        "deskswarm.step.settle_s": timings.settle_s,
        **usage_of(decision.usage if decision else Usage()),
    }


def usage_of(usage: Usage) -> dict[str, Any]:
    """Agents report one sum: what of it went in and what came out, which `gen_ai` asks for, is not known."""
    return {"deskswarm.usage.tokens": usage.tokens, "deskswarm.usage.money": usage.money}


def error_of(attempt: AttemptState) -> str:
    """`KIND.CAUSE`, as docs/failures.md and docs/guardrails.md list them; empty for none."""
    if attempt.status in ("running", "succeeded"):
        return ""
    return ".".join(filter(None, (attempt.failure or attempt.status, attempt.cause)))


def present(attributes: dict[str, Any]) -> dict[str, Any]:
    """Those that say something."""
    return {name: value for name, value in attributes.items() if value is not None and value != ""}


def _verdict(event: VerdictGiven) -> dict[str, Any]:
    return {
        "gen_ai.evaluation.name": event.judge or "validator",
        "gen_ai.evaluation.score.label": "pass" if event.passed else "fail",
        "deskswarm.verdict.conflict": event.conflict,
        "deskswarm.verdict.failed": tuple(one.subject for one in event.findings if not one.ok),
    }
