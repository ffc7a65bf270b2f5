"""The programs of a simulated desktop."""

from __future__ import annotations

from typing import NamedTuple

from sandboxes.simulation.files import Files, NoSuchFile


class Run(NamedTuple):
    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    takes_s: float = 0.0


def run(argv: tuple[str, ...], stdin: bytes, files: Files) -> Run:
    """Run `echo`, `true`, `false`, `cat` or `sleep`. Raises LookupError for anything else."""
    name, arguments = argv[0].rpartition("/")[2], argv[1:]
    match name:
        case "true":
            return Run(0)
        case "false":
            return Run(1)
        case "echo":
            return Run(0, (" ".join(arguments) + "\n").encode())
        case "cat":
            return _cat(arguments, stdin, files)
        case "sleep":
            return _sleep(arguments)
    raise LookupError(f"{argv[0]}: no such program on a simulated desktop")


def _sleep(arguments: tuple[str, ...]) -> Run:
    try:
        return Run(0, takes_s=sum(map(float, arguments)))
    except ValueError:
        return Run(1, stderr=b"sleep: invalid time interval\n")


def _cat(paths: tuple[str, ...], stdin: bytes, files: Files) -> Run:
    try:
        return Run(0, b"".join(files.read(path) for path in paths) if paths else stdin)
    except NoSuchFile as error:
        return Run(1, stderr=f"cat: {error}\n".encode())
