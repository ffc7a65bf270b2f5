"""The page itself: one HTML file with its style, its script and its data inside."""

from __future__ import annotations

import base64
import hashlib
import html
from importlib.resources import files
from string import Template

from runner.replay.data import Page

_HERE = files("runner.replay")
_FOR_SCRIPT_BLOCK = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def render_page(page: Page) -> str:
    """A page that opens from disk and can neither load nor send anything: its policy allows no request."""
    style, script = _asset("page.css"), _asset("page.js")
    return Template(_asset("page.html")).substitute(
        title=html.escape(f"{page.run.name} · deskswarm replay"),
        policy=_policy(style, script),
        style=style,
        script=script,
        data=page.model_dump_json().translate(_FOR_SCRIPT_BLOCK),
    )


def _policy(style: str, script: str) -> str:
    """Only this very style and this very script run, whatever a desktop or an agent put into the data."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return _HERE.joinpath(name).read_text(encoding="utf-8")
