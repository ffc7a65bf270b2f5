"""What every output must be: there, whole, within its limits, and made by this attempt."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from PIL import Image

from runner.artifacts import sha256
from runner.contracts import Known, Taken, faults
from runner.monitors.claims import unfounded
from runner.spec import Output
from runner.truncation import cut_off
from sandboxes.errors import FileError


def causes(content: Taken, known: Known | None = None, **spec: Any) -> list[str]:
    output = Output.model_validate({"path": "~/out.txt", **spec})
    return [fault.cause for fault in faults("out", output, content, known or Known())]


def test_a_good_output_has_no_faults() -> None:
    assert causes(b"hello") == []


def test_missing_and_empty() -> None:
    assert causes(FileError("~/out.txt: no such file")) == ["missing"]
    assert causes(b"") == ["empty"]
    assert causes(b"", min_bytes=0) == []
    assert causes(b"abc", min_bytes=4) == ["empty"]


def test_what_was_there_before_is_stale_unless_that_is_allowed() -> None:
    before = Known(before={"out": sha256(b"old")})
    assert causes(b"old", before) == ["stale"]
    assert causes(b"new", before) == []
    assert causes(b"old", before, fresh=False) == []


def test_what_was_refused_before_is_stale() -> None:
    rejected = Known(rejected={"out": frozenset({sha256(b"bad"), sha256(b"worse")})})
    assert causes(b"worse", rejected) == ["stale"]
    assert causes(b"better", rejected) == []


def test_tokens_are_counted_and_never_cut() -> None:
    assert causes(b"word " * 8, max_tokens=10) == []
    assert causes(b"word " * 9, max_tokens=10) == ["too_long"]
    assert causes(b"\xff\xfe", max_tokens=10) == ["too_long"]


def archive(comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a", "hello" * 1000)
        made.comment = comment
    return file.getvalue()


def image(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, kind)
    return file.getvalue()


WHOLE = {
    "a.xlsx": archive(),
    "commented.zip": archive(b"x" * 60_000),
    "a.png": image("PNG"),
    "a.jpg": image("JPEG"),
    "a.pdf": b"%PDF-1.4\n" + b"x" * 2000 + b"\ntrailer\n%%EOF\n",
    "a.json": b'{"a": [1, 2, {"b": null}]}\n',
    "list.json": b"[]",
    "number.json": b"12",
    "a.jsonl": b'{"a": 1}\n{"a": 2}\n',
    "a.csv": b"a,b,c\n1,2,3\n4,5,6",
    "quoted.csv": b'a,b,c\n"x,y\nz",2',
    "ragged.csv": b"a,b,c\n1,2\n",
    "a.txt": b"{ no JSON",
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_not_taken_for_cut(name: str) -> None:
    assert cut_off(WHOLE[name], f"~/{name}") is None


@pytest.mark.parametrize("name", ["a.xlsx", "a.png", "a.jpg", "a.pdf", "a.json", "a.jsonl", "a.csv"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_anywhere_is_told(name: str, share: float) -> None:
    whole = WHOLE[name].rstrip(b"\n")
    cut = whole[: int(len(whole) * share)] if not name.endswith((".csv", ".jsonl")) else whole[:-3]
    assert cut_off(cut, f"~/{name}") is not None


def test_a_claim_is_unfounded_without_its_outputs() -> None:
    outputs = {"out": Output(path="~/out.txt"), "log": Output(path="~/log.txt", min_bytes=0)}
    assert unfounded(outputs, {"out": 5, "log": 0}, True) == []
    assert unfounded(outputs, {"out": None, "log": 0}, True) == ["output out: there is no ~/out.txt"]
    assert unfounded(outputs, {"out": 0, "log": None}, True) == [
        "output out: ~/out.txt has 0 bytes, and 1 are asked for",
        "output log: there is no ~/log.txt",
    ]
    assert unfounded(outputs, {"out": 5, "log": 0}, False) == ["nothing was done"]
    assert unfounded({}, {}, False) == [], "a task without outputs asks for nothing"
