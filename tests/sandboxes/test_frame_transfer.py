"""Frames as they travel: what the host puts together is, pixel for pixel, what the guest had."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes.capture import Held, receive
from sandboxes.frame import TILE, Frame, Pixels, tile_count
from sandboxes.guest.protocol import Point, ScreenshotReply
from sandboxes.guest.runs import from_runs, to_runs
from sandboxes.guest.tiles import changed_tiles, pack
from sandboxes.spec import Screen

SIZES = st.tuples(st.integers(320, 400), st.integers(240, 300))
SEEDS = st.integers(0, 2**32 - 1)


def painted(frame: Pixels, seed: int) -> Pixels:
    """The frame after some rectangles of one colour or of noise were painted on it."""
    random = np.random.default_rng(seed)
    frame = frame.copy()
    height, width = frame.shape
    for _ in range(random.integers(0, 6)):
        (top, bottom), (left, right) = np.sort(random.integers(0, (height, width), (2, 2)), axis=0).T
        shape = frame[top : bottom + 1, left : right + 1].shape
        noise = random.integers(0, 1 << 24, shape, dtype=np.uint32)
        frame[top : bottom + 1, left : right + 1] = noise if random.random() < 0.5 else noise[0, 0]
    return frame


def sent(now: Pixels, before: Pixels | None, serial: int) -> tuple[ScreenshotReply, bytes]:
    tiles = None if before is None else tuple(changed_tiles(now, before))
    pixels = now.ravel() if tiles is None else pack(now, tiles)
    runs = to_runs(pixels)
    reply = ScreenshotReply(serial=serial, tiles=tiles, runs=runs is not None, cursor=Point(x=0, y=0))
    return reply, pixels.tobytes() if runs is None else runs


@settings(max_examples=60, deadline=None)
@given(SIZES, st.lists(SEEDS, min_size=1, max_size=5))
def test_a_session_of_frames_arrives_bit_for_bit(size: tuple[int, int], seeds: list[int]) -> None:
    width, height = size
    screen = Screen(width=width, height=height)
    before: Pixels | None = None
    held: Held | None = None
    frame: Pixels = np.zeros((height, width), np.uint32)
    for serial, seed in enumerate(seeds, 1):
        frame = painted(frame, seed)
        if before is not None and np.array_equal(frame, before):
            continue
        reply, data = sent(frame, before, serial)
        last = held
        held = receive(last, reply, data, screen)
        assert np.array_equal(held.frame.pixels, frame)
        assert not held.frame.pixels.flags.writeable
        if last is not None and before is not None:
            assert np.array_equal(last.frame.pixels, before), "a frame handed out has changed"
        before = frame


@settings(max_examples=60, deadline=None)
@given(SIZES, SEEDS)
def test_the_tiles_that_changed_are_those_with_a_pixel_that_did(size: tuple[int, int], seed: int) -> None:
    one = painted(np.zeros((size[1], size[0]), np.uint32), seed)
    two = painted(one, seed + 1)
    changed = Frame(two).changed_from(Frame(one))
    for index in range(tile_count(*size)):
        same = np.array_equal(Frame(one).tile(index), Frame(two).tile(index))
        assert same == (index not in changed)
    assert len(Frame(one).changed_from(None)) == tile_count(*size)


@given(st.lists(st.integers(0, 3), max_size=300))
def test_runs_give_back_the_pixels(values: list[int]) -> None:
    pixels = np.array(values, np.uint32)
    runs = to_runs(pixels)
    if runs is None:
        assert np.count_nonzero(pixels[1:] != pixels[:-1]) + 1 >= len(values) // 2
    else:
        assert from_runs(runs, len(values)).tolist() == values


@settings(max_examples=30, deadline=None)
@given(SIZES, SEEDS)
def test_a_png_holds_the_frame_exactly(size: tuple[int, int], seed: int) -> None:
    frame = Frame(painted(np.zeros((size[1], size[0]), np.uint32), seed))
    assert Frame.from_png(frame.png()).changed_from(frame) == []


def test_tiles_at_the_edge_are_smaller() -> None:
    frame = Frame(np.arange(130 * 70, dtype=np.uint32).reshape(70, 130))
    assert tile_count(130, 70) == 6
    assert [frame.tile(index).shape for index in (0, 2, 3, 5)] == [
        (TILE, TILE), (TILE, 2), (6, TILE), (6, 2)
    ]  # fmt: skip


def test_a_scaled_region() -> None:
    frame = Frame(np.full((100, 200), 0x123456, np.uint32))
    small = frame.cropped(10, 20, 100, 50).scaled(0.5)
    assert (small.width, small.height) == (50, 25)
    assert (small.pixels == 0x123456).all()


def test_a_frame_of_other_size_has_changed_everywhere() -> None:
    one, two = (Frame(np.zeros(shape, np.uint32)) for shape in ((64, 64), (65, 64)))
    assert two.changed_from(one) == [0, 1]
