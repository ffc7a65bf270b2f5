"""A machine's memory in files: copied with its holes, packed without empty pages, never unpacked wrongly."""

from __future__ import annotations

import mmap
import os
import random
from pathlib import Path

import pytest

from sandboxes.errors import DesktopLost, SnapshotError
from sandboxes.vm import memory, pages
from sandboxes.vm.memory import PAGE
from sandboxes.vm.template import Template

PAGES = 3000
SIZE = PAGES * PAGE


def page(number: int) -> bytes:
    return random.Random(number).randbytes(PAGE)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A few pages here and there, one of zeros among them, the last one too."""
    file = tmp_path / "memory"
    with file.open("wb") as target:
        target.truncate(SIZE)
        for number in (0, 1, 2, 700, 1500, PAGES - 1):
            os.pwrite(target.fileno(), page(number), number * PAGE)
        os.pwrite(target.fileno(), bytes(PAGE), 701 * PAGE)
    return file


def test_a_copy_has_the_same_holes(original: Path, tmp_path: Path) -> None:
    memory.copy_file(original, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == original.read_bytes()
    assert (tmp_path / "copy").stat().st_blocks * 512 < SIZE // 10


def test_what_was_packed_is_unpacked(original: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    memory.pack(original, packed)
    assert (packed / "memory.pages").stat().st_size == 6 * PAGE
    memory.unpack(packed, tmp_path / "unpacked", SIZE)
    assert (tmp_path / "unpacked").read_bytes() == original.read_bytes()


@pytest.mark.parametrize(
    ("numbers", "pages", "problem"),
    [
        (b"\1\0\0", 0, "not a list"),
        (b"\0\0\0\0\xff\xff\xff\xff", 2, "not pages of a memory"),
        (b"\2\0\0\0\1\0\0\0", 2, "in order"),
        (b"\1\0\0\0\1\0\0\0", 2, "in order"),
        (b"\1\0\0\0\2\0\0\0", 1, "not 2 pages"),
    ],
)
def test_what_was_not_packed_is_refused(tmp_path: Path, numbers: bytes, pages: int, problem: str) -> None:
    (tmp_path / "memory.numbers").write_bytes(numbers)
    (tmp_path / "memory.pages").write_bytes(bytes(pages * PAGE))
    with pytest.raises(SnapshotError, match=problem):
        memory.unpack(tmp_path, tmp_path / "unpacked", SIZE)


def test_only_what_a_process_has_written_is_added(original: Path, tmp_path: Path) -> None:
    with original.open("r+b") as file, mmap.mmap(file.fileno(), SIZE, mmap.MAP_PRIVATE) as mapped:
        assert mapped[700 * PAGE : 701 * PAGE] == page(700)
        for number in (1, 2, 900):
            mapped[number * PAGE : (number + 1) * PAGE] = page(-number)
        copy = tmp_path / "copy"
        memory.copy_file(original, copy)
        os.truncate(copy, SIZE)
        pages.add_to_file(os.getpid(), original, copy)
        assert copy.read_bytes() == mapped[:]
    assert original.read_bytes()[PAGE : 2 * PAGE] == page(1)


def test_what_a_process_has_written_is_handed_over_to_another(original: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    memory.copy_file(original, copy)
    with (
        original.open("r+b") as file,
        copy.open("r+b") as other,
        mmap.mmap(file.fileno(), SIZE, mmap.MAP_PRIVATE) as source,
        mmap.mmap(other.fileno(), SIZE, mmap.MAP_PRIVATE) as target,
    ):
        for number in (0, 2, 3, 900, PAGES - 1):
            source[number * PAGE : (number + 1) * PAGE] = page(-number - 1)
        pages.add_to_machine(os.getpid(), original, os.getpid(), copy)
        assert target[:] == source[:]
    assert copy.read_bytes() == original.read_bytes(), "the file that both began with was written to"


def test_pages_go_to_no_process_that_began_with_something_else(original: Path, tmp_path: Path) -> None:
    """As where the template was made anew between the start of the source and that of its copy."""
    with original.open("r+b") as file, mmap.mmap(file.fileno(), SIZE, mmap.MAP_PRIVATE) as source:
        source[:PAGE] = page(-1)
        original.unlink()
        original.write_bytes(bytes(SIZE))
        with pytest.raises(DesktopLost, match="does not use"):
            pages.add_to_machine(os.getpid(), original, os.getpid(), original)


def test_a_process_that_uses_another_file_is_not_read(original: Path, tmp_path: Path) -> None:
    memory.copy_file(original, tmp_path / "copy")
    with pytest.raises(DesktopLost):
        pages.add_to_file(os.getpid(), original, tmp_path / "copy")


def test_a_template_whose_memory_was_touched_is_not_whole(original: Path, tmp_path: Path) -> None:
    template = Template(tmp_path / "templates" / "0123")
    template.folder.parent.mkdir()
    made = tmp_path / "made"
    made.mkdir()
    original.rename(made / "memory")
    template.keep(made, tmp_path / "disk.qcow2")
    assert template.is_whole()
    with template.memory.open("r+b") as file:
        file.write(b"x")
    assert not template.is_whole()
