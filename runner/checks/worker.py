"""The part of judging that runs in a process of its own: it reads untrusted files, and may be killed.

`python -m runner.checks.worker` takes the parts of a `Case`, pickled, on its standard input, and answers
with a CheckResult as JSON on its standard output. Each case has a process to itself: nothing of one lives on.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys
from pathlib import Path
from typing import NamedTuple

from runner.checks import python, spec
from runner.checks.result import CheckResult, NotReadable, failed
from runner.checks.text import decode, judge_json, judge_text

MEMORY_BYTES = 2 << 30


class Case(NamedTuple):
    """A check, the files it names, and what it needs of the swarm's folder, where it needs anything."""

    check: spec.Check
    files: python.Files
    local: Path | None


def main() -> None:
    """What a user's function prints goes to standard error; the answer alone to standard output."""
    case = Case(*pickle.load(sys.stdin.buffer))
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        answer.write(rule(case).model_dump_json())


def rule(case: Case) -> CheckResult:
    """Rule on the files a check names.

    No file makes this raise: parsers fed with nonsense raise whatever they like, and all of it means the
    same, that the file is not what it should be.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        return _rule(*case)
    except NotReadable as error:
        return failed(_named(case.check, str(error)))
    except MemoryError:
        return failed(_named(case.check, f"takes more than {MEMORY_BYTES >> 20} MiB of memory to read"))
    except Exception as error:  # noqa: BLE001 (see above)
        return failed(_named(case.check, f"cannot be read: {type(error).__name__}: {error}"))


def _named(check: spec.Check, message: str) -> str:
    path = getattr(check, "path", None)
    return f"{path}: {message}" if path else message


def _rule(check: spec.Check, files: python.Files, local: Path | None) -> CheckResult:
    if isinstance(check, spec.Python) and local is not None:
        return python.judge(check, files, local)
    data = next(iter(files.values())) or b""
    match check:
        case spec.TextCheck() | spec.Command():
            return judge_text(check, decode(data))
        case spec.JsonCheck():
            return judge_json(check, data)
        case spec.Cells():
            from runner.checks import spreadsheet  # each reader only where it is needed: they start slowly

            return spreadsheet.judge(check, data)
        case spec.Document():
            from runner.checks import document

            return judge_text(check, document.document_text(data))
        case spec.Pdf():
            from runner.checks import pdf

            return pdf.judge(check, data)
        case spec.PydanticCheck() if local is not None:
            from runner.checks import model

            return model.judge(check, data, local)
        case spec.Image() if local is not None:
            from runner.checks import image

            return image.judge(check, data, local)
    raise NotReadable(f"a {check.check} check reads no file")


if __name__ == "__main__":
    main()
