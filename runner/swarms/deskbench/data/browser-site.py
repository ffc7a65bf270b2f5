"""The sites of the browser tasks: `site.py PAGE` serves them on the desktop, and opens PAGE in its browser.

All that a visitor sends off is written to ~/site/received.json, a list in the order of its coming.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

PORT = 8000
RECEIVED = Path.home() / "site" / "received.json"
FRAME = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
  body {{ font: 17px/1.5 sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }}
  label {{ display: block; margin: .6rem 0; }}
  input, select, textarea, button {{ font: inherit; padding: .2rem .5rem; }}
  table {{ border-collapse: collapse; }}
  th, td {{ border: 1px solid #aaa; padding: .2rem .7rem; text-align: left; }}
  #cookies {{ position: fixed; inset: 0; background: #000a; display: grid; place-items: center; }}
  #cookies div {{ background: #fff; padding: 2rem; max-width: 26rem; }}
</style>
<h1>{title}</h1>
{body}
</html>"""

Fields = dict[str, str]
Page = tuple[str, str]
"""Its title, and its body as HTML."""
PAGES: dict[str, Callable[[Fields], Page]] = {}


def page(path: str) -> Callable[[Callable[[Fields], Page]], Callable[[Fields], Page]]:
    """Decorates what answers a path, given the fields of the address or of the form that was sent."""

    def kept(answer: Callable[[Fields], Page]) -> Callable[[Fields], Page]:
        PAGES[path] = answer
        return answer

    return kept


def receive(kind: str, content: dict[str, object]) -> None:
    earlier = json.loads(RECEIVED.read_text("utf-8")) if RECEIVED.exists() else []
    RECEIVED.write_text(json.dumps([*earlier, {"kind": kind} | content], indent=1), "utf-8")


def entry(label: str, name: str, value: str = "", more: str = "required") -> str:
    return f'<label>{label} <input name="{name}" value="{escape(value)}" {more}></label>'


def choice(label: str, name: str, options: tuple[str, ...]) -> str:
    offered = "".join(f"<option>{one}" for one in options)
    return f'<label>{label} <select name="{name}">{offered}</select></label>'


def radio(legend: str, name: str, options: tuple[str, ...]) -> str:
    buttons = "".join(
        f'<label><input type="radio" name="{name}" value="{one}" required> {one}</label>' for one in options
    )
    return f"<fieldset><legend>{legend}</legend>{buttons}</fieldset>"


def tick(label: str, name: str, on: bool = False) -> str:
    return f'<label><input type="checkbox" name="{name}" value="yes" {"checked" * on}> {label}</label>'


def form(action: str, button: str, *parts: str, asks: str = "") -> str:
    """With `asks`, its button leads to a question first. It is part of the page: what Chromium itself would
    ask in answer to `confirm()` is no object of its accessibility tree."""
    start = f'<form method="post" action="{action}">{"".join(parts)}'
    if not asks:
        return f"{start}<button>{button}</button></form>"
    opens = f'<button type="button" onclick="this.nextSibling.showModal()">{button}</button>'
    no = '<button type="button" onclick="this.parentNode.close()">No</button>'
    question = f"<p>{asks}</p>{no} <button>Yes</button>"
    return f'{start}{opens}<dialog aria-label="Are you sure?">{question}</dialog></form>'


def hidden(fields: Fields) -> str:
    return "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items()
    )


def rows(heads: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    """A table; its cells are HTML."""
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines)
    return f"<table><tr>{head}</tr>{body}</table>"


# --- a shop -------------------------------------------------------------------------------------------

PRODUCTS = {
    "lumo-20": ("Desk lamp Lumo 20", "34.90"),
    "lumo-20s": ("Desk lamp Lumo 20 S", "39.90"),
    "lumi-20": ("Desk lamp Lumi 20", "31.50"),
    "arm-1": ("Monitor arm, one screen", "89.00"),
    "arm-2": ("Monitor arm, two screens", "129.00"),
    "rest": ("Footrest", "44.00"),
    "paper": ("Paper A4, 500 sheets", "5.20"),
}
COOKIES = """<div id="cookies"><div><p>We would like to remember you.</p>
<button onclick="choose('all')">Accept all cookies</button>
<button onclick="choose('necessary')">Only necessary cookies</button></div></div>
<script>
  function choose(which) {
    fetch('/shop/cookies?which=' + which).then(() => document.getElementById('cookies').remove())
  }
</script>"""
cart: dict[str, int] = {}
cookies: list[str] = []


