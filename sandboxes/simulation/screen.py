"""The picture of a simulated desktop, drawn from its accessible tree alone."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sandboxes.guest.protocol import Node, Point, Rect
from sandboxes.guest.runs import to_runs
from sandboxes.simulation.notes import TITLE_HEIGHT
from sandboxes.spec import Screen

_BACKGROUND, _TITLE, _LINE, _BUTTON, _WINDOW, _PAPER, _INK = 70, 105, 150, 205, 232, 255, 10
_LINE_HEIGHT, _NARROWEST = 17, 3
_FILL = {"frame": _WINDOW, "dialog": _WINDOW, "entry": _PAPER, "push button": _BUTTON, "menu item": _PAPER}
_RAMP = ((16, 255, 16), (24, 253, 8), (48, 246, 0))
_COLORS = np.array(
    [
        sum(round(dark + (light - dark) * shade / 255) << shift for dark, light, shift in _RAMP)
        for shade in range(256)
    ],
    np.uint32,
)


@lru_cache(maxsize=64)
def render(screen: Screen, nodes: tuple[Node, ...], cursor: Point) -> bytes:
    """The frame, as runs. Drawn in shades of one ramp of colours, so it costs little."""
    image = Image.new("L", (screen.width, screen.height), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    for node in nodes:
        if node.rect is not None:
            _draw_node(draw, node, node.rect)
    _draw_cursor(draw, cursor)
    runs = to_runs(_COLORS[np.asarray(image)].ravel())
    if runs is None:
        raise ValueError("a drawing that has no runs of one colour")
    return runs


def _draw_node(draw: ImageDraw.ImageDraw, node: Node, rect: Rect) -> None:
    box = (rect.x, rect.y, rect.x + rect.width, rect.y + rect.height)
    if node.role in _FILL:
        draw.rectangle(box, fill=_FILL[node.role], outline=_LINE)
    if node.role in ("frame", "dialog"):
        shade = _TITLE if "active" in node.states else _LINE
        draw.rectangle((rect.x, rect.y, box[2], rect.y + TITLE_HEIGHT), fill=shade)
        _write(draw, (rect.x + 10, rect.y + 6), node.name, _PAPER)
    elif node.role == "entry":
        caret = "|" if "focused" in node.states else ""
        lines = (node.text[-400:] + caret).split("\n")
        for number, line in enumerate(lines[: rect.height // _LINE_HEIGHT + 1]):
            _write(draw, (rect.x + 8, rect.y + 8 + _LINE_HEIGHT * number), line, _INK)
    else:
        _write(draw, (rect.x + 10, rect.y + 6), node.name, _INK)


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], line: str, fill: int) -> None:
    """No more than the rest of the screen can hold is drawn: glyphs are what a frame costs."""
    room = draw.im.size[0] - at[0]
    line = line[: room // _NARROWEST + 1]
    if line.strip():
        draw.bitmap(at, _glyphs(line), fill=fill)


@lru_cache(maxsize=1024)
def _glyphs(line: str) -> Image.Image:
    """A line, light on dark. Most of what a screen says it has said before."""
    _, _, right, bottom = _font().getbbox(line)
    glyphs = Image.new("L", (max(1, math.ceil(right)), max(1, math.ceil(bottom))))
    ImageDraw.Draw(glyphs).text((0, 0), line, fill=255, font=_font())
    return glyphs


def _draw_cursor(draw: ImageDraw.ImageDraw, at: Point) -> None:
    arrow = [(at.x, at.y), (at.x, at.y + 17), (at.x + 5, at.y + 13), (at.x + 12, at.y + 12)]
    draw.polygon(arrow, fill=_PAPER, outline=_INK)


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=14)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType")
    return font
