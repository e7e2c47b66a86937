"""Ways to cut a body."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st


def cuts(length: int) -> st.SearchStrategy[list[int]]:
    """Places to cut a body of that length, sorted; also none, and also the same one twice."""
    return st.lists(st.integers(0, length), max_size=30).map(sorted)


def cut_at(body: bytes, places: list[int]) -> list[bytes]:
    return [body[start:end] for start, end in pairwise([0, *places, len(body)])]
