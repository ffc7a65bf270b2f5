"""A user's own function, named in a swarm file as `module:function`."""

from __future__ import annotations

import importlib
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from runner.errors import suggest
from sandboxes.errors import InputError

Function = Annotated[str, Field(max_length=1024, pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


def load_function(name: str, folder: Path) -> Callable[..., Any]:
    """The function of that name: from a module beside the swarm file, or else from one that is installed.

    A module beside the swarm file is run anew, so that two swarms may each have a `planner.py`. Raises
    InputError where there is none, or the module's own code fails.
    """
    module, _, attribute = name.partition(":")
    defined = _defined_by(module, folder)
    function = defined.get(attribute)
    if not callable(function):
        known = [each for each, value in defined.items() if callable(value) and not each.startswith("_")]
        raise InputError(f"'{name}' — {module} has no function {attribute!r}{suggest(attribute, known)}")
    return function  # type: ignore[no-any-return]


def module_file(name: str, folder: Path) -> Path:
    """Where the function's module is, if it lies beside the swarm file."""
    return folder.joinpath(*name.partition(":")[0].split(".")).with_suffix(".py")


def _defined_by(module: str, folder: Path) -> dict[str, Any]:
    path = module_file(module, folder)
    try:
        with importing_from(folder):
            return runpy.run_path(str(path)) if path.is_file() else vars(importlib.import_module(module))
    except ModuleNotFoundError as error:
        if error.name is not None and not f"{module}.".startswith(f"{error.name}."):
            raise InputError(f"'{module}' — {error}") from error
        raise InputError(f"'{module}' — no {path.name} beside the swarm file, and no such module") from None
    except (Exception, SystemExit) as error:  # the user's own code
        raise InputError(f"'{module}' — {describe(error)}") from error


@contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """As when Python runs a file: what lies beside it can be imported."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def describe(error: BaseException) -> str:
    """An error of a user's own code, in a line or a few."""
    return "".join(traceback.format_exception_only(error)).strip()[:1000]
