"""Good swarm files load; bad ones say what is wrong, where, and what to write instead."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import SpecError, SpecProblem
from runner.load import bundled_swarms, load_swarm
from runner.spec import Swarm
from runner.yaml_source import parse_yaml

GOOD = """\
name: demo
agents:
  writer:
    kind: script
    steps:
      - open: [mousepad]
      - type: hello
tasks:
  - id: write
    instruction: Write a note.
    agent: writer
    outputs:
      note: {path: ~/note.txt}
    checks:
      - {check: text, path: ~/note.txt, equals: hello}
  - id: read
    instruction: Read it.
    agent: writer
    inputs:
      note: {artifact: write.note, to: ~/note.txt}
"""

FIELDS = ", ".join(sorted(Swarm.model_fields))


def problems_of(folder: Path, text: str | bytes, name: str = "swarm.yaml") -> list[str]:
    """What loading a file says, without the file's name."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SpecError) as error:
        load_swarm(path)
    prefix = f"{path}:"
    lines = str(error.value).splitlines()
    assert all(line.startswith(prefix) for line in lines)
    return [line.removeprefix(prefix).strip() for line in lines]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1
    return GOOD.replace(old, new, 1)


def test_a_good_file_loads(tmp_path: Path) -> None:
    path = tmp_path / "swarm.yaml"
    path.write_text(GOOD)
    loaded = load_swarm(str(path))
    assert [task.id for task in loaded.swarm.tasks] == ["write", "read"]
    assert (loaded.folder, loaded.source, loaded.text) == (tmp_path, path, GOOD)
    assert loaded.sha256 == load_swarm(path).sha256 != ""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    outputs:", "    output:", "12:5: tasks[0].output: no such field; did you mean 'outputs'?"),
        (
            "tasks:",
            "zebra: 1\ntasks:",
            f"8:1: zebra: no such field; known: {FIELDS}",
        ),
        (
            "type: hello",
            "type: no",
            "7:15: agents.writer.steps[1].type: no — a boolean to YAML 1.1, text to "
            "YAML 1.2; write false, or quote it: 'no'",
        ),
        (
            "type: hello",
            "type: true",
            "7:15: agents.writer.steps[1].type: true — a boolean, where text is wanted; quote it: 'true'",
        ),
        (
            "type: hello",
            "type: 12",
            "7:15: agents.writer.steps[1].type: 12 — a number, where text is wanted; quote it: '12'",
        ),
        (
            "type: hello",
            "type: 007",
            "7:15: agents.writer.steps[1].type: 007 — octal to YAML 1.1, decimal to "
            "YAML 1.2; leave out the leading zero, or quote it",
        ),
        ("type: hello", "type:", "7:14: agents.writer.steps[1].type: empty; text is wanted"),
        (
            "type: hello",
            "tpe: hello",
            "7:9: agents.writer.steps[1]: 'tpe' — no such action; did you mean 'type'?",
        ),
        ("type: hello", "fill: {role: entry}", "7:15: agents.writer.steps[1].fill: give `text` or `secret`"),
        (
            "type: hello",
            "click: {rol: entry, name: a}",
            "7:17: agents.writer.steps[1].click.rol: no such field; did you mean 'role'?",
        ),
        (
            "type: hello",
            "click: {}",
            "7:16: agents.writer.steps[1].click: says nothing of where; give `role`, "
            "`name`, `text`, `states` or `at`",
        ),
        (
            "type: hello",
            "click: {at: {x: 1, y: 2}, nth: 1}",
            "7:16: agents.writer.steps[1].click: a point (`at`) is one place; "
            "`states` and `nth` choose among objects",
        ),
        (
            "type: hello",
            "{type: a, press: b}",
            "7:9: agents.writer.steps[1]: an action is a mapping with one key, "
            "its verb, as `click: {role: push button, name: OK}`",
        ),
        (
            "[mousepad]",
            "mousepad",
            "6:15: agents.writer.steps[0].open: 'mousepad' — a list is wanted; write [mousepad]",
        ),
        (
            "kind: script",
            "kind: scrpt",
            "4:5: agents.writer: 'scrpt' — no such kind of agent; did you mean 'script'?",
        ),
        (
            "agent: writer",
            "agent: {kind: scrpt}",
            "11:12: tasks[0].agent: 'scrpt' — no such kind of agent; did you mean 'script'?",
        ),
        ("agent: writer", "agent: [writer]", "11:12: tasks[0].agent: a list — text or a mapping is wanted"),
        ("    instruction: Write a note.\n", "", "9:5: tasks[0].instruction: missing"),
        (
            "id: write",
            "id: Write It",
            "9:9: tasks[0].id: 'Write It' — a name is at most 63 of a-z, 0-9, `.`, `_` "
            "and `-`, and starts with a letter or digit",
        ),
        (
            "path: ~/note",
            "path: note",
            "13:20: tasks[0].outputs.note.path: 'note.txt' — a path on the desktop starts with / or ~",
        ),
        (
            "check: text",
            "check: txt",
            "15:9: tasks[0].checks[0]: 'txt' — no such check; did you mean 'text'?",
        ),
        (
            ", equals: hello",
            "",
            "15:9: tasks[0].checks[0]: checks nothing; give `equals`, `contains` or `matches`",
        ),
        (
            "equals: hello",
            "matches: '('",
            "15:50: tasks[0].checks[0].matches: '(' — not a regular expression: "
            "missing ), unterminated subpattern at position 0",
        ),
        (
            "name: demo",
            "name: demo\nname: other",
            "2:1: 'name' — twice in one mapping; it is on line 1 already",
        ),
        ("name: demo", "name: demo\n5: x", "2:1: 5 — names of fields are text; quote it: '5'"),
        (
            "name: demo",
            "name: demo\non: x",
            "2:1: on — a boolean to YAML 1.1, text to YAML 1.2; write true, or quote it: 'on'",
        ),
        (
            "name: demo",
            "name: !!python/object:os.system x",
            "1:7: name: the tag 'tag:yaml.org,2002:python/object:os.system' — not read; leave it out",
        ),
        ("name: demo", "name: demo\nparallel: 0", "2:11: parallel: 0 — should be greater than or equal to 1"),
        ("name: demo", "name: demo\nparallel: many", "2:11: parallel: 'many' — a whole number is wanted"),
        (
            "name: demo",
            "name: demo\nparallel: 1e999",
            "2:11: parallel: 1e999 — not a finite number; quote it if it is text",
        ),
        (
            "name: demo",
            "name: demo\nparallel: .nan",
            "2:11: parallel: .nan — not a finite number; quote it if it is text",
        ),
        (
            "name: demo",
            "name: demo\nparallel: " + "9" * 5000,
            "2:11: parallel: " + "9" * 60 + " — too long for a number; quote it if it is text",
        ),
        (
            "name: demo",
            "name: demo\n<<: {parallel: 3}",
            f"2:1: <<: no such field; known: {FIELDS}",
        ),
        (
            "name: demo",
            "name: demo\nparallel: *none",
            "2:11: '*none' — an alias of nothing; name it first with &none",
        ),
        ("name: demo", "name: demo\ntasks: &t [*t]", "2:12: '*t' — an alias inside what it stands for"),
        ("  writer:", "\twriter:", "3:1: a tab; YAML is indented with spaces only"),
        (
            "[mousepad]",
            "[mousepad",
            "7:13: not YAML: did not find expected ',' or ']' (while parsing a flow sequence "
            "that starts on line 6)",
        ),
        (
            "name: demo",
            "name: demo\nbad: a: b",
            "2:7: not YAML: mapping values are not allowed in this context",
        ),
        ("name: demo", "name: de\x07mo", "1:9: '\\x07' may not stand in YAML"),
    ],
)
def test_a_bad_file_says_what_and_where(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert problems_of(tmp_path, changed(old, new)) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the file is empty; a swarm has a `name` and `tasks`"),
        ("# nothing yet\n", "1:1: the file is empty; a swarm has a `name` and `tasks`"),
        ("- a\n- b\n", "1:1: a list — a mapping is wanted"),
        (GOOD + "---\n" + GOOD, "21:1: a second document; a swarm file holds one"),
        (b"name: demo\ndescription: caf\xe9\n", "2:17: the byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (GOOD.encode("utf-16"), "1:1: the byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"a" * (10 << 20), "1:1: larger than 1 MiB; keep data in files beside it, and name them as inputs"),
        ("[" * 1000, "1:65: nested more than 64 deep"),
        ("[" * 1_000_000, "1:65: nested more than 64 deep"),
        ("a:\n" + "".join(f"{' ' * i}- \n" for i in range(1, 100)), "65:65: nested more than 64 deep"),
        (
            "[" + "a," * 300_000 + "]",
            "1:400000: more than 200,000 values, aliases written out; split the swarm",
        ),
    ],
    ids=[
        "empty",
        "comment",
        "list",
        "documents",
        "latin-1",
        "utf-16",
        "10 MB",
        "deep",
        "deeper",
        "deep block",
        "many",
    ],
)
def test_a_file_that_is_no_swarm_is_refused_quickly(tmp_path: Path, text: str | bytes, problem: str) -> None:
    started = time.process_time()
    assert problems_of(tmp_path, text) == [problem]
    assert time.process_time() - started < 5


