"""Whether an output is what its schema says."""

from __future__ import annotations

from typing import Any

from runner.checks.evidence import Evidence
from runner.checks.judge import QUICK_BYTES, judge
from runner.checks.result import CheckResult, NotReadable, failed
from runner.checks.spec import JsonCheck, PydanticCheck
from runner.checks.text import judge_json
from runner.spec import PydanticModel


async def judge_schema(
    schema: PydanticModel | dict[str, Any], path: str, content: bytes, evidence: Evidence
) -> CheckResult:
    """Rule on the JSON of an output. A process to itself costs a third of a second: what can neither take
    long nor run the user's code is judged here."""
    if isinstance(schema, PydanticModel):
        return await judge(PydanticCheck(check="pydantic", path=path, model=schema.python), evidence)
    check = JsonCheck(check="json", path=path, schema=schema)
    if len(content) > QUICK_BYTES or _has_patterns(schema):
        return await judge(check, evidence)
    try:
        return judge_json(check, content)
    except NotReadable as error:
        return failed(f"{path}: {error}")
    except RecursionError:
        return failed(f"{path}: nested too deep")


def _has_patterns(schema: object) -> bool:
    """Regular expressions are what can take for ever on a small text; with `$ref` a schema can too."""
    if isinstance(schema, dict):
        slow = {"pattern", "patternProperties", "$ref", "$dynamicRef"}
        return not slow.isdisjoint(schema) or any(map(_has_patterns, schema.values()))
    return isinstance(schema, list) and any(map(_has_patterns, schema))
