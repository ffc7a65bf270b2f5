"""Pointer, windows, clipboard and settling on real applications."""

from __future__ import annotations

import pytest

from sandboxes.desktop import Desktop
from sandboxes.errors import ActionFailed
from sandboxes.guest.protocol import Node, Window
from tests.sandboxes.guest.editor import editor_node, eventually, open_editor, saved

pytestmark = pytest.mark.anyio


async def place(desktop: Desktop) -> tuple[int, int, int, int]:
    node = await editor_node(desktop)
    assert node is not None
    assert node.rect is not None
    return node.rect.x, node.rect.y, node.rect.width, node.rect.height


async def test_a_drag_selects_what_it_passes_over(shared: Desktop) -> None:
    await open_editor(shared, "first line\nsecond line\nthird line\n")
    x, y, width, _ = await place(shared)
    await shared.drag([(x + 2, y + 8), (x + width // 2, y + 8)])
    await shared.type("1")
    assert await saved(shared, "1\nsecond line\nthird line\n") == "1\nsecond line\nthird line\n"


async def test_a_click_with_shift_held_extends_the_selection(shared: Desktop) -> None:
    await open_editor(shared, "first line\nsecond line\nthird line\n")
    x, y, width, _ = await place(shared)
    await shared.click(x + 2, y + 8)
    await shared.click(x + width // 2, y + 8, modifiers=["shift"])
    await shared.type("1")
    assert await saved(shared, "1\nsecond line\nthird line\n") == "1\nsecond line\nthird line\n"


async def test_double_and_triple_click_select_a_word_and_a_line(shared: Desktop) -> None:
    await open_editor(shared, "first second third")
    x, y, _, _ = await place(shared)
    await shared.double_click(x + 10, y + 8)
    await shared.type("1st")
    assert (await saved(shared, "1st second third")).rstrip() == "1st second third"
    await open_editor(shared, "first second third")  # A third click at once would go with the first two.
    await shared.click(x + 10, y + 8, count=3)
    await shared.type("all")
    assert (await saved(shared, "all")).rstrip() == "all"


async def test_scroll_moves_the_text(shared: Desktop) -> None:
    await open_editor(shared, "\n".join(f"line {n}" for n in range(400)))
    x, y, width, height = await place(shared)
    before = (await shared.screenshot()).png
    await shared.scroll(x + width // 2, y + height // 2, dy=20)
    await shared.settle()
    assert (await shared.screenshot()).png != before


async def test_a_point_off_the_screen_is_refused_and_says_which_action(shared: Desktop) -> None:
    with pytest.raises(ActionFailed, match="1280x800"):
        await shared.click(1280, 10)


async def test_the_pointer_is_where_it_was_moved(shared: Desktop) -> None:
    await shared.move(321, 123)
    assert (await shared.screenshot()).cursor.model_dump() == {"x": 321, "y": 123}


async def test_what_is_copied_can_be_read_and_what_is_written_pasted(shared: Desktop) -> None:
    await open_editor(shared, "cöpy me")
    await shared.press("ctrl+a")
    await shared.press("ctrl+c")

    async def copied() -> bool:
        return (await shared.clipboard.read()).strip() == "cöpy me"

    await eventually(copied, "the copied text", shared)
    large = "0123456789äöü漢字\n" * 11_000
    await shared.clipboard.write(large)
    assert await shared.clipboard.read() == large
    await shared.press("ctrl+a")
    await shared.press("ctrl+v")

    async def pasted() -> bool:
        node = await editor_node(shared)
        return node is not None and large.startswith(node.text[:100]) and len(node.text) == 2000

    await eventually(pasted, "the pasted text", shared)
    assert (await saved(shared, large)).rstrip() == large.rstrip()
    await shared.press("ctrl+a")
    await shared.press("ctrl+c")

    async def copied_back() -> bool:
        return (await shared.clipboard.read()).rstrip() == large.rstrip()

    await eventually(copied_back, "the large text", shared)


async def test_windows_are_listed_and_activated(shared: Desktop) -> None:
    first = await open_editor(shared)
    await shared.open(["lxterminal"])

    async def terminal() -> Window | None:
        return next((w for w in await shared.windows() if w.application == "Lxterminal" and w.focused), None)

    other = await eventually(terminal, "the terminal", shared)
    assert other.pid is not None
    assert other.frame.width > 200
    await shared.activate_window(first.id)
    top = max((await shared.windows()), key=lambda one: (one.application != "Tint2", one.stack))
    assert top.id == first.id
    assert top.focused


async def test_an_animation_does_not_hold_up_settling_but_a_change_does(shared: Desktop) -> None:
    """A terminal whose clock repaints the same place for ever."""
    ticking = "while :; do printf '\\r%s' $(date +%N); sleep 0.03; done"
    pid = await shared.open(["lxterminal", "--title=clock", "-e", f'sh -c "{ticking}"'])

    async def clock() -> Window | None:
        return next((w for w in await shared.windows() if w.title == "clock"), None)

    await eventually(clock, "the clock", shared)
    await shared.settle()
    settled = await shared.settle(quiet=0.2, timeout=60)
    assert settled.settled
    assert settled.waited_s < 30
    assert pid > 1


async def test_an_idle_screen_settles_at_once(shared: Desktop) -> None:
    await shared.settle(quiet=0.3)
    settled = await shared.settle(quiet=0.1, timeout=30)
    assert settled.settled
    assert settled.waited_s < 5


async def test_what_does_not_read_its_input_has_not_settled(shared: Desktop) -> None:
    await open_editor(shared, "busy")
    await shared.exec(["pkill", "-STOP", "mousepad"])
    try:
        settled = await shared.settle(timeout=0.5)
    finally:
        await shared.exec(["pkill", "-CONT", "mousepad"])
    assert not settled.settled
    assert settled.waited_s >= 0.5
    assert (await shared.settle(timeout=30)).settled


async def test_the_tree_says_what_an_editor_shows(shared: Desktop) -> None:
    await open_editor(shared, "hello tree\n")
    tree = await shared.ui_tree()
    assert not tree.cut
    node = next(one for one in tree.nodes if one.app == "mousepad" and one.role == "text")
    assert node.text == "hello tree\n"
    assert {"editable", "showing", "multi-line"} <= set(node.states)
    menu = next(one for one in tree.nodes if one.role == "menu" and one.name == "File")
    assert menu.rect is not None
    assert all(one.parent is None or one.parent < index for index, one in enumerate(tree.nodes))
    await shared.click(menu.rect.center.x, menu.rect.center.y)

    async def item() -> Node | None:
        nodes = (await shared.ui_tree()).nodes
        return next((n for n in nodes if n.role == "menu item" and n.name == "Save As..."), None)

    opened = await eventually(item, "the menu's items", shared)
    assert opened.rect is not None
    await shared.press("Escape")
    await shared.press("Escape")
