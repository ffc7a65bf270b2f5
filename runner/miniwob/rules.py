"""How simple tasks of MiniWoB++ are done: what is asked, and the actions that follow from the page.

Imports nothing but the standard library.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable

from runner.miniwob.page import Action, NotFound, Page, click, fill, press, write

Rule = Callable[[Page, "re.Match[str]"], Iterable[Action]]
RULES: list[tuple[re.Pattern[str], Rule]] = []

_WIDGETS = {
    "checkbox": ("check box",),
    "radio": ("radio button",),
    "text": ("entry",),
    "textarea": ("entry",),
    "button": ("push button",),
}
_OPERATORS = {"+": operator.add, "-": operator.sub, "x": operator.mul, "*": operator.mul}


def rule(pattern: str) -> Callable[[Rule], Rule]:
    """For an instruction that begins like this."""

    def add(function: Rule) -> Rule:
        RULES.append((re.compile(pattern), function))
        return function

    return add


def plan(instruction: str, page: Page) -> list[Action]:
    """What to do on the page as it shows. Raises NotFound, also where the instruction is not understood."""
    for pattern, function in RULES:
        if asked := pattern.match(instruction):
            return list(function(page, asked))
    raise NotFound


# --- one thing to click on ------------------------------------------------------------------------


@rule(r'Click on the "(.+)" button|Click the button in the dialog box labeled "(.+)"')
def _button(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    name = asked[1] or asked[2]
    yield click(page.named("Close" if name == "x" else name, "push button"))


@rule(r"Click the button\.")
def _only_button(page: Page, _asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.nth("1st", "push button"))


@rule(r"Click the cancel button")
def _cancel(page: Page, _asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.named("cancel", "push button"))


@rule(r"Click button (\w+)(?:, then click button (\w+))?")
def _buttons(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    for name in filter(None, asked.groups()):
        yield click(page.named(name, "push button"))


@rule(r'Close the dialog box by clicking the "x"')
def _close(page: Page, _asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.named("Close", "push button"))


@rule(r'(?:Click|Switch|Expand).* on the link "(.+)"|Navigate .* named "(.+)"')
def _link(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.named(asked[1] or asked[2], "static"))


@rule(r"Click on (Tab #\d)")
def _tab(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.named(asked[1], "page tab"))


@rule(r'Click on a "(\w+)" widget')
def _widget(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    found = page.all(*_WIDGETS[asked[1]])
    by_height = sorted(found, key=lambda node: node.height, reverse=asked[1] == "textarea")
    if not by_height:
        raise NotFound
    yield click(by_height[0])


@rule(r"Click on the grid coordinate \((-?\d),(-?\d)\)")
def _coordinate(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    points = page.all("image")
    columns, rows = sorted({one.x for one in points}), sorted({one.y for one in points}, reverse=True)
    at = columns[int(asked[1]) + 2], rows[int(asked[2]) + 2]
    yield click(page.first(lambda node: (node.x, node.y) == at, "image"))


@rule(r"Click on the numbers in ascending order")
def _ascending(page: Page, _asked: re.Match[str]) -> Iterable[Action]:
    numbers = [node for node in page.words() if node.name.strip().isdigit()]
    return [click(node) for node in sorted(numbers, key=lambda node: int(node.name))]


@rule(r"Buy the ticket with the (cheapest|most expensive|shortest|longest) (cost|duration)")
def _ticket(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    tickets = page.all("push button")
    times = [node for node in page.words() if re.fullmatch(r"\d+h( \d+m)?", node.name.strip())]
    amounts = (
        [_number(ticket.name) for ticket in tickets]
        if asked[2] == "cost"
        else [_minutes(time.name) for time in times]
    )
    if not amounts:
        raise NotFound
    best = min(amounts) if asked[1] in ("cheapest", "shortest") else max(amounts)
    yield click(tickets[amounts.index(best)])


@rule(r"Find the email by (\w+) and click the (star|trash) icon")
def _mail_icon(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    sender = page.named(asked[1], "static")
    icons = [node for node in page.all("image") if abs(node.y - sender.y) < sender.height]
    if len(icons) < 2:
        raise NotFound
    icons.sort(key=lambda node: node.x)
    yield click(icons[-1] if asked[2] == "trash" else icons[0])


# --- text ---------------------------------------------------------------------------------------------


@rule(r'Enter "(.+)" into the text field')
def _text(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    return _fill_in(page, asked[1])


@rule(r'Type "(.+)" in all (lower|upper) case letters')
def _case(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    return _fill_in(page, asked[1].lower() if asked[2] == "lower" else asked[1].upper())


@rule(r'Enter an item that starts with "(.+?)"(?: and ends with "(.+?)")?')
def _complete(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    """Once the beginning is typed, the page offers whole items."""
    first, last = asked[1], asked[2] or ""
    offered = [node for node in page.words() if node.name.startswith(first) and node.name.endswith(last)]
    if offered:
        yield from (click(offered[0]), page.submit())
    else:
        yield fill(page.nth("1st", "entry"), first)


@rule(r'Enter the password "(.+)" into both text fields')
def _password(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    return _fill_in(page, asked[1], asked[1])


@rule(r'Enter the username "(.+)" and the password "(.+)" into')
def _login(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    if pops_up := [node for node in page.all("push button") if node.name == "Cancel"]:
        yield click(pops_up[0])
    yield from (fill(field, text) for field, text in zip(page.fields, asked.groups(), strict=False))
    yield click(page.first(lambda node: node.name in ("Login", "OK"), "push button"))


@rule(r"Enter (\d\d)/(\d\d)/(\d{4}) as the date")
def _date(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.named("Month", "spin button"))
    yield write("".join(asked.groups()))
    yield page.submit()


@rule(r"Enter (\d+):(\d\d) ([AP]M) as the time")
def _time(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.named("Hours", "spin button"))
    yield write(f"{int(asked[1]):02}{asked[2]}{asked[3]}")
    yield page.submit()


@rule(r"Find the (\d+\w\w) word in the paragraph")
def _word(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    words = page.nth("1st", "paragraph").text.split()
    return _fill_in(page, words[int(asked[1][:-2]) - 1].strip(".,"))


@rule(r"Focus into the (?:(\d\w\w) input )?textbox")
def _focus(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.nth(asked[1] or "1st", "entry"))


@rule(r"Copy the text (?:in the textarea below|from the (\d\w\w) text area)")
def _copy(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    fields = page.all("entry")
    yield click(page.nth(asked[1] or "1st", "entry"))
    yield from (press("ctrl+a"), press("ctrl+c"))
    yield click(fields[-1])
    yield from (press("ctrl+v"), page.submit())


@rule(r"Type the text below into the text field")
def _letters(page: Page, _asked: re.Match[str]) -> Iterable[Action]:
    field = page.nth("1st", "entry")
    return _fill_in(page, "".join(node.name for node in page.words() if node.y < field.y))


@rule(r"Search for (\w+) movies directed by (\w+) from year (\d+)")
def _search(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    for field in page.all("entry"):
        before = [node for node in page.words() if node.y <= field.y]
        yield fill(field, asked[_about(before[-1].name)])
    yield click(page.first(lambda node: node.name in ("Go!", "Submit", "Search")))


@rule(r"Enter the value of (.+) into the text field")
def _value(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    return _fill_in(page, _row(page, asked[1]))


@rule(r"Enter the value that corresponds with each label")
def _values(page: Page, _asked: re.Match[str]) -> Iterable[Action]:
    labels = [node for node in page.words() if node.name.endswith(":")]
    return _fill_in(page, *(_row(page, label.name[:-1]) for label in labels))


@rule(r"Solve (?:for x|the math problem)")
def _solve(page: Page, _asked: re.Match[str]) -> Iterable[Action]:
    problem = page.first(lambda node: any(sign in node.name for sign in "+-*x"), "static").name
    return _fill_in(page, str(_solution(problem)))


# --- choices ------------------------------------------------------------------------------------------


@rule(r"Select (.+) from the list and click Submit|Choose (.+) from the dropdown, then .* labeled \"(.+)\"")
def _choose(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.nth("1st", "combo box"))
    yield from (write(asked[1] or asked[2]), press("Return"))
    yield click(page.named(asked[3] or "submit", "push button"))


@rule(r"Select (-?\d+) with the spinner")
def _spinner(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.nth("1st", "spin button"))
    if steps := int(asked[1]):
        yield press("Up" if steps > 0 else "Down", abs(steps))
    yield page.submit()


@rule(r"Select (?!words |all )(.+) and click Submit")
def _select(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    for name in asked[1].split(", ") if asked[1] != "nothing" else ():
        yield click(page.first(lambda node, name=name: node.name == name, "check box", "radio button"))  # type: ignore[misc]
    yield page.submit()


@rule(r'Check the (\d\w\w) radio button and enter the number "(\d+)" into the (\d\w\w) textbox')
def _form(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.nth(asked[1], "radio button"))
    yield fill(page.nth(asked[3], "entry"), asked[2])
    yield page.submit()


@rule(r"Mark the numbers below as odd or even")
def _parity(page: Page, _asked: re.Match[str]) -> Iterable[Action]:
    for number in (node for node in page.words() if re.fullmatch(r"-?\d+", node.name.strip())):
        kind = "Odd" if int(number.name) % 2 else "Even"
        yield click(page.first(lambda node, k=kind, y=number.y: node.name == k and abs(node.y - y) < 9))  # type: ignore[misc]
    yield page.submit()


@rule(r"Highlight the text in the (?:(\d\w\w) )?paragraph")
def _highlight(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    text = page.nth(asked[1] or "1st", "static")
    left, right, half = text.x - text.width // 2, text.x + text.width // 2, text.height // 2
    start, end = {"x": left + 1, "y": text.y - half + 4}, {"x": right + 9, "y": text.y + half - 4}
    yield {"do": "drag", "start": {"at": start}, "end": {"at": end}}
    yield page.submit()


@rule(r"Scroll the textarea to the (top|bottom)")
def _scroll(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    yield click(page.nth("1st", "entry"))
    yield press("ctrl+Home" if asked[1] == "top" else "ctrl+End")
    yield page.submit()


@rule(r"Resize the textarea so that the (width|height) is (larger|smaller)")
def _resize(page: Page, asked: re.Match[str]) -> Iterable[Action]:
    area = page.nth("1st", "entry")
    corner = {"x": area.x + area.width // 2 - 3, "y": area.y + area.height // 2 - 3}
    by = 25 if asked[2] == "larger" else -25
    axis = "x" if asked[1] == "width" else "y"
    yield {"do": "drag", "start": {"at": corner}, "end": {"at": {**corner, axis: corner[axis] + by}}}
    yield page.submit()


# --- what rules share -----------------------------------------------------------------------------


def _fill_in(page: Page, *texts: str) -> Iterable[Action]:
    if len(page.fields) < len(texts):
        raise NotFound
    yield from (fill(field, text) for field, text in zip(page.fields, texts, strict=False))
    yield page.submit()


def _row(page: Page, label: str) -> str:
    cells = page.all("table cell")
    for cell, value in zip(cells[::2], cells[1::2], strict=False):
        if cell.name == label:
            return value.name
    raise NotFound


def _about(label: str) -> int:
    """Which part of a search for films a field is for."""
    for part, words in enumerate((("genre",), ("director",), ("year", "date")), start=1):
        if any(word in label.lower() for word in words):
            return part
    raise NotFound


def _solution(problem: str) -> int:
    """Of `1 + 2 =`, or of `1 + x = 21`."""
    found = re.match(r"\s*(-?\w+) ([-+*x]) (-?\w+) = ?(-?\d+)?", problem)
    if found is None:
        raise NotFound
    first, sign, second, result = found.groups()
    if result is None:
        return int(_OPERATORS[sign](int(first), int(second)))
    if first == "x":
        return int(result) - int(second) if sign == "+" else int(result) + int(second)
    return int(result) - int(first) if sign == "+" else int(first) - int(result)


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text) or 0)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition("h")
    return 60 * int(hours) + _number(minutes)
