"""Frames on the sheets of a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.artifacts import ArtifactStore
from runner.frames import FrameSeries
from runner.replay.data import Page, Recording
from runner.replay.frames import MAX_TILES, Film
from sandboxes.frame import Frame
from tests.runner.replay.sample_pages import pixels_of


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


def noise(width: int, height: int, seed: int) -> Frame:
    return Frame(np.random.default_rng(seed).integers(0, 1 << 24, (height, width), np.uint32))


def test_every_frame_comes_back_bit_for_bit_whatever_its_size(store: ArtifactStore) -> None:
    """Frames of several sizes, tiles that are cut off at the edges, and more than one sheet holds."""
    sizes = [(200, 130), (200, 130), (640, 480), (63, 64), (1280, 1024)]
    frames = [noise(width, height, seed) for seed, (width, height) in enumerate(sizes)]
    series, film = FrameSeries(), Film(store)
    with store.batch() as batch:
        refs = [series.put(batch, frame) for frame in frames]
    assert [film.add(ref) for ref in refs] == [0, 1, 2, 3, 4]
    film.seal()
    page = Page(runs=(), frames=tuple(film.frames), trees=(), nodes=(), sheets=tuple(film.sizes))
    assert max(film.sizes) == MAX_TILES
    for number, frame in enumerate(frames):
        red_green_blue = np.asarray(frame.image())
        assert np.array_equal(pixels_of(Recording(page, film.sheets), number), red_green_blue)


def test_a_frame_and_a_tile_are_kept_once_and_what_changes_little_costs_little(store: ArtifactStore) -> None:
    first = np.zeros((480, 640), np.uint32)
    second = first.copy()
    second[100, 100] = 0xFFFFFF
    series, film = FrameSeries(), Film(store)
    with store.batch() as batch:
        refs = [series.put(batch, Frame(pixels)) for pixels in (first, second, first.copy())]
    assert [film.add(ref) for ref in refs] == [0, 1, 0]
    film.seal()
    assert film.sizes == [3]  # black, black and cut off, and the one with a dot
    assert film.frames[1].change == ((11, 1, (2,)),)
    film.seal()
    assert len(film.sheets) == 1
