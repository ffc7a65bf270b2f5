"""States of the tasks with the editor, the terminal and the file manager: done right, and nearly so."""

from __future__ import annotations

from tests.deskbench.states import State

MEETING = "~/Documents/meeting.txt"
TODO = "~/Documents/todo.txt"
PRICES = "~/Documents/prices.txt"
OLD = "~/Documents/todo-old.txt"
TASKS = "Buy paper\nCall Ada\nBook the hall\n"
BOOK = "~/Documents/book.txt"
PARTS = ("Chapter one\nThe ship left at dawn.\n", "Chapter two\nBy noon the wind had turned.\n")
SETTINGS = "~/Documents/settings.txt"
FORM = "~/Documents/form.txt"
FILLED_IN = """\
Name: Ada Lovelace
Street: 12 St James's Square
Town: London
Postcode: SW1Y 4JH
Country: United Kingdom
Telephone: 020 7946 0123
Arrival: 2026-11-30
Departure: 2026-12-04
Meals: vegetarian
Room: single
"""
PROJECT = "name=harbour\nport=8081\n"
RENAME = "cd photos && mv 'beach 1.jpeg' 'beach 1.jpg' && mv 'beach 2.jpeg' 'beach 2.jpg'"
TIDY = """cd Documents && mkdir Lists Prices && mv todo*.txt Lists
mv prices-may.txt Prices/may.txt && mv prices-june.txt Prices/june.txt"""
RUN = "printf '#!/bin/sh\\necho ready\\n' > projects/run.sh"

