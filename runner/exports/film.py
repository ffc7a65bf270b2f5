"""A session as a film: each screen with what the agent then did, in words below it and marked on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from runner.agents.base import Act, Failed, Look
from runner.artifacts import ArtifactStore
from runner.checkpoints import Checkpoint
from runner.exports.recording import Recording
from runner.frames import read_frame
from runner.replay.describe import describe
from sandboxes.errors import InputError
from sandboxes.guest.protocol import Point

MP4_WIDTH, GIF_WIDTH = 1280, 960
SHORTEST_S, LONGEST_S = 1.5, 6.0
_READ_PER_S = 25  # characters
_LINES = 3
_FONT_SIZE = 22
_LINE_HEIGHT = 30
_MARGIN = 14
_PAPER, _INK, _FAINT, _GOOD, _BAD = "#16181d", "#f2f3f5", "#9aa0aa", "#7fd18b", "#ff8a80"
_MARK = "#ff3b30"
# The first that is there: the one that knows most scripts, one that most machines have, Pillow's own.
_FONTS = ("NotoSansCJK-Regular.ttc", "DejaVuSans.ttf")


@dataclass(frozen=True, slots=True)
class Caption:
    """`place` is where in the session, `text` what happens; `failure` why something was not done."""

    place: str
    text: str
    failure: str = ""
    good: bool = False

    @property
    def seconds(self) -> float:
        """Long enough to be read."""
        return min(LONGEST_S, max(SHORTEST_S, len(self.text + self.failure) / _READ_PER_S))


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture in RGB, and how many seconds it is shown."""

    image: Image.Image
    seconds: float


def scenes(recording: Recording, store: ArtifactStore, max_width: int) -> Iterator[Scene]:
    """The film, all of one size with even sides.

    Raises InputError for an attempt without steps, InfraError where a screen cannot be read.
    """
    chain = recording.checkpoints
    if not chain:
        raise InputError(f"task: attempt {recording.attempt.number} at {recording.task.id!r} has no steps")
    return _scenes(recording, store, _scaled(chain[0].screen.width, chain[0].screen.height, max_width))


def _scenes(recording: Recording, store: ArtifactStore, size: tuple[int, int]) -> Iterator[Scene]:
    chain = recording.checkpoints
    for checkpoint in chain:
        caption = _caption(recording, checkpoint)
        screen = _screen(checkpoint, store, size)
        yield Scene(_with_caption(screen, caption), caption.seconds)
    ending = _ending(recording)
    yield Scene(_with_caption(_screen(chain[-1], store, size), ending), LONGEST_S / 2)


def _caption(recording: Recording, checkpoint: Checkpoint) -> Caption:
    decision = checkpoint.decision
    place = f"{recording.task.id} · step {checkpoint.step + 1} of {len(recording.checkpoints)}"
    failures = [done.error for done in checkpoint.executed if done.error]
    failure = f"not done: {failures[0]}" if failures else ""
    if isinstance(decision, Act):
        does = "; ".join(describe(action) for action in decision.actions)
        return Caption(place, f"{decision.note} — {does}" if decision.note else does, failure)
    if isinstance(decision, Failed):
        return Caption(place, "gives up", decision.reason)
    if isinstance(decision, Look):
        return Caption(place, decision.note or "looks again")
    said = f"says it is done{f': {decision.note}' if decision.note else ''}" if decision else ""
    return Caption(place, said or "the session ended before the agent decided")


def _ending(recording: Recording) -> Caption:
    attempt = recording.attempt
    findings = attempt.verdict.findings if attempt.verdict else ()
    wrong = "; ".join(f"{one.subject}: {one.detail}" for one in findings if not one.ok)
    place = f"{recording.task.id} · attempt {attempt.number}"
    good = attempt.status == "succeeded"
    return Caption(place, attempt.status, "" if good else wrong or attempt.reason, good)


def _scaled(width: int, height: int, max_width: int) -> tuple[int, int]:
    """Video encoders want even sides."""
    scale = min(1.0, max_width / width)
    return max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2)


def _screen(checkpoint: Checkpoint, store: ArtifactStore, size: tuple[int, int]) -> Image.Image:
    """What the screen showed, with a ring where input went, and a line where something was dragged."""
    image = read_frame(store, checkpoint.screen.frame).image()
    scale = size[0] / image.width
    image = image.resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    for done in checkpoint.executed:
        points = [_at(point, scale) for point in done.points]
        if len(points) > 1:
            draw.line(points, fill=_MARK, width=3)
        for x, y in points:
            draw.ellipse((x - 14, y - 14, x + 14, y + 14), outline=_MARK, width=3)
    return image


def _at(point: Point, scale: float) -> tuple[float, float]:
    return point.x * scale, point.y * scale


def _with_caption(screen: Image.Image, caption: Caption) -> Image.Image:
    height = 2 * _MARGIN + _LINES * _LINE_HEIGHT
    image = Image.new("RGB", (screen.width, screen.height + height), _PAPER)
    image.paste(screen)
    draw, font = ImageDraw.Draw(image), _font()
    room = screen.width - 2 * _MARGIN
    lines = [(caption.place, _FAINT)]
    lines += [(line, _GOOD if caption.good else _INK) for line in _wrap(caption.text, font, room)]
    if caption.failure:
        lines = [*lines[: _LINES - 1], (_wrap(caption.failure, font, room)[0], _BAD)]
    for number, (line, color) in enumerate(lines[:_LINES]):
        draw.text((_MARGIN, screen.height + _MARGIN + number * _LINE_HEIGHT), line, fill=color, font=font)
    return image


def _wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> list[str]:
    """At most two lines that fit, at least one; what does not fit ends in `…`."""
    words = " ".join("".join(char if char.isprintable() else " " for char in text[:400]).split())
    lines: list[str] = []
    while words and len(lines) < _LINES - 1:
        fits = next((n for n in range(len(words), 0, -1) if font.getlength(words[:n]) <= room), 1)
        if fits < len(words) and " " in words[:fits]:
            fits = words.rindex(" ", 0, fits) + 1
        lines.append(words[:fits].rstrip())
        words = words[fits:]
    if words:
        lines[-1] = lines[-1][:-1] + "…"
    return lines or [""]


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, _FONT_SIZE)
        except OSError:
            continue
    return ImageFont.load_default(_FONT_SIZE)
