"""Anthropic's computer tools, every version, in whole sessions against a server as strict as the API."""

from __future__ import annotations

from typing import Any

import pytest

from runner.agents.models.anthropic_actions import ACTIONS
from runner.agents.models.turn import NOT_EXECUTED
from tests.runner.laboratory import Laboratory
from tests.runner.models.anthropic_server import BETAS, TOOLSET, AnthropicServer, act, calls, says, use
from tests.runner.models.strict import KEY, Json, Reply
from tests.runner.models.studio import NOTE, attempt_at, center, everything_kept, task_of, typed

pytestmark = pytest.mark.anyio
CLEAR = center("Clear")


def agent(**more: Any) -> Json:
    return {"kind": "anthropic", "model": "claude-local", **more}


def results(request: Json) -> list[Json]:
    """Of the last message."""
    return [block for block in request["messages"][-1]["content"] if block["type"] == "tool_result"]


def texts(request: Json) -> list[str]:
    return [
        block["text"] for result in results(request) for block in result["content"] if block["type"] == "text"
    ]


def images(value: Any) -> int:
    if isinstance(value, dict):
        return (value.get("type") == "image") + sum(map(images, value.values()))
    return sum(map(images, value)) if isinstance(value, list) else 0


async def test_a_session_with_the_toolset(lab: Laboratory) -> None:
    server = AnthropicServer(
        calls(use("screenshot")),
        calls(use("type", text="wrong"), use("left_click", coordinate=[*CLEAR])),
        calls(
            use("left_click", coordinate=[*center("Note")]),
            use("type", text="hello"),
            use("key", text="ctrl+s"),
        ),
        says("The note is written."),
    )
    attempt, chain = await attempt_at(lab, server, agent(), checks=[NOTE])
    assert server.rejections == []
    assert (attempt.status, attempt.reason) == ("succeeded", "")
    assert typed(chain) == ["wait", "type", "click", "click", "type", "press"]
    assert (attempt.usage.tokens, attempt.usage.money) == (4 * 200, 0)
    last = chain[-1].decision
    assert last is not None
    assert last.say == "done"
    assert last.note == last.brief == "The note is written."
    log = lab.store.get(attempt.evidence["agent_log"]).decode()
    assert "step 0: 180 tokens in (50 from the cache, 30 to it), 20 out (5 of reasoning)" in log


@pytest.mark.parametrize("tool", BETAS)
async def test_a_session_with_each_older_tool(lab: Laboratory, tool: str) -> None:
    server = AnthropicServer(
        calls(act("screenshot")),
        calls(act("type", text="wrong")),
        calls(act("mouse_move", coordinate=[*CLEAR])),
        calls(act("left_click")),
        calls(act("left_click", coordinate=[*center("Note")], key="shift")),
        calls(act("type", text="hello")),
        calls(act("key", text="ctrl+s")),
        says("Done."),
        tool=tool,
    )
    attempt, chain = await attempt_at(lab, server, agent(tool=tool), checks=[NOTE])
    assert server.rejections == []
    assert (attempt.status, attempt.reason) == ("succeeded", "")
    assert typed(chain) == ["wait", "type", "hover", "click", "click", "type", "press"]
    assert chain[4].executed[0].action.model_dump()["modifiers"] == ("shift",)


async def test_every_member_of_the_toolset_is_carried_out(lab: Laboratory) -> None:
    x, y = center("Note")
    at = [x, y]
    uses = [
        use("screenshot"),
        use("zoom", region=[0, 0, 100, 50]),
        use("right_click", coordinate=at),
        use("middle_click", coordinate=at, text="ctrl"),
        use("double_click", coordinate=at),
        use("triple_click", coordinate=at),
        use("left_click_drag", start_coordinate=at, coordinate=[x + 9, y]),
        use("left_click", coordinate=at),
        use("mouse_move", coordinate=at),
        use("left_mouse_down"),
        use("left_mouse_up"),
        use("scroll", scroll_direction="up", scroll_amount=2, text="ctrl"),
        use("hold_key", text="ctrl+a", duration=0.01),
        use("wait", duration=0.01),
        use("cursor_position"),
        use("type", text="hello"),
        use("key", text="Return", repeat=2),
    ]
    assert {one["name"] for one in uses} == ACTIONS[TOOLSET]
    server = AnthropicServer(calls(*uses), says("Done."))
    attempt, chain = await attempt_at(lab, server, agent())
    assert server.rejections == []
    assert attempt.status == "succeeded"
    told = texts(server.requests[1])
    assert told == ["Done."] * 14 + [f"X={x},Y={y}"] + ["Done."] * 2
    assert images(results(server.requests[1])) == 3, (
        "the screenshot, the part of it, and the screen at the end"
    )
    assert typed(chain) == [
        "wait", "wait", "right_click", "middle_click", "double_click", "triple_click", "drag", "click",
        "hover", "mouse_down", "mouse_up", "scroll", "hold", "wait", "type", "press",
    ]  # fmt: skip
    scroll = next(done.action for point in chain for done in point.executed if done.action.do == "scroll")
    assert scroll.model_dump(exclude={"target"}) == {
        "do": "scroll",
        "dx": 0,
        "dy": -2,
        "modifiers": ("ctrl",),
    }


