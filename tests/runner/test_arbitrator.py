"""The arbitrator: what its table says of failures in a row, and the loops it does not go along with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.arbitrator import BadAnswer, Case, Failure, arbitrate, choices_for, rule_by_person, rule_on
from runner.events import Answered, Ruling
from runner.policy import rule
from runner.rules import OtherAgent, Policy
from runner.spec import Retry

AGENTS = ("junior", "senior")
SENIOR = {"other_agent": "senior"}


def policy(**more: Any) -> Policy:
    return Policy.model_validate(more)


def fail_again(policies: list[Policy], failures: list[Failure], retry: Retry = Retry()) -> list[Ruling]:  # noqa: B008
    """The rulings on failures that come one after the other, as the controller asks for them."""
    earlier: list[Failure] = []
    rulings = []
    agent: str | None = None
    for number, failure in enumerate(failures, start=1):
        failure = failure.model_copy(update={"attempt": number, "agent": agent})
        case = Case(task="a", instruction="x", failure=failure, earlier=tuple(earlier), agents=AGENTS)
        ruling = arbitrate(case, policies, retry)
        earlier.append(failure.model_copy(update={"rule": ruling.rule}))
        agent = ruling.agent
        rulings.append(ruling)
    return rulings


def failures(*kinds: str) -> list[Failure]:
    """`kind` or `kind.cause`; each has a reason of its own."""
    made = []
    for index, kind in enumerate(kinds):
        name, _, cause = kind.partition(".")
        letters = "abcdefghij"[index] * 3
        made.append(Failure.model_validate({"attempt": 1, "kind": name, "cause": cause, "reason": letters}))
    return made


def answers(rulings: list[Ruling]) -> list[str]:
    return [f"{one.answer} {one.agent}" if one.answer == "other_agent" else one.answer for one in rulings]


def test_without_a_policy_the_retries_of_each_kind_are_counted_apart() -> None:
    rulings = fail_again([Policy()], failures("infra", "agent", "infra", "agent"), Retry(infra=1, agent=1))
    assert answers(rulings) == ["retry_fresh", "retry_fresh", "abort_branch", "abort_branch"]
    assert rulings[2].reason == "infra: answer 1 of 1, none left"


def test_each_failure_of_a_kind_gets_the_next_answer() -> None:
    table = policy(answers={"agent": ["retry_fresh", SENIOR, "person", "abort_run"], "contract": ["person"]})
    rulings = fail_again([table], failures("agent", "contract", "agent", "agent", "agent", "agent"))
    wanted = ["retry_fresh", "person", "other_agent senior", "person", "abort_run", "abort_branch"]
    assert answers(rulings) == wanted
    assert [one.rule for one in rulings[:3]] == ["agent", "contract", "agent"]


def test_the_finer_rule_and_the_tasks_own_policy_come_first() -> None:
    own = policy(answers={"agent": ["person"]})
    swarms = policy(answers={"agent.repeats": [SENIOR], "timeout": ["abort_run"]})
    [of_own] = fail_again([own, swarms], failures("agent.repeats"))
    [of_swarm] = fail_again([own, swarms], failures("timeout"))
    [finer] = fail_again([swarms], failures("agent.repeats"))
    assert (of_own.answer, of_swarm.answer, finer.answer) == ("person", "abort_run", "other_agent")
    assert finer.rule == "agent.repeats"


def test_the_same_failure_again_and_again_is_a_loop_and_goes_to_the_next_who_is_no_retry() -> None:
    table = policy(answers={"agent": ["retry_fresh"] * 10 + ["person"]}, same_failure=3)
    same = [
        Failure(attempt=1, kind="agent", reason=f"node {number} of d-0{number}ab is gone")
        for number in range(4)
    ]
    rulings = fail_again([table], same)
    assert answers(rulings)[:3] == ["retry_fresh", "retry_fresh", "person"]
    assert rulings[2].loop == "the same failure 3 times in a row"
    assert rulings[2].loop in rulings[2].reason


def test_a_broken_machine_says_the_same_each_time_and_is_no_loop() -> None:
    table = policy(answers={"infra": ["retry_fresh"] * 5}, same_failure=2)
    same = [Failure(attempt=1, kind="infra", reason="the desktop died")] * 5
    assert answers(fail_again([table], same)) == ["retry_fresh"] * 5


def test_a_task_does_not_bounce_between_agents() -> None:
    junior = {"other_agent": "junior"}
    table = policy(answers={"agent": [SENIOR, junior, SENIOR, junior, "person"]})
    rulings = fail_again([table], failures("agent", "agent", "agent", "agent"))
    assert answers(rulings) == ["other_agent senior", "other_agent junior", "person", "person"]
    assert rulings[2].loop == "senior has failed at it already"


def test_attempts_are_bounded_whatever_the_answers() -> None:
    table = policy(answers={kind: ["retry_fresh"] * 20 for kind in ("agent", "contract")}, max_attempts=4)
    rulings = fail_again([table], failures("agent", "contract", "agent", "contract"))
    assert answers(rulings)[-1] == "abort_branch"
    assert rulings[-1].loop == "4 attempts were made"


@pytest.mark.parametrize("cause", ["task_tokens", "tier_money", "run_wall_s"])
def test_a_budget_spent_for_all_is_not_tried_again(cause: str) -> None:
    [ruling] = fail_again(
        [policy(answers={"budget": ["retry_fresh", "person"]})], failures(f"budget.{cause}")
    )
    assert ruling.answer == "person"


def test_a_cancelled_attempt_is_never_tried_again() -> None:
    [ruling] = fail_again([Policy()], failures("cancelled"), Retry(agent=5))
    assert ruling.answer == "abort_branch"


def test_a_checkpoint_that_cannot_be_gone_back_to_is_a_fresh_start_and_said_so() -> None:
    [ruling] = fail_again([policy(answers={"agent": ["retry_checkpoint"]})], failures("agent"))
    assert ruling.answer == "retry_fresh"
    assert "no checkpoint" in ruling.reason


@given(
    st.dictionaries(
        st.sampled_from(["infra", "agent", "contract", "timeout", "budget"]),
        st.lists(st.sampled_from(["retry_fresh", "retry_checkpoint", "person", "abort_branch"]), max_size=20),
    ),
    st.lists(
        st.sampled_from(["infra", "agent", "contract", "timeout", "budget"]), min_size=120, max_size=120
    ),
    st.integers(1, 30),
)
def test_no_table_goes_on_for_ever(table: dict[str, list[str]], kinds: list[str], most: int) -> None:
    made = [Failure.model_validate({"attempt": 1, "kind": kind, "reason": f"{kind}"}) for kind in kinds]
    said = answers(fail_again([policy(answers=table, max_attempts=most)], made))
    tries = sum(one.startswith(("retry", "other")) for one in said)
    assert tries < most
    assert said[-1] == "abort_branch"


def a_case(**more: Any) -> Case:
    failure = Failure(attempt=2, kind="contract", cause="conflict", reason="judges disagree")
    return Case.model_validate(
        {"task": "a", "instruction": "x", "failure": failure, "agents": AGENTS, **more}
    )


def test_what_a_person_may_choose_and_what_follows() -> None:
    case = a_case(can_accept=True)
    assert choices_for(case)[:4] == ("accept", "retry_fresh", "retry_checkpoint", "other_agent junior")
    asked = Ruling(task="a", attempt=2, answer="person", reason="", rule="contract")
    given_ = Answered(task="a", attempt=2, number=1, choice="other_agent senior", by="ada", note="she can")
    ruling = rule_by_person(case, given_, asked)
    assert (ruling.answer, ruling.agent, ruling.by, ruling.question) == ("other_agent", "senior", "ada", 1)
    assert (ruling.rule, ruling.reason) == ("contract", "ada answered: she can")
    assert "accept" not in choices_for(a_case())


def test_a_policy_function_rules_or_leaves_it_to_the_table() -> None:
    ruling = rule_on(a_case(), {"other_agent": "senior"}, Policy())
    assert ruling is not None
    assert (ruling.answer, ruling.agent, ruling.by) == ("other_agent", "senior", "model")
    assert rule_on(a_case(), None, Policy()) is None
    with pytest.raises(BadAnswer, match="no agent is named 'nobody'"):
        rule_on(a_case(), OtherAgent(other_agent="nobody"), Policy())
    with pytest.raises(BadAnswer, match="is no answer"):
        rule_on(a_case(), "try harder", Policy())


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "answer", "by", "said"),
    [
        ("return 'abort_run' if case.failure.cause == 'conflict' else None", "abort_run", "model", ""),
        ("return None", "retry_fresh", "policy", ""),
        ("return 'whatever'", "retry_fresh", "policy", "'whatever' is no answer"),
        ("raise KeyError('no key')", "retry_fresh", "policy", "KeyError: 'no key'"),
    ],
)
async def test_the_users_function_is_asked_first(
    tmp_path: Path, body: str, answer: str, by: str, said: str
) -> None:
    (tmp_path / "ours.py").write_text(f"def rule(case):\n    {body}\n")
    table = policy(python="ours:rule", answers={"contract": ["retry_fresh"]})
    ruling = await rule(a_case(), [table], Retry(), tmp_path)
    assert (ruling.answer, ruling.by) == (answer, by)
    assert said in ruling.reason


def test_journals_of_the_first_version_are_read() -> None:
    old = Ruling.model_validate({"task": "a", "attempt": 1, "answer": "give_up", "reason": "agent"})
    assert old.answer == "abort_branch"
