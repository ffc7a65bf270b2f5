"""Text, and JSON."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

from pydantic import JsonValue

from runner.checks.result import CheckResult, NotReadable, failed, passed, shown
from runner.checks.spec import JsonCheck, Text

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MISSING = object()


def decode(data: bytes) -> str:
    """UTF-8, or what a byte order mark says. Raises NotReadable."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotReadable(f"not text: byte {error.start} is not {encoding}") from None


def judge_text(check: Text, text: str) -> CheckResult:
    """Whether a text meets every condition; line ends and one final newline do not count."""
    text = _plain(text)
    if check.equals is not None and text != _plain(check.equals):
        return failed(_difference(_plain(check.equals), text), text=text[:1000])
    for part in check.contains:
        if _plain(part) not in text:
            return failed(f"expected to contain {shown(part)}, found {shown(text)}", text=text[:1000])
    if check.matches is not None and not re.search(check.matches, text, re.MULTILINE):
        return failed(f"expected to match {shown(check.matches)}, found {shown(text)}", text=text[:1000])
    return passed(f"the text is as expected: {shown(text)}", text=text[:1000])


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").removesuffix("\n")


def _difference(expected: str, found: str) -> str:
    """Where two texts part, with what each has there."""
    pairs = enumerate(zip(expected, found, strict=False))
    at = next((index for index, (a, b) in pairs if a != b), min(len(expected), len(found)))
    line = expected.count("\n", 0, at) + 1
    start = max(0, at - 20)
    return f"line {line}: expected {shown(expected[start:])}, found {shown(found[start:])}"


def judge_json(check: JsonCheck, data: bytes) -> CheckResult:
    """Whether the value at the pointer is there, equals what is asked, and follows the schema."""
    where = check.pointer or "the document"
    value = _at(_parse(data), check.pointer)
    if value is _MISSING:
        return failed(f"{where}: expected a value, found none")
    facts: dict[str, JsonValue] = {"value": value} if len(json.dumps(value)) <= 1000 else {}
    if check.equals is not None and not _same(check.equals, value):
        return failed(f"{where}: expected {shown(check.equals)}, found {shown(value)}", **facts)
    if check.schema_ is not None and (error := _schema_error(check.schema_, value)):
        return failed(f"{where}: expected what the schema says, found {error}", **facts)
    return passed(f"{where}: {shown(value)}", **facts)


def _parse(data: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise NotReadable(f"not JSON: {constant} is not a JSON number")

    try:
        return json.loads(decode(data), parse_constant=refuse)
    except ValueError as error:  # JSONDecodeError, and a number of too many digits
        raise NotReadable(f"not JSON: {error}") from None


def _at(value: Any, pointer: str) -> Any:
    """The value a JSON pointer (RFC 6901) leads to, or _MISSING."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and re.fullmatch("0|[1-9][0-9]{0,8}", name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return _MISSING
    return value


def _same(expected: Any, found: Any) -> bool:
    """Equal as JSON: 1 is 1.0, and neither is true."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(_same(expected[key], found[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_same, expected, found))
    return isinstance(expected, bool) == isinstance(found, bool) and bool(expected == found)


def _schema_error(schema: dict[str, Any], value: Any) -> str | None:
    from jsonschema import Draft202012Validator  # slow to import
    from jsonschema.exceptions import best_match
    from referencing import Registry

    # An empty registry: a `$ref` to elsewhere is an error, not a request over the network.
    error = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(value))
    return f"at {error.json_path}: {error.message[:300]}" if error else None
