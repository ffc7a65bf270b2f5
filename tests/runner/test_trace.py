"""A run as OpenTelemetry spans: what is in them, that they are the same each time, and where they go."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import StatusCode

from runner.checkpoints import read_checkpoint
from runner.events import CheckpointTaken
from runner.journal import Journal, Record
from runner.trace.collect import spans_of
from runner.trace.drafts import context_of
from runner.trace.otlp import json_lines
from tests.runner.cli.command import Command
from tests.runner.laboratory import SMALL, Laboratory, task
from tests.runner.test_handoffs import act, speaker

pytestmark = pytest.mark.anyio
TYPED = "the-launch-code"
NOTE = {"note": {"path": "~/note.txt"}}
GIVEN = {"given": {"artifact": "a.note", "to": "~/given.txt"}}
WRONG = [{"check": "text", "path": "~/note.txt", "equals": "bye"}]
SWARM = f"""
name: notes
tasks:
  - id: a
    instruction: Write a note.
    desktop: {json.dumps(SMALL)}
    agent: {{kind: script, steps: [{{type: {TYPED}}}, {{press: ctrl+s}}]}}
"""


def records_of(lab: Laboratory, run: str) -> list[Record]:
    with Journal(lab.home) as journal:
        return journal.read(run)


async def run(lab: Laboratory, *tasks: dict[str, Any], **options: Any) -> list[Record]:
    return records_of(lab, (await lab.run(*tasks, **options)).id)


def export(lab: Laboratory, records: Sequence[Record]) -> list[Any]:
    """The spans, not typed: OpenTelemetry's types allow nearly everything to be absent."""
    return list(spans_of(records, lab.store))


def by_place(spans: list[Any]) -> dict[tuple[Any, ...], Any]:
    """By task, attempt and step, and for an action its number."""
    keys = [f"deskswarm.{name}" for name in ("task.id", "attempt.number", "step.number", "action.number")]
    return {tuple(one.attributes[key] for key in keys if key in one.attributes): one for one in spans}


def told(span: Any) -> list[str]:
    return [event.name.removeprefix("deskswarm.") for event in span.events]


def assert_one_tree(spans: list[Any]) -> None:
    """Every span but the run's has its parent here, and lies within it."""
    by_id = {span.context.span_id: span for span in spans}
    assert len(by_id) == len(spans)
    assert len({span.context.trace_id for span in spans}) == 1
    assert [span for span in spans if span.parent is None] == [spans[0]]
    for span in spans[1:]:
        parent = by_id[span.parent.span_id]
        assert parent.start_time <= span.start_time <= span.end_time <= parent.end_time
        for event in span.events:
            assert span.start_time <= event.timestamp <= span.end_time


async def test_run_task_attempt_step_and_action_are_each_within_the_other(lab: Laboratory) -> None:
    records = await run(lab, task("a", outputs=NOTE), task("b", inputs=GIVEN))
    spans = export(lab, records)
    assert_one_tree(spans)
    assert {span.status.status_code for span in spans} == {StatusCode.UNSET}
    at = by_place(spans)
    assert at[()].name == "invoke_workflow test"
    assert at["a",].name == "task a"
    assert at["a", 1].name == "invoke_agent"
    assert at["a", 1, 0].name == "step"
    assert at["a", 1, 0, 0].name == "execute_tool type"
    assert at["a", 1, 1, 0].name == "execute_tool press"
    for place, span in at.items():
        assert span.context == context_of(records[0].run, *place)
    first = next(record for record in records if isinstance(record.event, CheckpointTaken))
    assert first.event.task == "a"
    assert at["a", 1, 0].end_time == round(first.at * 1e9)
    assert at["a", 1, 1].start_time == at["a", 1, 0].end_time


async def test_a_step_says_how_long_each_part_of_it_took(lab: Laboratory) -> None:
    records = await run(lab, task("a"))
    first = next(one.event for one in records if isinstance(one.event, CheckpointTaken))
    timings = read_checkpoint(lab.store, first.sha256).timings
    step = by_place(export(lab, records))["a", 1, 0]
    for name, seconds in asdict(timings).items():
        assert step.attributes[f"deskswarm.step.{name}"] == seconds
    assert step.attributes["deskswarm.step.say"] == "act"


async def test_a_handoff_links_the_receivers_attempt_to_the_senders(lab: Laboratory) -> None:
    records = await run(lab, task("a", outputs=NOTE), task("b", inputs=GIVEN))
    at = by_place(export(lab, records))
    assert [link.context for link in at["b", 1].links] == [at["a", 1].context]
    assert "handoff_received" in told(at["b", 1])
    assert "handoff_sent" in told(at["a", 1]) + told(at["a",])


async def test_failures_have_a_type_and_verdicts_and_rulings_their_place(lab: Laboratory) -> None:
    failing = task("a", checks=WRONG, retry={"contract": 1})
    lost = task("c", {"click": {"name": "Nowhere", "timeout": 0.1}})
    spans = export(lab, await run(lab, failing, task("b", after=["a"]), lost))
    assert_one_tree(spans)
    at = by_place(spans)
    errors = {place: span.attributes["error.type"] for place, span in at.items() if not span.status.is_ok}
    unset = {place for place, span in at.items() if "error.type" not in span.attributes}
    assert errors[()] == "failed"
    assert errors["a",] == errors["a", 1] == errors["a", 2] == "contract.check"
    assert errors["b",] == "blocked"
    assert errors["c", 1, 0, 0] == "action_failed"
    assert errors["c", 1].startswith("agent")
    assert ("a", 1, 0, 0) in unset
    assert not unset & errors.keys()
    [verdict] = [event for event in at["a", 2].events if event.name == "gen_ai.evaluation.result"]
    assert verdict.attributes["gen_ai.evaluation.score.label"] == "fail"
    assert verdict.attributes["deskswarm.verdict.failed"] == ("check 0: text",)
    rulings = [e.attributes["deskswarm.ruling.answer"] for e in at["a",].events if "ruling" in e.name]
    assert rulings == ["retry_fresh", "abort_branch"]


