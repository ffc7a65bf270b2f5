"""States of the tasks with the browser, and of those with several applications: done right, and nearly so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO

from openpyxl import Workbook

from tests.deskbench.states import State
from tests.runner.checks.test_office_files import open_document

BOOKMARKS = "~/.config/google-chrome/Default/Bookmarks"
TERMS = "http://localhost:8000/terms"
OCTOBER = "month,in,out\n2026-10,4310,5026\n"
LISTED = {
    "scan-1.txt": "scan-1-rent-march.txt",
    "scan-2.txt": "scan-2-letter-school.txt",
    "scan-3.txt": "scan-3-rent-april.txt",
    "scan-4.txt": "scan-4-receipt-lamp.txt",
    "scan-5.txt": "scan-5-ticket-oslo.txt",
    "scan-6.txt": "scan-6-receipt-desk.txt",
}
PERMIT = {
    "Confirmed": "yes",
    "First name": "Ada",
    "Last name": "Holm",
    "Street": "Kanalweg 4",
    "Postcode": "20095",
    "Town": "Hamburg",
    "Telephone": "040 555 0134",
    "Title": "Winter market",
    "Kind": "Market",
    "Place": "Old harbour",
    "Visitors": "1200",
    "First day": "2026-12-04",
    "Last day": "2026-12-06",
    "Opens": "11:00",
    "Closes": "20:30",
    "Stages": "1",
    "Tents": "14",
    "Generators": "2",
    "Loudspeakers": "6",
    "Stewards": "12",
    "First aiders": "4",
    "Insurer": "Hansa Mutual",
    "Policy number": "HM-77-1042",
}
UNPACK = "mkdir -p Documents && tar -xzf papers.tar.gz -C Documents && cd Documents/papers"
TODO = "Buy paper\nCall Ada\nBook the hall\n"


def received(*forms: Mapping[str, object]) -> State:
    """What the site was sent."""
    return State({"~/site/received.json": json.dumps(forms)})


def order(**other: object) -> State:
    form = {"kind": "order", "name": "Ada Holm", "address": "Kanalweg 4", "delivery": "Express"}
    return received({**form, "items": {"lumo-20s": 2, "rest": 1}, "cookies": ["necessary"], **other})


def booking(**other: str) -> dict[str, str]:
    form = {"name": "Ada Holm", "email": "ada@holm.example", "date": "2026-11-24", "time": "19:30"}
    return {"kind": "booking", "people": "4", "window": "yes"} | form | other


def visit(**other: str) -> dict[str, str]:
    """A booking by a letter: nobody asks for the window."""
    form = booking(name="Cleo Berg", email="cleo@berg.example", date="2026-11-26", people="7") | other
    return {name: value for name, value in form.items() if name != "window" or "window" in other}


def settings(**other: str) -> dict[str, str]:
    return {
        "kind": "settings",
        "display": "ada",
        "language": "Français",
        "weekly": "yes",
        "texts": "yes",
    } | other


def reminder(invoices: str, total: str, customer: str = "Nordlicht GmbH") -> State:
    return received({"kind": "reminder", "customer": customer, "invoices": invoices, "total": total})


def reply(text: str, to: str = "Jon Costa", subject: str = "Which offer?") -> State:
    return received({"kind": "reply", "to": to, "subject": subject, "text": text})


def person(team: str, room: str) -> dict[str, str]:
    return {"kind": "person", "name": "Mia Berg", "team": team, "room": room}


def bookmarks(folder: str, *marks: tuple[str, str]) -> State:
    children = [{"name": name, "type": "url", "url": address} for name, address in marks]
    roots = {name: {"children": children if name == folder else []} for name in ("bookmark_bar", "other")}
    return State({BOOKMARKS: json.dumps({"roots": roots}, indent=1)})


def workbook(*lines: tuple[str | int, ...]) -> bytes:
    book, content = Workbook(), BytesIO()
    for line in lines:
        book.worksheets[0].append(line)
    book.save(content)
    return content.getvalue()


def ordered(*lines: tuple[str | int, ...]) -> State:
    return State({"~/Documents/order.xlsx": workbook(("Item", "Order"), *lines)})


def letter(line: str) -> bytes:
    return open_document(f"<text:p>{line}</text:p>")


def renamed(names: dict[str, str]) -> State:
    return State(shell="cd Scans && " + " && ".join(f"mv {old} {new}" for old, new in names.items()))


RIGHT: dict[str, State] = {
    "browser-download": State({"~/Downloads/statement-2026-10.csv": OCTOBER}),
    "browser-bookmark": bookmarks("other", ("House rules", TERMS)),
    "browser-order": order(),
    "browser-booking": received(booking()),
    "browser-person": received(person("Legal", "3.07")),
    "browser-settings": received(settings(), {"kind": "signed out"}),
    "browser-clean-inbox": received(
        {"kind": "deleted", "subjects": ["Half price on everything", "Last chance"]}
    ),
    "browser-reply": reply("R-2294, 11,930 EUR"),
    "browser-leave": received({"kind": "agenda", "item": "Budget 2027"}),
    "browser-reminder": reminder("INV-100, INV-110, INV-115, INV-120", "206.25"),
    "browser-permit": received({"kind": "permit"} | PERMIT),
    "several-rate": State({"~/Documents/rate.txt": "1.1624\n"}),
    "several-count-note": State({"~/Documents/todo.txt": f"{TODO}Posted: 80\n"}),
    "several-letter-booking": received(visit()),
    "several-config": State(shell="sed -i 's/= 80$/= 8080/; s/loud/info/' app/settings.ini"),
    "several-unpack": State(shell=f"{UNPACK} && mkdir Signed && mv contract-signed-2026.txt Signed"),
    "several-rename-list": renamed(LISTED),
    "several-stock-sheet": ordered(("Pencils", 12), ("Labels", 17)),
    "several-total-letter": State({"~/Documents/total.odt": letter("Total cost: 1092.40 EUR")}),
}
MISSES: dict[str, tuple[str, State]] = {
    "the month of another year": (
        "browser-download",
        State({"~/Downloads/statement-2025-10.csv": "month,in,out\n2025-10,4310,5025\n"}),
    ),
    "two statements": (
        "browser-download",
        State({f"~/Downloads/statement-{month}.csv": OCTOBER for month in ("2026-10", "2026-11")}),
    ),
    "a name of its own": ("browser-bookmark", bookmarks("other", ("House", TERMS))),
    "in the bar": ("browser-bookmark", bookmarks("bookmark_bar", ("House rules", TERMS))),
    "another page": ("browser-bookmark", bookmarks("other", ("House rules", "http://localhost:8000/shop"))),
    "the lamp beside it": ("browser-order", order(items={"lumo-20": 2, "rest": 1})),
    "one lamp": ("browser-order", order(items={"lumo-20s": 1, "rest": 1})),
    "one thing more": ("browser-order", order(items={"lumo-20s": 2, "rest": 1, "paper": 1})),
    "all cookies": ("browser-order", order(cookies=["all"])),
    "the first delivery": ("browser-order", order(delivery="Standard")),
    "a day later": ("browser-booking", received(booking(date="2026-11-25", time="19:00"))),
    "not at the window": (
        "browser-booking",
        received({name: value for name, value in booking().items() if name != "window"}),
    ),
    "booked twice": ("browser-booking", received(booking(time="20:00"), booking())),
    "the other of that name": ("browser-person", received(person("Finance", "3.07"))),
    "both of that name": ("browser-person", received(person("Finance", "3.07"), person("Legal", "3.07"))),
    "another room": ("browser-person", received(person("Legal", "3.7"))),
    "still signed in": ("browser-settings", received(settings())),
    "still with the newsletter": (
        "browser-settings",
        received(settings(newsletter="yes"), {"kind": "signed out"}),
    ),
    "no weekly report": (
        "browser-settings",
        received(
            {name: value for name, value in settings().items() if name != "weekly"}, {"kind": "signed out"}
        ),
    ),
    "one message of two": (
        "browser-clean-inbox",
        received({"kind": "deleted", "subjects": ["Half price on everything"]}),
    ),
    "also the one about deals": (
        "browser-clean-inbox",
        received(
            {
                "kind": "deleted",
                "subjects": ["Half price on everything", "Last chance", "Weekend deals for the team"],
            }
        ),
    ),
    "the first offer": ("browser-reply", reply("R-2291, 12,480 EUR")),
    "to who offers": (
        "browser-reply",
        reply("R-2294, 11,930 EUR", to="Elin Holm", subject="Offer for the roof, corrected"),
    ),
    "saved first": (
        "browser-leave",
        received({"kind": "minutes", "text": "Present"}, {"kind": "agenda", "item": "Budget 2027"}),
    ),
    "another year": ("browser-leave", received({"kind": "agenda", "item": "Budget 2026"})),
    "without the last page": ("browser-reminder", reminder("INV-100, INV-110, INV-115", "146.25")),
    "also what is paid": (
        "browser-reminder",
        reminder("INV-100, INV-105, INV-110, INV-115, INV-120", "251.50"),
    ),
    "to who is named alike": ("browser-reminder", reminder("INV-112", "124.00", "Nordlicht AG")),
    "not confirmed": (
        "browser-permit",
        received({"kind": "permit"} | {name: value for name, value in PERMIT.items() if name != "Confirmed"}),
    ),
    "another end": ("browser-permit", received({"kind": "permit"} | PERMIT | {"Last day": "2026-12-07"})),
    "the rate of the day before": ("several-rate", State({"~/Documents/rate.txt": "1.1597\n"})),
    "another dollar": ("several-rate", State({"~/Documents/rate.txt": "1.7693\n"})),
    "more than the rate": ("several-rate", State({"~/Documents/rate.txt": "USD 1.1624\n"})),
    "a count of all lines": ("several-count-note", State({"~/Documents/todo.txt": f"{TODO}Posted: 200\n"})),
    "nothing but the count": ("several-count-note", State({"~/Documents/todo.txt": "Posted: 80\n"})),
    "on the day without a train": ("several-letter-booking", received(visit(date="2026-11-25"))),
    "only the visitors": ("several-letter-booking", received(visit(people="5"))),
    "a window nobody asked for": ("several-letter-booking", received(visit(window="yes"))),
    "one setting of two": ("several-config", State(shell="sed -i 's/= 80$/= 8080/' app/settings.ini")),
    "also another setting": (
        "several-config",
        State(shell="sed -i 's/= 80$/= 8080/; s/loud/info/; s/= 4/= 8/' app/settings.ini"),
    ),
    "another check": ("several-config", State(shell="echo 'echo All settings are right' > app/check.sh")),
    "last year's contract": (
        "several-unpack",
        State(shell=f"{UNPACK} && mkdir Signed && mv contract-signed-2025.txt Signed"),
    ),
    "a copy of the contract": (
        "several-unpack",
        State(shell=f"{UNPACK} && mkdir Signed && cp contract-signed-2026.txt Signed"),
    ),
    "all but one": (
        "several-rename-list",
        renamed({old: new for old, new in LISTED.items() if old != "scan-6.txt"}),
    ),
    "also what is not listed": ("several-rename-list", renamed(LISTED | {"scan-7.txt": "scan-7-rest.txt"})),
    "the names of two exchanged": (
        "several-rename-list",
        renamed(LISTED | {"scan-1.txt": LISTED["scan-3.txt"], "scan-3.txt": LISTED["scan-1.txt"]}),
    ),
    "also what is just enough": (
        "several-stock-sheet",
        ordered(("Pencils", 12), ("Folders", 0), ("Labels", 17)),
    ),
    "the stock": ("several-stock-sheet", ordered(("Pencils", 38), ("Labels", 7))),
    "numbers as text": ("several-stock-sheet", ordered(("Pencils", "12"), ("Labels", "17"))),
    "without travel": (
        "several-total-letter",
        State({"~/Documents/total.odt": letter("Total cost: 457.80 EUR")}),
    ),
    "the sum in the table": (
        "several-total-letter",
        State(
            {"~/Documents/total.odt": letter("Total cost: 1092.40 EUR")},
            shell="echo ',,1092.40' >> Documents/costs.csv",
        ),
    ),
}
