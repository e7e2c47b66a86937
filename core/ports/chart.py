"""A picture of figures by day, for a chat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: `label` in ASCII, and the parts that stand on each other, from below; none is negative."""

    label: str
    parts: tuple[float, ...]


DrawChart = Callable[[Sequence[Bar]], bytes]
"""A PNG of the bars, the last one as today's. Words belong to the message beside it: the picture has none, so
that it serves every language. It takes some milliseconds of the processor: call it in a thread."""
