"""The pieces in which a growing text is judged: nothing is missed, and all cost little more than it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.ports.moderation import LONGEST, OVERLAP
from core.service.pieces import FIRST, MOST_NEW, Pieces

DELTAS = st.lists(st.integers(1, 900), max_size=60)
"""Their lengths."""


def judged(deltas: list[int], text: str, *, late: int = 0) -> tuple[list[str], list[int]]:
    """Every piece, and how much was clear after each; a verdict comes after so many more deltas."""
    pieces, found, cleared, at, waits = Pieces(), [], [], 0, 0
    under_way = False
    for delta in deltas:
        pieces.add(text[at : at + delta])
        at += delta
        if under_way and waits == 0:
            pieces.passed()
            cleared.append(pieces.clear(last=False))
            under_way = False
        waits = max(0, waits - 1)
        if not under_way and (piece := pieces.take(last=False)) is not None:
            found.append(piece)
            under_way, waits = True, late
    while True:
        if under_way:
            pieces.passed()
            cleared.append(pieces.clear(last=True))
        piece = pieces.take(last=True)
        if piece is None:
            return found, cleared
        found.append(piece)
        under_way = True


def text_of(length: int) -> str:
    """In which each place looks different."""
    return "".join(chr(0x4E00 + number % 20_000) for number in range(length))


@given(DELTAS, st.integers(0, 5))
def test_what_is_no_longer_than_the_overlap_is_whole_in_a_piece_before_any_of_it_is_clear(
    deltas: list[int], late: int
) -> None:
    text = text_of(sum(deltas))
    pieces, cleared = judged(deltas, text, late=late)
    assert all(len(piece) <= LONGEST for piece in pieces)
    ends = [text.index(piece) + len(piece) for piece in pieces]
    assert all(
        clear == end or clear == max(0, end - OVERLAP) for clear, end in zip(cleared, ends, strict=True)
    )
    assert (cleared[-1] if cleared else 0) == len(text)
    for start in range(0, len(text), 37):
        passage = text[start : start + OVERLAP]
        number = next(number for number, piece in enumerate(pieces) if passage in piece)
        assert ([0, *cleared])[number] <= start


@given(DELTAS, st.integers(0, 5))
def test_they_cost_no_more_than_half_as_much_again(deltas: list[int], late: int) -> None:
    text = text_of(sum(deltas))
    pieces, _ = judged(deltas, text, late=late)
    assert sum(map(len, pieces)) <= 1.5 * len(text) + OVERLAP
    assert len(pieces) <= len(text) / FIRST + 1


def test_they_grow_with_what_has_passed() -> None:
    pieces, _ = judged([1] * 12_000, text_of(12_000))
    news = [len(pieces[0]), *(len(piece) - OVERLAP for piece in pieces[1:])]
    assert news[:4] == [FIRST, FIRST, 2 * FIRST, 4 * FIRST]
    assert set(news[4:-1]) == {MOST_NEW}