async def test_a_model_sees_a_smaller_image_and_its_points_are_converted(lab: Laboratory) -> None:
    x, y = CLEAR
    server = AnthropicServer(
        calls(use("type", text="wrong"), use("left_click", coordinate=[x // 2, y // 2])),
        calls(use("cursor_position")),
        calls(use("left_click", coordinate=[center("Note")[0] // 2, center("Note")[1] // 2])),
        calls(use("type", text="hello"), use("key", text="ctrl+s")),
        says("Done."),
    )
    attempt, chain = await attempt_at(lab, server, agent(image_edge=320), checks=[NOTE])
    assert (attempt.status, attempt.reason, server.rejections) == ("succeeded", "", [])
    [point] = chain[0].executed[1].points
    assert abs(point.x - x) <= 1
    assert abs(point.y - y) <= 1
    assert texts(server.requests[2]) == [f"X={x // 2},Y={y // 2}"]


@pytest.mark.parametrize("tool", [TOOLSET, "computer_20250124"])
async def test_a_large_screen_is_sent_as_large_as_the_api_takes_it(lab: Laboratory, tool: str) -> None:
    server = AnthropicServer(says("FAILED: too much."), tool=tool)
    desktop = {"screen": {"width": 3000, "height": 2000}}
    attempt, _ = await attempt_at(lab, server, agent(tool=tool), desktop=desktop)
    assert (attempt.reason, server.rejections) == ("too much.", [])


async def test_after_a_call_that_fails_the_rest_of_the_turn_is_not_executed(lab: Laboratory) -> None:
    server = AnthropicServer(
        calls(
            use("type", text="one"),
            use("key", text="Return"),
            use("left_click", coordinate=[5000, 1]),
            use("key", text="x"),
        ),
        says("FAILED: I cannot click."),
    )
    attempt, chain = await attempt_at(lab, server, agent())
    assert server.rejections == []
    assert (attempt.failure, attempt.cause, attempt.reason) == ("agent", "gave_up", "I cannot click.")
    assert typed(chain) == ["type", "press"]
    outside = "Error: (5000, 1) is outside the image of 640 x 480"
    assert texts(server.requests[1]) == ["Done.", "Done.", outside, f"Error: {NOT_EXECUTED}"]
    assert [result["is_error"] for result in results(server.requests[1])] == [False, False, True, True]


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (use("dance"), "there is no action 'dance'"),
        (use("left_click", coordinate=[1]), "coordinate.1: Field required"),
        (use("left_click", coordinate=[1, 1], pressure=3), "pressure: Extra inputs are not permitted"),
        (
            use("scroll", scroll_direction="sideways", scroll_amount=1),
            "scroll_direction: Input should be 'up'",
        ),
        (use("wait", duration=301), "duration: Input should be less than or equal to 300"),
        (use("zoom", region=[10, 10, 5, 20]), "is no region"),
        (use("type", text=""), "there is nothing to type"),
        ({"type": "tool_use", "name": "bash", "input": {}}, "there is no tool 'bash'"),
    ],
)
async def test_what_makes_no_sense_is_told_to_the_model(lab: Laboratory, block: Json, told: str) -> None:
    server = AnthropicServer(calls(block), says("Done."))
    attempt, chain = await attempt_at(lab, server, agent())
    assert server.rejections == []
    assert attempt.status == "succeeded"
    assert told in texts(server.requests[1])[0]
    assert typed(chain) == ["wait"], "nothing but another look"


async def test_a_version_has_no_actions_of_later_ones(lab: Laboratory) -> None:
    server = AnthropicServer(calls(act("zoom", region=[0, 0, 9, 9])), says("Done."), tool="computer_20250124")
    await attempt_at(lab, server, agent(tool="computer_20250124"))
    assert "there is no action 'zoom'" in texts(server.requests[1])[0]


async def test_a_model_that_makes_no_sense_is_not_asked_for_ever(lab: Laboratory) -> None:
    server = AnthropicServer(*[calls(use("dance"))] * 20)
    attempt, _ = await attempt_at(lab, server, agent())
    assert (attempt.failure, attempt.cause, len(server.requests)) == ("agent", "malformed", 6)
    assert attempt.usage.tokens == 6 * 200


@pytest.mark.parametrize("content", [[], [{"type": "text", "text": "I would rather not."}]])
async def test_a_refusal_is_an_outcome_of_its_own(lab: Laboratory, content: list[Json]) -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Not this."}
    server = AnthropicServer({"content": content, "stop_reason": "refusal", "stop_details": details})
    attempt, _ = await attempt_at(lab, server, agent())
    assert (attempt.failure, attempt.cause) == ("agent", "refused")
    assert "Not this." in attempt.reason
    assert attempt.usage.tokens == 200, "it is paid for"


@pytest.mark.parametrize("with_call", [True, False])
async def test_an_answer_that_was_cut_short_is_not_carried_out(lab: Laboratory, with_call: bool) -> None:
    content = [{**use("type", text="hel")}] if with_call else []
    server = AnthropicServer({"content": content, "stop_reason": "max_tokens"}, says("Done."))
    attempt, chain = await attempt_at(lab, server, agent())
    assert (attempt.status, server.rejections, typed(chain)) == ("succeeded", [], ["wait"])
    assert "cut short (max_tokens)" in str(server.requests[1]["messages"][-1])


async def test_a_claim_that_is_not_true_is_sent_back(lab: Laboratory) -> None:
    server = AnthropicServer(
        says("Done."), calls(use("type", text="hello"), use("key", text="ctrl+s")), says("Now it is.")
    )
    attempt, _ = await attempt_at(lab, server, agent(), outputs={"note": {"path": "~/note.txt"}})
    assert (attempt.status, server.rejections) == ("succeeded", [])
    assert "not done" in server.requests[1]["messages"][-1]["content"][0]["text"]


async def test_old_screenshots_and_answers_are_left_out_and_the_model_is_told(lab: Laboratory) -> None:
    steps = [calls(use("type", text=f"{number} " * 800)) for number in range(12)]
    server = AnthropicServer(*steps, says("Done."))
    context = {"screenshots": 2, "tokens": 4000}
    attempt, _ = await attempt_at(lab, server, agent(context=context))
    assert (attempt.status, server.rejections) == ("succeeded", [])
    assert max(images(request["messages"]) for request in server.requests) == 2
    first = server.requests[-1]["messages"][0]["content"]
    assert first[0]["text"].startswith("Write hello."), "the task stays"
    assert "earlier answers and their results were left out" in first[-1]["text"]
    assert "screenshot was here; it was left out" in str(server.requests[-1]["messages"])
    assert "left out an answer: type text=0 0" in lab.store.get(attempt.evidence["agent_log"]).decode()


async def test_money_is_counted_by_the_users_prices(lab: Laboratory) -> None:
    prices = {"input": 3, "cached": 0.5, "written": 4, "output": 15}
    server = AnthropicServer(*[calls(use("screenshot"))] * 9)
    each = (100 * 3 + 50 * 0.5 + 30 * 4 + 20 * 15) / 1e6
    attempt, _ = await attempt_at(lab, server, agent(prices=prices), budget={"money": 1.5 * each})
    assert (attempt.failure, len(server.requests)) == ("budget", 2)
    assert attempt.usage.money == pytest.approx(2 * each)


async def test_a_rate_limit_and_an_outage_are_waited_out(lab: Laboratory) -> None:
    server = AnthropicServer(
        Reply(429, {"error": {"type": "rate_limit_error", "message": "slow down"}}, {"Retry-After": "0.2"}),
        Reply(
            529, {"error": {"type": "overloaded_error", "message": "overloaded"}}, {"retry-after-ms": "100"}
        ),
        calls(use("type", text="hello"), use("key", text="ctrl+s")),
        says("Done."),
    )
    attempt, chain = await attempt_at(lab, server, agent(), checks=[NOTE])
    assert (attempt.status, server.rejections) == ("succeeded", [])
    assert chain[0].timings.agent_s >= 0.3
    log = lab.store.get(attempt.evidence["agent_log"]).decode()
    assert "waits 0.2 s: 429: slow down" in log
    assert "waits 0.1 s: 529: overloaded" in log


async def test_an_outage_longer_than_the_patience_is_never_the_agents_failure(lab: Laboratory) -> None:
    server = AnthropicServer(Reply(503, {}, {"Retry-After": "3600"}))
    attempt, _ = await attempt_at(lab, server, agent(patience_s=2))
    assert (attempt.failure, attempt.cause) == ("infra", "provider")
    assert "3600.0 s" in attempt.reason


async def test_a_provider_that_is_not_there(lab: Laboratory) -> None:
    with AnthropicServer().serving() as url:
        pass
    state = await lab.run(task_of(agent(patience_s=0, base_url=url)))
    [attempt] = state.tasks["a"].attempts
    assert (attempt.failure, attempt.cause) == ("infra", "provider")


@pytest.mark.parametrize(
    "odd", [{}, {"content": 7, "stop_reason": "end_turn"}, {"content": [{"type": "tool_use"}]}]
)
async def test_an_answer_that_is_none_breaks_nothing_else(lab: Laboratory, odd: Json) -> None:
    server = AnthropicServer(Reply(200, odd), says("Done."))
    attempt, _ = await attempt_at(lab, server, agent())
    assert attempt.failure == "infra" or server.requests[1:], "it fails for good, or the model is told"


async def test_a_task_that_takes_over_is_told_and_says_what_it_read(lab: Laboratory) -> None:
    write = calls(use("type", text="hello"), use("key", text="ctrl+s"))
    server = AnthropicServer(write, says("The note says hello."), says("Seen.\nREAD: note"))
    with server.serving() as url:
        first = task_of(agent(base_url=url), outputs={"note": {"path": "~/note.txt"}})
        taken = {"note": {"artifact": "a.note", "to": "~/from-a.txt"}}
        handoffs = {"a": {"must_read": True, "questions": ["Is it spelt right?"]}}
        second = task_of(agent(base_url=url), inputs=taken, handoffs=handoffs) | {"id": "b"}
        state = await lab.run(first, second)
    assert {name: (one.status, one.attempts[-1].reason) for name, one in state.tasks.items()} == {
        "a": ("succeeded", ""),
        "b": ("succeeded", ""),
    }
    words = server.requests[2]["messages"][0]["content"][0]["text"]
    for part in ("- note: ~/from-a.txt", "From the task a", "The note says hello.", "Is it spelt right?"):
        assert part in words


async def test_waiting_ends_with_the_attempts_time(lab: Laboratory) -> None:
    server = AnthropicServer(Reply(429, {}, {"Retry-After": "3000"}))
    attempt, _ = await attempt_at(lab, server, agent(patience_s=86_400), budget={"wall_s": 300})
    assert (attempt.failure, attempt.cause) == ("infra", "provider")


async def test_the_key_is_nowhere_on_disk(lab: Laboratory) -> None:
    echo = Reply(401, {"error": {"type": "authentication_error", "message": f"invalid x-api-key: {KEY}"}})
    server = AnthropicServer(calls(use("type", text="hello")), echo)
    attempt, chain = await attempt_at(lab, server, agent())
    assert (attempt.failure, attempt.cause) == ("infra", "provider")
    assert "invalid x-api-key: [key]" in attempt.reason
    assert KEY not in everything_kept(lab, attempt, chain)


@pytest.mark.parametrize("change", ["beta", "tool"])
async def test_the_server_refuses_what_the_api_would(lab: Laboratory, change: str) -> None:
    """The test of the test: an agent of one version is nothing to a model of another."""
    tool = "computer_20251124" if change == "beta" else TOOLSET
    other = "computer_20250124" if change == "beta" else "computer_20241022"
    attempt, _ = await attempt_at(lab, AnthropicServer(says("Done."), tool=tool), agent(tool=other))
    assert (attempt.failure, attempt.cause) == ("infra", "provider")
