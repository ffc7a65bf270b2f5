"""What happens between agents and around them, in words: rulings, handoffs, questions, locks, warnings."""

from __future__ import annotations

from runner.events import (
    Answered,
    Asked,
    Branched,
    DeadlockFound,
    DesktopAdopted,
    DesktopHandedOver,
    Escalated,
    Event,
    HandoffSent,
    InputsUnread,
    LockGranted,
    LockReleased,
    Notified,
    Refused,
    Ruling,
    SnapshotTaken,
    TaskReopened,
    Warned,
)


def between_in_words(event: Event) -> str:
    """One line; '' for an event of another kind."""
    match event:
        case Ruling():
            return ruling_in_words(event)
        case Warned() | Refused():
            return guarded_in_words(event)
        case TaskReopened():
            return f"waits again ({event.by}): {event.reason}"
        case HandoffSent():
            return f"hands on to {event.to}: {len(event.inputs)} inputs, a brief of {event.tokens} tokens"
        case InputsUnread():
            return f"never read: {', '.join(event.names)}"
        case DesktopHandedOver():
            what = f"a copy of {event.fork_of}" if event.fork_of else "its desktop"
            return f"hands {what} over to {event.to} ({event.desktop}, epoch {event.epoch})"
        case DesktopAdopted():
            twice = f"; {event.doubt} may be done twice" if event.doubt else ""
            return f"goes on after {event.steps} steps ({event.desktop}, epoch {event.epoch}){twice}"
        case LockGranted():
            return f"holds lock {event.lock}"
        case LockReleased():
            return f"passes lock {event.lock} to {event.to}" if event.to else f"frees lock {event.lock}"
        case SnapshotTaken():
            return f"saved its desktop before step {event.step + 1} (snapshot {event.snapshot[:12]})"
        case DeadlockFound():
            return f"DEADLOCK, given up for the others: {' '.join(map(str, event.cycle))}"
    return _question_in_words(event)


def branched_in_words(branched: Branched) -> str:
    by = f"restored from snapshot {branched.snapshot[:12]}" if branched.snapshot else "carried out again"
    attempt = f"attempt {branched.attempt} at {branched.task} in {branched.run}"
    return f"branched before step {branched.step + 1} of {attempt}, whose state was {by}"


def ruling_in_words(ruling: Ruling) -> str:
    answer = ruling.answer.replace("_", " ") + (f" {ruling.agent}" if ruling.answer == "other_agent" else "")
    by = "" if ruling.by == "policy" else f" (by {ruling.by})"
    return f"then: {answer}{by}, {ruling.reason}"


def _question_in_words(event: Event) -> str:
    match event:
        case Asked():
            return f"asks {event.path[0].to}: {event.question} [{' | '.join(event.choices)}]"
        case Notified():
            return (
                f"question {event.number} posted: {event.detail}"
                if event.ok
                else f"not posted: {event.detail}"
            )
        case Escalated():
            return f"question {event.number} goes on to {event.to}"
        case Answered():
            return f"{event.by} answers question {event.number}: {event.choice}"
    return ""


def guarded_in_words(event: Warned | Refused) -> str:
    if isinstance(event, Warned):
        return f"warning by {event.monitor}: {event.message}"
    return f"refused by {event.monitor}: {event.reason}"
