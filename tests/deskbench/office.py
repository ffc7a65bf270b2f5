"""States of the tasks with spreadsheets, documents and presentations: done right, and nearly so."""

from __future__ import annotations

import io
from typing import Any

from openpyxl import Workbook
from pypdf import PdfReader, PdfWriter

from tests.deskbench.office_files import book, cells, opendocument, page_of, word
from tests.deskbench.states import State
from tests.runner.checks.test_office_files import pdf

DOCUMENTS = "~/Documents"
READINGS = (18.4, 18.9, 19.7, 21.2, 22.8, 23.5, 23.1, 22.4, 21.6, 20.3, 19.5, 18.8)
CANCELLED = (10, 6, 3)
PRICES = (39.9, 189, 92, 14.5, 4.75)
MEMBERS = (
    ("Number", "Name", "City", "Fee"),
    (1, "Abel, Ruth", "Bern", 12.5),
    (2, "Beck, Tom", "Basel", 20),
    (3, "Chen, Li", "Zürich", 12.5),
    (4, "Duval, Zoé", "Genève", 30),
)
REPORT = (
    "Site visit",
    "We saw both halls on 4 June.",
    "Findings",
    "The findings are listed by hall.",
    "Hall A is dry. Hall B needs a new door.",
    "Next steps",
    "Order the door.",
)
FINDINGS = '<text:p text:style-name="Standard">Findings</text:p>'
BOLD = (
    "<office:automatic-styles/>",
    '<office:automatic-styles><style:style style:name="T1" style:family="text">'
    '<style:text-properties fo:font-weight="bold"/></style:style></office:automatic-styles>',
)
CLOSED = '<text:p text:style-name="Standard">Parking in the yard is closed on Tuesday.</text:p>'
FREE = CLOSED.replace("closed on Tuesday", "free on Sunday")
SPRING, SUMMER, AUTUMN = (page_of("impress-plan.odp", number) for number in (2, 3, 4))
LUNCH, HARBOUR = (page_of("impress-tour.odp", number) for number in (3, 4))
COSTS = (
    "<draw:page><draw:frame><draw:text-box><text:p>Costs</text:p></draw:text-box></draw:frame></draw:page>"
)


def total(formula: object) -> State:
    computed = {"B14": 4555.0} if isinstance(formula, str) else None
    return saved("calc-expenses.xlsx", book("calc-expenses.xlsx", cells({"B14": formula}), computed))


def saved(name: str, data: bytes) -> State:
    return State({f"{DOCUMENTS}/{name}": data})


def orders(*, by: int, descending: bool = True, whole_rows: bool = True) -> State:
    """Sorted by the column of this number."""

    def change(made: Workbook) -> None:
        sheet = made.worksheets[0]
        rows: list[list[Any]] = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
        ordered = sorted(rows, key=lambda row: row[by], reverse=descending)
        for number, (row, before) in enumerate(zip(ordered, rows, strict=True), start=2):
            for column, value in enumerate(row if whole_rows else [*before[:by], row[by]], start=1):
                sheet.cell(number, column).value = value

    return saved("calc-orders.xlsx", book("calc-orders.xlsx", change))


def without_rows(*numbers: int) -> State:
    def change(made: Workbook) -> None:
        for number in numbers:
            made.worksheets[0].delete_rows(number)

    return saved("calc-orders.xlsx", book("calc-orders.xlsx", change))


def emptied_rows() -> State:
    gaps = {f"{column}{row}": None for column in "ABCD" for row in CANCELLED}
    return saved("calc-orders.xlsx", book("calc-orders.xlsx", cells(gaps)))


def shares(*names: str, form: str = "0.00%", times: float = 1) -> State:
    def change(made: Workbook) -> None:
        for name in names:
            cell = made.worksheets[0][name]
            assert isinstance(cell.value, int | float)
            cell.number_format, cell.value = form, cell.value * times

    return saved("calc-shares.xlsx", book("calc-shares.xlsx", change))


def renamed(old: str, new: str) -> State:
    def change(made: Workbook) -> None:
        made[old].title = new

    return saved("calc-sheets.xlsx", book("calc-sheets.xlsx", change))


def members(rows: tuple[tuple[object, ...], ...]) -> State:
    def change(made: Workbook) -> None:
        sheet = made.worksheets[0]
        sheet.delete_rows(1, sheet.max_row)
        for row in rows:
            sheet.append(list(row))

    return saved("members.xlsx", book("calc-sheets.xlsx", change))


def leave(**values: object) -> State:
    return saved("calc-leave.xlsx", book("calc-leave.xlsx", cells(values)))


