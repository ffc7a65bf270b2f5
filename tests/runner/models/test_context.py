"""What is kept of a conversation, what an answer costs, and how long a provider is waited for."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runner.actions import Press
from runner.agents.base import ActionResult
from runner.agents.models.answer import Answer, Call
from runner.agents.models.history import Block, History
from runner.agents.models.keys import load_package, read_key
from runner.agents.models.patience import ProviderError, Trouble, retry_after, trouble_of, wait_out
from runner.agents.models.pricing import Tokens
from runner.agents.models.scaling import Picture
from runner.agents.models.turn import NOT_EXECUTED, Turn
from runner.drawing import sketch
from runner.lint import subject_of
from runner.lint.context import estimate
from runner.model_agents import AnthropicAgent, Context, Prices
from runner.problems import problems_of
from sandboxes.errors import InputError
from tests.runner.laboratory import Laboratory, swarm, task

PICTURE = Picture(640, 480, "image/png", b"x")


def press(key: str) -> Press:
    return Press(do="press", keys=key)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4000), st.booleans()), min_size=1, max_size=30),
    st.integers(1, 6),
    st.booleans(),
    st.floats(0.5, 3),
)
def test_a_context_stays_within_its_limits(
    said: list[tuple[int, bool]], screenshots: int, whole: bool, ratio: float
) -> None:
    """Whatever is said, however far the estimate is off; two exchanges at least are kept."""
    history = History(Context(tokens=4000, screenshots=screenshots), whole=whole)
    for number, (length, shows) in enumerate(said):
        call = Call(f"c{number}", "does") if number else None
        before = history.tokens
        left_out = history.tell(Block("a" * length, call, picture=PICTURE if shows else None))
        pictures = sum(block.picture is not None for one in history.exchanges for block in one.told)
        assert pictures <= max(screenshots, 2 if whole else 0)
        assert len(history.exchanges) <= 2 or history.tokens <= 4000
        assert bool(left_out) >= (history.tokens < before)
        answer = Answer([{"text": "b" * length}], "b" * length, Tokens(input=round(history.tokens * ratio)))
        history.answered(answer)


def test_the_first_words_are_never_left_out() -> None:
    history = History(Context(tokens=4000, screenshots=1))
    for number in range(20):
        history.tell(Block(f"words {number}" + "x" * 4000))
        history.answered(Answer([], f"answer {number}", Tokens()))
    assert history.exchanges[0].told[0].text.startswith("words 0")
    left_out = 20 - len(history.exchanges)
    assert history.note.startswith(f"[{left_out} earlier answers")
    assert history.note.endswith(f"- answer {left_out - 1}")


def test_after_a_call_that_fails_nothing_of_its_turn_is_tried() -> None:
    turn = Turn(
        [
            Call("1", "a", (press("a"), press("b"))),
            Call("2", "b", (press("c"),)),
            Call("3", "c", shows="screen"),
        ]
    )
    assert [action.model_dump()["keys"] for action in turn.next()] == ["a", "b", "c"]
    told = turn.take([ActionResult(ok=True), ActionResult(ok=False, error="no")])
    assert [outcome.error for outcome in told] == ["no", NOT_EXECUTED, NOT_EXECUTED]
    assert turn.over
    assert turn.failed


def test_what_is_to_be_shown_is_seen_before_the_next_call() -> None:
    turn = Turn(
        [Call("1", "a", (press("a"),)), Call("2", "look", shows="screen"), Call("3", "b", (press("b"),))]
    )
    first = turn.next()
    assert [action.do for action in first] == ["press"]
    assert len(turn.take([ActionResult(ok=True)])) == 2
    assert not turn.over
    assert len(turn.next()) == 1
    assert [outcome.error for outcome in turn.take([ActionResult(ok=True)])] == [""]
    assert turn.over


def test_a_long_turn_is_carried_out_in_parts() -> None:
    turn = Turn([Call(str(number), "a", (press("a"),) * 60) for number in range(3)])
    counts = []
    while not turn.over:
        actions = turn.next()
        counts.append(len(actions))
        turn.take([ActionResult(ok=True)] * len(actions))
    assert counts == [60, 60, 60]


def test_tokens_and_money() -> None:
    tokens = Tokens(input=100, cached=50, written=30, output=20, reasoning=5)
    usage = tokens.usage(Prices(input=10, cached=1, output=100))
    assert usage.tokens == 200
    assert usage.money == pytest.approx((100 * 10 + 50 * 1 + 30 * 10 + 20 * 100) / 1e6)
    assert tokens.usage(None).money == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2),
        ({"retry-after": "0.5", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": formatdate(0, usegmt=True)}, 0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_when_to_try_again(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("status", "again"),
    [(400, False), (401, False), (404, False), (408, True), (429, True), (500, True), (529, True)],
)
def test_what_passes(status: int, again: bool) -> None:
    assert trouble_of(status, {}, "no").again is again


@pytest.mark.anyio
async def test_a_wait_beyond_the_limit_is_not_begun() -> None:
    tries = 0

    async def ask() -> None:
        nonlocal tries
        tries += 1
        raise Trouble("503", again=True, after_s=0.01 if tries < 3 else 9999)

    log: list[str] = []
    with anyio.fail_after(30), pytest.raises(ProviderError, match=r"9999\.0 s"):
        await wait_out(ask, 60, log.append, attempt_s=600)
    assert (tries, len(log)) == (3, 2)


@pytest.mark.anyio
async def test_a_wait_can_be_cancelled() -> None:
    async def ask() -> None:
        raise Trouble("429", again=True, after_s=500)

    with anyio.move_on_after(0.05) as scope:
        await wait_out(ask, 600, lambda _: None, attempt_s=600)
    assert scope.cancelled_caught


def test_a_key_or_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(InputError, match="set ANTHROPIC_API_KEY in the environment"):
        read_key("anthropic", "ANTHROPIC_API_KEY")
    with pytest.raises(InputError, match=r"pip install 'deskswarm\[models\]'"):
        load_package("anthropic", "no_such_package_here")


@pytest.mark.anyio
async def test_a_run_without_the_key_is_refused_before_anything_starts(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(InputError, match="kind openai needs its key: set OPENAI_API_KEY"):
        await lab.run({**task("a"), "agent": {"kind": "openai", "model": "m"}})
    assert lab.records == []


@pytest.mark.parametrize("key", ["two\nlines", "clé"])
def test_what_can_be_no_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(InputError, match="OPENAI_API_KEY holds characters that no key has") as caught:
        read_key("openai", "OPENAI_API_KEY")
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a",
        "http://",
        "http://a:99999",
        "http://a:x",
        "http://key@a/v1",
        "http://a/v1?key=x",
        "127.0.0.1:8000",
    ],
)
def test_what_is_no_base_address(url: str) -> None:
    with pytest.raises(ValidationError, match="base_url"):
        AnthropicAgent(kind="anthropic", model="m", base_url=url)


def test_plan_and_lint_know_a_model(tmp_path: Path) -> None:
    agent = {"kind": "openai", "model": "gpt-of-mine"}
    written = swarm({**task("a"), "agent": agent}, task("b"))
    subject = subject_of(written, tmp_path)
    assert [box.note for box in sketch(subject.templates).boxes] == ["gpt-of-mine", "script, 2 steps"]
    counted = estimate(subject)
    assert (counted.model_tasks, counted.tokens > 10_000) == (1, True)


@pytest.mark.parametrize("field", ["budget", "total"])
def test_a_budget_in_money_needs_prices(field: str) -> None:
    agent: dict[str, Any] = {"kind": "anthropic", "model": "m"}
    [problem] = problems_of(swarm({**task("a"), "agent": agent, field: {"money": 1}}))
    assert "without the `prices` of m" in str(problem)
    priced = {**agent, "prices": {"input": 1, "output": 1}}
    assert problems_of(swarm({**task("a"), "agent": priced, field: {"money": 1}})) == []
