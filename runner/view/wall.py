"""The page with the list of runs and the wall of desktops that are at work."""

from __future__ import annotations

from importlib.resources import files

from runner.replay.page import assemble, part

_PARTS = files("runner.view") / "parts"


def render_wall() -> str:
    """It asks its server, and nobody else, for the runs and the pictures."""
    return assemble(
        _asset("wall.html"),
        "deskswarm",
        "connect-src 'self'; img-src 'self' data:; ",
        part("page.css") + _asset("wall.css"),
        part("dom.js") + _asset("wall.js"),
    )


def _asset(name: str) -> str:
    return _PARTS.joinpath(name).read_text(encoding="utf-8")
