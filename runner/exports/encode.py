"""Scenes as a file that plays: a GIF by Pillow, an MP4 by PyAV, which is the `video` extra."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from runner.exports.film import Scene
from sandboxes.errors import InfraError

FPS = 4
_COLORS = 128


def write_gif(scenes: Iterable[Scene], out: Path) -> None:
    """`scenes` are at least one. Held in memory whole. Raises OSError where it cannot be written."""
    pictures, durations = list[Image.Image](), list[int]()
    for scene in scenes:
        pictures.append(scene.image.quantize(_COLORS))
        durations.append(round(scene.seconds * 1000))
    first, *rest = pictures
    first.save(out, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)


def can_write_mp4() -> bool:
    return find_spec("av") is not None


def write_mp4(scenes: Iterable[Scene], out: Path) -> None:
    """H.264, for any player. Raises InfraError without the `video` extra, OSError where it cannot write."""
    try:
        import av
    except ModuleNotFoundError:
        raise InfraError(
            "a film as MP4 needs a package that is not installed (av): pip install 'deskswarm[video]'"
        ) from None
    with av.open(str(out), "w", format="mp4", options={"movflags": "faststart"}) as file:
        stream = file.add_stream("libx264", rate=FPS)
        stream.pix_fmt = "yuv420p"
        for scene in scenes:
            if not stream.codec_context.is_open:
                stream.width, stream.height = scene.image.size
            picture = np.asarray(scene.image)
            for _ in range(max(1, round(scene.seconds * FPS))):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