def test_exploding_aliases_are_counted_not_expanded(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.process_time()
    [problem] = problems_of(tmp_path, "\n".join(lines))
    assert problem == "6:15: more than 200,000 values, aliases written out; split the swarm"
    assert time.process_time() - started < 5


def test_deep_aliases_are_counted_too(tmp_path: Path) -> None:
    lines = ["a0: &a0 [[[[[[[[[[x]]]]]]]]]]"]
    lines += [f"a{n}: &a{n} [[[[[[[[[[*a{n - 1}]]]]]]]]]]" for n in range(1, 8)]
    [problem] = problems_of(tmp_path, "\n".join(lines))
    assert problem == "7:19: nested more than 64 deep, aliases written out"


def test_an_alias_is_its_value(tmp_path: Path) -> None:
    path = tmp_path / "swarm.yaml"
    path.write_text(changed("path: ~/note.txt", "path: &p ~/note.txt").replace("equals: hello", "equals: *p"))
    [check] = load_swarm(path).swarm.tasks[0].checks
    assert check.check == "text"
    assert check.equals == "~/note.txt"


def test_all_problems_are_reported_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        changed("type: hello", "typ: hello").replace("id: read", "id: Read").replace("name: demo", "name: no")
    )
    assert [line.split(": ")[0] for line in problems_of(tmp_path, text)] == ["1:7", "7:9", "16:9"]


