"""OSWorld's task files: what is read of them, and which cannot be done here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.agent_file import read_agent
from runner.osworld.needs import find_need
from runner.osworld.spec import OSWorldTask
from runner.osworld.tasks import read_suite
from runner.spec import AgentSpec, Swarm
from sandboxes.errors import InputError
from tests.runner.osworld.test_stock_client import TASKS

ORACLES = Path(__file__).with_name("oracles")
WEB = "https://example.org/page"
SHELL = {"type": "vm_command_line", "command": "true"}


def task(**fields: Any) -> dict[str, Any]:
    evaluator = {"func": "exact_match", "result": SHELL, "expected": {"type": "rule", "rules": {}}}
    return {"id": "a", "instruction": "Do it.", "config": [], "evaluator": evaluator, **fields}


def evaluated(**fields: Any) -> dict[str, Any]:
    return task(evaluator={**task()["evaluator"], **fields})


def step(kind: str, **parameters: Any) -> dict[str, Any]:
    return task(config=[{"type": kind, "parameters": parameters}])


def active_tab(url: str) -> dict[str, Any]:
    expected = {"type": "rule", "rules": {"type": "url", "url": url}}
    return evaluated(func="is_expected_active_tab", expected=expected)


@pytest.mark.parametrize(
    ("fields", "need"),
    [
        (step("download", files=[{"url": WEB, "path": "/home/user/a"}]), "needs_web"),
        (step("update_browse_history", history=[]), "needs_web"),
        (step("chrome_open_tabs", urls_to_open=[WEB]), "needs_web"),
        (step("execute", command="wget https://example.org/a", shell=True), "needs_web"),
        (task(proxy=True), "needs_web"),
        (evaluated(expected={"type": "cloud_file", "path": WEB}), "needs_web"),
        (evaluated(func=["exact_match"], result=[{"type": "info_from_website"}]), "needs_web"),
        (evaluated(postconfig=[{"type": "download", "parameters": {}}]), "needs_web"),
        (active_tab(WEB), "needs_web"),
        (step("login", platform="googledrive"), "needs_account"),
        (evaluated(result={"type": "googledrive_file"}), "needs_account"),
        (evaluated(func="compare_audios"), "needs_program"),
        (task(related_apps=["vlc", "thunderbird"]), "needs_program"),
        (step("execute", command="echo {CLIENT_PASSWORD} | sudo -S ls", shell=True), "needs_root"),
    ],
)
def test_what_cannot_be_done_here_is_known_beforehand(fields: dict[str, Any], need: str) -> None:
    lack = find_need(OSWorldTask.model_validate(fields), root=False)
    assert lack is not None
    assert lack.need == need


@pytest.mark.parametrize(
    "fields",
    [
        task(related_apps=["chrome", "vlc"]),
        step("chrome_open_tabs", urls_to_open=["chrome://settings", "http://localhost:8000/", "file:///a"]),
        step("launch", command=["socat", "tcp-listen:9222,fork", "tcp:localhost:1337"]),
        step("execute", command="echo 'see https://example.org' > ~/note.txt", shell=True),
        active_tab("chrome://settings/"),
    ],
)
def test_what_can_be_done_is_not_left_out(fields: dict[str, Any]) -> None:
    assert find_need(OSWorldTask.model_validate(fields), root=False) is None


def test_sudo_is_there_where_the_backend_has_it() -> None:
    fields = step("execute", command="sudo ls", shell=True)
    assert find_need(OSWorldTask.model_validate(fields), root=True) is None


def write(folder: Path, domain: str, **fields: Any) -> Path:
    path = folder / domain / f"{fields['id']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(fields))
    return path


def test_a_folder_becomes_a_suite(tmp_path: Path) -> None:
    write(tmp_path, "os", **task(id="a1"))
    write(tmp_path, "os", **task(id="b2", evaluator={"func": "infeasible"}, source="somewhere"))
    write(tmp_path, "chrome", **{**step("download", files=[]), "id": "c3"})
    suite = read_suite(tmp_path, None, None, root=True)
    assert [(one.id, one.labels, one.feasible) for one in suite.tasks] == [
        ("a1", {"domain": "os"}, True),
        ("b2", {"domain": "os"}, False),
    ]
    assert suite.left_out["c3"].cause == "needs_web"
    assert suite.tasks[0].desktop.root
    again = Swarm.model_validate_json(suite.model_dump_json()).tasks[1].osworld
    assert again is not None
    assert again.model_dump()["source"] == "somewhere"
    assert [one.id for one in read_suite(tmp_path, "os", "b", root=True).tasks] == ["b2"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"instruction": None}, "instruction: Input should be a valid string"),
        ({"evaluator": {}}, "evaluator: Value error, `func`"),
        ({"evaluator": {"func": "a", "postconfig": 3}}, "evaluator: Input should be a valid array"),
        ({"config": [{"type": "sleep"}]}, "config.0.parameters: Field required"),
        ({"id": "no spaces"}, "id: String should match"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, fields: dict[str, Any], problem: str) -> None:
    whole = {**task(), **fields}
    path = tmp_path / "os" / "x.json"
    path.parent.mkdir()
    path.write_text(json.dumps(whole))
    with pytest.raises(InputError, match=re.escape(f"{path}: {problem}")):
        read_suite(tmp_path, None, None, root=True)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--tasks: .*no task in it"):
        read_suite(tmp_path, None, None, root=True)
    write(tmp_path, "os", **task(id="a1"))
    with pytest.raises(InputError, match=r"--domain: 'chrome' is not in .*known: os"):
        read_suite(tmp_path, "chrome", None, root=True)
    with pytest.raises(InputError, match="--id: no task's id begins with 'z'"):
        read_suite(tmp_path, None, "z", root=True)
    write(tmp_path, "chrome", **task(id="a1"))
    with pytest.raises(InputError, match="'a1' is that of another task"):
        read_suite(tmp_path, None, None, root=True)


def test_a_folder_of_which_nothing_can_be_done_says_why(tmp_path: Path) -> None:
    write(tmp_path, "os", **task(id="a1", proxy=True))
    with pytest.raises(InputError, match="none of 1 tasks can be run here: a1: proxy"):
        read_suite(tmp_path, None, None, root=True)


def test_the_benchmarks_own_tasks_have_oracles() -> None:
    if not TASKS.is_dir():
        pytest.skip(f"there are no tasks of OSWorld in {TASKS}")

    def oracle(name: str) -> AgentSpec:
        return read_agent(ORACLES / f"{name}.yaml")

    suite = read_suite(TASKS, None, None, root=True, oracle=oracle)
    assert len(suite.tasks) == 14
    assert not suite.left_out
    assert sum(not one.feasible for one in suite.tasks) == 2
    assert list(read_suite(TASKS, None, None, root=False).left_out) == [
        "e0df059f-28a6-4169-924f-b9623e7184cc"
    ]
