"""The splitter alone: the standard's rules, any chunking, bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.sse import EventSplitter, EventTooLongError
from tests.model.chunking import cut_at, cuts

_PIECES = [
    b"data",
    b":",
    b" ",
    b"a",
    b"\r",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"data: x\n",
    b"data: y\n\n",
    "é🌍".encode(),
    b"\xef\xbb\xbf",
]


def _split(chunks: list[bytes]) -> list[bytes]:
    splitter = EventSplitter()
    events = [event for piece in chunks for event in splitter.feed(piece)]
    return events + splitter.flush()


@given(st.lists(st.sampled_from(_PIECES), max_size=40).map(b"".join), st.data())
def test_any_chunking_gives_the_same_events(body: bytes, data: st.DataObject) -> None:
    """Also between CR and LF and inside a character."""
    assert _split(cut_at(body, data.draw(cuts(len(body))))) == _split([body])


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), min_size=1, max_size=5),
    st.sampled_from(["\r", "\n", "\r\n"]),
)
def test_an_event_is_its_data_lines_joined(lines: list[str], end: str) -> None:
    """Whatever the line end, and whatever Unicode calls a line end inside a line."""
    body = "".join(f"data: {line}{end}" for line in lines) + end
    assert _split([body.encode()]) == ["\n".join(lines).encode()]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b": comment\n\n", []),
        (b"event: x\nid: 1\nretry: 3\n\n", []),
        (b"data:x\n\n", [b"x"]),
        (b"data:  x\n\n", [b" x"]),
        (b"data\n\n", [b""]),
        (b"datax: y\n\n", []),
        (b"\xef\xbb\xbfdata: x\n\n", [b"x"]),
        (b"data: a\r\ndata: b\r\n\r\ndata: c\r\r", [b"a\nb", b"c"]),
        (b"\n\n\r\n\n", []),
        (b"", []),
    ],
)
def test_the_rules_of_the_standard(body: bytes, events: list[bytes]) -> None:
    """One case per rule."""
    assert _split([body]) == events


def test_an_event_comes_as_soon_as_it_is_complete() -> None:
    """A CR ends a line at once: it does not wait for the LF that may follow."""
    splitter = EventSplitter()
    assert splitter.feed(b"data: a\r\n\r") == [b"a"]
    assert splitter.feed(b"\ndata: b\n") == []
    assert splitter.feed(b"\n") == [b"b"]


@pytest.mark.parametrize("piece", [b"x", b"data: x\n", b"data:\n", b"data\n"])
def test_memory_is_bounded(piece: bytes) -> None:
    """A line, or an event, that never ends is given up."""
    splitter = EventSplitter(max_event_bytes=1000)
    with pytest.raises(EventTooLongError):
        any(splitter.feed(piece) for _ in range(2000))


def test_many_events_in_one_read_are_no_long_event() -> None:
    """The bound is on one event."""
    assert len(EventSplitter(max_event_bytes=10).feed(b"data: x\n\n" * 100)) == 100
