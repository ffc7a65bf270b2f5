"""Every rule of lint: quiet where nothing is wrong; where something is, it names the place and the fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.errors import Loc, SpecError
from runner.lint import MAX_FINDINGS, lint, subject_of
from runner.lint.context import estimate
from runner.lint.finding import Finding
from runner.load import load_swarm
from runner.spec import Swarm
from tests.runner.laboratory import swarm, task

MODEL = {"kind": "process", "command": ["agent"]}
NOTE = {"note": {"path": "~/note.txt"}}
CHECKED = {"checks": [{"check": "text", "path": "~/note.txt", "contains": ["x"]}]}
DONE = {"outputs": NOTE, **CHECKED}
ANSWERED = {"policy": {"answers": {"timeout": ["retry_fresh", "person"]}}}
PAID = {"budget": {"money": 5}}


def ask(name: str, **more: Any) -> dict[str, Any]:
    """A task whose agent asks a model."""
    return {**task(name, **more), "agent": MODEL}


def takes(*artifacts: str) -> dict[str, Any]:
    return {"inputs": {f"i{n}": {"artifact": one, "to": f"~/{n}.txt"} for n, one in enumerate(artifacts)}}


def findings(folder: Path, written: Swarm) -> list[Finding]:
    return lint(subject_of(written, folder))


def of(rule: str, folder: Path, *tasks: dict[str, Any], **more: Any) -> list[Finding]:
    return [one for one in findings(folder, swarm(*tasks, **more)) if one.rule == rule]


def only(rule: str, folder: Path, *tasks: dict[str, Any], **more: Any) -> tuple[str, Loc, str]:
    [one] = of(rule, folder, *tasks, **more)
    assert one.fix
    return one.severity, one.loc, one.message


def test_month_end_has_nothing_wrong() -> None:
    loaded = load_swarm("month-end")
    assert findings(loaded.folder, loaded.swarm) == []


def test_a_password_in_the_file_is_seen(tmp_path: Path) -> None:
    field = {"role": "password text", "name": "Password"}
    clear = task("a", {"press": "a"}, {"fill": {**field, "text": "hunter2"}}, **DONE)
    told = (
        "warning",
        ("tasks", 0, "agent"),
        "step 1 of a types a password that stands in the file, and is kept",
    )
    assert only("password-in-clear", tmp_path, clear) == told
    secret = task("a", {"fill": {**field, "secret": "bank"}}, secrets=["bank"], **DONE)
    assert not of("password-in-clear", tmp_path, secret, secrets={"bank": {"env": "BANK"}})


def test_a_good_swarm_is_not_talked_about(tmp_path: Path) -> None:
    good = swarm(
        ask("a", **DONE),
        ask("b", **DONE),
        ask("c", **takes("a.note", "b.note"), **CHECKED),
        **ANSWERED,
        **PAID,
    )
    assert findings(tmp_path, good) == []


# --- contracts ------------------------------------------------------------------------------------


def test_an_output_that_goes_on_with_nothing_asked_of_it(tmp_path: Path) -> None:
    tasks = (task("a", outputs={**NOTE, "more": {"path": "~/more"}}, **CHECKED), task("b", **takes("a.more")))
    severity, loc, message = only("missing-contract", tmp_path, *tasks)
    assert (severity, loc) == ("error", ("tasks", 0, "outputs", "more"))
    assert "b will work with a.more whatever is in it" in message


@pytest.mark.parametrize(
    "asked",
    [
        {"outputs": NOTE, "checks": [{"check": "text", "path": "~/./note.txt", "contains": ["x"]}]},
        {"outputs": NOTE, "checks": [{"check": "command", "argv": ["true"]}]},
        {"outputs": {"note": {"path": "~/note.txt", "schema": {}}}},
        {"outputs": {"note": {"path": "~/note.txt", "max_tokens": 9}}},
        {"outputs": NOTE, "judges": {"panel": [{"name": "j", "command": ["judge"]}]}},
    ],
)
def test_what_is_asked_of_an_output(tmp_path: Path, asked: dict[str, Any]) -> None:
    assert of("missing-contract", tmp_path, task("a", **asked), task("b", **takes("a.note"))) == []


def test_a_task_that_is_done_when_it_says_so(tmp_path: Path) -> None:
    severity, loc, message = only("unchecked-end", tmp_path, task("a"), task("b", after=["a"], **CHECKED))
    assert (severity, loc, message) == (
        "warning", ("tasks", 0), "a is done when its agent says so, and b starts then",
    )  # fmt: skip


def test_a_task_that_cannot_be_done_is_not_done_because_it_says_so(tmp_path: Path) -> None:
    assert of("unchecked-end", tmp_path, task("a", feasible=False)) == []


# --- failures -------------------------------------------------------------------------------------


def test_attempts_that_cost_without_a_limit(tmp_path: Path) -> None:
    retry = {"retry": {"infra": 2, "agent": 3}}
    severity, loc, message = only("unbounded-retries", tmp_path, ask("a", **retry), task("b", **retry))
    assert (severity, loc) == ("warning", ("tasks", 0, "budget"))
    assert message == "a: up to 6 attempts, no limit in tokens or money"


@pytest.mark.parametrize(
    ("of_task", "of_swarm"),
    [
        ({"budget": {"tokens": 9}}, {}),
        ({"total": {"money": 1}}, {}),
        ({"tier": "cheap"}, {"tiers": {"cheap": {"tokens": 9}}}),
        ({}, PAID),
        ({"retry": {"infra": 0}}, {}),
    ],
)
def test_attempts_with_a_limit(tmp_path: Path, of_task: dict[str, Any], of_swarm: dict[str, Any]) -> None:
    assert of("unbounded-retries", tmp_path, ask("a", **of_task), **of_swarm) == []


def test_attempts_count_what_the_policy_answers(tmp_path: Path) -> None:
    policy = {"answers": {"agent": ["retry_fresh", "person", "abort_branch"]}}
    _, _, message = only(
        "unbounded-retries", tmp_path, ask("a", policy=policy, retry={"infra": 1, "agent": 9})
    )
    assert "up to 4 attempts" in message


def test_attempts_that_take_days(tmp_path: Path) -> None:
    long = {"budget": {"wall_s": 40_000}, "desktop": {"limits": {"lifetime_s": 40_000}}}
    _, _, message = only("endless-attempts", tmp_path, {**task("a"), **long})
    assert message == "3 attempts of 40000 s are 33 hours"
    assert of("endless-attempts", tmp_path, {**task("a", total={"wall_s": 50_000}), **long}) == []


def test_a_timeout_that_nobody_hears_of(tmp_path: Path) -> None:
    tasks = (task("a"), task("b"), task("c", after=["a", "b"]))
    severity, loc, message = only("timeout-goes-nowhere", tmp_path, *tasks)
    assert (severity, loc) == ("warning", ("tasks", 0))
    assert message.startswith("when the time of a and b is up")
    assert message.endswith("c will not start")
    answered = [task(name, retry={"timeout": 1}) for name in "ab"]
    assert of("timeout-goes-nowhere", tmp_path, *answered, tasks[2]) == []
    assert of("timeout-goes-nowhere", tmp_path, *tasks, **ANSWERED) == []


def test_people_who_have_longer_than_the_run(tmp_path: Path) -> None:
    escalate = {"path": [{"to": "ann", "within_s": 600}, {"to": "bob", "within_s": 600}]}
    more = {"escalate": escalate, **ANSWERED}
    _, _, message = only("question-too-late", tmp_path, task("a"), budget={"wall_s": 900}, **more)
    assert message == "people have 1200 s to answer for a; the whole run has 900 s"
    assert of("question-too-late", tmp_path, task("a"), budget={"wall_s": 9000}, **more) == []


# --- sharing --------------------------------------------------------------------------------------


def test_two_outputs_that_are_one_file(tmp_path: Path) -> None:
    outputs = {"a": {"path": "~/x"}, "b": {"path": "~/./x"}}
    _, loc, message = only("ownership-overlap", tmp_path, task("t", outputs=outputs))
    assert (loc, message) == (("tasks", 0, "outputs", "b"), "a and b are the same file, ~/./x")


def test_a_site_that_two_agents_use_at_once(tmp_path: Path) -> None:
    def on(name: str, host: str, **more: Any) -> dict[str, Any]:
        return task(name, allow={"hosts": [host]}, **more)

    tasks = (on("a", "bank.example"), on("b", "*.example"))
    severity, _, message = only("ownership-overlap", tmp_path, *tasks)
    assert (severity, message) == ("advice", "a and b may use bank.example at the same time")
    locked = [{**one, "locks": ["account"]} for one in tasks]
    assert of("ownership-overlap", tmp_path, *locked, locks={"account": {}}) == []
    assert of("ownership-overlap", tmp_path, tasks[0], {**tasks[1], "after": ["a"]}) == []


LOCKS: dict[str, Any] = {"locks": {"x": {}, "y": {}}}


def test_locks_in_different_orders(tmp_path: Path) -> None:
    tasks = (task("a", locks=["x", "y"]), task("b", locks=["y", "x"]))
    severity, loc, message = only("lock-order", tmp_path, *tasks, **LOCKS)
    assert (severity, loc) == ("warning", ("tasks", 1, "locks"))
    assert message == "b names y before x, a the other way round"
    assert of("lock-order", tmp_path, tasks[0], task("b", locks=["x", "y"]), **LOCKS) == []


def test_locks_that_are_brought_along_and_can_deadlock(tmp_path: Path) -> None:
    def then(name: str, source: str) -> dict[str, Any]:
        return task(name, after=[source], handoffs={source: {"mode": "transfer"}}, locks=["x", "y"])

    tasks = (task("a", locks=["x"]), then("b", "a"), task("c", locks=["y"]), then("d", "c"))
    severity, _, message = only("lock-order", tmp_path, *tasks, **LOCKS)
    assert severity == "error"
    assert "can wait for each other for ever" in message
    assert of("lock-order", tmp_path, *tasks[:2], tasks[2], **LOCKS) == []


# --- briefs and context ---------------------------------------------------------------------------


def test_more_to_read_than_the_budget_allows(tmp_path: Path) -> None:
    boss = ask("boss", budget={"tokens": 1500}, lead={"report_tokens": 900})
    specialists = [ask(name, reports_to="boss") for name in ("ann", "bob")]
    found = of("brief-overflow", tmp_path, boss, *specialists, pattern="hierarchy")
    assert [(one.severity, one.loc) for one in found] == [("error", ("tasks", 0, "budget", "tokens"))]
    assert "may use 1,500" in found[0].message


def test_context_that_grows_along_the_hops(tmp_path: Path) -> None:
    tasks = [ask("t0", **DONE)]
    for number in range(1, 4):
        tasks.append(ask(f"t{number}", **DONE, **takes(*(f"t{before}.note" for before in range(number)))))
    [one] = of("growing-context", tmp_path, *tasks)
    assert one.loc == ("tasks", 3, "inputs")
    assert one.message.startswith("context grows along t0 → t1 → t2 → t3: ")
    assert "saves about" in one.fix
    assert "$" in one.fix
    brief = [ask("t0", **DONE), *(ask(f"t{n}", after=[f"t{n - 1}"], **DONE) for n in range(1, 4))]
    assert of("growing-context", tmp_path, *brief) == []


def test_the_estimate_says_what_briefs_save(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n\n1\n2\n3\n")
    chain = [ask("a", **DONE), {**ask("b", after=["a"], **DONE), "each": "t"}, task("c", after=["b"])]
    cost = estimate(subject_of(swarm(*chain, map={"t": {"rows": "t.csv"}}), tmp_path))
    assert cost.model_tasks == 4
    assert cost.handed_on == 3 * 500
    assert cost.handed_on_with_history > 10 * cost.handed_on
    assert cost.saved_by_briefs > 0.9
    assert cost.dollars == pytest.approx(cost.tokens * 3e-6, abs=0.01)
    assert estimate(subject_of(swarm(task("a")), tmp_path)).tokens == 0


# --- shape ----------------------------------------------------------------------------------------


def test_a_swarm_that_is_a_pipeline(tmp_path: Path) -> None:
    tasks = (task("a", **CHECKED), task("b", after=["a"]))
    severity, loc, message = only("is-a-pipeline", tmp_path, *tasks)
    assert (severity, loc) == ("warning", ("pattern",))
    assert message == "this is a pipeline: a and b are done one after the other"
    assert of("is-a-pipeline", tmp_path, *tasks, pattern="pipeline") == []
    assert of("is-a-pipeline", tmp_path, *tasks, task("c")) == []


def test_a_hierarchy_in_which_nobody_decides(tmp_path: Path) -> None:
    tasks = (task("a"), task("b", reports_to="a"), task("c", reports_to="a"))
    assert (
        "nobody in this hierarchy decides" in only("is-a-pipeline", tmp_path, *tasks, pattern="hierarchy")[2]
    )
    assert of("is-a-pipeline", tmp_path, ask("a"), *tasks[1:], pattern="hierarchy") == []


def test_one_agent_would_do(tmp_path: Path) -> None:
    tasks = (ask("a", **CHECKED), ask("b", after=["a"], **CHECKED), ask("c", after=["b"], **CHECKED))
    severity, _, message = only("one-agent", tmp_path, *tasks, pattern="pipeline")
    assert severity == "advice"
    assert "a, b and c have one and the same agent" in message
    assert of("one-agent", tmp_path, ask("a"), ask("b"), ask("c")) == []
    lonely = only("one-agent", tmp_path, ask("a"), ask("b", reports_to="a"), pattern="hierarchy")
    assert "a leads b alone" in lonely[2]


def test_the_bottleneck_is_named(tmp_path: Path) -> None:
    slow = task("slow", *({"press": "a"} for _ in range(60)))
    tasks = (task("a"), task("b"), slow)
    severity, loc, message = only("bottleneck", tmp_path, *tasks)
    assert (severity, loc) == ("advice", ("tasks", 2))
    assert message == "more agents make this 1.07 times as fast at most; slow alone is 94% of the steps"
    assert of("bottleneck", tmp_path, *tasks[:2], task("c")) == []


# --- the whole ------------------------------------------------------------------------------------


def test_no_rule_floods(tmp_path: Path) -> None:
    assert len(of("unchecked-end", tmp_path, *(task(f"t{n}") for n in range(100)))) == MAX_FINDINGS


def test_errors_come_first(tmp_path: Path) -> None:
    found = findings(tmp_path, swarm(task("a", outputs=NOTE), ask("b", **takes("a.note")), task("c")))
    order = [("error", "warning", "advice").index(one.severity) for one in found]
    assert order == sorted(order)
    assert order[0] == 0


@pytest.mark.parametrize(
    ("handoffs", "message"),
    [
        ({"a": {"brief": "four" * 21, "max_tokens": 20}}, "21 tokens are over the limit of 20"),
        ({"a": {"mode": "transfer"}, "b": {"mode": "transfer"}}, "a task works on one desktop"),
    ],
)
def test_what_can_never_run_is_not_judged_but_refused(
    tmp_path: Path, handoffs: dict[str, Any], message: str
) -> None:
    last = task("c", after=["a", "b"], handoffs=handoffs)
    with pytest.raises(SpecError, match=message):
        subject_of(swarm(task("a"), task("b"), last), tmp_path)


def test_a_brief_that_only_one_row_makes_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"n\n1\n{'long' * 30}\n")
    each = {**task("b", after=["a"], handoffs={"a": {"brief": "{row.n}", "max_tokens": 20}}), "each": "t"}
    with pytest.raises(SpecError, match="30 tokens are over the limit of 20") as caught:
        subject_of(swarm(task("a"), each, map={"t": {"rows": "t.csv"}}), tmp_path)
    assert caught.value.problems[0].loc == ("tasks", 1, "handoffs", "a", "brief")


def test_lint_asks_no_model(tmp_path: Path) -> None:
    planner = {"by": "model", "function": "nobody:ask", "goal": "x"}
    with pytest.raises(SpecError, match="lint asks no model"):
        subject_of(Swarm.model_validate({"name": "a", "planner": planner}), tmp_path)