def test_no_more_than_a_hundred_problems(tmp_path: Path) -> None:
    assert len(problems_of(tmp_path, "name: a\ntasks: [" + "{}," * 50_000 + "]")) == 100


def test_a_value_that_fits_no_member_of_a_union_is_one_problem(tmp_path: Path) -> None:
    text = changed(
        "{check: text, path: ~/note.txt, equals: hello}", "{check: cells, path: ~/a, values: {B2: [1]}}"
    )
    assert problems_of(tmp_path, text) == [
        "15:48: tasks[0].checks[0].values.B2: a list — text, a whole number, a number or a boolean is wanted"
    ]


# --- what the plan finds --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("agent: writer", "agent: writr", "11:12: tasks[0].agent:", "did you mean 'writer'?"),
        ("write.note", "write.nte", "20:24: tasks[1].inputs.note.artifact:", "did you mean"),
        ("write.note", "wrte.note", "20:24: tasks[1].inputs.note.artifact:", "did you mean"),
        (
            "    agent: writer\n    outputs",
            "    agent: writer\n    after: [raed]\n    outputs",
            "12:13: tasks[0].after[0]:",
            "did you mean 'read'?",
        ),
        (
            "    agent: writer\n    outputs",
            "    agent: writer\n    budget: {wall_s: 7200}\n    outputs",
            "12:22: tasks[0].budget.wall_s:",
            "lifetime",
        ),
    ],
    ids=["agent", "output", "task of artifact", "after", "budget"],
)
def test_what_the_plan_finds_has_its_line(tmp_path: Path, old: str, new: str, place: str, words: str) -> None:
    [problem] = problems_of(tmp_path, changed(old, new))
    assert problem.startswith(place)
    assert words in problem


