"""The examples of docs/desktop-api.md run, in their order, on one desktop."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import sandboxes
from sandboxes import Desktop, DesktopSpec, Host

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[2] / "docs" / "desktop-api.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


async def run(example: str, **names: object) -> dict[str, object]:
    """Run code with `await` at its top level; what it defined."""
    code = compile(example, "docs/desktop-api.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    scope = dict(names)
    result = eval(code, scope)
    if inspect.iscoroutine(result):
        await result
    return scope


async def test_the_first_example(home: Path, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend != "bubblewrap":
        pytest.skip("the example uses the default backend")
    monkeypatch.setenv("DESKSWARM_HOME", str(home))
    main = (await run(EXAMPLES[0]))["main"]
    assert inspect.iscoroutinefunction(main)
    await main()


async def test_the_other_examples(
    host: Host,
    backend: str,
    needs_image: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needs_image("desktop")
    monkeypatch.chdir(tmp_path)
    async with await host.start(DesktopSpec(image="desktop"), backend=backend, holder="test") as desktop:
        await desktop.open(["mousepad"])
        await desktop.locator("text").wait_for()
        for example in EXAMPLES[1:]:
            scope = await run(example, desktop=desktop, host=host)
        new = scope["new"]
        assert isinstance(new, Desktop)
        await new.stop()
    assert (tmp_path / "data.csv").read_bytes() == b"a,b\n1,2\n"


def test_every_error_and_method_the_page_names_exists() -> None:
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    for name in re.findall(r"`([A-Z]\w+(?:Error|Lost|Failed|Lease|Exceeded))`", prose):
        assert name in sandboxes.__all__ or hasattr(builtins, name), name
    faces = (Desktop, sandboxes.Locator)
    for name in re.findall(r"`\.?([a-z_]+)\([^`]*\)`", prose):
        assert any(hasattr(face, name) for face in faces), name


def test_the_public_face_is_what_is_listed() -> None:
    assert sandboxes.__all__ == sorted(sandboxes.__all__)
    assert all(hasattr(sandboxes, name) for name in sandboxes.__all__)
