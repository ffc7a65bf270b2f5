"""The text of PDFs."""

from __future__ import annotations

import io

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError

from runner.checks.result import CheckResult, NotReadable, failed
from runner.checks.spec import Pdf
from runner.checks.text import judge_text

_MAX_PAGES = 500


def judge(check: Pdf, data: bytes) -> CheckResult:
    """Whether the PDF has the pages and the text; a run of white space counts as one space."""
    if not data.startswith(b"%PDF-"):
        raise NotReadable("not a PDF")
    try:
        pages = PdfReader(io.BytesIO(data)).pages
        count = len(pages)
        if count < check.min_pages:
            return failed(f"expected {check.min_pages} pages or more, found {count}", pages=count)
        text = "\n".join(page.extract_text() for page in pages[:_MAX_PAGES]) if check.asks else ""
    except (FileNotDecryptedError, DependencyError):
        raise NotReadable("an encrypted PDF") from None
    result = judge_text(_spaced(check), _one_space(text))
    return result.model_copy(update={"facts": {**result.facts, "pages": count}})


def _spaced(check: Pdf) -> Pdf:
    return check.model_copy(
        update={
            "equals": None if check.equals is None else _one_space(check.equals),
            "contains": tuple(_one_space(part) for part in check.contains),
        }
    )


def _one_space(text: str) -> str:
    return " ".join(text.split())
