"""JSON that a pydantic model of the user's own accepts."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ValidationError

from runner.checks.result import CheckResult, failed, passed
from runner.checks.spec import PydanticCheck
from runner.hooks import load_function
from sandboxes.errors import InputError


def judge(check: PydanticCheck, data: bytes, folder: Path) -> CheckResult:
    try:
        model = load_function(check.model, folder)
    except InputError as error:
        return failed(str(error))
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return failed(f"{check.model} is no pydantic model")
    try:
        model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        more = f" ({error.error_count()} errors)" if error.error_count() > 1 else ""
        return failed(
            f"expected what {check.model} accepts, found at {place or 'the top'}: {first['msg']}{more}"
        )
    return passed(f"{check.model} accepts it")
