"""OpenAI's computer tools in whole sessions, against a server that demands what the Responses API does."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from runner.answering import answer
from runner.events import Asked
from runner.journal import Journal, Record
from runner.suites.outcomes import judge_attempt
from tests.runner.laboratory import Laboratory
from tests.runner.models.openai_server import ResponsesServer, batch, calls, refuses, says, single
from tests.runner.models.strict import KEY, Json, Reply
from tests.runner.models.studio import NOTE, Person, attempt_at, center, everything_kept, questions, typed

pytestmark = pytest.mark.anyio
CHECKS = (
    {"id": "sc_1", "code": "malicious_instructions", "message": "The page gives orders."},
    {"id": "sc_2", "code": "sensitive_domain", "message": "This is a bank."},
)
HELLO: Json = {"type": "type", "text": "hello"}
SAVE: Json = {"type": "keypress", "keys": ["CTRL", "S"]}


def agent(**more: Any) -> Json:
    return {"kind": "openai", "model": "gpt-local", "base_url": "/v1", **more}


def at(name: str) -> Json:
    x, y = center(name)
    return {"x": x, "y": y}


def person(choice: str) -> Person:
    """Somebody who answers every question so, from another process."""

    def react(lab: Laboratory, record: Record) -> None:
        if isinstance(record.event, Asked):
            asked = record.event
            question = f"{asked.task}.{asked.attempt}.{asked.number}"

            def work() -> None:
                with Journal(lab.home) as journal:
                    answer(journal, record.run, question, choice, "ada", "")

            threading.Thread(target=work).start()

    return react


async def test_a_session_with_batches(lab: Laboratory) -> None:
    server = ResponsesServer(
        calls(batch({"type": "screenshot"})),
        calls(batch({"type": "type", "text": "wrong"}, {"type": "click", "button": "left", **at("Clear")})),
        calls(batch({"type": "click", "button": "left", **at("Note")}, HELLO), batch(SAVE)),
        says("Saved."),
    )
    attempt, chain = await attempt_at(lab, server, agent(), checks=[NOTE])
    assert server.rejections == []
    assert (attempt.status, attempt.reason) == ("succeeded", "")
    assert typed(chain) == ["wait", "type", "click", "click", "type", "press"]
    assert attempt.usage.tokens == 4 * 200
    log = lab.store.get(attempt.evidence["agent_log"]).decode()
    assert "180 tokens in (50 from the cache, 30 to it), 20 out (5 of reasoning)" in log


async def test_a_session_with_the_preview(lab: Laboratory) -> None:
    server = ResponsesServer(
        calls(single({"type": "screenshot"})),
        calls(single({"type": "click", "button": "left", **at("Note")})),
        calls(single(HELLO)),
        calls(single(SAVE)),
        says("Saved."),
        tool="computer_use_preview",
    )
    attempt, _ = await attempt_at(lab, server, agent(tool="computer_use_preview"), checks=[NOTE])
    assert (attempt.status, attempt.reason, server.rejections) == ("succeeded", "", [])
    assert server.requests[0]["tools"][0]["display_width"] == 640


async def test_every_action_is_carried_out(lab: Laboratory) -> None:
    here = at("Note")
    path = [here, {"x": here["x"] + 5, "y": here["y"]}, {"x": here["x"] + 9, "y": here["y"]}]
    actions = [
        *(
            {"type": "click", "button": button, **here}
            for button in ("right", "wheel", "back", "forward", "left")
        ),
        {"type": "double_click", **here, "keys": ["SHIFT"]},
        {"type": "drag", "path": path},
        {"type": "move", **here},
        {"type": "scroll", **here, "scroll_x": 0, "scroll_y": -120, "keys": ["CTRL"]},
        HELLO,
        {"type": "keypress", "keys": ["ENTER"]},
        {"type": "screenshot"},
    ]
    server = ResponsesServer(calls(batch(*actions)), says("Done."))
    attempt, chain = await attempt_at(lab, server, agent())
    assert (attempt.status, server.rejections) == ("succeeded", [])
    done = [one.action for one in chain[0].executed]
    assert [action.do for action in done] == [
        "right_click", "middle_click", "back_click", "forward_click", "click", "double_click", "drag",
        "hover", "scroll", "type", "press",
    ]  # fmt: skip
    assert done[6].model_dump()["through"] == (path[1],)
    assert (done[8].model_dump()["dy"], done[8].model_dump()["modifiers"]) == (-2, ("CTRL",))


async def test_what_makes_no_sense_in_a_batch_is_told_with_the_screen(lab: Laboratory) -> None:
    odd: Json = {"type": "click", "button": "left", "x": 9999, "y": 1}
    server = ResponsesServer(calls(batch(HELLO, odd, SAVE)), says("FAILED: no."))
    attempt, chain = await attempt_at(lab, server, agent())
    assert (attempt.failure, attempt.reason, server.rejections) == ("agent", "no.", [])
    assert typed(chain) == ["type"]
    told = server.requests[1]["input"][-1]["content"][0]["text"]
    assert "action 2 of 3 was not carried out, nor any after it: (9999, 1) is outside the image" in told


@pytest.mark.parametrize("batched", [True, False])
async def test_safety_checks_are_put_to_a_person_who_consents(lab: Laboratory, batched: bool) -> None:
    asking = (
        [batch(HELLO, checks=CHECKS)]
        if batched
        else [batch(HELLO, checks=CHECKS[:1]), batch(checks=CHECKS[1:])]
    )
    if not batched:
        asking[1]["actions"] = [{"type": "screenshot"}]
    server = ResponsesServer(calls(*asking), calls(batch(SAVE)), says("Saved."))
    attempt, _ = await attempt_at(lab, server, agent(), person("proceed"), checks=[NOTE])
    assert (attempt.status, server.rejections) == ("succeeded", [])
    [asked] = questions(lab)
    assert "The page gives orders." in asked.question
    assert "This is a bank." in asked.question
    assert "type text=hello" in asked.context
    assert (asked.choices, asked.default) == (("proceed", "stop"), "stop")


async def test_what_a_person_forbids_is_not_done(lab: Laboratory) -> None:
    server = ResponsesServer(calls(batch(HELLO, checks=CHECKS)))
    attempt, chain = await attempt_at(lab, server, agent(), person("stop"))
    assert (attempt.failure, attempt.cause) == ("agent", "safety_check")
    assert judge_attempt(attempt) == ("not_scored", "refused")
    assert "no consent (ada)" in attempt.reason
    assert (typed(chain), attempt.usage.tokens) == ([], 200)


async def test_nobody_answers_and_nothing_is_done(lab: Laboratory) -> None:
    server = ResponsesServer(calls(batch(HELLO, checks=CHECKS)))
    silent = {"path": [{"to": "ada", "within_s": 0.1}]}
    attempt, chain = await attempt_at(lab, server, agent(), escalate=silent)
    assert (attempt.failure, attempt.cause, typed(chain)) == ("agent", "safety_check", [])


@pytest.mark.parametrize(
    "refusal",
    [
        refuses("I will not."),
        {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []},
        {"status": "failed", "error": {"code": "bio_policy", "message": "I will not."}, "output": []},
        Reply(
            400, {"error": {"code": "invalid_prompt", "message": "I will not.", "type": "x", "param": None}}
        ),
    ],
)
async def test_a_refusal_is_an_outcome_of_its_own(lab: Laboratory, refusal: Json | Reply) -> None:
    attempt, _ = await attempt_at(lab, ResponsesServer(refusal), agent())
    assert (attempt.failure, attempt.cause) == ("agent", "refused")
    assert judge_attempt(attempt) == ("not_scored", "refused")


async def test_what_passes_is_waited_out(lab: Laboratory) -> None:
    broken = {"status": "failed", "error": {"code": "server_error", "message": "oops"}, "output": []}
    server = ResponsesServer(
        Reply(
            429, {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, {"retry-after": "0.1"}
        ),
        broken,
        calls(batch(HELLO, SAVE)),
        says("Saved."),
    )
    attempt, _ = await attempt_at(lab, server, agent(), checks=[NOTE])
    assert (attempt.status, server.rejections) == ("succeeded", [])
    assert "server_error: oops" in lab.store.get(attempt.evidence["agent_log"]).decode()


async def test_a_used_up_account_is_not_waited_for(lab: Laboratory) -> None:
    body = {"error": {"code": "insufficient_quota", "message": "You exceeded your quota"}}
    server = ResponsesServer(Reply(429, body, {"retry-after": "0.1"}), says("Done."))
    attempt, _ = await attempt_at(lab, server, agent())
    assert (attempt.failure, attempt.cause, len(server.requests)) == ("infra", "provider", 1)


async def test_an_answer_that_was_cut_short_is_not_carried_out(lab: Laboratory) -> None:
    cut = {
        **calls(batch(HELLO)),
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
    }
    server = ResponsesServer(cut, says("Done."))
    attempt, chain = await attempt_at(lab, server, agent())
    assert (attempt.status, server.rejections, typed(chain)) == ("succeeded", [], ["wait"])


async def test_old_calls_are_left_out_whole(lab: Laboratory) -> None:
    """The server refuses a call without its output, an output without its call, reasoning on its own."""
    steps = [calls(batch({"type": "type", "text": f"{number} "})) for number in range(8)]
    server = ResponsesServer(*steps, says("Done."))
    attempt, _ = await attempt_at(lab, server, agent(context={"screenshots": 2}))
    assert (attempt.status, server.rejections) == ("succeeded", [])
    outputs = [
        sum(item["type"] == "computer_call_output" for item in request["input"])
        for request in server.requests
    ]
    assert max(outputs) == 2
    assert (
        "left out; the last of them:]\n- type text=0"
        in server.requests[-1]["input"][0]["content"][-1]["text"]
    )


async def test_the_key_is_nowhere_on_disk(lab: Laboratory) -> None:
    echo = Reply(401, {"error": {"code": "invalid_api_key", "message": f"Incorrect API key provided: {KEY}"}})
    attempt, chain = await attempt_at(lab, ResponsesServer(calls(batch(HELLO)), echo), agent())
    assert (attempt.failure, attempt.cause) == ("infra", "provider")
    assert "[key]" in attempt.reason
    assert KEY not in everything_kept(lab, attempt, chain)


async def test_a_model_of_the_other_tool_takes_no_request(lab: Laboratory) -> None:
    attempt, _ = await attempt_at(lab, ResponsesServer(says("Done.")), agent(tool="computer_use_preview"))
    assert (attempt.failure, attempt.cause) == ("infra", "provider")
