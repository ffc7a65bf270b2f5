"""Both screens side by side, with what differs outlined."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from sandboxes.frame import Frame
from sandboxes.guest.protocol import Rect

_GAP, _HEAD = 16, 40
_OUTLINE = (214, 39, 40)
_MARGIN = 4
_MOST_OUTLINES = 40


def side_by_side(recorded: Frame, now: Frame, regions: Sequence[Rect]) -> Image.Image:
    """The record on the left, the present on the right; both as large as they are."""
    width = recorded.width + _GAP + now.width
    sheet = Image.new("RGB", (width, _HEAD + max(recorded.height, now.height)), "white")
    drawing = ImageDraw.Draw(sheet)
    for left, title, frame in ((0, "recorded", recorded), (recorded.width + _GAP, "now", now)):
        drawing.text((left + 8, 8), title, fill="black", font_size=20)
        sheet.paste(frame.image(), (left, _HEAD))
        for rect in regions[:_MOST_OUTLINES]:
            _outline(drawing, rect, left, frame)
    return sheet


def _outline(drawing: ImageDraw.ImageDraw, rect: Rect, left: int, frame: Frame) -> None:
    x, y = max(rect.x - _MARGIN, 0), max(rect.y - _MARGIN, 0)
    right = min(rect.x + rect.width + _MARGIN, frame.width - 1)
    bottom = min(rect.y + rect.height + _MARGIN, frame.height - 1)
    if x < right and y < bottom:
        drawing.rectangle((left + x, _HEAD + y, left + right, _HEAD + bottom), outline=_OUTLINE, width=3)
