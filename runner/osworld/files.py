"""The desktop's files, and its wallpaper. Every path is one of the desktop, looked up inside it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

from pydantic import Field

from runner.osworld.endpoint import Answer, Args, Endpoint, Refused, as_json, as_text, endpoint
from sandboxes.desktop import Desktop
from sandboxes.errors import FileError
from sandboxes.guest.protocol import FileEntry

MAX_FILE_BYTES = 128 << 20
TRANSFER_TIMEOUT_S = 600.0
MAX_DEPTH = 32
MAX_ENTRIES = 20_000
_BACKGROUND = ("org.gnome.desktop.background", "picture-uri")
_EXPAND = "import os, sys; print(os.path.expanduser(os.path.expandvars(sys.argv[1])), end='')"


class Path(Args):
    path: str = Field(min_length=1, max_length=4096)


class FilePath(Args):
    file_path: str = Field(min_length=1, max_length=4096)


class Upload(FilePath):
    file_data: bytes


class Download(Path):
    url: str = Field(min_length=1, max_length=4096, pattern="^https?://")


class FilesAndFolders:
    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop

    def endpoints(self) -> list[Endpoint]:
        return [
            endpoint("POST", "/file", FilePath, self.file),
            endpoint("POST", "/setup/upload", Upload, self.upload),
            endpoint("POST", "/setup/download_file", Download, self.download),
            endpoint("POST", "/list_directory", Path, self.list_directory),
            endpoint("POST", "/desktop_path", Args, self.desktop_path),
            endpoint("POST", "/wallpaper", Args, self.wallpaper),
            endpoint("POST", "/setup/change_wallpaper", Path, self.change_wallpaper),
        ]

    async def file(self, args: FilePath) -> Answer:
        return await self._send(await expand(self._desktop, args.file_path))

    async def upload(self, args: Upload) -> Answer:
        path = await expand(self._desktop, args.file_path)
        await self._desktop.files.write(path, args.file_data, timeout=TRANSFER_TIMEOUT_S)
        return as_text(f"File Uploaded: {len(args.file_data)} bytes")

    async def download(self, args: Download) -> Answer:
        """By the desktop itself: it reaches what its network lets it reach."""
        path = await expand(self._desktop, args.path)
        command = ["curl", "--fail", "--silent", "--show-error", "--location", "--create-dirs"]
        limits = ["--proto", "=http,https", "--max-filesize", str(MAX_FILE_BYTES), "--output", path]
        done = await self._desktop.exec([*command, *limits, "--", args.url], timeout=TRANSFER_TIMEOUT_S)
        if done.exit_code != 0:
            raise Refused(500, f"url: not downloaded: {done.stderr.decode(errors='replace').strip()}")
        return as_text("File downloaded successfully")

    async def list_directory(self, args: Path) -> Answer:
        path = await expand(self._desktop, args.path)
        entries = await self._look_up(path, 400)
        if [(entry.name, entry.kind) for entry in entries] == [(posixpath.basename(path), "file")]:
            raise Refused(400, f"path: {path} is no folder")
        return as_json({"directory_tree": await self._tree(path, entries, _Room())})

    async def desktop_path(self, _: Args) -> Answer:
        found = await self._desktop.exec(["realpath", "--canonicalize-existing", "~/Desktop"])
        if found.exit_code != 0:
            raise Refused(404, "there is no folder ~/Desktop")
        return as_json({"desktop_path": found.stdout.decode(errors="replace").removesuffix("\n")})

    async def wallpaper(self, _: Args) -> Answer:
        """The image last set by `change_wallpaper`, or by a program as GNOME's setting."""
        told = await self._desktop.exec(["gsettings", "get", *_BACKGROUND])
        address = urlsplit(told.stdout.decode(errors="replace").strip().strip("'"))
        if address.scheme != "file":
            raise Refused(404, "no wallpaper is set")
        return await self._send(unquote(address.path))

    async def change_wallpaper(self, args: Path) -> Answer:
        """On the screen, and in GNOME's setting, which is where OSWorld looks it up."""
        path = await expand(self._desktop, args.path)
        await self._look_up(path, 404)
        for command in (
            ["hsetroot", "-cover", path],
            ["gsettings", "set", *_BACKGROUND, f"file://{quote(path)}"],
        ):
            done = await self._desktop.exec(command)
            if done.exit_code != 0:
                raise Refused(500, f"path: {done.stderr.decode(errors='replace').strip()}")
        return as_text("Wallpaper changed successfully")

    async def _send(self, path: str) -> Answer:
        await self._look_up(path, 404)
        data = await self._desktop.files.read(path, max_bytes=MAX_FILE_BYTES, timeout=TRANSFER_TIMEOUT_S)
        name = quote(posixpath.basename(path), safe="")
        disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Answer(200, data, "application/octet-stream", disposition)

    async def _look_up(self, path: str, status: int) -> tuple[FileEntry, ...]:
        """Raises Refused with the status where there is nothing, or nothing to be seen."""
        try:
            return await self._desktop.files.list(path)
        except FileError as error:
            raise Refused(status, str(error)) from None

    async def _tree(self, path: str, entries: tuple[FileEntry, ...], room: _Room) -> Mapping[str, object]:
        """Folders come back as often as links lead to them, so both depth and number are limited."""
        children: list[Mapping[str, object]] = []
        for entry in entries:
            room.take()
            if entry.kind != "folder":
                children.append({"type": "file", "name": entry.name})
            elif room.depth < MAX_DEPTH:
                inside = posixpath.join(path, entry.name)
                room.depth += 1
                children.append(await self._tree(inside, await self._inside(inside), room))
                room.depth -= 1
        return {"type": "directory", "name": posixpath.basename(path.rstrip("/")), "children": children}

    async def _inside(self, path: str) -> tuple[FileEntry, ...]:
        """Empty for a folder that may not be read, or is gone by now."""
        try:
            return await self._desktop.files.list(path)
        except FileError:
            return ()


class _Room:
    """How much a tree may still grow, and how deep it is."""

    def __init__(self) -> None:
        self.left = MAX_ENTRIES
        self.depth = 0

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Refused(400, f"path: there are more than {MAX_ENTRIES} files below it")


async def expand(desktop: Desktop, path: str) -> str:
    """A path with `~` and variables, as the desktop's own Python expands them."""
    if not path.startswith("~") and "$" not in path:
        return path
    done = await desktop.exec(["python3", "-c", _EXPAND, path], timeout=30)
    expanded = done.stdout.decode(errors="replace")
    if done.exit_code != 0 or not expanded:
        raise Refused(500, f"path: {path!r} cannot be expanded")
    return expanded
