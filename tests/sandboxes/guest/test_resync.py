"""Escaping: data arrives as it was sent, however it is cut, and an opening is one wherever it stands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandboxes.guest.resync import Opening, Unescaper, escape, new_opening

NASTY = st.lists(st.sampled_from([b"\xfc", b"\x00", b"\x01", b"\xfc\x01", b"a", b"0" * 32])).map(b"".join)
CUTS = st.lists(st.integers(1, 40), max_size=20)
OPENING = Opening(b"0123456789abcdef" * 2)


def received(sent: bytes, cuts: list[int]) -> list[bytes | Opening]:
    """What comes of bytes that arrive in pieces; data together up to the next opening."""
    unescaper = Unescaper()
    pieces: list[bytes | Opening] = []
    for cut in [*cuts, len(sent)]:
        pieces += unescaper.feed(sent[:cut])
        sent = sent[cut:]
    together: list[bytes | Opening] = []
    for piece in pieces:
        if together and isinstance(piece, bytes) and isinstance(last := together[-1], bytes):
            together[-1] = last + piece
        else:
            together.append(piece)
    return together


@given(st.binary() | NASTY, CUTS)
def test_data_arrives_as_it_was_sent(data: bytes, cuts: list[int]) -> None:
    assert received(escape(data), cuts) == ([data] if data else [])


@given(NASTY, NASTY, st.integers(0, 100), CUTS)
def test_an_opening_is_found_after_a_connection_that_broke_off_anywhere(
    old: bytes, new: bytes, broken_off: int, cuts: list[int]
) -> None:
    sent = (OPENING.encode() + escape(old))[:broken_off] + OPENING.encode() + escape(new)
    pieces = received(sent, cuts)
    after = pieces[len(pieces) - pieces[::-1].index(OPENING) :]
    assert after == ([new] if new else [])


@given(NASTY, CUTS)
def test_data_is_never_taken_for_an_opening(data: bytes, cuts: list[int]) -> None:
    assert not any(isinstance(piece, Opening) for piece in received(escape(data + OPENING.encode()), cuts))


def test_openings_differ() -> None:
    assert new_opening() != new_opening()
