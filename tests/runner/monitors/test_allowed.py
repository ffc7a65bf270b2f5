"""The allow-list, and those who do not take no for an answer."""

from __future__ import annotations

from typing import Any

import pytest

from runner.monitors.allowed import refused_itself, refused_there
from runner.monitors.refusals import REFUSED, RefusalsMonitor
from runner.monitors.spec import Allow, Refusals
from runner.monitors.under import Under
from sandboxes.guest.protocol import Rect, Window
from tests.runner.monitors.steps import APPLICATION, action, node, step

PAGE = Allow(hosts=("*.example.org", "example.org"))


@pytest.mark.parametrize(
    ("allow", "value", "reason"),
    [
        (Allow(), {"press": "ctrl+alt+Delete"}, None),
        (Allow(keys=("ctrl+*", "Return")), {"press": "Ctrl+S"}, None),
        (
            Allow(keys=("ctrl+*", "Return")),
            {"press": "alt+F4"},
            "the keys 'alt+F4' are not allowed; allowed: ctrl+*",
        ),
        (Allow(keys=()), {"press": "a"}, "nothing is"),
        (Allow(keys=()), {"type": "abc"}, None),
        (Allow(commands=("notes", "soffice*")), {"open": ["/usr/bin/soffice.bin", "x"]}, None),
        (Allow(commands=("notes",)), {"open": ["xterm"]}, "the command 'xterm' is not allowed"),
        (Allow(commands=("notes",)), {"open": ["/tmp/notes/sh"]}, "the command 'sh' is not allowed"),
        (PAGE, {"open": ["chromium", "https://www.example.org/a"]}, None),
        (PAGE, {"open": ["chromium", "https://evil.example"]}, "the host 'evil.example' is not allowed"),
        (PAGE, {"type": "see http://example.org and HTTP://EVIL.example:80/x"}, "'evil.example'"),
        (PAGE, {"fill": {"role": "entry", "text": "https://user@evil.example/"}}, "'evil.example'"),
        (PAGE, {"type": "https://example.org.evil.example/"}, "'example.org.evil.example'"),
        (PAGE, {"type": "http://[evil"}, "not allowed"),
        (PAGE, {"type": "no address at all: example"}, None),
        (Allow(hosts=()), {"type": "file:///etc/passwd"}, "not allowed"),
    ],
)
def test_what_an_action_says_itself(allow: Allow, value: dict[str, Any], reason: str | None) -> None:
    refused = refused_itself(allow, action(value))
    assert refused is None if reason is None else refused is not None and reason in refused


def window(title: str, application: str) -> Window:
    frame = Rect(x=0, y=0, width=10, height=10)
    return Window(
        id=1, title=title, application=application, pid=1, frame=frame, stack=0, focused=True, minimized=False
    )


LEDGER = window("ledger.ods - Calc", "Soffice")
MENU = Under(None, (node("menu item", "Save", app="soffice"),))


@pytest.mark.parametrize(
    ("allow", "place", "reason"),
    [
        (Allow(), Under(None), None),
        (Allow(applications=("soffice",)), Under(LEDGER), None),
        (
            Allow(applications=("gimp",)),
            Under(LEDGER),
            "the application 'Soffice' is not allowed; allowed: gimp",
        ),
        (Allow(applications=("soffice",)), Under(None), "a place outside all applications"),
        (Allow(applications=("soffice",)), MENU, None),
        (Allow(windows=("ledger*",)), Under(LEDGER), None),
        (Allow(windows=("budget*",)), Under(LEDGER), "the window 'ledger.ods - Calc' is not allowed"),
        (Allow(windows=("*",)), Under(None), "a place outside all windows"),
    ],
)
def test_where_an_action_goes(allow: Allow, place: Under, reason: str | None) -> None:
    refused = refused_there(allow, place)
    assert refused is None if reason is None else refused is not None and reason in refused


def test_refusals_are_counted_and_other_failures_are_not() -> None:
    monitor = RefusalsMonitor(Refusals(times=2), Allow())
    press = {"press": "alt+F4"}
    assert monitor.see(step("a", press, error=f"{REFUSED}the keys")) is None
    assert monitor.see(step("a", press, error="no such key")) is None
    assert monitor.see(step("a", press)) is None
    assert monitor.see(step("a", press, error=f"{REFUSED}no")) == "2 refusals; the last: no"
    assert monitor.see(step("a", press)) is None


def test_a_page_of_a_foreign_host_is_a_refusal_when_it_comes() -> None:
    def page(address: str) -> tuple[Any, ...]:
        tab = node("page tab", "A page", 1).model_copy(update={"states": ("showing", "selected")})
        return (
            APPLICATION,
            node("frame", "Browser"),
            tab,
            node("document web", "A page", 1, address=address),
        )

    monitor = RefusalsMonitor(Refusals(times=2), PAGE)
    assert monitor.see(step("a", nodes=page("https://example.org/x"))) is None
    assert monitor.see(step("a", nodes=page("https://evil.example/x"))) is None
    assert monitor.see(step("a", nodes=page("https://evil.example/y"))) is None, "it is still there"
    assert "a page of 'worse.example'" in str(monitor.see(step("a", nodes=page("https://worse.example/"))))
