"""Between the screen and the image a model sees of it: the one place where sizes and points are converted.

A pixel is aimed at in its middle. The pixel of the screen that a point of an image stands for is the one its
middle falls into, so it is never more than half a pixel off, and never off the screen.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from sandboxes.frame import Frame
from sandboxes.guest.protocol import Point

PATCH = 28  # pixels of a patch's edge; a patch is a token
MAX_BYTES = 3 << 20  # of an encoded image; what is sent is a third longer
_JPEG_QUALITY = 90


class OutsideImage(ValueError):
    """A model aims at a point that is not in its image."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider takes: the longest edge and the area, in pixels, and the tokens of one image."""

    edge: int
    tokens: int | None = None
    area: int | None = None

    def allow(self, width: int, height: int) -> bool:
        return (
            max(width, height) <= self.edge
            and (self.tokens is None or image_tokens(width, height) <= self.tokens)
            and (self.area is None or width * height <= self.area)
        )


def image_tokens(width: int, height: int) -> int:
    """A token for each patch an image covers, the last of each row and column whole."""
    return math.ceil(width / PATCH) * math.ceil(height / PATCH)


def fit(width: int, height: int, limits: Limits, *, enlarge: bool = False) -> tuple[int, int]:
    """The largest size of this shape that the limits allow; never larger than it is unless told."""
    longest = limits.edge if enlarge else min(limits.edge, max(width, height))
    while longest > 1 and not limits.allow(*_with_edge(width, height, longest)):
        longest -= 1
    return _with_edge(width, height, longest)


def _with_edge(width: int, height: int, longest: int) -> tuple[int, int]:
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


@dataclass(frozen=True, slots=True)
class Scale:
    """A screen and the image of it, each as (width, height). `of_thousand` says that the model's points are
    thousandths of the image's width and height rather than its pixels."""

    screen: tuple[int, int]
    image: tuple[int, int]
    of_thousand: bool = False

    def to_screen(self, x: float, y: float) -> Point:
        """Raises OutsideImage. The edge behind the last pixel counts as the last pixel."""
        wide, high = self._space
        if not (0 <= x <= wide and 0 <= y <= high):
            raise OutsideImage(f"({x:g}, {y:g}) is outside the image of {wide} x {high}")
        return Point(
            x=_convert(x, self._centre, wide, self.screen[0]),
            y=_convert(y, self._centre, high, self.screen[1]),
        )

    def to_image(self, point: Point) -> tuple[int, int]:
        """Where a point of the screen is in the image, in the units of the model."""
        wide, high = self._space
        return (
            _convert(point.x, 0.5, self.screen[0], wide),
            _convert(point.y, 0.5, self.screen[1], high),
        )

    @property
    def _space(self) -> tuple[int, int]:
        return (1000, 1000) if self.of_thousand else self.image

    @property
    def _centre(self) -> float:
        """A pixel is aimed at in its middle; thousandths are measures, and begin at the edge."""
        return 0.0 if self.of_thousand else 0.5

    def region(self, x0: float, y0: float, x1: float, y1: float) -> tuple[Point, Point]:
        """A rectangle of the image as its first and its last pixel on the screen. Raises OutsideImage."""
        if not (x0 < x1 and y0 < y1):
            raise OutsideImage(f"({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) is no region: nothing is in it")
        self.to_screen(x1, y1)  # its edge may be the image's, and no further
        return self.to_screen(x0, y0), self.to_screen(max(x0, x1 - 1), max(y0, y1 - 1))


def _convert(value: float, centre: float, size: int, pixels: int) -> int:
    """A coordinate of something `size` long as the pixel of something `pixels` long that it falls into."""
    return min(pixels - 1, math.floor((value + centre) * pixels / size))


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as it is sent. `tokens` is what it counts for in a context."""

    width: int
    height: int
    media_type: str
    data: bytes

    @property
    def tokens(self) -> int:
        return image_tokens(self.width, self.height)

    @property
    def base64(self) -> str:
        return base64.b64encode(self.data).decode()

    @property
    def url(self) -> str:
        return f"data:{self.media_type};base64,{self.base64}"


def picture_of(frame: Frame, size: tuple[int, int], part: tuple[Point, Point] | None = None) -> Picture:
    """The frame, or the part of it between two pixels, in this size. Takes up to a second: for a thread."""
    image = frame.image()
    if part is not None:
        first, last = part
        image = image.crop((first.x, first.y, last.x + 1, last.y + 1))
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    data, media_type = _encoded(image)
    return Picture(*size, media_type, data)


def _encoded(image: Image.Image) -> tuple[bytes, str]:
    """Lossless, unless that is too long to be sent."""
    png, jpeg = BytesIO(), BytesIO()
    image.save(png, "PNG", compress_level=6)
    if png.tell() <= MAX_BYTES:
        return png.getvalue(), "image/png"
    image.save(jpeg, "JPEG", quality=_JPEG_QUALITY)
    return jpeg.getvalue(), "image/jpeg"
