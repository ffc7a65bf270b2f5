"""What VLC's tasks left behind, where no check of a swarm file's own kinds will do."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

LOCATION = "{http://xspf.org/ns/0/}location"
UNCHANGED = {  # by the image, or written by VLC itself once their page was looked at
    "extraintf": "http",
    "http-password": "password",
    "qt-privacy-ask": "0",
    "qt-updates-notif": "0",
    "qt-notification": "0",
    "aout": "any",
    "vout": "any",
    "freetype-font": "DejaVu Sans",
    "sout-x264-preset": "ultrafast",
    "sout-x264-tune": "film",
}

Files = dict[str, bytes | None]
Ruling = tuple[bool, str]


def one_instance(files: Files) -> Ruling:
    return _set(files, {"one-instance": "1"})


def no_history(files: Files) -> Ruling:
    return _set(files, {"qt-recentplay": "0", "qt-continue": "0"})


def snapshots(files: Files) -> Ruling:
    return _set(
        files,
        {
            "snapshot-path": "/home/user/Pictures",
            "snapshot-prefix": "frame-",
            "snapshot-sequential": "1",
        },
    )


def lecture_room(files: Files) -> Ruling:
    return _set(
        files,
        {
            "one-instance": "1",
            "play-and-pause": "1",
            "qt-recentplay": "0",
            "fullscreen": "1",
            "snapshot-path": "/home/user/Pictures",
            "video-title-show": "0",
            "sub-language": "deu",
            "input-record-path": "/home/user/Videos",
            "audio-language": "eng",
        },
    )


def day(files: Files) -> Ruling:
    return _plays(files, ["morning.wav", "noon.wav", "evening.wav"])


def _set(files: Files, expected: dict[str, str]) -> Ruling:
    """Whether exactly these settings are others than VLC's own, but for UNCHANGED."""
    [data] = files.values()
    if data is None:
        return False, "no settings were saved"
    lines = [line for line in data.decode().splitlines() if "=" in line and not line.startswith("#")]
    settings = dict(line.removesuffix("/").split("=", 1) for line in lines)
    changed = {name: value for name, value in settings.items() if UNCHANGED.get(name) != value}
    return changed == expected, f"expected {expected}, found {changed}"


def _plays(files: Files, names: list[str]) -> Ruling:
    """Whether a playlist holds exactly these files of ~/Music, in this order."""
    [data] = files.values()
    if data is None:
        return False, "no playlist was saved"
    found = [unquote(urlsplit(one.text or "").path) for one in ElementTree.fromstring(data).iter(LOCATION)]
    return found == [f"/home/user/Music/{name}" for name in names], f"it plays {found}"
