"""What the benchmarks of freshness play: who asks where, and when the model's text comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.streaming.operations import BucketKey, OperationKind
from core.streaming.rate_limits import RateLimit


@dataclass(frozen=True, slots=True)
class Timeline:
    """One answer of a model: `deltas` holds (seconds, characters of that delta), in order.

    `ended_at` is when the model's end comes: not before the last delta.
    """

    deltas: tuple[tuple[float, int], ...]
    ended_at: float


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer in one place: `keys` says for sends and for edits which buckets they draw from."""

    timeline: Timeline
    keys: Mapping[OperationKind, tuple[BucketKey, ...]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Streams that share one bot account. `limits`: by bucket family, what the platform enforces.

    `round_trip_s`: from a request's start to its answer; the platform takes it half-way.
    """

    name: str
    streams: tuple[Stream, ...]
    limits: Mapping[str, tuple[RateLimit, ...]]
    round_trip_s: float