def readings(column: str, values: tuple[float, ...]) -> State:
    typed = {f"{column}{row}": value for row, value in enumerate(values, start=2)}
    return saved("calc-readings.xlsx", book("calc-readings.xlsx", cells(typed)))


def quote(formula: str | None, prices: tuple[float, ...] = PRICES) -> State:
    """Unit prices by a formula, whose `#` is the row, or as numbers."""
    places = [f"D{row}" for row in range(2, 7)]
    if formula is None:
        return saved(
            "calc-quote.xlsx", book("calc-quote.xlsx", cells(dict(zip(places, prices, strict=True))))
        )
    formulas = {place: formula.replace("#", place[1:]) for place in places}
    computed = dict(zip(places, prices, strict=True))
    return saved("calc-quote.xlsx", book("calc-quote.xlsx", cells(formulas), computed))


def changed(name: str, *changes: tuple[str, str]) -> State:
    return saved(name, opendocument(name, *changes))


def plan(*changes: tuple[str, str]) -> State:
    return saved("garden.odp", opendocument("impress-plan.odp", *changes))


def tour(*changes: tuple[str, str]) -> State:
    return saved("walk.odp", opendocument("impress-tour.odp", *changes))


def bold(*phrases: str) -> State:
    marked = [(phrase, f'<text:span text:style-name="T1">{phrase}</text:span>') for phrase in phrases]
    return changed("writer-contract.odt", BOLD, *marked)


def pages(*texts: str) -> bytes:
    made, data = PdfWriter(), io.BytesIO()
    for text in texts:
        made.append(PdfReader(io.BytesIO(pdf(text))))
    made.write(data)
    return data.getvalue()


def note(page: str, text: str) -> State:
    """A note of that slide of the tour."""
    noted = page.replace("<draw:text-box/>", f"<draw:text-box><text:p>{text}</text:p></draw:text-box>")
    return tour((page, noted))


SUPPLIER = ("Contractor", "Supplier")
HEADING = '<text:h text:style-name="Heading_20_1" text:outline-level="1">Findings</text:h>'
TOUR = ("City tour Saturday", "Old town 10:00", "Lunch 12:30", "Harbour 14:00", "Museum 16:00")
PIER = "Boats leave from pier 4."
LOOKUP = "=VLOOKUP(B#,Prices!$A$2:$B$6,2,0)"

