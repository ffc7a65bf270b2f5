"""Frames and trees in the store: what is read is what was seen, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.artifacts import ArtifactStore, sha256
from runner.frames import FrameSeries, read_frame
from runner.trees import TreeSeries, decode_tree, encode_tree, read_tree
from sandboxes.errors import InfraError
from sandboxes.frame import TILE, Frame
from sandboxes.guest.protocol import Node, Rect
from sandboxes.observation import UiTree

SIDES = st.integers(min_value=1, max_value=3 * TILE + 5)
PAINTING = st.tuples(SIDES, SIDES, SIDES, SIDES, st.integers(min_value=0, max_value=0xFFFFFF))
SCREENS = st.tuples(SIDES, SIDES, st.lists(st.lists(PAINTING, max_size=3), min_size=1, max_size=6))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NODES = st.builds(
    Node,
    id=st.sampled_from(["", "a", "b", "c/1", "\u2028"]),
    role=st.sampled_from(["push button", "frame"]),
    name=TEXTS,
    text=TEXTS,
    states=st.sampled_from([(), ("showing",), ("showing", "focused")]),
    rect=st.sampled_from([None, Rect(x=-5, y=0, width=3, height=4)]),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ArtifactStore]:
    with closing(ArtifactStore(tmp_path)) as store:
        yield store


def draw_screens(screens: list[tuple[int, int, list[list[tuple[int, ...]]]]]) -> Iterator[Frame]:
    """Screens of each size in turn, each painted with more rectangles or with noise than the one before."""
    for width, height, steps in screens:
        pixels = np.zeros((height, width), np.uint32)
        for rectangles in steps:
            for x, y, wide, high, color in rectangles:
                area = pixels[y : y + high, x : x + wide]
                noise = np.random.default_rng(color).integers(0, 1 << 24, area.shape, np.uint32)
                area[:] = color if color % 2 else noise
            yield Frame(pixels.copy())


@settings(max_examples=60, deadline=None)
@given(st.lists(SCREENS, min_size=1, max_size=4))
def test_any_screens_come_back_bit_for_bit(
    screens: list[tuple[int, int, list[list[tuple[int, ...]]]]],
) -> None:
    frames, series = list(draw_screens(screens)), FrameSeries()
    with TemporaryDirectory() as folder, closing(ArtifactStore(Path(folder))) as store:
        refs = []
        for frame in frames:
            with store.batch() as batch:
                refs.append(series.put(batch, frame))
        with closing(ArtifactStore(Path(folder))) as reader:
            for ref, frame in random.Random(0).sample(list(zip(refs, frames, strict=True)), len(frames)):
                assert np.array_equal(read_frame(reader, ref).pixels, frame.pixels)


def make_tree(nodes: list[Node], data: st.DataObject) -> UiTree:
    """The nodes with parents before them."""
    placed = []
    for index, node in enumerate(nodes):
        parent = data.draw(st.none() | st.integers(0, index - 1)) if index else None
        placed.append(node.model_copy(update={"parent": parent}))
    return UiTree(tuple(placed), data.draw(st.dictionaries(TEXTS, TEXTS, max_size=2)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(NODES, max_size=12), min_size=1, max_size=5), st.data())
def test_any_trees_come_back(node_lists: list[list[Node]], data: st.DataObject) -> None:
    trees = [make_tree(nodes, data) for nodes in node_lists]
    assert [decode_tree(encode_tree(tree)) for tree in trees] == trees
    series, refs = TreeSeries(), []
    with TemporaryDirectory() as folder, closing(ArtifactStore(Path(folder))) as store:
        for tree in trees:
            with store.batch() as batch:
                refs.append(series.put(batch, tree))
        assert [read_tree(store, ref) for ref in refs] == trees


def some_screen(seed: int) -> Frame:
    """1280x800 with a picture on it that does not compress."""
    pixels = np.full((800, 1280), 0x336699, np.uint32)
    pixels[:256, :256] = np.random.default_rng(seed).integers(0, 1 << 24, (256, 256), np.uint32)
    return Frame(pixels)


def stored_bytes(store: ArtifactStore) -> int:
    return sum(pack.stat().st_size for pack in store.packs.iterdir())


def test_32_desktops_of_one_image_store_their_first_frame_once(store: ArtifactStore) -> None:
    refs = set()
    for desktop in range(32):
        with closing(ArtifactStore(store.folder)) as own, own.batch() as batch:
            refs.add(FrameSeries().put(batch, some_screen(7)))
        if desktop == 0:
            once = stored_bytes(store)
    assert len(refs) == 1
    assert stored_bytes(store) == once


def test_desktops_that_show_the_same_at_once_store_it_once(store: ArtifactStore) -> None:
    together = Barrier(8)

    def put(_: int) -> str:
        with store.batch() as batch:
            ref = FrameSeries().put(batch, some_screen(7))
            together.wait(timeout=30)  # none of them has found what another one stored
        return ref

    with closing(ArtifactStore(store.folder.with_name("alone"))) as alone:
        with alone.batch() as batch:
            ref = FrameSeries().put(batch, some_screen(7))
        once = stored_bytes(alone)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(put, range(8))) == {ref}
    assert stored_bytes(store) == once


def test_a_changed_tile_costs_a_tile(store: ArtifactStore) -> None:
    series, frame = FrameSeries(), some_screen(7)
    with store.batch() as batch:
        series.put(batch, frame)
    before = stored_bytes(store)
    for step in range(100):
        pixels = frame.pixels.copy()
        pixels[700:712, 10 + 8 * step : 16 + 8 * step] = step
        frame = Frame(pixels)
        with store.batch() as batch:
            ref = series.put(batch, frame)
    assert np.array_equal(read_frame(store, ref).pixels, frame.pixels)
    assert (stored_bytes(store) - before) / 100 < 1000


def test_a_tree_of_a_thousand_nodes_costs_what_changed_in_it(store: ArtifactStore) -> None:
    rng = random.Random(1)
    nodes = [Node(id=f"app/{number}", role="label", name=rng.randbytes(20).hex()) for number in range(1000)]
    nodes = [
        node.model_copy(update={"parent": index - 1 if index else None}) for index, node in enumerate(nodes)
    ]
    series = TreeSeries()
    with store.batch() as batch:
        series.put(batch, UiTree(tuple(nodes), {}))
    before = stored_bytes(store)
    # A new first child of the root: every place behind it moves by one.
    moved = [node.model_copy(update={"parent": node.parent and node.parent + 1}) for node in nodes[1:]]
    tree = UiTree((nodes[0], Node(id="app/new", role="dialog", parent=0), *moved), {})
    with store.batch() as batch:
        ref = series.put(batch, tree)
    assert read_tree(store, ref) == tree
    assert stored_bytes(store) - before < 400


def test_what_is_no_frame_or_tree_is_told(store: ArtifactStore) -> None:
    for content in (
        b"",
        b"0x5\n",
        b"64x64\n",
        b"64x64\n" + sha256(b"").encode(),
        b"\xff",
        b"1x1\nx\n",
        b"1\n",
    ):
        ref = store.put(content)
        with pytest.raises(InfraError, match=r"no frame|missing"):
            read_frame(store, ref)
    for content in (b"", b"{", b'{}\n"x"\t{"role":"a"}\n', b"{}\nnull\t{}\n", b"\xff\n"):
        ref = store.put(content)
        with pytest.raises(InfraError, match="no tree"):
            read_tree(store, ref)
