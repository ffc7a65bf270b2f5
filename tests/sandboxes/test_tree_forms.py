"""The forms a tree takes: text within a limit of tokens, and OSWorld's XML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from sandboxes.guest.protocol import Node, NodeAction, Page, Range, Rect
from sandboxes.observation import UiTree
from sandboxes.osworld_tree import NAMESPACES, osworld_xml
from sandboxes.spec import Screen
from sandboxes.text_tree import count_tokens, tree_text
from sandboxes.ui_state import Tab, active_element, applications, browser_tabs, open_dialogs

SCREEN = Screen(width=800, height=600)
SHOWS = ("showing", "visible")


def at(x: int, y: int, width: int = 40, height: int = 20) -> Rect:
    return Rect(x=x, y=y, width=width, height=height)


TREE = UiTree(
    (
        Node(role="application", name="edit", app="edit"),
        Node(role="frame", name="Notes", states=SHOWS, rect=at(0, 0, 400, 400), parent=0, app="edit"),
        Node(id="1/5", role="push button", name="Back", states=SHOWS, rect=at(0, 0), parent=1, app="edit"),
        Node(id="1/6", role="label", name="Welcome", states=SHOWS, rect=at(9, 9), parent=1, app="edit"),
        Node(role="application", name="web", app="web"),
        Node(role="frame", name="Shop", states=(*SHOWS, "active"), rect=at(0, 0), parent=4, app="web"),
        Node(role="filler", states=SHOWS, rect=at(0, 0), parent=5, app="web"),
        Node(
            id="2/7",
            role="entry",
            name="Search",
            text="two\nlines",
            states=(*SHOWS, "editable", "focused", "multi-line"),
            rect=at(10, 20),
            parent=6,
            app="web",
        ),
        Node(role="push button", name="Off", states=SHOWS, rect=at(900, 0), parent=6, app="web"),
        Node(role="page tab", name="Shop", states=(*SHOWS, "selected"), rect=at(1, 1), parent=5, app="web"),
        Node(role="page tab", name="News", states=SHOWS, rect=at(50, 1), parent=5, app="web"),
        Node(role="document web", states=SHOWS, parent=5, app="web", address="https://shop.test/a"),
        Node(role="alert", name="Sure?", states=(*SHOWS, "modal"), rect=at(5, 5), parent=5, app="web"),
    ),
    {"calc": "it did not answer for 2 s"},
)


def test_text_begins_with_what_can_be_acted_on_in_the_active_window() -> None:
    text = tree_text(TREE, SCREEN)
    assert text.left_out == 0
    assert text.text.splitlines() == [
        "(calc: it did not answer for 2 s)",
        'window "Shop" of web (active)',
        '[2/7] entry "Search" = "two lines" (editable, focused) at 30,30',
        '[] page tab "Shop" (selected) at 21,11',
        '[] page tab "News" at 70,11',
        'window "Notes" of edit',
        '[1/5] push button "Back" at 20,10',
        'window "Shop" of web (active)',
        '[] alert "Sure?" (modal) at 25,15',
        'window "Notes" of edit',
        '[1/6] label "Welcome" at 29,19',
    ]


@pytest.mark.parametrize("limit", [30, 60, 90, 120, 150, 200])
def test_text_keeps_its_limit_and_says_what_is_missing(limit: int) -> None:
    text = tree_text(TREE, SCREEN, limit)
    assert count_tokens(text.text) == text.tokens <= limit
    shown = sum(line.startswith("[") for line in text.text.splitlines())
    assert shown + text.left_out == 6
    assert (f"({text.left_out} more objects left out)" in text.text) == (text.left_out > 0)


@given(st.lists(st.text(max_size=30), max_size=40), st.integers(30, 300))
def test_no_name_breaks_the_limit_or_a_line(names: list[str], limit: int) -> None:
    nodes = [Node(role="application", app="a"), Node(role="frame", states=SHOWS, parent=0, app="a")]
    nodes += [
        Node(role="push button", name=name, states=SHOWS, rect=at(1, 1), parent=1, app="a") for name in names
    ]
    text = tree_text(UiTree(tuple(nodes), {}), SCREEN, limit)
    assert count_tokens(text.text) <= limit
    assert sum(line.startswith("[") for line in text.text.splitlines()) == len(names) - text.left_out


MOST_TOKENS = {
    'window "~/note.txt - Mousepad" of mousepad (active)\n'
    '[1.6/90] text = "one " (editable, focused) at 321,811\n'
    '[1.2/65] push button "Open Parent" at 736,335\n'
    '[1.5/697:12,3] table cell "D13" = "2026-10-03" at 266,379': 88,
    "def _moving_since(self, tile: tuple[int, int], now: float) -> float:\n"
    "    return min(since, default=now)": 33,
    "https://www.example.com/search?q=tree&id=8f14e45fceea167a5a36dedd4bea2543": 36,
    "SGVsbG8gd29ybGQhIFRoaXMgaXMgYSB0ZXN0IG9mIGJhc2U2NCBlbmNvZGluZy4gQW5kIG1vcmUu": 55,
    "QZXJKVWQPLMZNXBCVQWRTPSDFGHJKLZXCVBNM": 23,
    "31415926535897932384626433832795028841971693993751": 22,
    "a    b        c         d": 7,
    "Die Rechnung über 1.234,56 € wurde überwiesen; Umsatzsteuervoranmeldung.": 27,
    "Счёт оплачен третьего октября. Сохранить изменения?": 30,
    "发票已于十月三日支付,请在系统中确认金额与税率。": 22,
    "請求書を確認してください。ファイルを保存しますか?": 23,
    "تم دفع الفاتورة. هل تريد حفظ التغييرات؟": 38,
    "คุณต้องการบันทึกการเปลี่ยนแปลงหรือไม่ ยกเลิก": 79,
    "😀🎉👩‍👩‍👧 ✅ 🚀 ⚠️": 27,
}
"""Texts, and the most that three real tokenizers (o200k, cl100k, Claude's of 2024) make of them."""


@pytest.mark.parametrize("text", list(MOST_TOKENS))
def test_tokens_are_counted_high_beside_real_tokenizers(text: str) -> None:
    assert MOST_TOKENS[text] <= count_tokens(text) <= 5 * MOST_TOKENS[text]


def test_osworld_xml() -> None:
    root = etree.fromstring(osworld_xml(TREE))
    assert root.tag == "desktop-frame"
    assert [child.tag for child in root] == ["application", "application"]
    [entry] = root.iter("entry")
    assert entry.get(f"{{{NAMESPACES['st']}}}focused") == "true"
    assert entry.get("name") == "Search"
    assert entry.text == "two\nlines"
    assert entry.get(f"{{{NAMESPACES['st']}}}multi_line") == "true"
    assert entry.get(f"{{{NAMESPACES['cp']}}}screencoord") == "(10, 20)"
    assert entry.get(f"{{{NAMESPACES['cp']}}}size") == "(40, 20)"
    assert [button.get("name") for button in root.iter("push-button")] == ["Back", "Off"]
    assert root.nsmap["docattr"] == "https://accessibility.ubuntu.example.org/ns/document/attributes"


def test_osworld_xml_of_details() -> None:
    node = Node(
        role="spin button",
        name="a\x00b",
        range=Range(value=2, min=0, max=10, step=1),
        actions=(NodeAction(name="click or so", description="Does it", keys="<Alt>c"),),
        attributes=(("toolkit", "gtk"), ("1 bad:name", "x\x0by")),
    )
    xml = etree.fromstring(osworld_xml(UiTree((node,), {})))
    names = {etree.QName(name).localname: value for name, value in xml[0].attrib.items()}
    assert names == {
        "name": "ab",
        "toolkit": "gtk",
        "_1-bad-name": "xy",
        "value": "2.0",
        "min": "0.0",
        "max": "10.0",
        "step": "1.0",
        "click-or-so_desc": "Does it",
        "click-or-so_kb": "<Alt>c",
    }


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_an_application_says_is_xml(role: str, said: str) -> None:
    node = Node(role=role, name=said, text=said, attributes=((said, said),), actions=(NodeAction(name=said),))
    assert len(etree.fromstring(osworld_xml(UiTree((node,), {})))) == 1


def test_what_a_tree_says_of_the_desktop() -> None:
    active = active_element(TREE.nodes)
    assert active is not None
    assert active.id == "2/7"
    assert [node.name for node in open_dialogs(TREE.nodes)] == ["Sure?"]
    assert applications(TREE.nodes) == ("edit", "web")
    assert browser_tabs(TREE.nodes) == (
        Tab("Shop", "https://shop.test/a", selected=True),
        Tab("News", "", selected=False),
    )


def test_tabs_have_the_addresses_that_devtools_tell() -> None:
    def tab(name: str, *states: str) -> Node:
        return Node(role="page tab", name=name, states=states, parent=1, app="web")

    nodes = (
        Node(role="application", app="web"),
        Node(role="frame", parent=0, app="web"),
        tab("Shop - Memory usage - 25.6 MB"),
        tab("News"),
        tab("Shop - Memory usage - 1,025 MB"),
        tab("Shop - Memory usage - 31 MB", "selected"),
        tab("Loading"),
        Node(role="document web", parent=1, app="web", address="https://shop.test/b"),
    )
    pages = [
        Page(title=title, address=f"https://{address}")
        for title, address in [
            ("Shop", "shop.test/b"),
            ("Soon", "soon.test"),
            ("Shop", "shop.test/c"),
            ("News", "news.test"),
            ("Shop", "shop.test/a"),
            ("Elsewhere", "else.test"),
        ]
    ]
    assert [(tab.title, tab.address.removeprefix("https://")) for tab in browser_tabs(nodes, pages)] == [
        ("Shop", "shop.test/c"),
        ("News", "news.test"),
        ("Shop", "shop.test/a"),
        ("Shop", "shop.test/b"),
        ("Loading", "soon.test"),
        ("Elsewhere", "else.test"),
    ]
    assert [tab.address for tab in browser_tabs(nodes)] == ["", "", "", "https://shop.test/b", ""]
