"""Rate limits as data, and the pacer that grants operations under them.

The law of a grant: every bucket that the operation draws from has room in each of its windows,
is not paused, and, unless the operation is urgent, keeps to its slots. A slot is the time between
two requests at the rate that can be kept up for ever, the smallest count / per_s of the bucket's
limits. Slots spread a window over an answer whose length nobody knows; up to BURST of them may be
spent ahead, so that the first words come quickly.

A request counts against a window from its grant until `per_s` after its answer came: the platform
counted it somewhere between the two, so whatever the latency, its own window is never exceeded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from core.streaming.operations import BucketKey, ObservedLimit

BURST: Final = 3
SLOWER: Final = 0.7
"""What a bucket's rate is multiplied by when the platform said "too many"."""
SLOWEST: Final = 0.1
RECOVERY_S: Final = 120.0
"""In this time without another refusal a slowed bucket is back at its full rate."""
MARGIN_S: Final = 0.05
"""Added to a pause that the platform asked for: its clock and ours round differently."""
NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` requests in any `per_s` seconds."""

    count: int
    per_s: float


class Bucket:
    """One rate limit bucket: its windows, its slots, its pause."""

    def __init__(self, limits: tuple[RateLimit, ...]) -> None:
        self.limits = limits
        self.last_used = 0.0
        self._answered: deque[float] = deque(maxlen=max((limit.count for limit in limits), default=1))
        self._in_flight = 0
        self._paused_until = 0.0
        self._slots_used_until = 0.0
        self._rate = 1.0  # of the full rate, at the moment of `_slowed_at`
        self._slowed_at = 0.0
        self._windows: dict[int, float] = {}  # learned: seconds, by their number of requests

    def idle_since(self, now: float) -> float:
        """Since when it has neither been drawn from nor paused."""
        return now if self._in_flight else max(self.last_used, self._paused_until)

    def slot_s(self, now: float) -> float:
        """Seconds between two requests at the rate that can be kept up now."""
        if not self.limits:
            return 0.0
        return max(limit.per_s / limit.count for limit in self.limits) / self._rate_at(now)

    def ready_at(self, now: float, *, urgent: bool) -> float:
        """When the next request may go; NEVER while only an answer to one in flight can tell."""
        ready = max(now, self._paused_until)
        for limit in self.limits:
            free = limit.count - self._in_flight
            if free <= 0:
                return NEVER
            if len(self._answered) >= free:
                ready = max(ready, self._answered[-free] + limit.per_s)
        if not urgent and self.limits:
            ready = max(ready, self._next_slot(now))
        return ready

    def _next_slot(self, now: float) -> float:
        """Slots are spent ahead while the windows are half empty: in a full one that would only bunch
        the requests, with a gap behind each bunch in which an ending waits, for as long as the answer."""
        slot = self.slot_s(now)
        ahead = self._slots_used_until - (BURST - 1) * slot
        if any(self._half_full(limit, now) for limit in self.limits):
            return max(ahead, self.last_used + slot)
        return ahead

    def _half_full(self, limit: RateLimit, now: float) -> bool:
        free = (limit.count + 1) // 2 - self._in_flight
        return free <= 0 or (len(self._answered) >= free and self._answered[-free] + limit.per_s > now)

    def take(self, now: float) -> None:
        self._in_flight += 1
        self.last_used = now
        self._slots_used_until = max(self._slots_used_until, now) + self.slot_s(now)

    def answered(self, now: float) -> None:
        self._in_flight -= 1
        self._answered.append(now)

    def pause(self, until: float, now: float) -> None:
        """The platform refused: nothing goes before `until`, and then more slowly for a while."""
        self._rate, self._slowed_at = max(SLOWEST, self._rate_at(now) * SLOWER), until
        self._paused_until = max(self._paused_until, until)

    def observe(self, observed: ObservedLimit, now: float) -> None:
        """Learn from headers: the size of the first window, and when an empty one is full again.

        The first request of a window tells its length, or less where windows are cut from the platform's
        own clock, and none tells more: the longest is it.
        """
        window = self._windows.get(observed.limit, 0.0)
        if window or observed.remaining == observed.limit - 1:
            window = self._windows[observed.limit] = max(window, observed.reset_after_s)
        if window > 0:
            self.limits = (RateLimit(observed.limit, window), *self.limits[1:])
            self._answered = deque(self._answered, maxlen=max(limit.count for limit in self.limits))
        if observed.remaining == 0:
            self._paused_until = max(self._paused_until, now + observed.reset_after_s)

    def _rate_at(self, now: float) -> float:
        return min(1.0, self._rate + max(0.0, now - self._slowed_at) / RECOVERY_S)


class Pacer:
    """All buckets of one bot account."""

    def __init__(self, limits: Mapping[str, tuple[RateLimit, ...]]) -> None:
        self._limits = dict(limits)
        self._buckets: dict[BucketKey, Bucket] = {}

    def add_limits(self, limits: Mapping[str, tuple[RateLimit, ...]]) -> None:
        """Make further families of buckets known."""
        self._limits = {**limits, **self._limits}

    def bucket(self, key: BucketKey) -> Bucket:
        if key not in self._buckets:
            self._buckets[key] = Bucket(self._limits.get(key.family, ()))
        return self._buckets[key]

    def ready_at(self, keys: Iterable[BucketKey], now: float, *, urgent: bool = False) -> float:
        """When an operation that draws from all `keys` may go: `now`, later, or NEVER (see Bucket)."""
        return max((self.bucket(key).ready_at(now, urgent=urgent) for key in keys), default=now)

    def take(self, keys: Iterable[BucketKey], now: float) -> None:
        """Spend one request of each; to be followed by one `answered`."""
        for key in keys:
            self.bucket(key).take(now)

    def answered(self, keys: Iterable[BucketKey], now: float, observed: Iterable[ObservedLimit] = ()) -> None:
        for key in keys:
            self.bucket(key).answered(now)
        for one in observed:
            self.bucket(one.key).observe(one, now)

    def refused(self, keys: Iterable[BucketKey], retry_after_s: float, now: float) -> None:
        for key in keys:
            self.bucket(key).pause(now + retry_after_s + MARGIN_S, now)

    def forget_idle(self, now: float, *, after_s: float = 900.0) -> None:
        """Drop buckets that nothing has drawn from for longer than any window."""
        idle = [k for k, bucket in self._buckets.items() if now - bucket.idle_since(now) > after_s]
        for key in idle:
            del self._buckets[key]
