"""The one application of a simulated desktop: a note with a menu, two buttons and an about box.

It answers input as a real editor would (focus, selection, clipboard, menus, a window one can drag and
close), so a script written for it reads like a script for a real desktop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sandboxes.guest.protocol import ClipboardDigest, Node, Point, Rect, Window
from sandboxes.simulation.files import Files, NoSuchFile
from sandboxes.spec import Screen

NOTE, ABOUT = 1, 2
DEFAULT_PATH = "~/note.txt"
TITLE_HEIGHT = 28
_MENU_ITEMS = ("Save", "Clear", "About", "Quit")
_SHOWING = ("enabled", "sensitive", "showing", "visible")


@dataclass
class Clipboard:
    text: str = ""

    def digest(self) -> ClipboardDigest | None:
        data = self.text.encode()
        return ClipboardDigest(sha256=hashlib.sha256(data).hexdigest(), size=len(data)) if data else None


class Notes:
    """Its state, and how input changes it. Coordinates are pixels of the screen."""

    def __init__(self, screen: Screen, files: Files, clipboard: Clipboard) -> None:
        self._files = files
        self._clipboard = clipboard
        self._frame = Rect(x=40, y=40, width=min(640, screen.width - 80), height=min(420, screen.height - 80))
        self._path = DEFAULT_PATH
        self._text = ""
        self._status = "New note"
        self._open = True
        self._active = True
        self._typing = True
        self._all_selected = False
        self._menu_open = False
        self._about_open = False
        self._commands: dict[str, Callable[[], None]] = {
            "Save": self._save,
            "Clear": self._clear,
            "About": self._show_about,
            "Quit": self._quit,
            "Close": self._close_about,
            "File": self._toggle_menu,
        }

    # --- what it shows

    def nodes(self) -> tuple[Node, ...]:
        """The accessible tree: the application, its windows, and what is in them."""
        found = [Node(id="notes/", role="application", name="Notes", app="Notes")]
        if self._open:
            self._add_note(found)
        if self._about_open:
            self._add_about(found)
        return tuple(found)

    def windows(self) -> tuple[Window, ...]:
        found = []
        if self._open:
            found.append(self._window(NOTE, self._title(), self._frame, focused=not self._about_open))
        if self._about_open:
            found.append(self._window(ABOUT, "About Notes", self._about_rect(), focused=True))
        return tuple(found)

    def _title(self) -> str:
        return f"{self._path} - Notes"

    def _window(self, window_id: int, title: str, frame: Rect, focused: bool) -> Window:
        return Window(
            id=window_id,
            title=title,
            application="Notes",
            pid=1000,
            frame=frame,
            stack=window_id - 1,
            focused=focused and self._active,
            minimized=False,
        )

    def _add_note(self, nodes: list[Node]) -> None:
        parent = len(nodes)
        frame = self._frame
        nodes.append(_node("frame", self._title(), frame, 0, ("active",) if self._active else ()))
        top = frame.y + TITLE_HEIGHT
        bottom = frame.y + frame.height - 40
        nodes.append(_node("menu", "File", _rect(frame.x, top, 60, 26), parent))
        entry = _rect(frame.x + 10, top + 36, frame.width - 20, bottom - top - 46)
        states = ("editable", "focusable", *(("focused",) if self._typing else ()))
        nodes.append(_node("entry", "Note", entry, parent, states, self._text[-2000:]))
        for index, name in enumerate(("Save", "Clear")):
            nodes.append(_node("push button", name, _rect(frame.x + 10 + 90 * index, bottom, 80, 30), parent))
        status = _rect(frame.x + 190, bottom, max(0, frame.width - 200), 30)
        nodes.append(_node("label", self._status, status, parent))
        if self._menu_open:
            for index, name in enumerate(_MENU_ITEMS):
                item = _rect(frame.x, top + 26 + 26 * index, 140, 26)
                nodes.append(_node("menu item", name, item, parent + 1))

    def _add_about(self, nodes: list[Node]) -> None:
        parent = len(nodes)
        box = self._about_rect()
        nodes.append(_node("dialog", "About Notes", box, 0, ("active", "modal")))
        nodes.append(
            _node("label", "A note for simulated desktops", _rect(box.x + 16, box.y + 36, 190, 24), parent)
        )
        nodes.append(_node("push button", "Close", _rect(box.x + 130, box.y + 74, 80, 30), parent))

    def _about_rect(self) -> Rect:
        return _rect(self._frame.x + 10, self._frame.y + 40, 222, 114)

    # --- what is done to it

    def click(self, at: Point, count: int, button: str) -> None:
        node = self.node_at(at)
        self._active = node is not None
        if button != "left":
            return
        pressed_menu = node is not None and node.role in ("menu", "menu item")
        if self._menu_open and not pressed_menu:
            self._menu_open = False
            return
        if node is None:
            return
        self._typing = node.role == "entry"
        self._all_selected = self._typing and count > 1 and bool(self._text)
        if node.role in ("push button", "menu", "menu item"):
            self._commands[node.name]()
            self._menu_open = self._menu_open and node.role == "menu"

    def drag(self, start: Point, end: Point) -> None:
        """Dragged by its title bar, the window moves; dragged over, the note is selected."""
        node = self.node_at(start)
        if node is not None and node.role == "frame" and start.y < self._frame.y + TITLE_HEIGHT:
            moved = {"x": self._frame.x + end.x - start.x, "y": self._frame.y + end.y - start.y}
            self._frame = self._frame.model_copy(update=moved)
        elif node is not None and node.role == "entry":
            self._all_selected = bool(self._text)

    def type(self, text: str) -> None:
        if self._open and self._active and self._typing and not self._about_open:
            self._text = text if self._all_selected else self._text + text
            self._all_selected = False

    def press(self, keys: str) -> None:
        """One chord; those that mean nothing to a note change nothing."""
        {
            "backspace": self._erase,
            "delete": self._erase_selection,
            "return": lambda: self.type("\n"),
            "enter": lambda: self.type("\n"),
            "space": lambda: self.type(" "),
            "tab": lambda: self.type("\t"),
            "escape": self._escape,
            "ctrl+a": self._select_all,
            "ctrl+c": self._copy,
            "ctrl+x": self._cut,
            "ctrl+v": lambda: self.type(self._clipboard.text),
            "ctrl+s": self._save,
            "ctrl+q": self._quit,
            "alt+f4": self._quit,
        }.get(keys.lower(), lambda: self.type(keys) if len(keys) == 1 else None)()

    def launch(self, path: str | None) -> None:
        """Start it, or bring it to the front; with a path, show that file."""
        if path is not None:
            self._load(path)
        self._open = self._active = self._typing = True

    def activate(self, window_id: int) -> None:
        self._require(window_id)
        self._active = True

    def close(self, window_id: int) -> None:
        self._require(window_id)
        self._close_about() if window_id == ABOUT else self._quit()

    def node_at(self, at: Point) -> Node | None:
        """The topmost object there; a modal box takes every click inside the windows."""
        nodes = self.nodes()
        hits = [node for node in nodes if node.rect is not None and _contains(node.rect, at)]
        if self._about_open:
            about = [node for node in hits if node in nodes[-3:]]
            return about[-1] if about else None
        return hits[-1] if hits else None

    # --- its commands

    def _load(self, path: str) -> None:
        try:
            self._text = self._files.read(path).decode(errors="replace")
            self._status = "Opened"
        except NoSuchFile:
            self._text, self._status = "", "New note"
        self._path = path

    def _save(self) -> None:
        try:
            self._files.write(self._path, self._text.encode())
            self._status = f"Saved {len(self._text)} characters"
        except NoSuchFile as error:
            self._status = str(error)

    def _clear(self) -> None:
        self._text, self._status, self._all_selected = "", "Cleared", False

    def _erase(self) -> None:
        if self._all_selected:
            self._erase_selection()
        elif self._typing:
            self._text = self._text[:-1]

    def _erase_selection(self) -> None:
        if self._all_selected:
            self._text, self._all_selected = "", False

    def _select_all(self) -> None:
        self._all_selected = self._typing and bool(self._text)

    def _copy(self) -> None:
        if self._all_selected:
            self._clipboard.text = self._text

    def _cut(self) -> None:
        self._copy()
        self._erase_selection()

    def _escape(self) -> None:
        self._menu_open = self._about_open = False

    def _toggle_menu(self) -> None:
        self._menu_open = not self._menu_open

    def _show_about(self) -> None:
        self._about_open = True

    def _close_about(self) -> None:
        self._about_open = False

    def _quit(self) -> None:
        self._open = self._menu_open = self._about_open = False

    def _require(self, window_id: int) -> None:
        if window_id not in {window.id for window in self.windows()}:
            raise LookupError(f"no window has the id {window_id}")


def _node(
    role: str, name: str, rect: Rect, parent: int, states: tuple[str, ...] = (), text: str = ""
) -> Node:
    return Node(
        id=f"notes/{role}/{name if role not in ('frame', 'label') else parent}",
        role=role,
        name=name,
        text=text,
        states=(*_SHOWING, *states),
        rect=rect,
        parent=parent,
        app="Notes",
    )


def _rect(x: int, y: int, width: int, height: int) -> Rect:
    return Rect(x=x, y=y, width=width, height=max(0, height))


def _contains(rect: Rect, at: Point) -> bool:
    return rect.x <= at.x < rect.x + rect.width and rect.y <= at.y < rect.y + rect.height
