"""Which of OSWorld's tasks cannot be done on a desktop of ours, told from their files alone.

Desktops have no network; they have no accounts, and not every program. An agent that is given such a task
can only fail, or its evaluator can, and neither says anything of the agent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import JsonValue

from runner.osworld.spec import Need, OSWorldTask, Step

_ACCOUNT_STEPS = frozenset({"googledrive", "login"})
_WEB_STEPS = frozenset({"download", "update_browse_history", "proxy"})
_TAB_STEPS = frozenset({"chrome_open_tabs", "chrome_close_tabs"})
_COMMAND_STEPS = frozenset({"execute", "command", "launch", "execute_with_verification"})
_ACCOUNT_SOURCES = frozenset({"googledrive_file"})
_WEB_SOURCES = frozenset(
    {"cloud_file", "extensions_installed_from_shop", "gotoRecreationPage_and_get_html_content"}
    | {"info_from_website", "macys_product_url_parse", "number_of_search_results", "page_info"}
    | {"pdf_from_url", "time_diff_range"}
)
_TAB_FUNCTIONS = frozenset(
    {"is_expected_active_tab", "is_expected_active_tab_approximate", "is_expected_tabs"}
    | {"is_expected_url_pattern_match"}
)
_PACKAGES = {"compare_image_text": "easyocr", "compare_audios": "librosa"}
_APPLICATIONS = {"vscode": "code", "vs_code": "code", "thunderbird": "thunderbird"}
_URL = re.compile(r"(https?:(//|\\/\\/)|\bwww\.)(?!localhost\b|127\.0\.0\.1\b)[\w.]", re.ASCII)
_FETCHES = re.compile(
    r"\b(curl|wget)\b.*https?://(?!localhost\b|127\.)|\bgit clone\b|\b(pip3?|apt|apt-get|snap|npm) install\b"
)
_AS_ROOT = re.compile(r"\bsudo\b|\{CLIENT_PASSWORD\}")


class Lack(NamedTuple):
    """What a task needs, and where that can be seen."""

    need: Need
    reason: str


def find_need(task: OSWorldTask, root: bool) -> Lack | None:
    """The first thing that the task needs and does not have here; `root` says whether `sudo` works."""
    return next(_needs(task, root), None)


def _needs(task: OSWorldTask, root: bool) -> Iterator[Lack]:
    steps = [*task.config, *task.postconfig]
    for step in steps:
        yield from _of_step(step)
    for side in ("result", "expected"):
        for source in _listed(task.evaluator.get(side)):
            yield from _of_source(side, source)
    yield from _of_functions(task)
    if task.proxy:
        yield Lack("needs_web", "proxy: it goes to the web, through a proxy")
    for app in task.related_apps:
        if app in _APPLICATIONS:
            yield Lack("needs_program", f"related_apps: there is no {_APPLICATIONS[app]} on the desktop")
    if not root:
        yield from _as_root(task, steps)


def _of_step(step: Step) -> Iterator[Lack]:
    if step.type in _ACCOUNT_STEPS:
        yield Lack("needs_account", f"the step {step.type}")
    if step.type in _WEB_STEPS:
        yield Lack("needs_web", f"the step {step.type}")
    if step.type in _TAB_STEPS and any(map(_URL.search, _texts(step.parameters))):
        yield Lack("needs_web", f"the step {step.type} of a page of the web")
    if step.type in _COMMAND_STEPS and _FETCHES.search(_joined(step.parameters)):
        yield Lack("needs_web", f"the step {step.type} fetches something")


def _of_source(side: str, source: JsonValue) -> Iterator[Lack]:
    kind = source.get("type") if isinstance(source, dict) else None
    if kind in _ACCOUNT_SOURCES:
        yield Lack("needs_account", f"evaluator.{side}: {kind}")
    if kind in _WEB_SOURCES:
        yield Lack("needs_web", f"evaluator.{side}: {kind}")


def _of_functions(task: OSWorldTask) -> Iterator[Lack]:
    expected = _listed(task.evaluator.get("expected"))
    for number, name in enumerate(_listed(task.evaluator["func"])):
        if name in _PACKAGES:
            yield Lack(
                "needs_program", f"evaluator.func: {name} needs {_PACKAGES[str(name)]}, which is left out"
            )
        wanted = expected[number] if number < len(expected) else None
        if name in _TAB_FUNCTIONS and any(map(_URL.search, _texts(wanted))):
            yield Lack("needs_web", f"evaluator.func: {name} of a page of the web")


def _as_root(task: OSWorldTask, steps: list[Step]) -> Iterator[Lack]:
    said = _joined([*(step.parameters for step in steps), task.evaluator.get("result")])
    if _AS_ROOT.search(said):
        yield Lack("needs_root", "a step uses sudo, which this backend does not have; use `--backend docker`")


def _listed(value: JsonValue) -> list[JsonValue]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _joined(value: JsonValue) -> str:
    return " ".join(_texts(value))


def _texts(value: JsonValue) -> Iterator[str]:
    """Every text in it, however deep."""
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts(each)
        case dict():
            for each in value.values():
                yield from _texts(each)
