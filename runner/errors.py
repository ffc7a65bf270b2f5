"""What is wrong with a swarm: each problem with the place it is at."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from sandboxes.errors import InputError

Loc = tuple[str | int, ...]

MAX_PROBLEMS = 100  # shown of one swarm; finding more would only cost time


@dataclass(frozen=True)
class SpecProblem:
    """One thing wrong. `loc` leads to the field, as `("tasks", 2, "inputs", "note", "artifact")`.

    `line` and `column` count from 1, and are None where the swarm did not come from a YAML file.
    """

    loc: Loc
    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ": ".join(filter(None, (format_loc(self.loc), self.message)))


class SpecError(InputError):
    """A swarm is wrong. `problems` holds everything found; the message has a line for each."""

    def __init__(self, problems: Iterable[SpecProblem], source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join(self._line(problem) for problem in self.problems))

    def _line(self, problem: SpecProblem) -> str:
        place = [self.source, problem.line, problem.column] if self.source else []
        prefix = ":".join(str(part) for part in place if part is not None)
        return f"{prefix}: {problem}" if prefix else str(problem)


def format_loc(loc: Loc) -> str:
    """`tasks[2].inputs.note.artifact`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".")


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: `; did you mean 'click'?` or `; known: a, b`."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names[:1000], n=1) if len(word) <= 100 else []
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(names[:20])}" if names else ""