@page("/shop")
def shop(fields: Fields) -> Page:
    asked = fields.get("q", "")
    found = [
        (f'<a href="/shop/product?id={id_}">{name}</a>', price)
        for id_, (name, price) in PRODUCTS.items()
        if asked.lower() in name.lower()
    ]
    search = f"<form>{entry('Search', 'q', asked, '')}<button>Find</button></form>"
    listed = rows(("Product", "Price (EUR)"), found) if found else "<p>No product was found.</p>"
    return "Office shop", search + listed + (COOKIES if not cookies else "")


@page("/shop/cookies")
def choose_cookies(fields: Fields) -> Page:
    cookies.append(fields["which"])
    return "Thank you", ""


@page("/shop/product")
def product(fields: Fields) -> Page:
    name, price = PRODUCTS[fields["id"]]
    quantity = entry("Quantity", "quantity", "1", 'type="number" min="1" max="99" required')
    back = '<p><a href="/shop">All products</a></p>'
    return name, f"<p>{price} EUR</p>" + form("/shop/cart", "Add to cart", hidden(fields), quantity) + back


@page("/shop/cart")
def show_cart(fields: Fields) -> Page:
    if "id" in fields:
        cart[fields["id"]] = cart.get(fields["id"], 0) + int(fields["quantity"])
    lines = [(PRODUCTS[id_][0], str(count)) for id_, count in cart.items()]
    links = '<p><a href="/shop">All products</a> <a href="/shop/checkout">Check out</a></p>'
    return "Your cart", rows(("Product", "Quantity"), lines) + links


@page("/shop/checkout")
def checkout(fields: Fields) -> Page:
    if "name" in fields:
        receive("order", {"items": cart, "cookies": cookies, **fields})
        return "Order placed", "<p>Thank you for your order.</p>"
    delivery = choice("Delivery", "delivery", ("Standard", "Express", "Pick up"))
    parts = entry("Name", "name"), entry("Address", "address"), delivery
    asks = "Do you really want to place this order?"
    return "Checkout", form("/shop/checkout", "Place order", *parts, asks=asks)


# --- a restaurant's bookings --------------------------------------------------------------------------

TIMES = ("18:00", "18:30", "19:00", "19:30", "20:00", "20:30")


@page("/booking")
def booking(fields: Fields) -> Page:
    refused = ""
    if fields:
        if fields["date"] == "2026-11-23":
            refused = "<p role=alert><b>We are closed on Mondays.</b></p>"
        elif fields["date"] == "2026-11-24" and fields["time"] == "19:00":
            refused = "<p role=alert><b>Nothing is free at that time.</b></p>"
        else:
            receive("booking", {**fields})
            return "Table booked", f"<p>We look forward to seeing you on {escape(fields['date'])}.</p>"
    parts = (
        entry("Name", "name", fields.get("name", "")),
        entry("E-mail", "email", fields.get("email", ""), 'type="email" required'),
        entry("Date (YYYY-MM-DD)", "date", fields.get("date", ""), r'pattern="\d{4}-\d\d-\d\d" required'),
        radio("Time", "time", TIMES),
        entry("People", "people", fields.get("people", "2"), 'type="number" min="1" max="12" required'),
        tick("A table at the window", "window"),
    )
    return "Book a table", refused + form("/booking", "Book", *parts)


# --- a directory of people, and invoices: tables of several pages ------------------------------------------

FIRST = ("Ada", "Bo", "Cleo", "Dan", "Eva", "Finn", "Gita", "Hugo", "Ida", "Jon", "Kim", "Lea", "Mia", "Nils")
LAST = ("Adler", "Berg", "Costa")
TEAMS = ("Sales", "Support", "Finance", "Design", "Legal")
PEOPLE = [
    (f"{first} {last}", TEAMS[(3 * a + b) % 5], f"{1 + (a + b) % 4}.{10 + (7 * a + 11 * b) % 40}")
    for b, last in enumerate(LAST)
    for a, first in enumerate(FIRST)
] + [("Mia Berg", "Legal", "2.40")]
COLUMNS = ("Name", "Team", "Room")


