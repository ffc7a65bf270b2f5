"""Recipes: what an image is made of, read from `images/NAME/` and resolved through `extends`.

A recipe's folder holds `recipe.toml`, `packages.txt`, `files/` (laid over the root), and optionally
`dpkg.cfg`, `hook.sh` and the requirement lists that `recipe.toml` names.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import platform
import tomllib
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sandboxes.errors import ImageBuildError, ImageNotFound

BUILDER_VERSION = 1
"""Part of every key: raise it when the builder itself makes a different image from the same recipe."""

PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64")


class ImageFile(_Model):
    """A file laid over the image's root, as root's. `path` is relative to the root."""

    path: str
    data: bytes

    @property
    def mode(self) -> int:
        """A script is executable. Not the mode on the host's disk: packaging may lose that."""
        return 0o755 if self.data.startswith(b"#!") else 0o644


class PythonPackages(_Model):
    """Pinned packages, without their dependencies, for one folder of the image."""

    requirements: str
    target: AbsolutePath
    compiled: bool = False


class Recipe(_Model):
    """Everything that decides what an image holds. Its parts include those of the recipe it extends."""

    name: str
    description: str
    suite: str
    architecture: str
    packages: tuple[PackageName, ...]
    dpkg_config: str
    files: tuple[ImageFile, ...]
    python: tuple[PythonPackages, ...]
    hooks: tuple[str, ...]

    @property
    def key(self) -> str:
        """The hex SHA-256 of the recipe and of the builder's version."""
        content = f"{BUILDER_VERSION}\n{self.model_dump_json(exclude={'description'})}"
        return hashlib.sha256(content.encode()).hexdigest()


class _RecipeFile(_Model):
    """`recipe.toml`."""

    description: str
    extends: str | None = None
    suite: str | None = None
    python: tuple[PythonPackages, ...] = Field(default=())


def default_recipes() -> Traversable:
    """The folder of the recipes that come with deskswarm."""
    return importlib.resources.files("images")


def recipe_names(recipes: Traversable | None = None) -> list[str]:
    """The names of all recipes, sorted."""
    folders = (recipes or default_recipes()).iterdir()
    return sorted(folder.name for folder in folders if folder.joinpath("recipe.toml").is_file())


def load_recipe(name: str, recipes: Traversable | None = None) -> Recipe:
    """Read a recipe and what it extends.

    Raises ImageNotFound if there is none of that name, ImageBuildError if it is malformed.
    """
    recipes = recipes or default_recipes()
    known = recipe_names(recipes)
    if name not in known:
        raise ImageNotFound(f"no image is called {name!r}; there is {', '.join(known)}")
    try:
        return _load(name, recipes, extended_by=())
    except (ValidationError, tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise ImageBuildError(f"the recipe of image {name!r} is malformed: {error}") from error


def _load(name: str, recipes: Traversable, extended_by: tuple[str, ...]) -> Recipe:
    if name in extended_by:
        raise ImageBuildError(f"image recipes extend each other: {' -> '.join((*extended_by, name))}")
    folder = recipes.joinpath(name)
    own = _RecipeFile.model_validate(tomllib.loads(folder.joinpath("recipe.toml").read_text()))
    base = _load(own.extends, recipes, (*extended_by, name)) if own.extends else None
    suite = own.suite or (base.suite if base else None)
    if suite is None:
        raise ImageBuildError(f"the recipe of image {name!r} names no suite")
    files = {file.path: file for file in base.files} if base else {}
    files |= {file.path: file for file in _files(folder.joinpath("files"), "")}
    return Recipe(
        name=name,
        description=own.description,
        suite=suite,
        architecture=platform.machine(),
        packages=tuple(sorted({*(base.packages if base else ()), *_packages(folder)})),
        dpkg_config=(base.dpkg_config if base else "") + _optional_text(folder, "dpkg.cfg"),
        files=tuple(files[path] for path in sorted(files)),
        python=(base.python if base else ()) + tuple(_with_requirements(folder, item) for item in own.python),
        hooks=(base.hooks if base else ()) + tuple(filter(None, [_optional_text(folder, "hook.sh")])),
    )


def _packages(folder: Traversable) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in _optional_text(folder, "packages.txt").splitlines())
    return [line for line in lines if line]


def _with_requirements(folder: Traversable, item: PythonPackages) -> PythonPackages:
    """`recipe.toml` names the list; the recipe holds its text."""
    return item.model_copy(update={"requirements": folder.joinpath(item.requirements).read_text()})


def _files(folder: Traversable, prefix: str) -> Iterator[ImageFile]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _files(entry, f"{path}/")
        else:
            yield ImageFile(path=path, data=entry.read_bytes())


def _optional_text(folder: Traversable, name: str) -> str:
    file = folder.joinpath(name)
    return file.read_text() if file.is_file() else ""
