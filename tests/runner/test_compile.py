"""From what people write to what is run: patterns, maps, and ids and hashes that stay the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.compile import Compiled, compile_swarm
from runner.errors import Loc, SpecError
from runner.graph import Reference
from runner.spec import ScriptAgent, Swarm
from tests.runner.laboratory import swarm, task

NOTE = {"note": {"path": "~/note.txt"}}
CHECK = {"checks": [{"check": "text", "path": "~/note.txt", "contains": ["x"]}]}
MODEL = {"kind": "process", "command": ["agent"]}


def takes(artifact: str, to: str = "~/in.txt") -> dict[str, Any]:
    return {"inputs": {"given": {"artifact": artifact, "to": to}}}


def needs(compiled: Compiled) -> dict[str, set[str]]:
    return {node.id: set(node.needs) for node in compiled.plan.tasks}


def refused(folder: Path, written: Swarm) -> dict[Loc, str]:
    with pytest.raises(SpecError) as caught:
        compile_swarm(written, folder)
    return {problem.loc: problem.message for problem in caught.value.problems}


# --- patterns -------------------------------------------------------------------------------------


def test_a_pipeline_runs_in_the_order_it_is_written_in(tmp_path: Path) -> None:
    stages = (task("c", outputs=NOTE, **CHECK), task("a", **CHECK, **takes("c.note")), task("b"))
    compiled = compile_swarm(swarm(*stages, pattern="pipeline"), tmp_path)
    assert needs(compiled) == {"c": set(), "a": {"c"}, "b": {"a"}}
    assert compiled.plan.pattern == "pipeline"


def test_a_pipeline_validates_at_every_handoff(tmp_path: Path) -> None:
    found = refused(tmp_path, swarm(task("a", outputs=NOTE), task("b"), pattern="pipeline"))
    assert "nothing is validated before b takes over" in found["tasks", 0]
    schema = {"note": {"path": "~/note.json", "schema": {"type": "object"}}}
    compile_swarm(swarm(task("a", outputs=schema), task("b"), pattern="pipeline"), tmp_path)


def test_what_runs_against_the_order_of_a_pipeline_is_a_circle(tmp_path: Path) -> None:
    found = refused(tmp_path, swarm(task("a", after=["b"], **CHECK), task("b"), pattern="pipeline"))
    assert "wait for each other" in found["tasks", 0]


def hierarchy(**lead: Any) -> Swarm:
    specialists = [{**task(name, reports_to="boss"), "agent": MODEL} for name in ("ann", "bob")]
    boss = {**task("boss", **lead), "agent": MODEL}
    return swarm(boss, *specialists, pattern="hierarchy")


def test_a_lead_briefs_its_specialists_and_reads_their_reports(tmp_path: Path) -> None:
    compiled = compile_swarm(hierarchy(lead={"brief_tokens": 90, "report_tokens": 70}), tmp_path)
    assert needs(compiled) == {
        "boss.brief": set(),
        "ann": {"boss.brief"},
        "bob": {"boss.brief"},
        "boss": {"ann", "bob"},
    }
    tasks = {one.id: one for one in compiled.swarm.tasks}
    assert {name: out.max_tokens for name, out in tasks["boss.brief"].outputs.items()} == {
        "ann": 90,
        "bob": 90,
    }
    assert tasks["ann"].outputs["report"].max_tokens == 70
    planned = {node.id: node for node in compiled.plan.tasks}
    assert planned["ann"].artifacts == {"brief": Reference(task="boss.brief", output="ann")}
    assert planned["boss"].artifacts["bob"] == Reference(task="bob", output="report")
    handoff = tasks["ann"].handoffs["boss.brief"]
    assert (handoff.max_tokens, handoff.must_read) == (90, True)
    assert "~/brief.md" in tasks["ann"].instruction
    assert "70 tokens" in tasks["ann"].instruction


def test_a_lead_may_say_how_it_takes_a_report(tmp_path: Path) -> None:
    compiled = compile_swarm(hierarchy(handoffs={"ann": {"must_read": True}}), tmp_path)
    tasks = {one.id: one for one in compiled.swarm.tasks}
    assert (tasks["boss"].handoffs["ann"].must_read, tasks["boss"].handoffs["bob"].must_read) == (True, False)
    assert not tasks["boss.brief"].handoffs


def test_a_specialist_that_is_a_script_need_not_say_that_it_read(tmp_path: Path) -> None:
    compiled = compile_swarm(
        swarm(task("boss"), task("ann", reports_to="boss"), pattern="hierarchy"), tmp_path
    )
    [ann] = [one for one in compiled.swarm.tasks if one.id == "ann"]
    assert not ann.handoffs["boss.brief"].must_read


def test_the_briefs_may_have_a_writer_of_their_own(tmp_path: Path) -> None:
    writer = {"kind": "script", "steps": [{"type": "the briefs"}]}
    compiled = compile_swarm(hierarchy(lead={"agent": writer, "instruction": "Divide it."}), tmp_path)
    [briefing] = [one for one in compiled.swarm.tasks if one.id == "boss.brief"]
    assert isinstance(briefing.agent, ScriptAgent)
    assert briefing.instruction.startswith("Divide it.")


def test_a_lead_may_report_to_another(tmp_path: Path) -> None:
    tasks = (task("top"), task("mid", reports_to="top"), task("low", reports_to="mid"))
    assert needs(compile_swarm(swarm(*tasks, pattern="hierarchy"), tmp_path)) == {
        "top.brief": set(),
        "mid.brief": {"top.brief"},
        "low": {"mid.brief"},
        "mid": {"top.brief", "low"},
        "top": {"mid"},
    }


@pytest.mark.parametrize(
    ("tasks", "loc", "message"),
    [
        ([task("a"), task("b")], ("pattern",), "nobody leads"),
        ([task("a"), task("b", reports_to="aa")], ("tasks", 1, "reports_to"), "did you mean 'a'"),
        (
            [task("a", reports_to="b"), task("b", reports_to="a")],
            ("tasks", 0, "reports_to"),
            "in a circle: a to b to a",
        ),
        ([task("a"), task("b", reports_to="a", lead={})], ("tasks", 1, "lead"), "nobody reports to b"),
        (
            [task("a"), task("b", reports_to="a", outputs={"report": {"path": "~/x"}})],
            ("tasks", 1, "outputs", "report"),
            "take another",
        ),
        ([task("a"), task("a.brief"), task("b", reports_to="a")], ("tasks", 3, "id"), "earlier task"),
    ],
)
def test_what_is_no_hierarchy(tmp_path: Path, tasks: list[dict[str, Any]], loc: Loc, message: str) -> None:
    assert message in refused(tmp_path, swarm(*tasks, pattern="hierarchy"))[loc]


def test_leads_are_for_hierarchies(tmp_path: Path) -> None:
    found = refused(tmp_path, swarm(task("a"), task("b", reports_to="a")))
    assert "pattern: hierarchy" in found["tasks", 1, "reports_to"]


# --- maps -----------------------------------------------------------------------------------------

INVOICES = 'number,amount,customer\n7,12.50,Café Ü\n8,99,"Smith, J."\n'


def mapped(folder: Path, *tasks: dict[str, Any], csv: str = INVOICES, **source: Any) -> Compiled:
    (folder / "invoices.csv").write_text(csv)
    given = {"invoices": {"rows": "invoices.csv", "key": "number", **source}}
    return compile_swarm(swarm(*tasks, map=given), folder)


def row_task(name: str, **more: Any) -> dict[str, Any]:
    return {**task(name, {"type": "{row.amount}"}, **more), "each": "invoices"}


def test_a_task_for_each_row_with_what_the_row_says(tmp_path: Path) -> None:
    compiled = mapped(tmp_path, {**row_task("file"), "instruction": "File {row.number} for {row.customer}."})
    first, second = compiled.swarm.tasks
    assert (first.id, second.id) == ("file.7", "file.8")
    assert (first.instruction, second.instruction) == ("File 7 for Café Ü.", "File 8 for Smith, J..")
    assert isinstance(second.agent, ScriptAgent)
    assert second.agent.steps[0].model_dump()["text"] == "99"
    assert compiled.swarm.map == {}


def test_an_agent_that_is_named_sees_the_row_too(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"n": 1}\n\n{"n": true}\n')
    agents = {"typist": {"kind": "script", "steps": [{"type": "{row.n}"}]}}
    written = swarm(
        {**task("a"), "agent": "typist", "each": "t"}, agents=agents, map={"t": {"rows": "t.jsonl"}}
    )
    agents_made = [one.agent for one in compile_swarm(written, tmp_path).swarm.tasks]
    texts = [one.steps[0].model_dump()["text"] for one in agents_made if isinstance(one, ScriptAgent)]
    assert texts == ["1", "true"]


def test_of_two_tasks_with_one_map_each_row_has_to_do_with_its_own(tmp_path: Path) -> None:
    check = row_task("check", **takes("file.note"), after=["file"])
    assert needs(mapped(tmp_path, row_task("file", outputs=NOTE), check)) == {
        "file.7": set(),
        "file.8": set(),
        "check.7": {"file.7"},
        "check.8": {"file.8"},
    }


def test_what_is_not_repeated_waits_for_all_and_gathers_them(tmp_path: Path) -> None:
    gather = task("sum", **takes("file.note", "~/notes/{row.number}.txt"))
    compiled = mapped(tmp_path, row_task("file", outputs=NOTE), gather, task("end", after=["file"]))
    assert needs(compiled)["sum"] == needs(compiled)["end"] == {"file.7", "file.8"}
    [total] = [one for one in compiled.swarm.tasks if one.id == "sum"]
    assert {name: given.to for name, given in total.inputs.items()} == {
        "given.7": "~/notes/7.txt",
        "given.8": "~/notes/8.txt",
    }


def test_handoffs_go_along(tmp_path: Path) -> None:
    check = row_task("check", after=["file"], handoffs={"file": {"brief": "Look at {row.number}."}})
    compiled = mapped(tmp_path, row_task("file"), check)
    briefs = {one.id: one.handoffs[f"file.{one.id[-1]}"].brief for one in compiled.swarm.tasks[2:]}
    assert briefs == {"check.7": "Look at 7.", "check.8": "Look at 8."}


def test_a_task_for_each_file(tmp_path: Path) -> None:
    for name in ("scans/b/Page 1.PNG", "scans/a/x.PNG", "scans/readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    inputs = {"scan": {"file": "{row.path}", "to": "~/in/{row.name}"}}
    written = swarm({**task("read", inputs=inputs), "each": "s"}, map={"s": {"files": "scans/**/*.PNG"}})
    tasks = compile_swarm(written, tmp_path).swarm.tasks
    assert [one.id for one in tasks] == ["read.a-x-png", "read.b-page-1-png"]
    scan = {"file": "scans/b/Page 1.PNG", "to": "~/in/Page 1.PNG"}
    assert tasks[1].inputs["scan"].model_dump(exclude_none=True) == scan


def test_the_id_of_a_row_stays_wherever_the_row_moves(tmp_path: Path) -> None:
    def ids(csv: str, key: str | None) -> list[str]:
        return [one.id for one in mapped(tmp_path, row_task("file"), csv=csv, key=key).swarm.tasks]

    header, *rows = INVOICES.splitlines()
    moved = "\n".join([header, "9,1,new", *reversed(rows)])
    for key in ("number", None):
        assert set(ids(INVOICES, key)) < set(ids(moved, key))
    same = ids(f"{header}\n{rows[0]}\n{rows[0]}\n", None)
    assert same[1] == f"{same[0]}-2"


@pytest.mark.parametrize(
    ("csv", "source", "message"),
    [
        ("number,amount\n1,2,3\n", {}, "invoices.csv:2: 3 cells under a header of 2"),
        ('number,amount\n\n1,"a\nb"\n2\n', {}, "invoices.csv:5: 1 cells under a header of 2"),
        ("number,number\n1,2\n", {}, "invoices.csv:1: two columns are named 'number'"),
        ("number,\n1,2\n", {}, "invoices.csv:1: column 2 needs a name"),
        ("number,amount\n1,2\n1,3\n", {}, "invoices.csv:3: its key '1' is that of invoices.csv:2 too"),
        ("number,amount\n1,2\n?,3\n", {}, "invoices.csv:3: '?' names no task"),
        ("nmber,amount\n1,2\n", {}, "no column is named 'number' (`key`); did you mean 'nmber'?"),
        ('number,amount\n1,"2\n', {}, "invoices.csv:2: not CSV"),
        ("number,amount\n", {}, "nothing there"),
        ("number,amount\n1,2\n2,2\n", {"most": 1}, "more than 1 (`most`)"),
        ("number,amount\n1,2\n", {"rows": "gone.csv"}, "'gone.csv' — no such file"),
        ("number,amount\n1,2\n", {"rows": "../up.csv"}, "'../up.csv'"),
        ("number,amount\n1,2\n", {"rows": "a.txt"}, "neither .csv nor .jsonl"),
    ],
)
def test_a_bad_table_is_told_with_its_line(
    tmp_path: Path, csv: str, source: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError) as caught:
        mapped(tmp_path, row_task("file"), csv=csv, **source)
    [problem] = caught.value.problems
    assert problem.loc == ("map", "invoices", "rows")
    assert message in problem.message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "t.jsonl:2: an object is wanted"),
        ('{"a": [1]}', "t.jsonl:2: 'a' is not one value"),
        ("{", "t.jsonl:2: not JSON"),
    ],
)
def test_a_bad_line_of_json_is_told(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "t.jsonl").write_text(f'{{"a": 1}}\n{line}\n')
    found = refused(tmp_path, swarm({**task("a"), "each": "t"}, map={"t": {"rows": "t.jsonl"}}))
    assert message in found["map", "t", "rows"]


@pytest.mark.parametrize(
    ("tasks", "loc", "message"),
    [
        (
            [{**row_task("a"), "instruction": "{row.amnt}"}],
            ("tasks", 0),
            "invoices.csv:2: no column is named 'amnt'",
        ),
        ([{**row_task("a"), "each": "invoice"}], ("tasks", 0, "each"), "did you mean 'invoices'"),
        (
            [row_task("a", outputs=NOTE), task("b", **takes("a.note"))],
            ("tasks", 1, "inputs", "given", "to"),
            "all of a would be put at ~/in.txt",
        ),
        (
            [row_task("a", outputs=NOTE), task("b", **takes("a.note", "~/{row.customer}"))],
            ("tasks", 1, "inputs", "given.8", "to"),
            "another input is put at",
        ),
        ([row_task("a" * 62)], ("tasks", 0, "id"), "invoices.csv:2: "),
        ([row_task("a"), task("a.8")], ("tasks", 1, "id"), "earlier task"),
    ],
)
def test_a_bad_template_is_told_with_its_place(
    tmp_path: Path, tasks: list[dict[str, Any]], loc: Loc, message: str
) -> None:
    with pytest.raises(SpecError) as caught:
        mapped(tmp_path, *tasks, csv="number,amount,customer\n7,1,same\n8,2,same\n")
    assert message in {problem.loc: problem.message for problem in caught.value.problems}[loc]


def test_files_whose_names_differ_too_little_are_told(tmp_path: Path) -> None:
    for name in ("a b.txt", "a-b.txt"):
        (tmp_path / name).write_text("x")
    found = refused(tmp_path, swarm({**task("a"), "each": "s"}, map={"s": {"files": "*.txt"}}))
    assert "its key 'a-b-txt' is that of a b.txt too; rename one" in found["map", "s", "files"]


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.txt").write_text("x")
    (tmp_path / "in" / "a.txt").symlink_to(tmp_path / "secret.txt")
    found = refused(tmp_path / "in", swarm({**task("a"), "each": "s"}, map={"s": {"files": "*.txt"}}))
    assert "outside the swarm's folder" in found["map", "s", "files"]


# --- the same again -------------------------------------------------------------------------------


def test_what_is_compiled_compiles_to_itself(tmp_path: Path) -> None:
    compiled = mapped(tmp_path, row_task("file", outputs=NOTE), task("end", after=["file"]))
    written = compiled.swarm.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    again = compile_swarm(Swarm.model_validate(written), tmp_path)
    assert again.swarm == compiled.swarm
    assert again.plan == compiled.plan


def hashes(folder: Path, *tasks: dict[str, Any], **more: Any) -> dict[str, str]:
    return {node.id: node.hash for node in compile_swarm(swarm(*tasks, **more), folder).plan.tasks}


def test_a_hash_covers_the_content_of_files_and_what_is_behind_them(tmp_path: Path) -> None:
    tasks = (
        task("a", inputs={"given": {"file": "data.txt", "to": "~/x"}}),
        task("b", after=["a"]),
        task("c"),
    )
    (tmp_path / "data.txt").write_text("one")
    first = hashes(tmp_path, *tasks)
    assert hashes(tmp_path, *tasks) == first
    (tmp_path / "data.txt").write_text("two")
    second = hashes(tmp_path, *tasks)
    assert {name for name in "abc" if first[name] != second[name]} == {"a", "b"}


@pytest.mark.parametrize("more", [{}, {"judges": {"panel": [{"name": "j", "python": "code:judge"}]}}])
def test_a_hash_covers_the_code_that_makes_or_judges_the_work(tmp_path: Path, more: dict[str, Any]) -> None:
    agent = MODEL if more else {"kind": "process", "command": ["python3", "code.py"]}
    written = {**task("a", **more), "agent": agent}
    (tmp_path / "code.py").write_text("one")
    first = hashes(tmp_path, written)
    (tmp_path / "code.py").write_text("two")
    assert hashes(tmp_path, written) != first


def test_a_hash_is_the_same_however_the_task_is_written(tmp_path: Path) -> None:
    assert hashes(tmp_path, task("a")) == hashes(tmp_path, task("a", budget={"steps": 200}), parallel=9)


def test_locks_are_in_the_plan(tmp_path: Path) -> None:
    locks = {"mailbox": {}, "licence": {"holders": 3}}
    plan = compile_swarm(swarm(task("a", locks=["mailbox", "licence"]), locks=locks), tmp_path).plan
    assert plan.tasks[0].locks == ("mailbox", "licence")
    assert plan.seats == {"licence": 3}
    found = refused(tmp_path, swarm(task("a", locks=["mailbx"]), locks=locks))
    assert "did you mean 'mailbox'" in found["tasks", 0, "locks", 0]


def test_a_handoff_from_nobody_is_refused(tmp_path: Path) -> None:
    found = refused(tmp_path, swarm(task("a"), task("b", handoffs={"a": {}})))
    assert "name it in `after`" in found["tasks", 1, "handoffs", "a"]