RIGHT: dict[str, State] = {
    "calc-total": total("=SUM(B2:B13)"),
    "calc-sort": orders(by=3),
    "calc-delete-rows": without_rows(*CANCELLED),
    "calc-percent": shares("C2", "C3", "C4", "C5"),
    "calc-rename-sheet": renamed("Sheet2", "2026-Q3"),
    "calc-import": members(MEMBERS),
    "calc-replace-in-column": leave(C3=0, C5=0, C7=0),
    "calc-lookup": quote(LOOKUP),
    "calc-readings": readings("C", READINGS),
    "writer-replace": changed("writer-contract.odt", SUPPLIER),
    "writer-heading": changed("writer-report.odt", (FINDINGS, HEADING)),
    "writer-bold": bold("before 31 March"),
    "writer-delete-paragraph": changed("writer-notice.odt", (CLOSED, "")),
    "writer-pdf": saved("site-visit.pdf", pdf(" ".join(REPORT))),
    "writer-docx": saved("writer-report.docx", word(*REPORT, "Call the joiner.")),
    "impress-title": plan(("plan 2025", "plan 2026")),
    "impress-delete-slide": plan((SUMMER, "")),
    "impress-add-slide": plan((AUTUMN, AUTUMN + COSTS)),
    "impress-reorder": tour((LUNCH + HARBOUR, HARBOUR + LUNCH)),
    "impress-note": note(HARBOUR, PIER),
    "impress-pdf": saved("tour.pdf", pages(*TOUR)),
}
MISSES: dict[str, tuple[str, State]] = {
    "a number for a formula": ("calc-total", total(4555)),
    "a sum of one less": ("calc-total", total("=SUM(B2:B12)")),
    "in the next column": (
        "calc-total",
        saved("calc-expenses.xlsx", book("calc-expenses.xlsx", cells({"C14": "=SUM(B2:B13)"}))),
    ),
    "the smallest first": ("calc-sort", orders(by=3, descending=False)),
    "by another column": ("calc-sort", orders(by=1)),
    "one column sorted alone": ("calc-sort", orders(by=3, whole_rows=False)),
    "a request deleted too": ("calc-delete-rows", without_rows(10, 7, 6, 3)),
    "one row left": ("calc-delete-rows", without_rows(10, 6)),
    "gaps left": ("calc-delete-rows", emptied_rows()),
    "without decimals": ("calc-percent", shares("C2", "C3", "C4", "C5", form="0%")),
    "the turnout too": ("calc-percent", shares("C2", "C3", "C4", "C5", "D2", "D3", "D4", "D5")),
    "multiplied": ("calc-percent", shares("C2", "C3", "C4", "C5", times=100)),
    "the old sheet": ("calc-rename-sheet", renamed("Sheet2 (old)", "2026-Q3")),
    "a name alike": ("calc-rename-sheet", renamed("Sheet2", "2026-Q2")),
    "separated at commas": (
        "calc-import",
        members((MEMBERS[0], (1, "Abel", " Ruth", "Bern", 12.5), *MEMBERS[2:])),
    ),
    "fees as text": ("calc-import", members((*MEMBERS[:4], (4, "Duval, Zoé", "Genève", "30")))),
    "as CSV by that name": ("calc-import", saved("members.xlsx", b"Number;Name;City;Fee\n")),
    "both columns": ("calc-replace-in-column", leave(C3=0, C5=0, C7=0, D2=0, D5=0)),
    "a zero as text": ("calc-replace-in-column", leave(C3="0", C5="0", C7="0")),
    "one left out": ("calc-replace-in-column", leave(C3=0, C5=0)),
    "typed prices": ("calc-lookup", quote(None)),
    "the nearest code": ("calc-lookup", quote("=VLOOKUP(B#,Prices!A2:B6,2)", (39.9, 189, 92, 39.9, 4.75))),
    "two readings swapped": ("calc-readings", readings("C", (*READINGS[:10], READINGS[11], READINGS[10]))),
    "in the other room": ("calc-readings", readings("B", READINGS)),
    "a reading short": ("calc-readings", readings("C", READINGS[:11])),
    "in a word too": (
        "writer-replace",
        changed("writer-contract.odt", SUPPLIER, ("contractors", "suppliers")),
    ),
    "one place left": ("writer-replace", changed("writer-contract.odt", ("The Contractor", "The Supplier"))),
    "the sentence too": (
        "writer-heading",
        changed(
            "writer-report.odt", (FINDINGS, HEADING), ('Standard">The findings', 'Heading_20_1">The findings')
        ),
    ),
    "another heading": (
        "writer-heading",
        changed("writer-report.odt", (FINDINGS, HEADING.replace("_1", "_2"))),
    ),
    "the other date too": ("writer-bold", bold("before 31 March", "before 31 May")),
    "the date alone": ("writer-bold", bold("31 March")),
    "the other paragraph": ("writer-delete-paragraph", changed("writer-notice.odt", (FREE, ""))),
    "an empty line left": (
        "writer-delete-paragraph",
        changed("writer-notice.odt", ("Parking in the yard is closed on Tuesday.", "")),
    ),
    "an empty PDF": ("writer-pdf", saved("site-visit.pdf", pdf(""))),
    "by another name": ("writer-pdf", saved("writer-report.pdf", pdf(" ".join(REPORT)))),
    "OpenDocument by that name": (
        "writer-docx",
        saved(
            "writer-report.docx",
            opendocument(
                "writer-report.odt", ("Order the door.", "Order the door.</text:p><text:p>Call the joiner.")
            ),
        ),
    ),
    "without the new line": ("writer-docx", saved("writer-report.docx", word(*REPORT))),
    "the old year": ("impress-title", plan(("Garden plan 2025", "Garden plan"))),
    "on another slide": ("impress-title", plan(("Spring", "Garden plan 2026"))),
    "the wrong slide": ("impress-delete-slide", plan((SPRING, ""))),
    "an emptied slide": (
        "impress-delete-slide",
        plan(("Summer", ""), ("Water daily", "")),
    ),
    "a slide without a title": (
        "impress-add-slide",
        plan((AUTUMN, f"{AUTUMN}<draw:page/>")),
    ),
    "a slide in the middle": ("impress-add-slide", plan((AUTUMN, COSTS + AUTUMN))),
    "one place too far": ("impress-reorder", tour((LUNCH, ""), ("Museum", "Lunch"))),
    "titles swapped alone": (
        "impress-reorder",
        tour(("Lunch", "-"), ("Harbour", "Lunch"), (">-<", ">Harbour<")),
    ),
    "a note on the slide before": ("impress-note", note(LUNCH, PIER)),
    "on the slide itself": (
        "impress-note",
        tour(("14:00", f"14:00</text:p><text:p>{PIER}")),
    ),
    "one page": ("impress-pdf", saved("tour.pdf", pdf(" ".join(TOUR)))),
    "a page short": ("impress-pdf", saved("tour.pdf", pages(*TOUR[:4]))),
}
