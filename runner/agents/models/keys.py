"""Keys from the environment, and the providers' packages: never written anywhere, never guessed."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from sandboxes.errors import InputError


def read_key(kind: str, variable: str) -> str:
    """Raises InputError that names the variable."""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise InputError(
            f"an agent of kind {kind} needs its key: set {variable} in the environment, or `key_env`"
        )
    if not (key.isascii() and key.isprintable()):
        raise InputError(f"{variable} holds characters that no key has; set it again")
    return key


def load_package(kind: str, name: str) -> ModuleType:
    """Raises InputError that says how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise InputError(
            f"an agent of kind {kind} needs the Python package {name}: pip install 'deskswarm[models]'"
        ) from None


def scrubbed(text: str, key: str | None) -> str:
    """The text without the key, which providers may quote."""
    return text.replace(key, "[key]") if key else text
