"""The `deskswarm` command (docs/command-line.md)."""

from runner.cli.app import main

__all__ = ["main"]
