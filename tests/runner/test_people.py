"""Questions: asked, answered from another process, passed on, and never waited for for ever."""

from __future__ import annotations

import functools
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import anyio
import pytest
from anyio import to_thread

from runner.answering import answer
from runner.controller import run_swarm
from runner.events import Answered, Asked, Escalated, Notified
from runner.journal import Journal, Record
from runner.spec import Swarm
from runner.state import RunState
from runner.webhook import serve
from sandboxes.errors import InputError
from tests.runner.laboratory import Laboratory, swarm, task
from tests.runner.test_handoffs import act, events, shown, speaker

pytestmark = pytest.mark.anyio
NOTE = {"note": {"path": "~/note.txt"}}
MISSING = {"click": {"role": "push button", "name": "No such button", "timeout": 0.2}}
ASKS = {"answers": {"agent": ["person", "person", "person"]}}
PATIENT = {"path": [{"to": "ada", "within_s": 60}]}


async def run_and(lab: Laboratory, whole: Swarm, *reactions: Callable[[Record], None]) -> RunState:
    """Run it; each event is shown to the reactions, which stand for people at another process."""

    def tell(record: Record, _state: RunState) -> None:
        lab.records.append(record)
        for react in reactions:
            react(record)

    summary = await run_swarm(
        whole,
        lab.folder,
        lab.home,
        backend="simulated",
        on_event=tell,
    )
    return lab.read(summary.run)


def answering(lab: Laboratory, *choices: str) -> Callable[[Record], None]:
    """A person who answers each question with the next of these, through a journal of their own."""
    given = iter(choices)

    def react(record: Record) -> None:
        if isinstance(record.event, Asked):
            choice, asked = next(given), record.event
            question = f"{asked.task}.{asked.attempt}.{asked.number}"

            def work() -> None:
                with Journal(lab.home) as journal:
                    answer(journal, record.run, question, choice, "ada", "as you like")

            threading.Thread(target=work).start()

    return react


async def test_a_person_rules_and_the_run_goes_on_elsewhere_meanwhile(lab: Laboratory) -> None:
    """One desktop at a time: while the person thinks, the other task has it."""
    tasks = task("a", MISSING), task("z", outputs=NOTE)
    whole = swarm(*tasks, policy=ASKS, escalate=PATIENT, parallel=1)
    later = answering(lab, "retry_fresh", "abort_branch")
    asked: list[Record] = []

    def react(record: Record) -> None:
        """The first question is answered once the other task is done."""
        if isinstance(record.event, Asked) and not asked:
            asked.append(record)
        elif record.event.kind == "task_ended" and record.event.task == "z":
            later(asked[0])
        else:
            later(record)

    with anyio.fail_after(60):
        state = await run_and(lab, whole, react)
    assert {name: one.status for name, one in state.tasks.items()} == {"a": "failed", "z": "succeeded"}
    first, second = state.tasks["a"].attempts
    assert [ruling.answer for ruling in first.rulings] == ["person", "retry_fresh"]
    assert [(ruling.answer, ruling.by) for ruling in second.rulings] == [
        ("person", "policy"),
        ("abort_branch", "ada"),
    ]
    question = asked[0].event
    assert isinstance(question, Asked)
    assert "No such button" in question.context
    assert question.choices == ("retry_fresh", "retry_checkpoint", "abort_branch", "abort_run")


async def test_when_nobody_answers_the_question_goes_along_the_path_and_then_the_default_happens(
    lab: Laboratory,
) -> None:
    path = [{"to": "ada", "within_s": 0.3}, {"to": "bob", "within_s": 0.3}]
    whole = swarm(
        task("a", MISSING),
        task("b", after=["a"]),
        policy=ASKS,
        escalate={"path": path, "default": "abort_run"},
    )
    with anyio.fail_after(60):
        state = await run_and(lab, whole)
    kinds = [record.event.kind for record in lab.records]
    assert (
        kinds.index("asked") < kinds.index("escalated") < kinds.index("answered") < kinds.index("run_ended")
    )
    [escalated], [answered] = events(lab, Escalated), events(lab, Answered)
    assert (escalated.to, escalated.level) == ("bob", 1)
    assert (answered.choice, answered.by) == ("abort_run", "default")
    assert (state.status, state.tasks["b"].status) == ("failed", "cancelled")
    assert state.reason.startswith("a: ")


