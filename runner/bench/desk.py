"""The desktop that is measured: a spreadsheet, a browser, a file manager and an editor, open and at rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

from openpyxl import Workbook

from sandboxes.deadline import Pace, deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import InfraError
from sandboxes.guest.protocol import Window
from sandboxes.host import Host
from sandboxes.spec import DesktopSpec

_DOCUMENTS = "/home/user/Documents"
_SHEET, _PAGE, _NOTE = f"{_DOCUMENTS}/ledger.xlsx", f"{_DOCUMENTS}/page.html", f"{_DOCUMENTS}/note.txt"
SHEET, PAGE, FOLDER, NOTE = "ledger.xlsx - ", "Accounts page - ", "Documents - Thunar", "note.txt - Mousepad"
"""What the title of each window holds."""
EDITOR = ("mousepad",)

_READY_S = 120.0
_QUIET_S = 0.5
_PROGRAMS = (
    ("libreoffice", "--calc", _SHEET),
    ("chromium", f"file://{_PAGE}"),
    ("thunar", _DOCUMENTS),
    ("mousepad", _NOTE),
)
# A quarter of the screen each, for applications report little of a window that others cover.
_PLACES = {
    SHEET: "0,0,24,950,460",
    PAGE: "0,960,24,950,460",
    FOLDER: "0,0,520,950,460",
    NOTE: "0,960,520,950,460",
}


@asynccontextmanager
async def busy_desktop(host: Host, backend: str) -> AsyncIterator[Desktop]:
    """A 1920x1080 desktop with the four applications, the editor in front with the keyboard."""
    spec = DesktopSpec(image="desktop")
    async with await host.start(
        spec, holder="bench", backend=backend, labels={"bench": "observe"}
    ) as desktop:
        await _write_documents(desktop)
        for program in _PROGRAMS:
            await desktop.open(program)
        for title, place in _PLACES.items():
            await _put(desktop, (await window_titled(desktop, title)).id, place)
        await _come_to_rest(desktop)
        await desktop.activate_window((await window_titled(desktop, NOTE)).id)
        await focus_editor(desktop)
        await _come_to_rest(desktop)
        yield desktop


async def open_editor(desktop: Desktop) -> None:
    """Open the editor alone, with the keyboard in it."""
    await desktop.open(EDITOR)
    await focus_editor(desktop)


async def focus_editor(desktop: Desktop) -> None:
    """Give it the keyboard, once it is there."""
    await desktop.locator("text", app="mousepad").focus(timeout=_READY_S)


async def window_titled(desktop: Desktop, title: str) -> Window:
    """The window whose title holds this, once it is there. Raises DeadlineExceeded."""
    pace = Pace()
    with deadline(f"a window titled {title!r}", _READY_S):
        while not (found := [window for window in await desktop.windows() if title in window.title]):
            await pace.wait()
    return found[0]


async def _put(desktop: Desktop, window_id: int, place: str) -> None:
    """Give a window its place, as wmctrl writes it. Raises InfraError."""
    window = ["wmctrl", "-i", "-r", f"{window_id:#x}"]
    for change in (["-b", "remove,maximized_vert,maximized_horz"], ["-e", place]):
        result = await desktop.exec([*window, *change])
        if result.exit_code != 0:
            raise InfraError(f"a window cannot be moved: {result.stderr.decode(errors='replace')}")


async def _come_to_rest(desktop: Desktop) -> None:
    """Until nothing is painted and the tree stays as it is: applications go on filling theirs for a while."""
    with deadline("the applications at rest", _READY_S):
        before = 0
        while True:
            rest = await desktop.settle(_QUIET_S, timeout=_READY_S / 2)
            tree = await desktop.ui_tree()
            if rest.settled and len(tree.nodes) == before:
                break
            before = len(tree.nodes)
    if tree.cut:
        raise InfraError(f"the tree of this desktop is not whole: {tree.cut}")


async def _write_documents(desktop: Desktop) -> None:
    await desktop.files.write(_SHEET, _sheet())
    await desktop.files.write(_PAGE, _page().encode())
    await desktop.files.write(_NOTE, b"")
    for number in range(20):
        await desktop.files.write(f"{_DOCUMENTS}/report-{number:02d}.txt", b"A report.\n")


def _sheet() -> bytes:
    book, out = Workbook(), BytesIO()
    sheet = book.worksheets[0]
    sheet.append(["Date", "Invoice", "Customer", "Net", "VAT", "Gross"])
    for row in range(2, 302):
        net = 100 + row * 7 % 900
        sheet.append(
            [f"2026-10-{row % 28 + 1:02d}", f"INV-{row}", f"Customer {row % 17}", net, net / 5, net * 1.2]
        )
    book.save(out)
    return out.getvalue()


def _page() -> str:
    rows = "".join(
        f"<tr><td><a href='#{row}'>Invoice {row}</a></td><td>Customer {row % 17}</td><td>{row * 13}</td>"
        f"<td><button>Approve</button></td></tr>"
        for row in range(60)
    )
    fields = "".join(f"<p><label>Field {number} <input></label></p>" for number in range(3))
    head = "<!DOCTYPE html><title>Accounts page</title><h1>Accounts</h1>"
    return f"{head}<form>{fields}</form><table>{rows}</table>"
