"""Records without secrets: every text of them is masked, and they can still be read."""

from __future__ import annotations

from runner.actions import Press, Target
from runner.agents.base import Act, Done
from runner.artifacts import sha256
from runner.checkpoints import Executed
from runner.events import EVENT, AttemptEnded, Finding, HandoffSent, RunResumed, VerdictGiven
from runner.redaction.masking import Masking
from runner.redaction.secrets import NO_SECRETS, Secrets

VALUE = "correct horse"
MASKING = Masking(Secrets({"bank": VALUE, "pin": "4711"}))
HASH = "4711" * 16


def test_every_text_is_masked_at_any_depth() -> None:
    finding = Finding(
        subject="check 0: text",
        ok=False,
        detail=f"found {VALUE!r}",
        facts={"A1": 4711, "A2": 47.5, "ok": True, VALUE: [VALUE, {"deep": VALUE}]},
    )
    verdict = VerdictGiven(task="a", attempt=1, passed=False, findings=(finding,), outputs={"note": HASH})
    masked = MASKING.model(verdict)
    assert VALUE not in masked.model_dump_json()
    [found] = masked.findings
    assert found.detail == "found '[secret bank]'"
    assert found.facts == {
        "A1": "[secret pin]",
        "A2": 47.5,
        "ok": True,
        "[secret bank]": ["[secret bank]", {"deep": "[secret bank]"}],
    }
    assert masked.outputs == {"note": HASH}, "a hash is no text"
    assert EVENT.validate_json(masked.model_dump_json(by_alias=True)) == masked


def test_what_holds_no_secret_is_the_same_object() -> None:
    ended = AttemptEnded(task="a", attempt=1, status="failed", failure="agent", reason="gave up")
    assert MASKING.model(ended) is ended
    assert Masking(NO_SECRETS).model(ended) is ended


def test_decisions_and_actions_are_masked() -> None:
    act = Act.model_validate({"actions": [{"type": f"x{VALUE}"}, {"click": {"name": VALUE}}], "note": VALUE})
    done = Executed(action=act.actions[0], ok=False, error=f"no {VALUE}", took_s=0.4711)
    kept = MASKING.model(act).model_dump_json() + MASKING.model(done).model_dump_json()
    assert VALUE not in kept
    assert "0.4711" in kept, "numbers of ours stay numbers"
    brief = HandoffSent(
        task="a", attempt=1, to="b", mode="fresh", intent="", brief=f"use {VALUE}", tokens=3, inputs={},
        questions=(f"is it {VALUE}?",), contract=sha256(b""),
    )  # fmt: skip
    assert MASKING.model(brief).questions == ("is it [secret bank]?",)


def test_a_masked_record_stays_within_the_limits_of_its_fields() -> None:
    note = VALUE * (20_000 // len(VALUE))
    for decision in (Act(actions=(Press(do="press", keys="a"),), note=note), Done(note=note)):
        masked = Masking(Secrets({"a-name-that-is-far-longer-than-its-value": VALUE})).model(decision)
        assert type(decision).model_validate_json(masked.model_dump_json()) == masked
        assert VALUE not in masked.note
    role = Masking(Secrets({"n" * 63: VALUE})).model(Target(role=VALUE))
    assert Target.model_validate_json(role.model_dump_json()) == role


def test_a_pin_leaves_what_deskswarm_reads_again() -> None:
    resumed = RunResumed(number=1, controller="4711:123:host")
    assert MASKING.model(resumed) is resumed


def test_where_texts_are_cut_parts_of_a_value_go_too() -> None:
    ended = AttemptEnded(
        task="a", attempt=1, status="failed", failure="agent", reason=f"{VALUE[4:]} … {VALUE[:-2]}"
    )
    assert Masking(MASKING.secrets, parts=True).model(ended).reason == "[secret bank] … [secret bank]"
    assert MASKING.model(ended).reason == ended.reason
