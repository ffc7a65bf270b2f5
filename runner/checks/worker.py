"""The part of judging that runs in a process of its own: it reads untrusted files, and may be killed."""

from __future__ import annotations

import resource
from pathlib import Path

from runner.checks import document, image, pdf, python, spec, spreadsheet
from runner.checks.result import CheckResult, NotReadable, failed
from runner.checks.text import decode, judge_json, judge_text

MEMORY_BYTES = 2 << 30


def rule(check: spec.Check, files: python.Files, local: Path | None) -> CheckResult:
    """Rule on the files a check names. `local` is the file beside the swarm file, where the check has one.

    No file makes this raise: parsers fed with nonsense raise whatever they like, and all of it means the
    same, that the file is not what it should be.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        return _rule(check, files, local)
    except NotReadable as error:
        return failed(_named(check, str(error)))
    except MemoryError:
        return failed(_named(check, f"takes more than {MEMORY_BYTES >> 20} MiB of memory to read"))
    except Exception as error:  # noqa: BLE001 (see above)
        return failed(_named(check, f"cannot be read: {type(error).__name__}: {error}"))


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
            return spreadsheet.judge(check, data)
        case spec.Document():
            return judge_text(check, document.document_text(data))
        case spec.Pdf():
            return pdf.judge(check, data)
        case spec.Image() if local is not None:
            return image.judge(check, data, local)
    raise NotReadable(f"a {check.check} check reads no file")
