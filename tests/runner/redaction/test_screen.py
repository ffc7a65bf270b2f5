"""What is kept of a screen: what is hidden is black in the frame and empty in the tree; the rest stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runner.redaction.screen import Hidden, Redaction
from runner.redaction.secrets import Secrets
from runner.redaction.spec import Area, Objects
from sandboxes.errors import InputError
from sandboxes.frame import Frame
from sandboxes.guest.protocol import Node, Point, Rect, Window
from sandboxes.observation import Observation, Screenshot, UiTree

VALUE = "correct horse"
SECRETS = Secrets({"bank": VALUE})
SHOWING = ("showing", "visible")
WINDOW = Rect(x=0, y=0, width=150, height=100)
FIELD = Rect(x=20, y=40, width=100, height=20)


def node(role: str, parent: int | None = 1, rect: Rect | None = None, **more: Any) -> Node:
    states = (*SHOWING, *more.pop("states", ()))
    more.setdefault("id", role)
    return Node(role=role, parent=parent, rect=rect, states=states, **more)


def screen(*nodes: Node, title: str = "Log in", cut: dict[str, str] | None = None) -> Observation:
    """A window at the left of a screen of 200x100, full of noise."""
    noise = np.random.default_rng(1).integers(1, 1 << 24, (100, 200), np.uint32)
    window = Window(
        id=7, title=title, application="App", pid=1, frame=WINDOW, stack=0, focused=True, minimized=False
    )
    app = Node(id="app", role="application", name="App")
    tree = UiTree((app, node("frame", 0, WINDOW, name=title, states=("active",)), *nodes), cut or {})
    return Observation(Screenshot(Frame(noise), Point(x=0, y=0)), tree, (window,), Point(x=0, y=0), 1.0)


def black(seen: Observation) -> set[tuple[int, int]]:
    """The hidden pixels, as (x, y)."""
    return {(int(x), int(y)) for y, x in np.argwhere(seen.screenshot.frame.pixels == 0)}


def pixels(rect: Rect, margin: int = 2) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x in range(max(rect.x - margin, 0), min(rect.x + rect.width + margin, 200))
        for y in range(max(rect.y - margin, 0), min(rect.y + rect.height + margin, 100))
    }


def only_entry(seen: Observation) -> Node:
    return seen.tree.nodes[2]


def test_nothing_is_copied_where_there_is_nothing_to_hide() -> None:
    seen = screen(node("entry", rect=FIELD, text="hello"))
    assert Redaction().screen(seen) is seen
    assert Redaction(SECRETS).screen(seen) is seen


def test_a_password_field_is_hidden_also_where_nothing_is_declared() -> None:
    inside = node("static", parent=2, rect=FIELD, name="•••••")
    seen = screen(node("password text", rect=FIELD, name="Password", text="•••••"), inside)
    before = seen.screenshot.frame.pixels.copy()
    kept = Redaction().screen(seen)
    assert black(kept) == pixels(FIELD)
    assert (only_entry(kept).name, only_entry(kept).text) == ("Password", "")
    assert kept.tree.nodes[3].name == ""
    assert (seen.screenshot.frame.pixels == before).all(), "the agent sees the screen as it is"


def test_the_window_in_which_a_secret_shows_is_hidden() -> None:
    kept = Redaction(SECRETS).screen(screen(node("label", rect=FIELD, name=f"Hello {VALUE}!")))
    assert black(kept) == pixels(WINDOW)
    assert only_entry(kept).name == "Hello [secret bank]!"
    broken = Redaction(SECRETS).screen(screen(node("text", rect=FIELD, text=f"a {VALUE[:4]}\n{VALUE[4:]} b")))
    assert black(broken) == pixels(WINDOW)
    assert only_entry(broken).text == ""


def test_an_object_whose_window_is_not_known_hides_all_that_may_be_it() -> None:
    popup = Rect(x=140, y=10, width=50, height=30)
    menu = node("window", 0, popup, name="")
    kept = Redaction(SECRETS).screen(screen(menu, node("label", 2, name=VALUE)))
    assert black(kept) == pixels(WINDOW) | pixels(popup)
    nowhere = Redaction(SECRETS).screen(screen(node("window", 0, name=""), node("label", 2, name=VALUE)))
    assert len(black(nowhere)) == 200 * 100


def test_a_field_whose_place_cannot_be_believed_hides_its_window() -> None:
    """LibreOffice: what is below the menu bar is said to be higher up than it is."""
    panel = node("panel", rect=Rect(x=0, y=30, width=150, height=60))
    root = node("root pane", 2, Rect(x=0, y=20, width=150, height=60))
    seen = screen(panel, root, node("password text", 3, FIELD, text="•••"))
    assert black(Redaction().screen(seen)) == pixels(WINDOW)


def test_regions_are_hidden() -> None:
    account = Rect(x=150, y=80, width=30, height=15)
    seen = screen(
        node("label", rect=account, name="DE12 3456"),
        node("panel", rect=FIELD, name="Card"),
        node("label", parent=3, rect=FIELD, name="5500 0000"),
        node("paragraph", rect=Rect(x=0, y=70, width=9, height=9), text="The sum is 55."),
        node("static", parent=5, name="55"),
    )
    area = Area(x=160, y=85, width=100, height=5)
    regions: list[Area | Objects] = [area, Objects(role="panel", name="Card"), Objects(name="55")]
    kept = Redaction(regions=regions).screen(seen)
    assert black(kept) == pixels(FIELD) | pixels(account) | pixels(Rect(x=160, y=85, width=40, height=5))
    assert [one.name for one in kept.tree.nodes] == ["App", "Log in", "", "", "", "", ""]
    assert kept.tree.nodes[5].text == ""


@pytest.mark.parametrize(
    "seen",
    [
        screen(title=f"{VALUE} - Editor"),
        screen(node("entry", rect=FIELD), cut={"App": "it does not answer"}),
    ],
    ids=["in a title", "not readable"],
)
def test_what_cannot_be_told_hides_everything(seen: Observation) -> None:
    kept = Redaction(SECRETS).screen(seen)
    assert len(black(kept)) == 200 * 100
    assert VALUE not in repr(kept)
    assert Redaction().screen(seen) is seen, "where there are no secrets there is nothing to fear"


def test_a_long_text_of_which_only_a_part_is_told_is_hidden() -> None:
    seen = screen(node("text", rect=FIELD, text="word " * 400))
    assert black(Redaction(SECRETS).screen(seen)) == pixels(FIELD)
    assert not black(Redaction().screen(seen))


def test_only_a_tasks_own_secrets_are_typed() -> None:
    with pytest.raises(InputError, match="the task may not use 'bank'"):
        Redaction(SECRETS).reveal("bank")
    assert Redaction(SECRETS, ["bank"]).reveal("bank") == VALUE


def test_while_a_secret_is_typed_nothing_is_kept() -> None:
    redaction = Redaction(SECRETS, ["bank"])
    redaction.reveal("bank")
    kept = redaction.screen(screen(node("entry", rect=FIELD, text=VALUE[:5])))
    assert len(black(kept)) == 200 * 100
    assert kept.tree.nodes == ()


def typed_into(field: Node | None, hidden: Hidden | None = None) -> Redaction:
    redaction = Redaction(SECRETS, ["bank"], hidden=hidden)
    redaction.reveal("bank")
    redaction.typed(screen(*([field] if field else [])))
    return redaction


def test_what_is_left_of_a_secret_in_its_field_is_hidden() -> None:
    redaction = typed_into(node("entry", id="f", rect=FIELD, text=VALUE, states=("focused",)))
    whole = redaction.screen(screen(node("entry", id="f", rect=FIELD, text=f"a {VALUE}")))
    assert (only_entry(whole).text, black(whole)) == ("a [secret bank]", pixels(WINDOW))
    part = redaction.screen(screen(node("entry", id="f", rect=FIELD, text=VALUE[:-3])))
    assert (only_entry(part).text, black(part)) == ("", pixels(WINDOW))
    other = redaction.screen(screen(node("entry", id="f", rect=FIELD, text="other")))
    assert (only_entry(other).text, black(other)) == ("other", set())


def test_a_window_that_does_not_show_what_was_typed_stays_hidden() -> None:
    redaction = typed_into(node("entry", id="f", rect=FIELD, text="*****", states=("focused",)))
    assert black(redaction.screen(screen())) == pixels(WINDOW)


def test_a_terminal_that_does_not_echo_stays_to_be_seen() -> None:
    redaction = typed_into(node("terminal", id="t", rect=FIELD, text="password:", states=("focused",)))
    assert not black(redaction.screen(screen(node("terminal", id="t", rect=FIELD, text="welcome"))))


def test_a_window_that_says_nothing_of_itself_is_hidden_once_a_secret_went_there() -> None:
    hidden = Hidden()
    kept = typed_into(None, hidden).screen(screen())
    assert black(kept) == pixels(WINDOW)
    later = Redaction(SECRETS, hidden=hidden.copy())
    assert black(later.screen(screen())) == black(kept), "also by who takes the desktop on"
