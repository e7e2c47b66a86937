"""Rate limits as data, and the pacer that grants operations under them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` requests in any `per_s` seconds."""

    count: int
    per_s: float
