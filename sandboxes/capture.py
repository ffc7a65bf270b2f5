"""Frames put together again from what a guest says is new in them. Nothing it says is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sandboxes.errors import InputError, ProtocolError
from sandboxes.frame import Frame, Pixels
from sandboxes.guest.protocol import Rect, ScreenshotReply
from sandboxes.guest.runs import PIXEL, from_runs
from sandboxes.guest.tiles import pixels_in, unpack
from sandboxes.spec import Screen

MAX_SCALE = 4


@dataclass(frozen=True, slots=True)
class Held:
    """A frame, and the serial number by which the guest knows it."""

    serial: int
    frame: Frame


def receive(held: Held | None, reply: ScreenshotReply, data: bytes | memoryview, screen: Screen) -> Held:
    """The frame after a reply to a request that named the frame held. Raises ProtocolError."""
    try:
        if reply.tiles is None:
            return _whole(held, reply, data, screen)
        if held is None:
            raise ProtocolError("the changes of a frame that was never sent")
        return _changed(held, reply, reply.tiles, data)
    except (IndexError, ValueError) as error:
        raise ProtocolError(f"a frame: {error}") from None


def _whole(held: Held | None, reply: ScreenshotReply, data: bytes | memoryview, screen: Screen) -> Held:
    _check_newer(held, reply)
    colors = _pixels(reply, data, screen.width * screen.height)
    return Held(reply.serial, Frame(colors.reshape(screen.height, screen.width)))


def _changed(held: Held, reply: ScreenshotReply, tiles: tuple[int, ...], data: bytes | memoryview) -> Held:
    count = pixels_in(tiles, held.frame.width, held.frame.height)
    packed = _pixels(reply, data, count)
    if not tiles:
        if reply.serial != held.serial:
            raise ProtocolError(f"frame {reply.serial} is frame {held.serial}, unchanged")
        return held
    _check_newer(held, reply)
    if any(second <= first for first, second in pairwise(tiles)):
        raise ProtocolError("the tiles of a frame are out of order")
    pixels = held.frame.pixels.copy()
    unpack(pixels, tiles, packed)
    return Held(reply.serial, Frame(pixels))


def _pixels(reply: ScreenshotReply, data: bytes | memoryview, count: int) -> Pixels:
    """Raises ValueError where these are not `count` pixels."""
    pixels = from_runs(data, count) if reply.runs else np.frombuffer(data, PIXEL)
    if pixels.size != count:
        raise ValueError(f"{pixels.size} pixels, not {count}")
    return pixels & np.uint32(0xFFFFFF)


def _check_newer(held: Held | None, reply: ScreenshotReply) -> None:
    if held is not None and reply.serial <= held.serial:
        raise ProtocolError(f"frame {reply.serial} comes after frame {held.serial}")


def check_view(region: Rect | None, scale: float, screen: Screen) -> None:
    """Raises InputError for a region that is not on the screen, and for a scale that is not in 0-4."""
    if not 0 < scale <= MAX_SCALE:
        raise InputError(f"scale: {scale} is not between 0 and {MAX_SCALE}")
    if region is None:
        return
    right, bottom = region.x + region.width, region.y + region.height
    if not (0 <= region.x < right <= screen.width and 0 <= region.y < bottom <= screen.height):
        raise InputError(f"region: {region!r} is not on the {screen.width}x{screen.height} screen")


def view(frame: Frame, region: Rect | None, scale: float) -> Frame:
    """A region of a frame, `scale` times its size."""
    if region is not None:
        frame = frame.cropped(region.x, region.y, region.width, region.height)
    return frame if scale == 1 else frame.scaled(scale)
