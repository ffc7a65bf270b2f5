"""Framing: however the bytes are cut, the frames are the same; whatever the bytes, it ends in an error."""

from __future__ import annotations

from itertools import pairwise

import anyio
import pytest
from anyio.abc import ByteStream
from hypothesis import given
from hypothesis import strategies as st

from sandboxes.guest.frames import Frame, FrameError, FrameReader, encode

FRAMES = st.lists(st.builds(Frame, st.binary(max_size=50), st.binary(max_size=200)), max_size=5)


class Pieces(ByteStream):
    """A stream that delivers its bytes cut at the given places, then ends."""

    def __init__(self, data: bytes, cuts: list[int]) -> None:
        places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        self._pieces = [data[a:b] for a, b in pairwise(places)]

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await anyio.lowlevel.checkpoint()
        if not self._pieces:
            raise anyio.EndOfStream
        piece = self._pieces.pop(0)
        if len(piece) > max_bytes:
            self._pieces.insert(0, piece[max_bytes:])
        return piece[:max_bytes]

    async def send(self, item: bytes) -> None:
        raise NotImplementedError

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        raise NotImplementedError


async def read_all(stream: ByteStream) -> list[Frame]:
    """All frames up to an end between two of them."""
    reader, frames = FrameReader(stream, frame_timeout=5), []
    while True:
        try:
            frames.append(await reader.read())
        except anyio.EndOfStream:
            return frames


@given(frames=FRAMES, cuts=st.lists(st.integers(min_value=0)))
def test_any_split_gives_the_same_frames(frames: list[Frame], cuts: list[int]) -> None:
    data = b"".join(encode(frame) for frame in frames)
    assert anyio.run(read_all, Pieces(data, cuts)) == frames


@given(frames=FRAMES.filter(len), cut=st.integers(min_value=1), cuts=st.lists(st.integers(min_value=0)))
def test_an_end_inside_a_frame_is_an_error(frames: list[Frame], cut: int, cuts: list[int]) -> None:
    whole = [encode(frame) for frame in frames]
    missing = 1 + cut % (len(whole[-1]) - 1)
    data = b"".join(whole)[:-missing]
    with pytest.raises(FrameError, match="inside"):
        anyio.run(read_all, Pieces(data, cuts))


@given(data=st.binary(max_size=300))
def test_any_bytes_end(data: bytes) -> None:
    try:
        frames = anyio.run(read_all, Pieces(data, []))
    except FrameError:
        return
    assert b"".join(encode(frame) for frame in frames) == data
