"""Images that look like others."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageChops, ImageStat, UnidentifiedImageError

from runner.checks import spec
from runner.checks.result import CheckResult, NotReadable, failed, passed

MAX_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")  # none that starts another program, as EPS does


def judge(check: spec.Image, data: bytes, like: Path) -> CheckResult:
    """Whether an image has the size of another and, over white, differs little enough from it."""
    found, expected = _read(data), _read(like.read_bytes())
    if found.size != expected.size:
        return failed(f"expected {_size(expected)} pixels, found {_size(found)}", size=list(found.size))
    means = ImageStat.Stat(ImageChops.difference(found, expected)).mean
    difference = round(sum(means) / len(means) / 255, 6)
    if difference > check.max_difference:
        return failed(
            f"expected to differ from {check.like} by {check.max_difference:g} at most, found {difference:g}",
            difference=difference,
        )
    return passed(f"differs from {check.like} by {difference:g}", difference=difference)


def _read(data: bytes) -> Image.Image:
    """The first frame, as RGB over white. Raises NotReadable, before unpacking what is too large."""
    Image.MAX_IMAGE_PIXELS = None  # the size is looked at below, with a plainer message
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise NotReadable(f"not an image ({', '.join(_FORMATS)})") from None
    if image.width * image.height > MAX_PIXELS:
        raise NotReadable(f"an image of {_size(image)} pixels; the limit is {MAX_PIXELS:,} in all")
    layered = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), layered).convert("RGB")


def _size(image: Image.Image) -> str:
    return f"{image.width}x{image.height}"
