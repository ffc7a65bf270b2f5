"""`deskswarm image`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from runner.cli.output import clock, print_table, size
from runner.cli.signals import run_interruptibly
from sandboxes.home import find_home, images_folder
from sandboxes.image.build import BuildProgress, OnProgress, build_image
from sandboxes.image.recipe import recipe_names
from sandboxes.image.store import Image, ImageStore


def build(name: str) -> None:
    store = _store()
    with _progress() as on_progress:
        image = run_interruptibly(lambda: build_image(name, store, on_progress))
    print(f"{image.name} {image.key[:12]} ({size(image.size_bytes)})")


def list_images() -> None:
    store = _store()
    images = store.ls()
    rows = [_row(image, "outdated" if store.is_stale(image) else "built") for image in images]
    missing = sorted(set(recipe_names()) - {image.name for image in images})
    rows += [(name, "-", "not built", "-", "-") for name in missing]
    print_table(("IMAGE", "KEY", "STATE", "SIZE", "BUILT"), rows)


def remove(name: str) -> None:
    for image in _store().rm(name):
        print(f"{image.name} {image.key[:12]}")


def _store() -> ImageStore:
    return ImageStore(images_folder(find_home()))


def _row(image: Image, state: str) -> tuple[str, ...]:
    return image.name, image.key[:12], state, size(image.size_bytes), clock(image.built_at.timestamp())


@contextmanager
def _progress() -> Iterator[OnProgress]:
    """A bar where standard error is a terminal, a line for each stage where it is not."""
    if sys.stderr.isatty():
        with _bar() as on_progress:
            yield on_progress
    else:
        yield lambda progress: print(f"{progress.fraction:4.0%} {progress.stage}", file=sys.stderr)


@contextmanager
def _bar() -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("starting", total=1.0)

        def show(state: BuildProgress) -> None:
            progress.update(bar, description=state.stage, completed=state.fraction)

        yield show
