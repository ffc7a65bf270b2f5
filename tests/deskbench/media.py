"""States of the tasks with GIMP and VLC: done right, and nearly so."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial

from PIL import Image, ImageOps

from runner.load import bundled_swarms
from tests.deskbench.states import State

DATA = bundled_swarms()["deskbench"].with_name("data")
VLCRC = "~/.config/vlc/vlcrc"
DAY = "~/Music/day.xspf"
SNAPSHOTS = {"snapshot-path": "/home/user/Pictures", "snapshot-prefix": "frame-", "snapshot-sequential": "1"}
LECTURE_ROOM = {
    "one-instance": "1",
    "play-and-pause": "1",
    "qt-recentplay": "0",
    "audio-language": "eng",
    "fullscreen": "1",
    "snapshot-path": "/home/user/Pictures",
    "video-title-show": "0",
    "sub-language": "deu",
    "input-record-path": "/home/user/Videos",
}
THUMBNAILS = {"harbour": (60, 40), "garden": (60, 60), "tower": (60, 90)}
LAYERS_AT = 295  # in the .xcf: where its list of layers is, each 8 bytes


def picture(
    name: str, change: Callable[[Image.Image], Image.Image] = lambda image: image, kind: str = "PNG"
) -> bytes:
    data = io.BytesIO()
    change(Image.open(DATA / f"gimp-{name}.png").convert("RGB")).save(data, kind)
    return data.getvalue()


def thumbnails(sizes: Mapping[str, tuple[int, int]]) -> State:
    return State(
        {
            f"~/Pictures/{name}-thumb.jpg": picture(name, partial(Image.Image.resize, size=size), "JPEG")
            for name, size in sizes.items()
        }
    )


def gray(image: Image.Image) -> Image.Image:
    return image.convert("L")


def poster(*kept: int) -> State:
    """The poster with some of its layers: 0 is the title, 1 the draft, 2 the background."""
    data = (DATA / "gimp-poster.xcf").read_bytes()
    layers = b"".join(data[LAYERS_AT + 8 * one : LAYERS_AT + 8 * one + 8] for one in kept)
    return State(
        {"~/Pictures/poster.xcf": data[:LAYERS_AT] + layers.ljust(24, b"\0") + data[LAYERS_AT + 24 :]}
    )


def pictures(files: Mapping[str, bytes]) -> State:
    """Files of ~/Pictures, by name."""
    return State({f"~/Pictures/{name}": content for name, content in files.items()})


def vlcrc(settings: Mapping[str, str]) -> State:
    lines = ["[qt]", "qt-privacy-ask=0", "#qt-continue=1", "[core]", "extraintf=http"]
    return State(
        {VLCRC: "\n".join([*lines, *(f"{name}={value}" for name, value in settings.items())]) + "\n"}
    )


def playlist(*names: str) -> State:
    tracks = "".join(f"<track><location>file:///home/user/{name}</location></track>" for name in names)
    return State({DAY: f"<playlist xmlns='http://xspf.org/ns/0/'><trackList>{tracks}</trackList></playlist>"})


def part(left: int, top: int) -> State:
    """With an alpha channel, as GIMP exports it once the canvas was changed."""
    box = (left, top, left + 100, top + 90)
    return pictures({"garden-part.png": picture("garden", lambda image: image.crop(box).convert("RGBA"))})


TRACKS = ["Music/morning.wav", "Music/noon.wav", "Music/evening.wav"]

RIGHT: dict[str, State] = {
    "gimp-jpeg": pictures({"harbour.jpg": picture("harbour", kind="JPEG")}),
    "gimp-scale": pictures({"harbour-small.png": picture("harbour", lambda image: image.resize((120, 80)))}),
    "gimp-invert": pictures({"tower-negative.png": picture("tower", ImageOps.invert)}),
    "gimp-flip": pictures({"harbour.png": picture("harbour", ImageOps.mirror)}),
    "gimp-gray": pictures({"garden-gray.png": picture("garden", gray)}),
    "gimp-crop": part(20, 30),
    "gimp-delete-layer": poster(0, 2),
    "gimp-thumbnails": thumbnails(THUMBNAILS),
    "vlc-one-instance": vlcrc({"one-instance": "1"}),
    "vlc-no-history": vlcrc({"qt-recentplay": "0", "qt-continue": "0"}),
    "vlc-snapshots": vlcrc({**SNAPSHOTS, "vout": "any"}),
    "vlc-playlist": playlist(*TRACKS),
    "vlc-playlist-again": playlist(*TRACKS),
    "vlc-lecture-room": vlcrc(LECTURE_ROOM),
}
MISSES: dict[str, tuple[str, State]] = {
    "a PNG by another name": ("gimp-jpeg", pictures({"harbour.jpg": picture("harbour")})),
    "another picture": ("gimp-jpeg", pictures({"harbour.jpg": picture("tower", kind="JPEG")})),
    "a wrong height": (
        "gimp-scale",
        pictures({"harbour-small.png": picture("harbour", lambda image: image.resize((120, 60)))}),
    ),
    "a part of that size": (
        "gimp-scale",
        pictures({"harbour-small.png": picture("harbour", lambda image: image.crop((0, 0, 120, 80)))}),
    ),
    "the picture itself scaled": (
        "gimp-scale",
        pictures(
            {
                "harbour-small.png": picture("harbour", lambda image: image.resize((120, 80))),
                "harbour.png": picture("harbour", lambda image: image.resize((120, 80))),
            }
        ),
    ),
    "not inverted": ("gimp-invert", pictures({"tower-negative.png": picture("tower")})),
    "gray": ("gimp-invert", pictures({"tower-negative.png": picture("tower", gray)})),
    "upside down": ("gimp-flip", pictures({"harbour.png": picture("harbour", ImageOps.flip)})),
    "both flipped": (
        "gimp-flip",
        pictures(
            {
                "harbour.png": picture("harbour", ImageOps.mirror),
                "harbour-2025.png": picture("harbour", ImageOps.mirror),
            }
        ),
    ),
    "gray in RGB": (
        "gimp-gray",
        pictures({"garden-gray.png": picture("garden", lambda image: gray(image).convert("RGB"))}),
    ),
    "gray of another": ("gimp-gray", pictures({"garden-gray.png": picture("tower", gray)})),
    "the middle": ("gimp-crop", part(50, 55)),
    "left and top swapped": ("gimp-crop", part(30, 20)),
    "another layer": ("gimp-delete-layer", poster(1, 2)),
    "only the background": ("gimp-delete-layer", poster(2)),
    "two of three": (
        "gimp-thumbnails",
        thumbnails({name: size for name, size in THUMBNAILS.items() if name != "tower"}),
    ),
    "all of one size": ("gimp-thumbnails", thumbnails(dict.fromkeys(THUMBNAILS, (60, 60)))),
    "one instance by mistake": ("vlc-no-history", vlcrc({"one-instance": "1", "qt-recentplay": "0"})),
    "it still continues": ("vlc-no-history", vlcrc({"qt-recentplay": "0"})),
    "always continues": ("vlc-no-history", vlcrc({"qt-recentplay": "0", "qt-continue": "2"})),
    "nothing set": ("vlc-one-instance", vlcrc({})),
    "more than asked": ("vlc-one-instance", vlcrc({"one-instance": "1", "fullscreen": "1"})),
    "not numbered": (
        "vlc-snapshots",
        vlcrc({name: value for name, value in SNAPSHOTS.items() if name != "snapshot-sequential"}),
    ),
    "another prefix": ("vlc-snapshots", vlcrc({**SNAPSHOTS, "snapshot-prefix": "frame"})),
    "another order": ("vlc-playlist", playlist(TRACKS[1], TRACKS[0], TRACKS[2])),
    "the rehearsal too": ("vlc-playlist", playlist(*TRACKS, "Music/rehearsal.wav")),
    "from another folder": ("vlc-playlist", playlist("morning.wav", *TRACKS[1:])),
    "added first": ("vlc-playlist-again", playlist(TRACKS[2], *TRACKS[:2])),
    "added twice": ("vlc-playlist-again", playlist(*TRACKS, TRACKS[2])),
    "the languages swapped": (
        "vlc-lecture-room",
        vlcrc({**LECTURE_ROOM, "audio-language": "deu", "sub-language": "eng"}),
    ),
    "one setting less": (
        "vlc-lecture-room",
        vlcrc({name: value for name, value in LECTURE_ROOM.items() if name != "fullscreen"}),
    ),
}