@page("/people")
def people(fields: Fields) -> Page:
    order, number = fields.get("order", "Room"), int(fields.get("page", "1"))
    column = COLUMNS.index(order)
    ranked = sorted(range(len(PEOPLE)), key=lambda n: (PEOPLE[n][column], PEOPLE[n][0]))
    lines = [
        (f'<a href="/people/edit?n={n}">{PEOPLE[n][0]}</a>', *PEOPLE[n][1:])
        for n in ranked[10 * number - 10 : 10 * number]
    ]
    heads = tuple(f'<a href="/people?order={name}">{name}</a>' for name in COLUMNS)
    last = -(-len(PEOPLE) // 10)
    after = f'<a href="/people?order={order}&page={number + 1}">Next page</a>' if number < last else ""
    return "People", rows(heads, lines) + f"<p>Page {number} of {last} {after}</p>"


@page("/people/edit")
def edit(fields: Fields) -> Page:
    name, team, room = PEOPLE[int(fields["n"])]
    if "room" in fields:
        receive("person", {"name": name, "team": team, "room": fields["room"]})
        return "Saved", f"<p>{name} sits in {escape(fields['room'])}.</p>"
    return name, f"<p>{team}</p>" + form("/people/edit", "Save", hidden(fields), entry("Room", "room", room))


CUSTOMERS = ("Nordlicht GmbH", "Kaya Ltd", "Nordlicht AG", "Orto SpA", "Pomona SA")
INVOICES = [
    (f"INV-{100 + n}", CUSTOMERS[n * n % 5 if n % 3 else n % 5], f"{40 + 37 * n % 90}.{n % 4 * 25:02}",
     "paid" if n % 4 == 1 else "open")
    for n in range(24)
]  # fmt: skip


@page("/invoices")
def invoices(fields: Fields) -> Page:
    number = int(fields.get("page", "1"))
    after = f'<a href="/invoices?page={number + 1}">Next page</a>' if number < 3 else ""
    remind = '<p><a href="/invoices/remind">Write a reminder</a></p>'
    table = rows(("Invoice", "Customer", "Amount", "State"), INVOICES[8 * number - 8 : 8 * number])
    return f"Invoices, page {number} of 3", table + after + remind


@page("/invoices/remind")
def remind(fields: Fields) -> Page:
    if fields:
        receive("reminder", {**fields})
        return "Reminder sent", "<p>It is on its way.</p>"
    parts = entry("Customer", "customer"), entry("Invoices", "invoices"), entry("Total", "total")
    return "Reminder", form("/invoices/remind", "Send reminder", *parts)


# --- settings behind a login ------------------------------------------------------------------------------

signed_in: list[str] = []


@page("/account")
def account(fields: Fields) -> Page:
    if "user" in fields and (fields["user"], fields["password"]) == ("ada", "lamp-post-9"):
        signed_in.append("ada")
    if not signed_in:
        wrong = "<p role=alert><b>Wrong user or password.</b></p>" if "user" in fields else ""
        password = entry("Password", "password", "", 'type="password" required')
        return "Sign in", wrong + form("/account", "Sign in", entry("User", "user"), password)
    parts = (
        entry("Display name", "display", "ada"),
        choice("Language", "language", ("English", "Deutsch", "Español", "Français")),
        tick("Weekly report", "weekly", on=True),
        tick("Newsletter", "newsletter", on=True),
        tick("Messages by text", "texts"),
    )
    leave = '<p><a href="/account/leave">Sign out</a></p>'
    return "Account settings", form("/account/save", "Save settings", *parts) + leave


@page("/account/save")
def save_account(fields: Fields) -> Page:
    receive("settings", {**fields})
    return "Settings saved", '<p><a href="/account/leave">Sign out</a></p>'


@page("/account/leave")
def leave_account(fields: Fields) -> Page:
    if signed_in:
        signed_in.clear()
        receive("signed out", {})
    return "Signed out", ""


# --- a mailbox --------------------------------------------------------------------------------------------

MAILS = {
    1: ("Elin Holm", "Offer for the roof", "Our offer is 12,480 EUR. Its number is R-2291."),
    2: ("Weekend Deals", "Half price on everything", "Buy now!"),
    3: ("Elin Holm", "Offer for the roof, corrected", "The first was wrong: 11,930 EUR, number R-2294."),
    4: ("Jon Costa", "Which offer?", "Please send me the number and the price of Elin's valid offer."),
    5: ("Weekend Deals", "Last chance", "It ends tonight!"),
    6: ("Jon Costa", "Weekend deals for the team", "Shall we offer two days off for one?"),
}
deleted: list[int] = []


@page("/mail")
def mail(fields: Fields) -> Page:
    if fields:
        deleted.extend(n for n in MAILS if f"m{n}" in fields)
        receive("deleted", {"subjects": [MAILS[n][1] for n in MAILS if f"m{n}" in fields]})
    lines = [
        (
            f'<input type="checkbox" name="m{n}" aria-label="Select {subject}">',
            who,
            f'<a href="/mail/read?n={n}">{subject}</a>',
        )
        for n, (who, subject, _) in MAILS.items()
        if n not in deleted
    ]
    table = rows(("", "From", "Subject"), lines)
    return f"Inbox: {len(lines)} messages", form("/mail", "Delete", table, asks="Delete them for ever?")


@page("/mail/read")
def read(fields: Fields) -> Page:
    who, subject, text = MAILS[int(fields["n"])]
    if "reply" in fields:
        receive("reply", {"to": who, "subject": subject, "text": fields["reply"]})
        return "Reply sent", '<p><a href="/mail">Inbox</a></p>'
    back = '<p><a href="/mail">Inbox</a></p>'
    answer = form("/mail/read", "Send", hidden(fields), entry("Reply", "reply", "", 'size="60" required'))
    return subject, f"<p>From {who}</p><p>{text}</p>" + answer + back


# --- a permit, asked for on several pages --------------------------------------------------------------

PERMIT = (
    ("Applicant", ("First name", "Last name", "Street", "Postcode", "Town", "Telephone")),
    ("Event", ("Title", "Kind", "Place", "Visitors")),
    ("Times", ("First day", "Last day", "Opens", "Closes")),
    ("Equipment", ("Stages", "Tents", "Generators", "Loudspeakers")),
    ("Safety", ("Stewards", "First aiders", "Insurer", "Policy number")),
)


@page("/permit")
def permit(fields: Fields) -> Page:
    step = int(fields.pop("step", "0"))
    if step > len(PERMIT):
        receive("permit", {**fields})
        return "Application received", "<p>We will write to you.</p>"
    carried = hidden({**fields, "step": str(step + 1)})
    if step == len(PERMIT):
        told = rows(("Field", "Entered"), [(name, escape(value)) for name, value in fields.items()])
        return "Review", form("/permit", "Apply", told, carried, tick("All of this is true", "Confirmed"))
    title, names = PERMIT[step]
    parts = [entry(name, name) for name in names]
    return f"Permit {step + 1} of 6: {title}", form("/permit", "Next", carried, *parts)


# --- minutes that were not saved, statements, and terms ---------------------------------------------------


@page("/minutes")
def minutes(fields: Fields) -> Page:
    if fields:
        receive("minutes", {**fields})
        return "Minutes saved", ""
    text = '<textarea name="text" rows="5" cols="60">Present: Ada, Bo. Item 1: the wrong bud</textarea>'
    draft = form("/minutes", "Save minutes", f"<label>Minutes {text}</label>")
    return "Minutes (not saved)", draft + form("/agenda", "Agenda", asks="Leave without saving the minutes?")


@page("/agenda")
def agenda(fields: Fields) -> Page:
    if "item" in fields:
        receive("agenda", {**fields})
        return "Item added", ""
    return "Agenda", form("/agenda", "Add item", entry("Item", "item"))


MONTHS = ("2025-10", "2026-08", "2026-09", "2026-10", "2026-11")


@page("/statements")
def statements(fields: Fields) -> Page:
    return "Statements", rows(
        ("Month", "Statement"),
        [(month, f'<a href="/statement-{month}.csv" download>Download {month}</a>') for month in MONTHS],
    )


def statement(month: str) -> str:
    return f"month,in,out\n{month},{4000 + int(month[-2:]) * 31},{3000 + int(month[:4])}\n"


@page("/terms")
def terms(fields: Fields) -> Page:
    return "Terms of use", "<p>Version 7 of 1 November 2026.</p><p>Returns within 30 days.</p>"


class Sites(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path.endswith(".csv"):
            self.answer("text/csv", statement(address.path.removesuffix(".csv")[-7:]))
        else:
            self.show(address.path, address.query)

    def do_POST(self) -> None:
        self.show(self.path, self.rfile.read(int(self.headers["Content-Length"])).decode())

    def show(self, path: str, sent: str) -> None:
        if path in PAGES:
            title, body = PAGES[path](dict(parse_qsl(sent, keep_blank_values=True)))
            self.answer("text/html", FRAME.format(title=title, body=body))
        else:
            self.send_error(404)

    def answer(self, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    # The browser opens connections ahead of need: a server with one thread would wait on them.
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Sites)
    address = f"http://localhost:{PORT}/{sys.argv[1]}"
    subprocess.Popen(["google-chrome", "--ipc-connection-timeout=300", address])
    server.serve_forever()