async def test_abort_run_ends_what_is_at_work_too(lab: Laboratory) -> None:
    waits = {"wait_for": {"role": "push button", "name": "Never", "timeout": 60}}
    whole = swarm(task("a", MISSING), task("b", waits), policy={"answers": {"agent": ["abort_run"]}})
    with anyio.fail_after(30):
        state = await run_and(lab, whole)
    assert state.tasks["b"].attempts[0].failure == "cancelled"
    assert {one.status for one in state.tasks.values()} == {"failed", "cancelled"}


async def test_a_person_lets_pass_what_judges_disagree_on(lab: Laboratory) -> None:
    says = [
        {"name": name, "command": ["echo", json.dumps({"passed": name == "yes"})]} for name in ("yes", "no")
    ]
    one = task("a", outputs=NOTE, judges={"panel": says})
    given = {"given": {"artifact": "a.note", "to": "~/given.txt"}}
    whole = swarm(
        one, task("b", inputs=given), policy={"answers": {"contract.conflict": ["person"]}}, escalate=PATIENT
    )
    with anyio.fail_after(60):
        state = await run_and(lab, whole, answering(lab, "accept"))
    [attempt] = state.tasks["a"].attempts
    assert (attempt.failure, attempt.cause) == ("contract", "conflict")
    assert (state.tasks["a"].status, state.tasks["b"].status) == ("succeeded", "succeeded")
    assert state.tasks["b"].attempts[0].inputs["given"].sha256 == attempt.outputs["note"].sha256


async def test_an_agents_question_is_answered_and_shown_to_it(lab: Laboratory) -> None:
    asks = {"say": "ask", "question": "Which?", "choices": ["left", "right"], "default": "left"}
    one = speaker(lab, "a", asks, act({"type": "x"}), {"say": "done"}, escalate=PATIENT)
    with anyio.fail_after(60):
        state = await run_and(lab, swarm(one), answering(lab, "right"))
    assert state.status == "succeeded"
    assert [view["answer"] for view in shown(lab, "a")] == [
        None,
        {"question": "Which?", "choice": "right", "note": "as you like", "by": "ada"},
        None,
    ]


async def test_an_agents_question_that_nobody_answers_gets_its_default(lab: Laboratory) -> None:
    asks = {"say": "ask", "question": "What name?", "default": "nobody"}
    one = speaker(lab, "a", asks, {"say": "done"}, escalate={"path": [{"to": "ada", "within_s": 0.3}]})
    with anyio.fail_after(60):
        await run_and(lab, swarm(one))
    assert [view["answer"] and view["answer"]["by"] for view in shown(lab, "a")] == [None, "default"]


async def test_an_agent_that_asks_without_end_fails(lab: Laboratory) -> None:
    asks = {"say": "ask", "question": "And now?", "default": "go on"}
    one = speaker(lab, "a", *[asks] * 12, escalate={"path": [{"to": "ada", "within_s": 0.01}]})
    with anyio.fail_after(60):
        state = await run_and(lab, swarm(one))
    [attempt] = state.tasks["a"].attempts
    assert (attempt.failure, attempt.reason) == ("agent", "asked more than 10 questions")


async def test_an_answer_must_be_a_choice_of_an_open_question_and_the_first_counts(lab: Laboratory) -> None:
    problems: list[str] = []

    def react(record: Record) -> None:
        if isinstance(record.event, Asked):
            threading.Thread(target=work, args=(record.run,)).start()

    def work(run: str) -> None:
        with Journal(lab.home) as journal:
            for question, choice in (
                ("a", "maybe"),
                ("a.1.7", "accept"),
                ("a", "abort_branch"),
                ("a.1.1", "x"),
            ):
                try:
                    answer(journal, run, question, choice, "ada")
                except InputError as error:
                    problems.append(str(error))

    with anyio.fail_after(60):
        state = await run_and(lab, swarm(task("a", MISSING), policy=ASKS, escalate=PATIENT), react)
    assert state.tasks["a"].status == "failed"
    assert [problem.partition(";")[0] for problem in problems] == [
        "answer: 'maybe' is no choice of a.1.1",
        f"question: {state.id} has no question 'a.1.7'",
        "question: a.1.1 was answered already: abort_branch (by ada)",
    ]
    with Journal(lab.home) as journal, pytest.raises(InputError, match="nobody waits for an answer"):
        answer(journal, state.id, "a.1.1", "abort_branch", "bob")


# --- webhooks ----------------------------------------------------------------------------------------


