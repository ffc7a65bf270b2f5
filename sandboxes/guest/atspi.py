"""The names and numbers of AT-SPI: roles, states, interfaces."""

from __future__ import annotations

ROOT_PATH = "/org/a11y/atspi/accessible/root"
NULL_PATH = "/org/a11y/atspi/null"
CACHE_PATH = "/org/a11y/atspi/cache"
ACCESSIBLE = "org.a11y.atspi.Accessible"
ACTION = "org.a11y.atspi.Action"
CACHE = "org.a11y.atspi.Cache"
COMPONENT = "org.a11y.atspi.Component"
DOCUMENT = "org.a11y.atspi.Document"
PEER = "org.freedesktop.DBus.Peer"
TABLE = "org.a11y.atspi.Table"
TEXT = "org.a11y.atspi.Text"
VALUE = "org.a11y.atspi.Value"
PROPERTIES = "org.freedesktop.DBus.Properties"
SCREEN_COORDINATES = 0
ADDRESS_ATTRIBUTES = ("URI", "DocURL")  # Chromium's name for it, and everybody else's.


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


ROLES = _names(
    "invalid|accelerator label|alert|animation|arrow|calendar|canvas|check box|check menu item|"
    "color chooser|column header|combo box|date editor|desktop icon|desktop frame|dial|dialog|"
    "directory pane|drawing area|file chooser|filler|focus traversable|font chooser|frame|glass pane|"
    "html container|icon|image|internal frame|label|layered pane|list|list item|menu|menu bar|"
    "menu item|option pane|page tab|page tab list|panel|password text|popup menu|progress bar|"
    "push button|radio button|radio menu item|root pane|row header|scroll bar|scroll pane|separator|"
    "slider|spin button|split pane|status bar|table|table cell|table column header|table row header|"
    "tearoff menu item|terminal|text|toggle button|tool bar|tool tip|tree|tree table|unknown|viewport|"
    "window|extended|header|footer|paragraph|ruler|application|autocomplete|edit bar|embedded|entry|"
    "chart|caption|document frame|heading|page|section|redundant object|form|link|input method window|"
    "table row|tree item|document spreadsheet|document presentation|document text|document web|"
    "document email|comment|list box|grouping|image map|notification|info bar|level bar|title bar|"
    "block quote|audio|video|definition|article|landmark|log|marquee|math|rating|timer|static|"
    "math fraction|math root|subscript|superscript|description list|description term|description value|"
    "footnote|content deletion|content insertion|mark|suggestion|push button menu"
)

STATES = _names(
    "invalid|active|armed|busy|checked|collapsed|defunct|editable|enabled|expandable|expanded|"
    "focusable|focused|has-tooltip|horizontal|iconified|modal|multi-line|multiselectable|opaque|"
    "pressed|resizable|selectable|selected|sensitive|showing|single-line|stale|transient|vertical|"
    "visible|manages-descendants|indeterminate|required|truncated|animated|invalid-entry|"
    "supports-autocompletion|selectable-text|is-default|visited|checkable|has-popup|read-only"
)

SHOWING = 1 << STATES.index("showing")
ICONIFIED = 1 << STATES.index("iconified")
EDITABLE = 1 << STATES.index("editable")
FOCUSED = 1 << STATES.index("focused")
SELECTED = 1 << STATES.index("selected")
ACTIVE = 1 << STATES.index("active")
OPEN = SELECTED | FOCUSED | 1 << STATES.index("expanded") | 1 << STATES.index("armed")

OF_ONE = ACTIVE | FOCUSED | SELECTED

WEB_PAGE = ROLES.index("document web")
PANEL = ROLES.index("panel")
ROOT_PANE = ROLES.index("root pane")
CELL = ROLES.index("table cell")
CLOSED_MENU = frozenset({ROLES.index("menu")})
READ_AS_VALUE = frozenset(
    ROLES.index(name)
    for name in (
        "slider",
        "spin button",
        "progress bar",
        "scroll bar",
        "level bar",
        "dial",
    )
)
READ_AS_TEXT = frozenset(
    ROLES.index(name)
    for name in (
        "text",
        "entry",
        "terminal",
        "paragraph",
        "heading",
        "table cell",
        "spin button",
        "combo box",
        "password text",
    )
)

NAMED_BY_DESCRIPTION = frozenset(
    ROLES.index(name)
    for name in (
        "push button",
        "toggle button",
        "radio button",
        "check box",
        "slider",
        "entry",
        "icon",
    )
)


def role_name(number: int) -> str:
    return ROLES[number] if 0 <= number < len(ROLES) else "unknown"


def state_names(states: int) -> list[str]:
    return [name for bit, name in enumerate(STATES) if states >> bit & 1]
