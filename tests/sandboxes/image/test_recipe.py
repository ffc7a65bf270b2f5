"""Recipes: what they resolve to, and that nothing which shapes an image escapes its key."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxes.errors import ImageBuildError, ImageNotFound
from sandboxes.image import load_recipe, recipe, recipe_names

BASE = """
description = "base"
suite = "bookworm"
[[python]]
requirements = "wheels.txt"
target = "/opt/lib"
compiled = true
"""


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    base = tmp_path / "base"
    (base / "files/etc").mkdir(parents=True)
    (base / "recipe.toml").write_text(BASE)
    (base / "packages.txt").write_text("# a comment\nxvfb\nopenbox # another\n\n")
    (base / "wheels.txt").write_text("idna==3.20\n")
    (base / "dpkg.cfg").write_text("force-unsafe-io\n")
    (base / "hook.sh").write_text("#!/bin/sh\ntrue\n")
    (base / "files/etc/hosts").write_text("127.0.0.1 localhost\n")
    (base / "files/etc/session").write_text("#!/bin/sh\n")
    derived = tmp_path / "derived"
    (derived / "files/etc").mkdir(parents=True)
    (derived / "recipe.toml").write_text('description = "derived"\nextends = "base"\n')
    (derived / "packages.txt").write_text("gimp\nxvfb\n")
    (derived / "hook.sh").write_text("#!/bin/sh\nfalse\n")
    (derived / "files/etc/hosts").write_text("127.0.0.1 other\n")
    return tmp_path


def test_deskswarm_has_its_two_images() -> None:
    assert recipe_names() == ["desktop", "slim"]


def test_desktop_holds_all_of_slim() -> None:
    slim, desktop = load_recipe("slim"), load_recipe("desktop")
    assert set(slim.packages) < set(desktop.packages)
    assert {file.path for file in slim.files} < {file.path for file in desktop.files}
    assert slim.hooks == desktop.hooks[:1]
    assert slim.python == desktop.python[:1]


def test_extending_overrides_files_and_appends_the_rest(recipes: Path) -> None:
    derived = load_recipe("derived", recipes)
    assert derived.suite == "bookworm"
    assert derived.packages == ("gimp", "openbox", "xvfb")
    assert {file.path: file.data for file in derived.files}["etc/hosts"] == b"127.0.0.1 other\n"
    assert [hook.splitlines()[-1] for hook in derived.hooks] == ["true", "false"]
    assert derived.python[0].requirements == "idna==3.20\n"


def test_only_scripts_are_executable(recipes: Path) -> None:
    modes = {file.path: file.mode for file in load_recipe("base", recipes).files}
    assert modes == {"etc/hosts": 0o644, "etc/session": 0o755}


def test_key_is_the_same_for_the_same_recipe(recipes: Path) -> None:
    assert load_recipe("base", recipes).key == load_recipe("base", recipes).key
    assert re.fullmatch("[0-9a-f]{64}", load_recipe("base", recipes).key)


def append(name: str) -> Callable[[Path], object]:
    return lambda base: (base / name).write_text((base / name).read_text() + "# changed\n")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a package": lambda base: (base / "packages.txt").write_text("xvfb\n"),
    "a file's content": append("files/etc/hosts"),
    "a file's name": lambda base: (base / "files/etc/session").rename(base / "files/etc/session2"),
    "a new file": lambda base: (base / "files/etc/new").write_bytes(b""),
    "a hook": append("hook.sh"),
    "dpkg's settings": append("dpkg.cfg"),
    "a requirement": lambda base: (base / "wheels.txt").write_text("idna==3.19\n"),
    "the suite": lambda base: (base / "recipe.toml").write_text(BASE.replace("bookworm", "trixie")),
    "where wheels go": lambda base: (base / "recipe.toml").write_text(BASE.replace("/opt", "/srv")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_key_follows_every_input_through_extends(recipes: Path, change: Callable[[Path], object]) -> None:
    before = load_recipe("base", recipes).key
    change(recipes / "base")
    assert load_recipe("base", recipes).key != before


def test_key_of_the_derived_image_follows_its_base(recipes: Path) -> None:
    before = load_recipe("derived", recipes).key
    append("hook.sh")(recipes / "base")
    assert load_recipe("derived", recipes).key != before


def test_key_follows_the_builder_and_the_machine(recipes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = load_recipe("base", recipes)
    assert base.model_copy(update={"architecture": "aarch64"}).key != base.key
    before = base.key
    monkeypatch.setattr(recipe, "BUILDER_VERSION", recipe.BUILDER_VERSION + 1)
    assert base.key != before


def test_unknown_name_is_refused_with_the_known_ones(recipes: Path) -> None:
    with pytest.raises(ImageNotFound, match="there is base, derived"):
        load_recipe("../base", recipes)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("recipe.toml", "suite = 3", "malformed"),
        ("recipe.toml", 'description = ""\nunknown = 1', "unknown"),
        ("recipe.toml", 'description = ""', "names no suite"),
        (
            "recipe.toml",
            'description = ""\nextends = "derived"',
            "base -> derived -> base",
        ),
        ("packages.txt", "xvfb --evil\n", "malformed"),
    ],
)
def test_malformed_recipe_is_refused(recipes: Path, file: str, text: str, message: str) -> None:
    (recipes / "base" / file).write_text(text)
    with pytest.raises(ImageBuildError, match=message):
        load_recipe("base", recipes)


@pytest.mark.parametrize("name", ["slim", "desktop"])
def test_every_requirement_is_pinned(name: str) -> None:
    lines = [line for item in load_recipe(name).python for line in item.requirements.splitlines()]
    pinned = [line for line in lines if not line.startswith("#")]
    assert pinned
    assert all(re.fullmatch(r"[A-Za-z0-9-]+==[0-9.]+", line) for line in pinned)


def test_home_skeleton_is_small() -> None:
    files = load_recipe("desktop").files
    skeleton = [file for file in files if file.path.startswith("usr/share/deskswarm/home/")]
    assert 0 < sum(len(file.data) for file in skeleton) < 2_000_000