@contextmanager
def receiver(status: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server of the user's: what was posted to it, as it comes."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret-path", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("status", "ok"), [(204, True), (500, False)])
async def test_a_question_is_posted_and_what_came_of_it_recorded(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, status: int, ok: bool
) -> None:
    with receiver(status) as (url, posted):
        monkeypatch.setenv("OUR_HOOK", url)
        path = [{"to": "ada", "within_s": 60, "post": "env:OUR_HOOK"}]
        whole = swarm(task("a", MISSING), policy=ASKS, escalate={"path": path})
        reply = answering(lab, "abort_branch")
        asked: list[Record] = []

        def react(record: Record) -> None:
            if isinstance(record.event, Asked):
                asked.append(record)
            if isinstance(record.event, Notified):
                reply(asked[0])

        with anyio.fail_after(60):
            state = await run_and(lab, whole, react)
    [message] = posted
    assert (message["run"], message["question"], message["to"]) == (state.id, "a.1.1", "ada")
    assert message["choices"][-1] == "abort_run"
    [notified] = events(lab, Notified)
    assert (notified.ok, notified.detail) == (ok, f"answered {status}")
    with Journal(lab.home) as journal:
        assert all("secret-path" not in record.event.model_dump_json() for record in journal.read(state.id))


def request(url: str, token: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


async def test_the_webhook_lists_questions_and_takes_answers_from_who_has_the_token(lab: Laboratory) -> None:
    waiting = anyio.Event()
    runs: list[str] = []

    def react(record: Record) -> None:
        if isinstance(record.event, Asked):
            runs.append(record.run)
            waiting.set()

    async def ask(path: str, token: str = "t0ken", body: object = None) -> tuple[int, dict[str, Any]]:
        data = None if body is None else json.dumps(body).encode()
        call = functools.partial(request, f"http://127.0.0.1:{port}{path}", token, data)
        return await to_thread.run_sync(call)

    whole = swarm(task("a", MISSING), policy=ASKS, escalate=PATIENT)
    with anyio.fail_after(60), Journal(lab.home) as journal:
        async with anyio.create_task_group() as tasks:
            port = await tasks.start(serve, journal, "t0ken", 0)
            over = anyio.Event()

            async def run() -> None:
                await run_and(lab, whole, react)
                over.set()

            tasks.start_soon(run)
            await waiting.wait()
            assert (await ask("/questions", token="wrong"))[0] == 401
            assert (await ask("/questions", token=""))[0] == 401
            assert (await ask("/other"))[0] == 404
            status, listed = await ask("/questions")
            assert (status, [one["question"] for one in listed["questions"]]) == (200, ["a.1.1"])
            reply = {"run": runs[0], "question": "a.1.1", "choice": "abort_branch", "by": "the bot"}
            assert (await ask("/answer", body={**reply, "choice": "hm"}))[0] == 400
            assert (await ask("/answer", body={"run": runs[0]}))[1]["error"] == "question: Field required"
            assert (await ask("/answer", body=["x" * (70 << 10)]))[0] == 400
            assert (await ask("/answer", body=reply))[0] == 200
            await over.wait()
            tasks.cancel_scope.cancel()
    assert events(lab, Answered)[0].by == "the bot"


async def test_a_person_does_a_task_step_by_step(lab: Laboratory) -> None:
    """What is no action is asked again; what is one is done, and recorded as any agent's."""
    steps = ("open: [notes, ~/note.txt]", "clik: here", "[{type: hello}, {press: ctrl+s}]", "look", "done")
    checks = [{"check": "text", "path": "~/note.txt", "equals": "hello"}]
    one = {**task("a", checks=checks), "agent": {"kind": "person"}}
    state = await run_and(lab, swarm(one, escalate=PATIENT), answering(lab, *steps))
    [attempt] = state.tasks["a"].attempts
    assert (state.status, attempt.steps) == ("succeeded", 2)
    asked = [record.event for record in lab.records if isinstance(record.event, Asked)]
    assert len(asked) == len(steps)
    assert "That is no action" in asked[2].context


async def test_a_person_who_says_nothing_gives_up(lab: Laboratory) -> None:
    hasty = {"path": [{"to": "ada", "within_s": 0.3}]}
    one = {**task("a"), "agent": {"kind": "person"}}
    state = await run_and(lab, swarm(one, escalate=hasty))
    [attempt] = state.tasks["a"].attempts
    assert (attempt.failure, attempt.cause) == ("agent", "gave_up")
    assert attempt.reason == "answered by default: give up"
