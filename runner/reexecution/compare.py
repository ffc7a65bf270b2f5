"""Whether a screen is the recorded one: pixel by pixel, then to the eye, then by what the tree says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from runner.monitors.under import under
from runner.reexecution.differences import Weight, differences, weight_of
from runner.reexecution.pixels import Mask, differing, rectangles, visibly, without
from runner.reexecution.record import RecordedStep
from runner.reexecution.structure import structure_of
from sandboxes.guest.protocol import Rect
from sandboxes.observation import Observation

Level = Literal["exact", "perceptual", "structural", "different"]

# Of the screen's pixels, where the tree is the same: a caret, an edge drawn a little differently.
_FEW = 0.0002
# Applications draw in these what the tree does not tell.
_PICTURES = frozenset({"canvas", "drawing area"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """`pixels` differ to the eye outside the regions that always change; they lie in `regions`. `weight` is
    that of the difference in the trees."""

    level: Level
    pixels: int = 0
    regions: tuple[Rect, ...] = ()
    reasons: tuple[str, ...] = ()
    weight: Weight = "real"

    @property
    def same(self) -> bool:
        return self.level != "different"


def compare(
    step: RecordedStep, seen: Observation, changing: Sequence[Rect], furniture: frozenset[str]
) -> Comparison:
    """`changing` are regions that do not count, `furniture` the titles of windows the bare desktop has."""
    frame = seen.screenshot.frame
    mask = differing(step.frame, frame)
    if not mask.any():
        return Comparison("exact")
    mask = without(visibly(mask, step.frame, frame), changing)
    count = int(mask.sum())
    if count == 0:
        return Comparison("perceptual")
    now = structure_of(seen.tree, seen.windows, seen.taken_at)
    regions = tuple(rectangles(mask))
    if not step.structure.matches(now):
        weight = weight_of(step.structure, now)
        return Comparison("different", count, regions, tuple(differences(step.structure, now)), weight)
    if count <= _FEW * mask.size:
        return Comparison("perceptual", count, regions)
    unsaid = tuple(_unsaid(mask, regions, seen, furniture))
    return Comparison("different" if unsaid else "structural", count, regions, unsaid)


def _unsaid(
    mask: Mask, regions: Sequence[Rect], seen: Observation, furniture: frozenset[str]
) -> Sequence[str]:
    """Where the tree does not say what is shown, so that its being the same says nothing of these pixels."""
    told = {}
    for rect in regions:
        part = mask[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]
        if int(part.sum()) <= _FEW * mask.size:
            continue
        place = under(rect.center, seen.windows, seen.tree.nodes)
        if place.window is None or place.window.title in furniture:
            continue
        inner = place.nodes[-1] if place.nodes else None
        if inner is None or inner.role in _PICTURES:
            told[place.window.title] = (
                f"what window '{place.window.title}' shows is another picture, of which the tree says nothing"
            )
    return list(told.values())
