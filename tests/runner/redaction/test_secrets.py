"""Secrets: where their values come from, and that masking finds them however a text holds them."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, urlencode
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from runner.redaction.secrets import (
    MAX_CHARACTERS,
    SecretLeftBehind,
    Secrets,
    check_no_secret,
    read_secrets,
)
from runner.redaction.spec import SecretSource
from sandboxes.errors import InputError

VALUE = 'c0r"rect h&rse/Ünö'
SECRETS = Secrets({"bank": VALUE, "pin": "4711"})


@pytest.mark.parametrize(
    "text",
    [
        VALUE,
        f"typed {VALUE} and {VALUE}.",
        json.dumps({"value": VALUE}),
        json.dumps({"value": VALUE}, ensure_ascii=False),
        repr(VALUE),
        quote(VALUE),
        quote(VALUE, safe="").lower(),
        "https://bank.example/login?" + urlencode({"password": VALUE}),
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode().rstrip("="),
        VALUE.encode().hex(),
        VALUE.replace("&", "&amp;").replace('"', "&quot;"),
        f"it said '{VALUE[:9]}…",
        f"…{VALUE[-9:]} was the end",
    ],
)
def test_a_value_is_masked_however_it_is_written(text: str) -> None:
    masked = SECRETS.mask(text)
    assert "[secret bank]" in masked
    for part in (VALUE[:6], VALUE[-6:], quote(VALUE[-6:])):
        assert part not in masked
    assert "[secret bank]" in SECRETS.mask(f"{text} {text}")


def test_other_text_stays_as_it_is() -> None:
    for text in ("", "nothing", "471 1", VALUE[:-1], "…", f"{VALUE[:3]}…"):
        assert SECRETS.mask(text) == text
    assert Secrets().mask(VALUE) == VALUE
    assert Secrets().mask_parts(VALUE) == VALUE
    assert not Secrets().show_in(VALUE)
    assert Secrets().names_in(VALUE.encode()) == []


def test_of_two_values_the_longer_is_found_first() -> None:
    both = Secrets({"short": "abcd", "long": "abcdefgh"})
    assert both.mask("abcdefgh abcd") == "[secret long] [secret short]"


def test_a_log_is_masked_also_where_it_was_cut() -> None:
    log = VALUE[5:].encode() + b"\n\x00\xff before " + VALUE.encode() + b" after " + VALUE[:-5].encode()
    assert SECRETS.mask_log(log) == b"[secret bank]\n\x00\xff before [secret bank] after [secret bank]"
    assert Secrets().mask_log(log) == log


def test_parts_that_anybody_knows_stay() -> None:
    known = Secrets({"bank": "month-end-xyzzy-42"}, public="name: month-end")
    assert (
        known.mask_parts("month-end: end-xyzzy-4 and xyzzy-42")
        == "month-end: [secret bank] and [secret bank]"
    )


def test_a_value_that_is_broken_over_lines_is_seen() -> None:
    assert SECRETS.show_in(f"$ echo {VALUE[:9]}\n{VALUE[9:]}")
    assert not SECRETS.show_in("$ echo hello")


def zipped(**members: str) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


def test_files_that_hold_a_secret_are_told_by_its_name() -> None:
    for coding in ("utf-8", "utf-16-le", "utf-16-be"):
        assert SECRETS.names_in(f"pin 4711 {VALUE}".encode(coding)) == ["bank", "pin"]
    assert SECRETS.names_in(zipped(content="<a>hello</a>", notes=f"{VALUE} 4711")) == ["bank", "pin"]
    assert SECRETS.names_in(zipped(content="hello")) == []
    assert SECRETS.names_in(b"PK\x03\x04 no archive") == []
    with pytest.raises(
        SecretLeftBehind, match=r"output note: ~/n.txt holds the secret bank; it was not kept"
    ) as told:
        check_no_secret(SECRETS, "output note: ~/n.txt", VALUE.encode())
    assert (told.value.kind, told.value.cause) == ("contract", "secret")
    assert VALUE not in str(told.value)


def test_an_archive_that_is_too_large_to_search_is_not_passed() -> None:
    bomb = zipped(**{f"m{number}": "0" * (9 << 20) for number in range(15)})
    with pytest.raises(SecretLeftBehind, match="cannot be searched for secrets"):
        check_no_secret(SECRETS, "output a", bomb)


def test_values_come_from_the_environment_and_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R_PASSWORD", " spaces stay ")
    (tmp_path / "pin.txt").write_text("a value\n")
    sources = {"one": SecretSource(env="R_PASSWORD"), "two": SecretSource(file="pin.txt")}
    secrets = read_secrets(sources, tmp_path, "")
    assert (secrets.value("one"), secrets.value("two")) == (" spaces stay ", "a value")
    with pytest.raises(InputError, match="no secret is named 'three'"):
        secrets.value("three")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, r"secrets\.a: the environment variable R_PASSWORD is empty or not there; set it: `export"),
        ("", "empty or not there"),
        ("abc", "holds 3 characters; a secret has 4 to 1000"),
        ("a    ", "holds 5 characters"),
        ("\udcffpassword", "is not UTF-8"),
        ("x" * (MAX_CHARACTERS + 1), "holds 1001 characters"),
    ],
)
def test_a_value_that_cannot_be_masked_is_refused(
    value: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("R_PASSWORD", raising=False)
    if value is not None:
        monkeypatch.setenv("R_PASSWORD", value)
    with pytest.raises(InputError, match=told):
        read_secrets({"a": SecretSource(env="R_PASSWORD")}, tmp_path, "")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"secrets\.a: the file none\.txt cannot be read: No such file"):
        read_secrets({"a": SecretSource(file="none.txt")}, tmp_path, "")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        read_secrets({"a": SecretSource(file="binary")}, tmp_path, "")


def test_a_value_that_stands_in_the_swarm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R_PIN", "4711")
    sources = {"pin": SecretSource(env="R_PIN")}
    with pytest.raises(InputError, match=r"secrets\.pin: its value stands in the swarm itself") as told:
        read_secrets(sources, tmp_path, '{"instruction": "the pin is 4711"}')
    assert "4711" not in str(told.value)
    assert read_secrets(sources, tmp_path, '{"instruction": "the pin is a secret"}').value("pin") == "4711"
