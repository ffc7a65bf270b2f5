"""Sizes and points: what comes back from an image is the pixel that was aimed at."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.agents.models.anthropic_agent import CURRENT, OLDER
from runner.agents.models.scaling import (
    MAX_BYTES,
    Limits,
    OutsideImage,
    Scale,
    fit,
    image_tokens,
    picture_of,
)
from sandboxes.frame import Frame
from sandboxes.guest.protocol import Point

EDGES = st.tuples(st.integers(320, 7680), st.integers(240, 4320))
LIMITS = st.sampled_from([CURRENT, OLDER, Limits(2000, 4784), Limits(256)])


@st.composite
def scales(draw: st.DrawFn) -> Scale:
    screen = draw(EDGES)
    return Scale(screen, fit(*screen, draw(LIMITS)))


@settings(max_examples=60, deadline=None)
@given(scales(), st.data())
def test_a_point_of_the_image_is_within_half_a_pixel_of_its_place_on_the_screen(
    scale: Scale, data: st.DataObject
) -> None:
    for axis in (0, 1):
        value = data.draw(st.integers(0, scale.image[axis] - 1))
        at = scale.to_screen(*((value, 0) if axis == 0 else (0, value)))
        found, pixels, size = (at.x, at.y)[axis], scale.screen[axis], scale.image[axis]
        exact = (value + 0.5) * pixels / size
        assert 0 <= found < pixels
        assert abs(found + 0.5 - exact) <= 0.5


@settings(max_examples=60, deadline=None)
@given(scales(), st.data())
def test_a_point_of_the_image_comes_back_as_itself(scale: Scale, data: st.DataObject) -> None:
    x, y = (data.draw(st.integers(0, size - 1)) for size in scale.image)
    assert scale.to_image(scale.to_screen(x, y)) == (x, y)


@settings(max_examples=60, deadline=None)
@given(EDGES, st.data())
def test_thousandths_are_never_off_the_screen_nor_half_a_pixel_off(
    screen: tuple[int, int], data: st.DataObject
) -> None:
    scale = Scale(screen, screen, of_thousand=True)
    x, y = (data.draw(st.floats(0, 1000)) for _ in range(2))
    at = scale.to_screen(x, y)
    assert abs(at.x + 0.5 - x * screen[0] / 1000) <= 0.5 + 1e-6
    assert abs(at.y + 0.5 - y * screen[1] / 1000) <= 0.5 + 1e-6
    assert 0 <= at.x < screen[0]
    assert 0 <= at.y < screen[1]


@settings(max_examples=60, deadline=None)
@given(scales(), st.data())
def test_a_region_is_on_the_screen_and_not_empty(scale: Scale, data: st.DataObject) -> None:
    x0, y0 = (data.draw(st.integers(0, size - 1)) for size in scale.image)
    x1 = data.draw(st.integers(x0 + 1, scale.image[0]))
    y1 = data.draw(st.integers(y0 + 1, scale.image[1]))
    first, last = scale.region(x0, y0, x1, y1)
    assert 0 <= first.x <= last.x < scale.screen[0]
    assert 0 <= first.y <= last.y < scale.screen[1]


@pytest.mark.parametrize(
    "point", [(-1, 0), (0, -0.5), (801, 0), (0, 601), (float("nan"), 0), (float("inf"), 0)]
)
def test_a_point_outside_the_image_is_told(point: tuple[float, float]) -> None:
    with pytest.raises(OutsideImage, match="outside the image of 800 x 600"):
        Scale((1600, 1200), (800, 600)).to_screen(*point)


def test_the_edge_behind_the_last_pixel_is_the_last_pixel() -> None:
    assert Scale((1600, 1200), (800, 600)).to_screen(800, 600) == Point(x=1599, y=1199)


@pytest.mark.parametrize("region", [(5, 5, 5, 9), (9, 5, 5, 9), (0, 0, 801, 10)])
def test_a_region_that_is_none_is_told(region: tuple[int, int, int, int]) -> None:
    with pytest.raises(OutsideImage):
        Scale((1600, 1200), (800, 600)).region(*region)


@settings(max_examples=60, deadline=None)
@given(EDGES, LIMITS, st.booleans())
def test_an_image_is_as_large_as_its_limits_allow(
    screen: tuple[int, int], limits: Limits, enlarge: bool
) -> None:
    width, height = fit(*screen, limits, enlarge=enlarge)
    assert limits.allow(width, height)
    assert enlarge or (width <= screen[0] and height <= screen[1])
    assert abs(width * screen[1] - height * screen[0]) <= max(screen), "the shape is kept, to a pixel"


@pytest.mark.parametrize(
    ("screen", "limits", "size"),
    [
        ((1920, 1080), CURRENT, (1920, 1080)),
        ((3840, 2160), CURRENT, (2576, 1449)),
        ((1920, 1080), OLDER, (1430, 804)),
        ((1024, 768), OLDER, (1024, 768)),
    ],
)
def test_common_screens(screen: tuple[int, int], limits: Limits, size: tuple[int, int]) -> None:
    assert fit(*screen, limits) == size
    assert limits is OLDER or image_tokens(*size) <= 4784


def test_a_part_of_the_screen_is_shown_enlarged() -> None:
    pixels = np.zeros((60, 80), np.uint32)
    pixels[20:30, 40:60] = 0xFF0000
    picture = picture_of(Frame(pixels), (200, 100), (Point(x=40, y=20), Point(x=59, y=29)))
    with Image.open(BytesIO(picture.data)) as image:
        assert image.size == (200, 100)
        assert image.getextrema() == ((255, 255), (0, 0), (0, 0)), "nothing but what was asked for"


def test_an_image_that_is_too_long_to_be_sent_loses_a_little() -> None:
    noise = np.random.default_rng(7).integers(0, 1 << 24, (1080, 1920), np.uint32)
    picture = picture_of(Frame(noise), (1920, 1080))
    assert picture.media_type == "image/jpeg"
    assert len(picture.data) <= MAX_BYTES
