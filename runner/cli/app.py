"""The `deskswarm` command."""

from __future__ import annotations

import sys

from runner.cli import exit_codes
from runner.cli.root import app

# In the order of `deskswarm --help`.
# isort: off
from runner.cli.commands import running, records, exports, machine, snapshots, people, benchmarks
# isort: on

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (running, records, exports, machine, snapshots, people, benchmarks)
"""The modules that put their commands into `app`."""


def main() -> None:
    """Run the command this process was started with, and exit with its code."""
    try:
        app()
    except Exception as error:
        code = exit_codes.code_of_error(error)
        if code is None:
            raise
        print(f"deskswarm: {error}", file=sys.stderr)
        sys.exit(code)
