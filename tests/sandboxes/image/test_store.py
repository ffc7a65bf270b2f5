"""The image store, and what an interrupted or failed build leaves in it."""

from __future__ import annotations

import datetime
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from sandboxes.errors import DeadlineExceeded, ImageBuildError, ImageNotFound
from sandboxes.image import BuildProgress, Image, ImageStore, build_image

pytestmark = pytest.mark.anyio

BUILD = """
import sys, anyio
from pathlib import Path
from sandboxes.image import ImageStore, build_image
store = ImageStore(Path(sys.argv[1]), recipes=Path(sys.argv[2]))
anyio.run(build_image, "tiny", store, lambda progress: print(progress.stage, flush=True))
"""


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    folder = tmp_path / "recipes/tiny"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text('description = "tiny"\nsuite = "bookworm"\n')
    return tmp_path / "recipes"


@pytest.fixture
def store(tmp_path: Path, recipes: Path) -> ImageStore:
    return ImageStore(tmp_path / "images", recipes)


def put(store: ImageStore) -> Image:
    """An image of the current recipe, as a build leaves it."""
    with store.scratch("tiny") as scratch:
        built = scratch / "built"
        (built / "rootfs/etc").mkdir(parents=True)
        (built / "rootfs.tar").write_bytes(bytes(1024))
        return store.add(store.recipe("tiny"), built)


def hidden(store: ImageStore) -> list[str]:
    return [path.name for path in store.root.glob(".*/")]


def change(recipes: Path) -> None:
    (recipes / "tiny/hook.sh").write_text("#!/bin/sh\n")


def test_an_added_image_is_found(store: ImageStore) -> None:
    image = put(store)
    assert store.find("tiny") == image
    assert store.ls() == [image]
    assert image.rootfs.is_dir()
    assert image.size_bytes == image.tar.stat().st_size == 1024
    assert image.rootfs.parent.name == f"tiny-{image.key[:12]}"
    assert datetime.datetime.now(datetime.UTC) - image.built_at < datetime.timedelta(minutes=1)
    assert hidden(store) == []


def test_what_is_not_built_says_how_to_build_it(store: ImageStore) -> None:
    assert store.ls() == []
    with pytest.raises(ImageNotFound, match="has not been built: run `deskswarm image build tiny`"):
        store.find("tiny")
    with pytest.raises(ImageNotFound, match="no image is called 'huge'"):
        store.find("huge")


def test_a_changed_recipe_makes_the_image_stale(store: ImageStore, recipes: Path) -> None:
    old = put(store)
    assert not store.is_stale(old)
    change(recipes)
    assert store.is_stale(old)
    with pytest.raises(ImageNotFound, match="older recipe: run `deskswarm image build tiny`"):
        store.find("tiny")
    new = put(store)
    assert store.find("tiny") == new
    assert store.ls() == [old, new]


def test_an_image_is_removed_by_key_or_by_name(store: ImageStore, recipes: Path) -> None:
    old = put(store)
    change(recipes)
    new = put(store)
    assert store.rm(old.key[:12]) == [old]
    assert store.ls() == [new]
    assert store.rm("tiny") == [new]
    assert not store.ls()
    assert not hidden(store)
    with pytest.raises(ImageNotFound, match="'tiny'"):
        store.rm("tiny")


def test_a_folder_without_a_valid_record_is_no_image(store: ImageStore) -> None:
    image = put(store)
    record = image.rootfs.parent / "image.json"
    record.write_text(record.read_text()[:-10])
    assert store.ls() == []
    with pytest.raises(ImageNotFound):
        store.find("tiny")


async def test_what_is_built_is_not_built_again(store: ImageStore) -> None:
    image = put(store)
    progress: list[BuildProgress] = []
    assert await build_image("tiny", store, progress.append) == image
    assert progress == []


async def test_a_second_builder_waits_for_the_first(store: ImageStore) -> None:
    store.root.mkdir()
    with (store.root / ".tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DeadlineExceeded, match="'tiny' was not built within"):
            await build_image("tiny", store, print, timeout=0.5)


async def test_a_failed_build_shows_its_log_and_leaves_nothing(store: ImageStore, recipes: Path) -> None:
    (store.root / ".tiny-of-a-killed-build").mkdir(parents=True)
    (recipes / "tiny/recipe.toml").write_text('description = ""\nsuite = "no-such-suite"\n')
    stages: list[float] = []
    with pytest.raises(ImageBuildError, match=r"no-such-suite.* does not have a Release file"):
        await build_image("tiny", store, lambda progress: stages.append(progress.fraction))
    assert stages == sorted(stages)
    assert len(stages) >= 2
    assert not store.ls()
    assert not hidden(store)


async def test_a_cancelled_build_leaves_nothing(store: ImageStore) -> None:
    with anyio.CancelScope() as scope:
        await build_image(
            "tiny", store, lambda progress: scope.cancel() if progress.fraction > 0.05 else None
        )
    assert scope.cancelled_caught
    assert not store.ls()
    assert not hidden(store)


def test_a_killed_build_is_never_taken_for_an_image(store: ImageStore, recipes: Path) -> None:
    command = [sys.executable, "-c", BUILD, str(store.root), str(recipes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as builder:
        assert builder.stdout is not None
        assert "reading package lists\n" in iter(builder.stdout.readline, "")
        builder.kill()
    assert store.ls() == []
    with pytest.raises(ImageNotFound, match="has not been built"):
        store.find("tiny")
    assert hidden(store)
    store.sweep("tiny")
    assert hidden(store) == []


async def test_a_missing_tool_names_its_package(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ImageBuildError, match="run `apt-get install mmdebstrap"):
        await build_image("tiny", store, print)