def test_a_second_task_of_one_id_has_its_line(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, GOOD + "  - {id: read, instruction: x, agent: writer}\n")
    assert problem.startswith("21:10: tasks[2].id: 'read'")


def test_ten_thousand_unknown_names_take_seconds(tmp_path: Path) -> None:
    tasks = "".join(
        f"  - {{id: t{n}, instruction: x, agent: writer, after: [u{n}]}}\n" for n in range(10_000)
    )
    started = time.process_time()
    assert len(problems_of(tmp_path, GOOD + tasks)) == 100
    assert time.process_time() - started < 15


def test_a_cycle_has_its_line(tmp_path: Path) -> None:
    text = changed("    agent: writer\n    outputs", "    agent: writer\n    after: [read]\n    outputs")
    [problem] = problems_of(tmp_path, text)
    assert problem.startswith("9:5: tasks[0]: tasks wait for each other: ")


# --- files beside the swarm file ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ledgr.csv", "no such file"),
        ("../outside.txt", "outside the swarm's folder"),
        ("link.txt", "outside the swarm's folder"),
        ("link-folder/outside.txt", "outside the swarm's folder"),
        ("data", "not a regular file"),
        ("pipe", "not a regular file"),
        ("loop", "not a usable path"),
        ("x" * 5000, "not a usable path"),
        ("large", "larger than 64 MiB"),
    ],
)
def test_a_named_file_is_there_and_inside(tmp_path: Path, name: str, words: str) -> None:
    folder = tmp_path / "swarm"
    (folder / "data").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text("x")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "link-folder").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe")
    with (folder / "large").open("wb") as file:
        file.truncate((64 << 20) + 1)
    text = changed("artifact: write.note", f"file: {name}")
    [problem] = problems_of(folder, text)
    assert problem.startswith("20:20: tasks[1].inputs.note.file: ")
    assert words in problem


def test_an_absolute_path_is_outside_even_when_it_leads_inside(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    [problem] = problems_of(tmp_path, changed("artifact: write.note", f"file: {tmp_path / 'a.txt'}"))
    assert "outside the swarm's folder" in problem


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("check: text, path: ~/note.txt, equals: hello", "check: image, path: ~/a.png, like: b.png",
         "15:45: tasks[0].checks[0].like: 'b.png'"),
        ("check: text, path: ~/note.txt, equals: hello", "check: python, paths: [~/a], function: 'c.py:f'",
         "15:49: tasks[0].checks[0].function: 'c.py'"),
        ("agent: writer", "agent: {kind: process, command: [./agent]}", "11:38: tasks[0].agent.command[0]: "
         "'./agent'"),
    ],
)  # fmt: skip
def test_files_of_checks_and_agents_are_looked_for(tmp_path: Path, old: str, new: str, place: str) -> None:
    [problem] = problems_of(tmp_path, changed(old, new))
    assert problem.startswith(f"{place} — no such file")


# --- Python ---------------------------------------------------------------------------------------

GOOD_PYTHON = """\
from runner.spec import Swarm
from helper import NAME

swarm = Swarm(
    name=NAME,
    tasks=[{"id": "t", "instruction": "x", "agent": {"kind": "script", "steps": [{"type": "a"}]}}],
)
"""


