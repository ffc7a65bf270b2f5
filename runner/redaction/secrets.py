"""Secrets: values that a swarm file names and never holds, and the one function that takes them out of texts.

A value lives in the controller's memory only. Whoever writes a text to disk masks it first: the journal's
writer (runner.run_log), the trail of checkpoints, and the worker for logs it keeps as evidence.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterator, Mapping, Set
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, quote_plus
from zipfile import BadZipFile, ZipFile

from runner.redaction.spec import SecretSource
from sandboxes.errors import DeskswarmError, InputError

MIN_CHARACTERS = 4
"""A shorter value is refused: it would be found, and masked, in everything."""

MAX_CHARACTERS = 1000
_PART_CHARACTERS = 8
_MAX_UNPACKED_BYTES = 128 << 20
_CUT = "…"  # where deskswarm quotes only a part of a text


class SecretLeftBehind(DeskswarmError):
    """An output holds a secret, so it cannot be kept."""

    kind = "contract"
    cause = "secret"


class Secrets:
    """The secrets of one run, by name. Empty, it costs nothing.

    `public` is what anyone may know, as the swarm file: a part of a value that stands there tells nothing.
    """

    def __init__(self, values: Mapping[str, str] | None = None, public: str = "") -> None:
        self._values = dict(values or {})
        self._unbroken = ["".join(value.split()) for value in self._values.values()]
        self._parts = {name: frozenset(_parts(value, public)) for name, value in self._values.items()}
        self._names = {form: name for name, value in self._values.items() for form in _forms(value)}
        self._names_of_bytes = {
            coded: name
            for form, name in self._names.items()
            for coded in (form.encode(), form.encode("utf-16-le"), form.encode("utf-16-be"))
        }
        longest_first = sorted(self._names, key=len, reverse=True)
        self._texts = re.compile("|".join(map(re.escape, longest_first)))
        self._bytes = re.compile(
            b"|".join(re.escape(form) for form in sorted(self._names_of_bytes, key=len, reverse=True))
        )

    def __bool__(self) -> bool:
        return bool(self._values)

    def value(self, name: str) -> str:
        """Raises InputError for a name that is not known."""
        if name not in self._values:
            raise InputError(f"secret: no secret is named {name!r} here; the swarm's `secrets` declare them")
        return self._values[name]

    def is_one(self, text: str) -> bool:
        """Whether the text is a value and nothing else."""
        return text in self._names

    def mask(self, text: str) -> str:
        """The text with `[secret NAME]` in place of each value, however it is encoded."""
        if not self._values:
            return text
        masked = self._texts.sub(lambda found: _mark(self._names[found[0]]), text)
        return self._mask_cut(masked) if _CUT in masked else masked

    def mask_parts(self, text: str) -> str:
        """The same for a text that may be cut anywhere, as messages and logs are: parts of values go too."""
        text = self.mask(text)
        for name, parts in self._parts.items():
            text = _without_parts(text, parts, _mark(name))
        return text

    def mask_log(self, log: bytes) -> bytes:
        """The same for bytes."""
        return self.mask_parts(log.decode(errors="surrogateescape")).encode(errors="surrogateescape")

    def show_in(self, text: str) -> bool:
        """Whether a value stands there, also one that is broken over lines."""
        if not self._values:
            return False
        if self._texts.search(text):
            return True
        unbroken = "".join(text.split())
        return any(value in unbroken for value in self._unbroken)

    def may_show_in(self, text: str) -> bool:
        """The same, but true also of a text that may have been cut in the middle of a value."""
        return bool(self._values) and (_CUT in text or self.show_in(text))

    def show_partly_in(self, text: str) -> bool:
        """Whether the first or the last characters of a value stand there."""
        parts = ((value[:MIN_CHARACTERS], value[-MIN_CHARACTERS:]) for value in self._values.values())
        return any(first in text or last in text for first, last in parts)

    def names_in(self, content: bytes) -> list[str]:
        """The secrets that a file holds; archives and office documents are unpacked.

        Raises ValueError for one that holds more than can be searched.
        """
        if not self._values:
            return []
        pieces = (content, *_members(content))
        found = {self._names_of_bytes[match[0]] for piece in pieces for match in self._bytes.finditer(piece)}
        return sorted(found)

    def _mask_cut(self, text: str) -> str:
        """A text that was cut for a message may end, or begin, in the middle of a value."""
        for name, value in self._values.items():
            for length in range(len(value) - 1, MIN_CHARACTERS - 1, -1):
                text = text.replace(value[:length] + _CUT, _mark(name) + _CUT)
                text = text.replace(_CUT + value[-length:], _CUT + _mark(name))
        return text


NO_SECRETS = Secrets()


def read_secrets(sources: Mapping[str, SecretSource], folder: Path, public: str) -> Secrets:
    """Their values, from the environment and from files; `public` is the swarm's own text.

    Raises InputError for one that is not to be had, or that stands in that text.
    """
    secrets = Secrets({name: _read(name, source, folder) for name, source in sources.items()}, public)
    for name in secrets.names_in(public.encode()):
        raise InputError(
            f"secrets.{name}: its value stands in the swarm itself, and would be kept with it; take it out "
            f"there and write `{{secret: {name}}}` (or, where the value is a common word, choose another)"
        )
    return secrets


def made_up_secrets(names: Mapping[str, SecretSource]) -> Secrets:
    """Values for a rehearsal, in which nothing is logged in to."""
    return Secrets({name: f"made-up-value-of-{name}" for name in names})


def check_no_secret(secrets: Secrets, what: str, content: bytes) -> None:
    """Raises SecretLeftBehind for a file that holds one."""
    try:
        names = secrets.names_in(content)
    except ValueError as error:
        raise SecretLeftBehind(f"{what} cannot be searched for secrets: {error}") from None
    if names:
        raise SecretLeftBehind(f"{what} holds the secret {', '.join(names)}; it was not kept")


def _read(name: str, source: SecretSource, folder: Path) -> str:
    if source.env is not None:
        value = os.environ.get(source.env, "")
        place, fix = f"the environment variable {source.env}", f"set it: `export {source.env}=…`"
    else:
        assert source.file is not None
        place, fix = f"the file {source.file}", "write the value into it"
        try:
            value = folder.joinpath(Path(source.file).expanduser()).read_text().rstrip("\r\n")
        except (OSError, RuntimeError, UnicodeDecodeError) as error:  # no home to expand, no text
            why = getattr(error, "strerror", None) or "it is not UTF-8, or has no usable path"
            raise InputError(f"secrets.{name}: {place} cannot be read: {why}; {fix}") from None
    if not value:
        raise InputError(f"secrets.{name}: {place} is empty or not there; {fix}")
    if any("\ud800" <= character <= "\udfff" for character in value):  # as Python shows other bytes
        raise InputError(f"secrets.{name}: {place} is not UTF-8; {fix}")
    if not MIN_CHARACTERS <= len(value.strip()) <= len(value) <= MAX_CHARACTERS:
        limits = f"{MIN_CHARACTERS} to {MAX_CHARACTERS} characters, or masking it would not work"
        raise InputError(f"secrets.{name}: {place} holds {len(value)} characters; a secret has {limits}")
    return value


def _parts(value: str, public: str) -> Iterator[str]:
    """All parts of a value of half its length, or of 8 characters where that is less."""
    length = max(MIN_CHARACTERS, min(len(value) // 2, _PART_CHARACTERS))
    for start in range(len(value) - length + 1):
        part = value[start : start + length]
        if part not in public:
            yield part


def _without_parts(text: str, parts: Set[str], mark: str) -> str:
    """The text with the mark in place of each stretch that is made of such parts; they are of one length."""
    length = len(next(iter(parts), ""))
    kept: list[str] = []
    end = 0  # of what is dealt with
    for start in range(len(text) - length + 1) if parts else ():
        if text[start : start + length] in parts:
            if start > end or not kept:
                kept += [text[end:start], mark]
            end = start + length
    return "".join([*kept, text[end:]])


def _mark(name: str) -> str:
    return f"[secret {name}]"


def _forms(value: str) -> Iterator[str]:
    """The ways in which a text may hold a value."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield html.escape(value)
    yield html.escape(value, quote=False)
    for quoted in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), quoted)
    encoded = value.encode()
    yield base64.b64encode(encoded).decode().rstrip("=")
    yield base64.urlsafe_b64encode(encoded).decode().rstrip("=")
    yield encoded.hex()


def _members(content: bytes) -> Iterator[bytes]:
    """What is packed in an archive; nothing where it is none, or nobody can open it."""
    try:
        archive = ZipFile(BytesIO(content))
    except BadZipFile:
        return
    with archive:
        if sum(member.file_size for member in archive.infolist()) > _MAX_UNPACKED_BYTES:
            raise ValueError(f"unpacked, it is larger than {_MAX_UNPACKED_BYTES >> 20} MiB")
        for member in archive.infolist():
            try:
                yield archive.read(member)
            except (BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError):  # encrypted, damaged
                continue
