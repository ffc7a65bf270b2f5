"""The pages of MiniWoB++, from its package on PyPI.

The package's Python, which drives a browser by Selenium, is left alone, and so is what it depends on.
"""

from __future__ import annotations

import ast
import hashlib
import io
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from runner.installing import make_once, run_installer
from sandboxes.errors import InfraError

REQUIREMENT = "miniwob==1.1.0"
EPISODE = Path(__file__).with_name("episode.js")
PAGES = "pages.tar.gz"
UNPACK = f'tar -xzf "$HOME/{PAGES}" -C "$HOME" --no-same-owner'
TOP = "miniwob"
EPISODE_S = 3600  # the package's own limits, 5 to 30 seconds, are made for programs inside the browser
_LAYOUT = "1"  # of the archive; another makes it anew
_PARTS = ("core", "common", "miniwob")
_SCRIPT = b'\n<script src="../episode.js"></script>\n'


class Episode(NamedTuple):
    """One way a task can come up: its seed makes up what is asked for."""

    task: str
    seed: int

    def __str__(self) -> str:
        return f"{self.task}.{self.seed}"

    @property
    def page(self) -> str:
        """Where it is once the archive is unpacked, and how the page is told."""
        return f"{TOP}/miniwob/{self.task}.html?seed={self.seed}&seconds={EPISODE_S}"


@dataclass(frozen=True, slots=True)
class Package:
    """The package in deskswarm's home."""

    folder: Path

    @property
    def pages(self) -> Path:
        """An archive of everything a desktop needs: `miniwob/miniwob/TASK.html` and what that loads."""
        return self.folder / PAGES

    def tasks(self) -> tuple[str, ...]:
        """Those the package registers as environments and whose page can be opened from a file.

        A few pages are not among its environments; those of its flight sites need a server.
        """
        source = (self.folder / "package" / "miniwob" / "envs" / "miniwob_envs.py").read_text()
        return tuple(sorted(set(_subdomains(ast.parse(source)))))


def set_up(home: Path) -> Package:
    """The package, installed if need be. Raises InfraError."""
    folder = home / "miniwob"
    wanted = hashlib.sha256(b"\0".join([REQUIREMENT.encode(), _LAYOUT.encode(), EPISODE.read_bytes()]))
    make_once(folder, wanted.hexdigest(), partial(_make, folder))
    return Package(folder)


def _make(folder: Path) -> None:
    target = folder / "package"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade")
    run_installer("MiniWoB's package", *pip, "--target", str(target), REQUIREMENT)
    html = target / "miniwob" / "html"
    if not html.is_dir():
        raise InfraError(f"MiniWoB's package has no pages: {REQUIREMENT}")
    _pack(html, folder / PAGES)
    (folder / "utterances.json").unlink(missing_ok=True)


def _pack(html: Path, archive: Path) -> None:
    """The pages, each with our script as its last."""
    with tarfile.open(archive, "w:gz") as tar:
        _add(tar, f"{TOP}/episode.js", EPISODE.read_bytes())
        for path in sorted(path for part in _PARTS for path in (html / part).rglob("*") if path.is_file()):
            content = path.read_bytes()
            is_page = path.suffix == ".html" and path.parent.name == "miniwob"
            name = f"{TOP}/{path.relative_to(html).as_posix()}"
            _add(tar, name, content + _SCRIPT if is_page else content)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _subdomains(module: ast.Module) -> Iterator[str]:
    """What each environment's class says its page is: `subdomain = "click-button"`."""
    for cls in ast.walk(module):
        for line in cls.body if isinstance(cls, ast.ClassDef) else ():
            match line:
                case ast.Assign(targets=[ast.Name(id="subdomain")], value=ast.Constant(value=str(name))):
                    yield name
