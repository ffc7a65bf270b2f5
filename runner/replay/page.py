"""The page itself: one HTML file with its style, its scripts and its data inside."""

from __future__ import annotations

import base64
import hashlib
import html
import zlib
from importlib.resources import files
from string import Template

from runner.replay.data import Page, Recording

_SCRIPTS = (
    *("dom", "source", "frames", "trees", "place", "strip", "screen"),
    *("details", "why", "tree", "pair", "main"),
)
"""In the order in which they are joined to one."""

_PARTS = files("runner.replay") / "parts"


def render_page(recording: Recording) -> str:
    """A page that opens from disk and can neither load nor send anything: its policy allows no request."""
    data = base64.b64encode(encode_data(recording.page)).decode()
    sheets = "\n".join(map(_sheet, range(len(recording.sheets)), recording.sheets))
    return _render(recording.page.runs[0].name, "", data, sheets)


def render_shell(title: str) -> str:
    """The same page without its data, for which it asks the server that it comes from."""
    return _render(title, "connect-src 'self'; ", "", "")


def encode_data(page: Page) -> bytes:
    """A page's data as its scripts take it: JSON, deflated."""
    return zlib.compress(page.model_dump_json().encode(), 9)


def assemble(template: str, title: str, allowed: str, style: str, script: str, **more: str) -> str:
    """A page whose policy lets run and load nothing but this very style and this very script, whatever a
    desktop or an agent put into the data, and what else is `allowed`."""
    policy = (
        f"default-src 'none'; {allowed}style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(template).substitute(
        title=html.escape(title), policy=policy, style=style, script=script, **more
    )


def part(name: str) -> str:
    """One of the files that pages are made of."""
    return _PARTS.joinpath(name).read_text(encoding="utf-8")


def _render(title: str, allowed: str, data: str, sheets: str) -> str:
    return assemble(
        part("page.html"),
        f"{title} · deskswarm replay",
        f"img-src data:; {allowed}",
        part("page.css"),
        "\n".join(part(f"{name}.js") for name in _SCRIPTS),
        data=data,
        sheets=sheets,
    )


def _sheet(number: int, data: bytes) -> str:
    text = base64.b64encode(data).decode()
    return f'<script type="text/plain" id="sheet-{number}">{text}</script>'


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
