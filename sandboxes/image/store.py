"""Built images on disk: `ROOT/NAME-KEY12/{rootfs/, rootfs.tar, image.json}`.

A folder of that name is always whole: a build fills a folder with a leading dot and renames it as its last
step, and a removal renames it away as its first.
"""

from __future__ import annotations

import contextlib
import datetime
import shutil
import tempfile
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sandboxes.errors import ImageNotFound
from sandboxes.image.recipe import Recipe, load_recipe

_KEY_LENGTH = 12


class ImageRecord(BaseModel):
    """`image.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    key: str
    size_bytes: int
    built_at: datetime.datetime


class Image(BaseModel):
    """A built image.

    `rootfs` is the root filesystem unpacked, without device nodes, owned by whoever built it; `tar` is the
    same with its owners, uncompressed. `size_bytes` is the size of the tar.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    key: str
    rootfs: Path
    tar: Path
    size_bytes: int
    built_at: datetime.datetime


class ImageStore:
    """The images under one folder, built from the recipes of another (deskswarm's own by default)."""

    def __init__(self, root: Path, recipes: Traversable | None = None) -> None:
        self.root = root
        self._recipes = recipes

    def recipe(self, name: str) -> Recipe:
        """The current recipe of an image. Raises ImageNotFound, ImageBuildError."""
        return load_recipe(name, self._recipes)

    def find(self, name: str) -> Image:
        """The image built from the current recipe. Raises ImageNotFound if there is none (yet)."""
        image = self.built(self.recipe(name))
        if image is not None:
            return image
        state = "was built from an older recipe" if self._of_name(name) else "has not been built"
        raise ImageNotFound(f"image {name!r} {state}: run `deskswarm image build {name}`")

    def built(self, recipe: Recipe) -> Image | None:
        """The image built from exactly this recipe, if there is one."""
        image = self._read(self._folder(recipe))
        return image if image and image.key == recipe.key else None

    def is_stale(self, image: Image) -> bool:
        """Whether the recipe changed, or went, since the image was built."""
        try:
            return self.recipe(image.name).key != image.key
        except ImageNotFound:
            return True

    def ls(self) -> list[Image]:
        """Every built image, stale ones too, by name and then age."""
        folders = self.root.iterdir() if self.root.is_dir() else iter(())
        images = (self._read(folder) for folder in folders if not folder.name.startswith("."))
        return sorted((image for image in images if image), key=lambda image: (image.name, image.built_at))

    def rm(self, name_or_key: str) -> list[Image]:
        """Remove every image of a name, or the one a key (at least its first 12 digits) names.

        Returns what was removed. Raises ImageNotFound if that is nothing. No desktop may be using it.
        """
        images = [image for image in self.ls() if _names(name_or_key, image)]
        if not images:
            raise ImageNotFound(f"no built image has the name or key {name_or_key!r}")
        for image in images:
            with self.scratch("removed") as trash:
                image.rootfs.parent.rename(trash / "image")
        return images

    @contextlib.contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A folder in the store that no reader takes for an image; gone on leaving."""
        self.root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=self.root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def sweep(self, name: str) -> None:
        """Remove the scratch folders that killed processes left. Only for who holds the name's lock.

        What an orphan of such a process is still writing to goes with the next sweep.
        """
        for folder in self.root.glob(f".{name}-*/"):
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, recipe: Recipe, built: Path) -> Image:
        """Take in a folder with `rootfs/` and `rootfs.tar`, on the store's own disk."""
        record = ImageRecord(
            name=recipe.name,
            key=recipe.key,
            size_bytes=(built / "rootfs.tar").stat().st_size,
            built_at=datetime.datetime.now(datetime.UTC),
        )
        (built / "image.json").write_text(record.model_dump_json())
        folder = self._folder(recipe)
        built.rename(folder)
        return self._image(folder, record)

    def _folder(self, recipe: Recipe) -> Path:
        return self.root / f"{recipe.name}-{recipe.key[:_KEY_LENGTH]}"

    def _of_name(self, name: str) -> list[Image]:
        return [image for image in self.ls() if image.name == name]

    def _read(self, folder: Path) -> Image | None:
        try:
            record = ImageRecord.model_validate_json((folder / "image.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None
        return self._image(folder, record)

    @staticmethod
    def _image(folder: Path, record: ImageRecord) -> Image:
        return Image(**record.model_dump(), rootfs=folder / "rootfs", tar=folder / "rootfs.tar")


def _names(name_or_key: str, image: Image) -> bool:
    by_key = len(name_or_key) >= _KEY_LENGTH and image.key.startswith(name_or_key)
    return by_key or image.name == name_or_key
