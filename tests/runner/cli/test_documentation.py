"""docs/command-line.md names every command and every option."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from runner.cli.app import app

PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"


def commands() -> dict[str, set[str]]:
    """Every command with the long options it takes."""
    found: dict[str, set[str]] = {}

    def walk(command: object, path: tuple[str, ...]) -> None:
        subcommands = getattr(command, "commands", {})
        for name, each in subcommands.items():
            walk(each, (*path, name))
        if not subcommands:
            options = [name for parameter in command.params for name in parameter.opts]  # type: ignore[attr-defined]
            found[" ".join(path)] = {name for name in options if name.startswith("--")}

    walk(typer.main.get_command(app), ("deskswarm",))
    return found


def sections() -> dict[str, str]:
    """The page's sections about commands, by heading."""
    parts = PAGE.read_text().split("\n## ")
    return {part.partition("\n")[0]: part for part in parts if part.startswith("deskswarm")}


def section_of(command: str) -> str:
    found = [text for heading, text in sections().items() if f"{heading} ".startswith(f"{command} ")]
    assert len(found) == 1, f"docs/command-line.md has {len(found)} sections on `{command}`"
    return found[0]


@pytest.mark.parametrize("command", commands())
def test_every_command_and_option_is_documented_with_an_example(command: str) -> None:
    text = section_of(command)
    assert f"$ {command}" in text
    for option in commands()[command] - {"--help"}:
        assert f"`{option}" in text


def test_nothing_is_documented_that_is_not_there() -> None:
    known = commands()
    for heading, text in sections().items():
        command = max((name for name in known if f"{heading} ".startswith(f"{name} ")), key=len)
        named = {word.strip("`:") for word in text.split() if word.startswith("`--")}
        assert named <= known[command]


def test_help_answers_at_once() -> None:
    """Counted in processor time, which a busy machine does not stretch."""
    command = Path(sys.executable).with_name("deskswarm")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([command, "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.3