async def test_work_taken_from_an_earlier_run_links_to_its_trace(lab: Laboratory) -> None:
    earlier = by_place(export(lab, await run(lab, task("a", outputs=NOTE), reuse=True)))
    at = by_place(export(lab, await run(lab, task("a", outputs=NOTE), reuse=True)))
    assert [link.context for link in at["a",].links] == [earlier["a", 1].context]
    assert at["a",].context.trace_id != earlier["a",].context.trace_id


async def test_refusals_and_escalations_are_events_of_what_they_happened_in(lab: Laboratory) -> None:
    more = {
        "allow": {"keys": []},
        "policy": {"answers": {"agent": ["person"]}},
        "escalate": {"path": [{"to": "ada", "within_s": 0.1}, {"to": "bob", "within_s": 0.1}]},
    }
    stopped = speaker(lab, "a", act({"press": "a"}), {"say": "failed", "reason": "no"}, **more)
    spans = export(lab, await run(lab, stopped))
    assert_one_tree(spans)
    at = by_place(spans)
    [refused] = [event for event in at["a", 1].events if event.name == "deskswarm.refused"]
    assert refused.attributes["deskswarm.refused.step"] == 0
    [escalated] = [event for event in at["a",].events if event.name == "deskswarm.escalated"]
    assert escalated.attributes["deskswarm.escalated.to"] == "bob"
    assert ("a", 1, 0, 0) not in at, "it was not carried out"


async def test_a_run_under_way_is_a_tree_at_every_moment_with_the_same_ids(lab: Laboratory) -> None:
    records = await run(lab, task("a", outputs=NOTE, checks=WRONG))
    whole = {span.context.span_id: span.name for span in export(lab, records)}
    for number in range(1, len(records) + 1):
        spans = export(lab, records[:number])
        assert_one_tree(spans)
        assert {span.context.span_id: span.name for span in spans}.items() <= whole.items()


async def test_what_a_controller_that_died_may_have_done_is_there(lab: Laboratory) -> None:
    records = await run(lab, task("a"))
    died = [one for one in records if one.event.kind != "checkpoint" or one.event.step == 0]
    at = by_place(export(lab, died))
    assert at["a", 1, 0, 0].attributes["deskswarm.action.known"] is True
    assert at["a", 1, 1, 0].attributes["deskswarm.action.known"] is False
    assert at["a", 1, 1, 0].parent == at["a", 1, 1].context


async def test_what_was_written_and_typed_stays_here(lab: Laboratory) -> None:
    records = await run(lab, task("a", {"type": TYPED}, {"press": "ctrl+s"}, outputs=NOTE, checks=WRONG))
    assert any(TYPED in record.event.model_dump_json() for record in records[1:]), "the verdict quotes it"
    exported = "".join(json_lines(export(lab, records)))
    assert TYPED not in exported
    assert "Write a note" not in exported


async def test_many_spans_go_in_several_requests(lab: Laboratory) -> None:
    [run_span, *_] = export(lab, await run(lab, task("a")))
    lines = [json.loads(line) for line in json_lines([run_span] * 1100)]
    assert [len(line["resourceSpans"][0]["scopeSpans"][0]["spans"]) for line in lines] == [512, 512, 76]


class Collector:
    """Takes OTLP over HTTP on loopback, and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[tuple[str, ExportTraceServiceRequest]] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append((self.path, ExportTraceServiceRequest.FromString(body)))
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    yield collector
    collector.server.shutdown()
    thread.join()
    collector.server.server_close()


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """With one run, which the tests only read."""
    command = Command(tmp_path_factory.mktemp("trace"))
    command.run(SWARM)
    return command


def test_the_command_prints_writes_and_sends_the_same(command: Command, collector: Collector) -> None:
    printed = command("trace", "last").stdout
    command("trace", "last", "--out", "trace.jsonl")
    assert (command.folder / "trace.jsonl").read_text() == printed == command("trace", "last").stdout
    command("trace", "last", "--endpoint", collector.url)
    command("trace", "last", "--endpoint", f"{collector.url}/else/where")
    assert [path for path, _ in collector.requests] == ["/v1/traces", "/else/where"]
    [sent] = collector.requests[0][1].resource_spans[0].scope_spans
    written = json.loads(printed)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert [(one.trace_id.hex(), one.span_id.hex(), one.name) for one in sent.spans] == [
        (one["traceId"], one["spanId"], one["name"]) for one in written
    ]
    assert written[1]["parentSpanId"] == written[0]["spanId"]
    assert written[0]["startTimeUnixNano"] == str(sent.spans[0].start_time_unix_nano)
    assert TYPED not in printed


def test_a_collector_that_refuses_is_told_of(command: Command, collector: Collector) -> None:
    collector.status = 400
    done = command("trace", "last", "--endpoint", collector.url, code=3)
    assert f"{collector.url}/v1/traces did not take the spans" in done.stderr
    assert "400" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_bad_options_are_told_of(command: Command) -> None:
    assert "no URL" in command("trace", "last", "--endpoint", "localhost:4318", code=2).stderr
    both = command("trace", "last", "--out", "x", "--endpoint", "http://localhost:4318", code=2)
    assert "give one" in both.stderr


def test_without_the_extra_the_fix_is_named() -> None:
    main = "import sys; sys.modules['opentelemetry'] = None; from runner.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", main, "trace", "last"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr.strip().endswith("pip install 'deskswarm[otel]'")
