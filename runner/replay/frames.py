"""Screenshots made small for a page: lossless WebP, and a thumbnail for the film strip."""

from __future__ import annotations

import base64
from io import BytesIO

from PIL import Image

from runner.replay.data import Frame

_THUMBNAIL = (208, 118)


def to_frame(image: Image.Image) -> Frame:
    """`image` is in RGB."""
    thumbnail = image.copy()
    thumbnail.thumbnail(_THUMBNAIL)
    return Frame(
        width=image.width,
        height=image.height,
        image=_data_url(image, lossless=True, quality=50, method=2),
        thumbnail=_data_url(thumbnail, lossless=False, quality=60, method=4),
    )


def _data_url(image: Image.Image, lossless: bool, quality: int, method: int) -> str:
    data = BytesIO()
    image.save(data, "WEBP", lossless=lossless, quality=quality, method=method)
    return "data:image/webp;base64," + base64.b64encode(data.getvalue()).decode()
