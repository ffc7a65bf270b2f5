"""What GIMP's tasks left behind, where no check of a swarm file's own kinds will do."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageChops, ImageOps, ImageStat

DATA = Path(__file__).parent / "data"
THUMBNAIL_WIDTH = 60
NEAR = 0.05  # mean difference of pixels, 1 being black against white
END_OF_PROPERTIES = 0

Files = dict[str, bytes | None]
Ruling = tuple[bool, str]


def scaled(files: Files) -> Ruling:
    return _all_look(files, "PNG", lambda image: image.resize((120, 80)))


def jpeg(files: Files) -> Ruling:
    return _all_look(files, "JPEG", lambda image: image)


def mirrored(files: Files) -> Ruling:
    return _all_look(files, "PNG", ImageOps.mirror)


def inverted(files: Files) -> Ruling:
    return _all_look(files, "PNG", ImageOps.invert)


def cropped(files: Files) -> Ruling:
    return _all_look(files, "PNG", lambda image: image.crop((20, 30, 120, 120)))


def gray(files: Files) -> Ruling:
    """A gray image, and not one in colours that are all gray."""
    return _all_look(files, "PNG", lambda image: image.convert("L"), mode="L")


def thumbnails(files: Files) -> Ruling:
    return _all_look(
        files,
        "JPEG",
        lambda image: image.resize((THUMBNAIL_WIDTH, image.height * THUMBNAIL_WIDTH // image.width)),
    )


def without_draft(files: Files) -> Ruling:
    found = [_layers(data) for data in files.values() if data is not None]
    return found == [["Title", "Background"]], f"the layers are {found}"


def _all_look(
    files: Files, kind: str, change: Callable[[Image.Image], Image.Image], mode: str = "RGB"
) -> Ruling:
    rulings = [_looks(path, data, kind, change, mode) for path, data in files.items()]
    return all(ok for ok, _ in rulings), "; ".join(detail for _, detail in rulings)


def _looks(
    path: str, data: bytes | None, kind: str, change: Callable[[Image.Image], Image.Image], mode: str
) -> Ruling:
    """Whether a file is what `change` makes of the picture in `data` that its name begins with."""
    if data is None:
        return False, f"{path} is missing"
    found = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
    colors = found.mode.removesuffix("A")
    name = Path(path).stem.partition("-")[0]
    expected = change(Image.open(DATA / f"gimp-{name}.png").convert("RGB"))
    if (found.format, colors, found.size) != (kind, mode, expected.size):
        return False, f"{path} is {found.format} {found.mode} {found.size}"
    white = Image.new("RGBA", found.size, "white")
    flat = Image.alpha_composite(white, found.convert("RGBA")).convert(mode)
    means = ImageStat.Stat(ImageChops.difference(flat, expected)).mean
    difference = sum(means) / len(means) / 255
    return difference <= NEAR, f"{path} differs by {difference:.3f}"


def _layers(data: bytes) -> list[str]:
    """The names of an .xcf file's layers, from the top."""
    version = 0 if data[9:13] == b"file" else int(data[10:13])
    at = 26 + (4 if version >= 4 else 0)  # the magic, the size and the kind of colours, then their precision
    while _number(data, at) != END_OF_PROPERTIES:
        at += 8 + _number(data, at + 4)
    at += 8
    wide = ">Q" if version >= 11 else ">I"
    names = []
    while offset := struct.unpack_from(wide, data, at)[0]:
        length = _number(data, offset + 12)
        names.append(data[offset + 16 : offset + 15 + length].decode())
        at += struct.calcsize(wide)
    return names


def _number(data: bytes, at: int) -> int:
    number: int = struct.unpack_from(">I", data, at)[0]
    return number