RIGHT: dict[str, State] = {
    "editor-write": State({MEETING: "Meet at 9:30 in room Köln\n"}),
    "editor-append": State({TODO: "Buy paper\nCall Ada\nBook the hall\nPay the deposit\n"}),
    "editor-replace": State({PRICES: "Tea 4.20 euros\nCoffee 5.10 euros\nJuice 3.80 euros\n"}),
    "terminal-count": State({"~/errors.txt": "22\n"}),
    "terminal-tree": State(
        shell=f"mkdir -p projects/alpha/src projects/beta/src; {RUN}; chmod +x projects/run.sh"
    ),
    "files-new-folder": State(shell="mkdir 'Documents/Invoices 2026'"),
    "files-rename": State(shell="mv Documents/todo-old.txt Documents/archive.txt"),
    "editor-save-on-close": State({TODO: TASKS.replace("paper", "toner")}),
    "editor-save-over": State({OLD: TASKS}),
    "editor-merge": State({BOOK: "".join(PARTS)}),
    "editor-comments": State({SETTINGS: "port = 8080\nhost = localhost\nuser = ada # the owner\n"}),
    "editor-form": State({FORM: FILLED_IN}),
    "terminal-sum": State({"~/paid.txt": "13949.42\n"}),
    "terminal-rename": State(shell=RENAME),
    "terminal-setup": State({"~/project-new.ini": PROJECT}),
    "terminal-archive": State(shell="tar -czf notes.tar.gz notes/*.txt"),
    "files-delete": State(shell="rm Documents/todo-old.txt"),
    "files-replace": State(shell="mv Documents/todo.txt Documents/Archive"),
    "files-move": State(shell="cd Documents && mv march.txt may.txt Spring"),
    "files-tidy": State(shell=TIDY),
}
MISSES: dict[str, tuple[str, State]] = {
    "another word": ("editor-write", State({MEETING: "Meet at 9:30 in room Koln\n"})),
    "in another folder": ("editor-write", State({"~/meeting.txt": "Meet at 9:30 in room Köln\n"})),
    "no new line before": (
        "editor-append",
        State({TODO: "Buy paper\nCall Ada\nBook the hallPay the deposit\n"}),
    ),
    "in the other file": (
        "editor-append",
        State({"~/Documents/todo-old.txt": "Buy paper\nCall Bob\nPay the deposit\n"}),
    ),
    "with a capital": (
        "editor-replace",
        State({PRICES: "Tea 4.20 Euros\nCoffee 5.10 Euros\nJuice 3.80 Euros\n"}),
    ),
    "a folder in the home folder": ("files-new-folder", State(shell="mkdir 'Invoices 2026'")),
    "only the first": (
        "editor-replace",
        State({PRICES: "Tea 4.20 euros\nCoffee 5.10 EUR\nJuice 3.80 EUR\n"}),
    ),
    "a count of all": ("terminal-count", State({"~/errors.txt": "200\n"})),
    "more than the number": ("terminal-count", State({"~/errors.txt": "22 access.log\n"})),
    "not executable": ("terminal-tree", State(shell=f"mkdir -p projects/alpha/src projects/beta/src; {RUN}")),
    "one folder of two": (
        "terminal-tree",
        State(shell=f"mkdir -p projects/alpha/src; {RUN}; chmod +x projects/run.sh"),
    ),
    "a file of that name": ("files-new-folder", State({"~/Documents/Invoices 2026": "x"})),
    "a copy": ("files-rename", State(shell="cp Documents/todo-old.txt Documents/archive.txt")),
    "the wrong file": ("files-rename", State(shell="mv Documents/todo.txt Documents/archive.txt")),
    "the old list": ("editor-save-on-close", State({OLD: "Buy toner\nCall Bob\n"})),
    "a line added": ("editor-save-on-close", State({TODO: f"Buy toner\n{TASKS}"})),
    "the other way round": ("editor-save-over", State({TODO: "Buy paper\nCall Bob\n"})),
    "under a third name": ("editor-save-over", State({"~/Documents/todo-old.txt.txt": TASKS})),
    "the second part first": ("editor-merge", State({BOOK: "".join(reversed(PARTS))})),
    "a part changed": (
        "editor-merge",
        State({BOOK: "".join(PARTS), "~/Documents/part-b.txt": "".join(PARTS)}),
    ),
    "a line between": ("editor-merge", State({BOOK: "\n".join(PARTS)})),
    "every comment": (
        "editor-comments",
        State({SETTINGS: "port = 8080\nhost = localhost\nuser = ada\n"}),
    ),
    "the last one left": (
        "editor-comments",
        State({SETTINGS: "port = 8080\nhost = localhost\nuser = ada # the owner\n# end\n"}),
    ),
    "arrival and departure swapped": (
        "editor-form",
        State({FORM: FILLED_IN.replace("11-30", "x").replace("12-04", "11-30").replace("x", "12-04")}),
    ),
    "a field left empty": ("editor-form", State({FORM: FILLED_IN.replace("Meals: vegetarian", "Meals:")})),
    "a sum of both years": ("terminal-sum", State({"~/paid.txt": "35097.57\n"})),
    "unpaid ones too": (
        "terminal-sum",
        State(shell="awk -F, '/paid/ { sum += $3 } END { printf \"%.2f\", sum }' orders.csv > paid.txt"),
    ),
    "copies": (
        "terminal-rename",
        State(shell="cd photos && for i in 1 2; do cp beach\\ $i.jpeg beach\\ $i.jpg; done"),
    ),
    "the list too": (
        "terminal-rename",
        State(shell=f"{RENAME} && mv jpeg.txt jpg.txt"),
    ),
    "the old project replaced": ("terminal-setup", State({"~/project.ini": PROJECT})),
    "the port of the old one": ("terminal-setup", State({"~/project-new.ini": "name=harbour\nport=80\n"})),
    "the whole folder": ("terminal-archive", State(shell="tar -czf notes.tar.gz notes")),
    "without the folder": (
        "terminal-archive",
        State(shell="tar -czf notes.tar.gz -C notes prices.txt todo.txt"),
    ),
    "moved into the archive": (
        "terminal-archive",
        State(shell="tar -czf notes.tar.gz --remove-files notes/*.txt"),
    ),
    "both deleted": ("files-delete", State(shell="rm Documents/*")),
    "in the trash": (
        "files-delete",
        State(
            shell="mkdir -p .local/share/Trash/files && mv Documents/todo-old.txt .local/share/Trash/files"
        ),
    ),
    "copied": ("files-replace", State(shell="cp Documents/todo.txt Documents/Archive")),
    "kept beside it": (
        "files-replace",
        State(shell="mv Documents/todo.txt 'Documents/Archive/todo (copy 1).txt'"),
    ),
    "the draft too": ("files-move", State(shell="cd Documents && mv march*.txt may.txt Spring")),
    "one of two": ("files-move", State(shell="cd Documents && mv march.txt Spring")),
    "the old names": (
        "files-tidy",
        State(shell="cd Documents && mkdir Lists Prices && mv todo*.txt Lists && mv prices*.txt Prices"),
    ),
    "the readme too": ("files-tidy", State(shell=f"{TIDY}\nmv readme.txt Lists")),
}