def test_a_python_file_defines_a_swarm_and_imports_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("NAME = 'from-helper'\n")
    (tmp_path / "swarm.py").write_text(GOOD_PYTHON)
    assert load_swarm(tmp_path / "swarm.py").swarm.name == "from-helper"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = 1\n", "defines no `swarm`; write `swarm = Swarm(name=..., tasks=...)`"),
        ("swarm = {}\n", "`swarm` is a dict; write `swarm = Swarm(name=..., tasks=...)`"),
        ("a = 1\nb = c\n", "2: NameError: name 'c' is not defined"),
        ("a = (\n", "1: not Python: '(' was never closed"),
        ("raise SystemExit(3)\n", "1: SystemExit: 3"),
        ("from runner.spec import Swarm\n\nswarm = Swarm(name='a', tasks=[])\n",
         "3: give either `tasks`, at least one, or a `planner`"),
        (GOOD_PYTHON.replace("from helper import NAME", "").replace("NAME", "'a'").replace('"agent": {',
         '"agent": "nobody", "x": {').replace(', "x": {"kind": "script", "steps": [{"type": "a"}]}', ""),
         "tasks[0].agent: no agent is named 'nobody'"),
    ],
)  # fmt: skip
def test_a_bad_python_file_says_what_and_where(tmp_path: Path, text: str, problem: str) -> None:
    [found] = problems_of(tmp_path, text, "swarm.py")
    assert found.startswith(problem)


# --- names ----------------------------------------------------------------------------------------


def test_every_bundled_swarm_loads() -> None:
    for name in bundled_swarms():
        assert load_swarm(name).swarm.name == name


def test_an_unknown_name_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no-such-swarm: no such file"):
        load_swarm("no-such-swarm")
    with pytest.raises(SpecError, match="a folder; name the file in it"):
        load_swarm(tmp_path)
    with pytest.raises(SpecError, match="not a usable path"):
        load_swarm("x" * 5000)


# --- anything at all ------------------------------------------------------------------------------

_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(GOOD.split())
)
_names = st.sampled_from(sorted({word.strip("{}:,-[]") for word in GOOD.split() if ":" in word})) | st.text(
    max_size=5
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=5),
    max_leaves=40,
)


def _loads_or_says_why(folder: Path, data: bytes) -> None:
    path = folder / "any.yaml"
    path.write_bytes(data)
    started = time.process_time()
    problems: tuple[SpecProblem, ...] | None = None
    try:
        load_swarm(path)
    except SpecError as error:
        problems = error.problems
    assert problems is None or (problems and all(problem.line for problem in problems))
    assert time.process_time() - started < 5


_quick = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_quick
@given(data=st.binary(max_size=200))
def test_any_bytes_load_or_say_why(tmp_path: Path, data: bytes) -> None:
    _loads_or_says_why(tmp_path, data)


@_quick
@given(text=st.text(alphabet="abn0159.:-_[]{}&*!|>'\"#%@`,?~ \n\t<=", max_size=80))
def test_any_punctuation_loads_or_says_why(tmp_path: Path, text: str) -> None:
    _loads_or_says_why(tmp_path, text.encode())


@_quick
@given(value=_values)
def test_any_yaml_loads_or_says_why(tmp_path: Path, value: object) -> None:
    _loads_or_says_why(tmp_path, yaml.safe_dump(value, allow_unicode=True).encode())


@_quick
@given(cut=st.integers(0, len(GOOD)), insert=st.text(max_size=5), drop=st.integers(0, 30))
def test_any_damage_to_a_good_file_loads_or_says_why(
    tmp_path: Path, cut: int, insert: str, drop: int
) -> None:
    text = GOOD[:cut] + insert + GOOD[cut + drop :]
    _loads_or_says_why(tmp_path, text.encode(errors="surrogatepass"))


def test_the_text_of_a_file_is_kept_as_written() -> None:
    root, problems = parse_yaml("a: 2026-01-31\nb: 1_000\nc: 12:30\nd: 0x1F\ne: '5'\nf: .5\ng: ~\n")
    assert problems == []
    assert root.data() == {
        "a": "2026-01-31", "b": "1_000", "c": "12:30", "d": "0x1F", "e": "5", "f": 0.5, "g": None,
    }  # fmt: skip
