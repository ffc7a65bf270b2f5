"""What a screen shows at one moment, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from sandboxes.guest.tiles import TILE, Pixels, changed_tiles, tile_count, tile_of

__all__ = ["TILE", "Frame", "Pixels", "tile_count"]

_COMPRESS_LEVEL = 1


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """`pixels` has the shape (height, width), is read-only, each 0x00RRGGBB, with the cursor drawn in.

    Tiles are `TILE` pixels square, counted in rows from the top left; those at the right and the bottom
    edge may be smaller.
    """

    pixels: Pixels

    def __post_init__(self) -> None:
        self.pixels.flags.writeable = False

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    def tile(self, index: int) -> Pixels:
        """One tile's pixels. Raises IndexError where there is none of this number."""
        return tile_of(self.pixels, index)

    def changed_from(self, other: Frame | None) -> list[int]:
        """The tiles that differ from those of another frame, in order; all, where the sizes differ."""
        if other is None or other.pixels.shape != self.pixels.shape:
            return list(range(tile_count(self.width, self.height)))
        return [] if other.pixels is self.pixels else changed_tiles(self.pixels, other.pixels)

    @classmethod
    def from_png(cls, png: bytes) -> Frame:
        """Raises OSError where this is no picture."""
        with Image.open(BytesIO(png)) as image:
            return cls.from_image(image)

    @classmethod
    def from_image(cls, image: Image.Image) -> Frame:
        colors = np.frombuffer(image.convert("RGB").tobytes("raw", "BGRX"), np.dtype("<u4"))
        return cls(colors.reshape(image.height, image.width) & np.uint32(0xFFFFFF))

    def image(self) -> Image.Image:
        """A copy as a picture of Pillow's, in RGB."""
        return Image.frombytes("RGB", (self.width, self.height), self.pixels.tobytes(), "raw", "BGRX")

    def png(self) -> bytes:
        """Lossless. Takes some 50 ms for 1920x1080."""
        encoded = BytesIO()
        self.image().save(encoded, "PNG", compress_level=_COMPRESS_LEVEL)
        return encoded.getvalue()

    def cropped(self, x: int, y: int, width: int, height: int) -> Frame:
        """The part of this frame, without a copy."""
        return Frame(self.pixels[y : y + height, x : x + width])

    def scaled(self, scale: float) -> Frame:
        """This frame `scale` times as wide and as high, at least one pixel, smoothed."""
        size = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        return Frame.from_image(self.image().resize(size, Image.Resampling.LANCZOS))
