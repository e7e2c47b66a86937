"""Rate limits as data, and the pacer that grants operations under them.

The law of a grant: every bucket that the operation draws from has room in each of its limits (meters.py)
and is not paused. What is urgent (a send, an ending) needs no more. A preview

1. leaves room for an ending: one that came right after it would wait no longer than a slot, which is the
   time between two requests at the rate that can be kept up for ever;
2. waits until its oldest hidden text is old enough to be worth one of the requests that are left, and keeps
   as far from the request before it: an answer's length is not known, and who spends a window at once leaves
   a long answer with a gap (`Meter.worth_at`).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from core.streaming.meters import EVEN, NEVER, Meter, RateLimit, Window, meter_of
from core.streaming.operations import BucketKey, ObservedLimit

MARGIN_S: Final = 0.05
"""Added to a pause that the platform asked for: its clock and ours round differently."""
SHORTEST_S: Final = 0.001
"""Where nothing keeps two previews apart."""


class Preview(NamedTuple):
    """What a grant for a preview depends on. `since`: when its oldest hidden text came; `bonus_s`: by so much
    it counts as older; `haste`: as if so many times as many requests were left; `ripe_s`: where other buckets
    serve the same text, too, at what age it is worth a request of either; `fuller_at`: until then it waits
    for the next delta, if nobody else waits for the bucket. A tuple, since each look makes one."""

    since: float
    bonus_s: float = 0.0
    haste: float = EVEN
    ripe_s: float = NEVER
    fuller_at: float = -NEVER


class Bucket:
    """One rate limit bucket: its limits, its pause, and what is in flight."""

    def __init__(self, limits: tuple[RateLimit, ...], *, known: bool = True) -> None:
        self._meters: tuple[Meter, ...] = tuple(meter_of(limit) for limit in limits)
        self._known = known
        self._flying = 0
        self._paused_until = 0.0
        self._last_used = -NEVER

    @property
    def limits(self) -> tuple[RateLimit, ...]:
        """As far as they are known by now."""
        return tuple(meter.limit for meter in self._meters)

    @property
    def slot_s(self) -> float:
        """Seconds between two requests at the rate that can be kept up for ever; 0 where nothing limits."""
        return max((meter.limit.slot_s for meter in self._meters), default=0.0)

    def idle_since(self, now: float) -> float:
        """Since when it has neither been drawn from nor paused."""
        return now if self._flying else max(self._last_used, self._paused_until)

    def ready_at(self, now: float, preview: Preview | None = None, *, crowded: bool = False) -> float:
        """When the next request may go, an urgent one unless it is a `preview`; NEVER while only an answer to
        one in flight can tell. An unknown bucket lets one out until its answer came. `crowded`: others wait
        for it, too."""
        if not self._known and self._flying:
            return NEVER
        ready = max(now, self._paused_until)
        for meter in self._meters:
            ready = max(ready, meter.free_at(now, self._flying))
        if preview is None or not self._meters or ready == NEVER:
            return ready
        slot_s = self.slot_s
        for meter in self._meters:
            if meter.limit.count > 1:
                ready = max(ready, meter.free_at(now, self._flying, 2) - slot_s)
        haste, bonus_s = (EVEN, 0.0) if crowded else (preview.haste, preview.bonus_s)
        used = self._last_used > -NEVER
        apart_at = self._worth_at(now, self._last_used - bonus_s, haste) if used else now
        worth_at = self._worth_at(now, preview.since - preview.bonus_s, haste)
        return max(ready, apart_at, min(worth_at, preview.since + preview.ripe_s))

    def _worth_at(self, now: float, since: float, haste: float) -> float:
        return max((meter.worth_at(now, self._flying, since, haste) for meter in self._meters), default=now)

    def distance_s(self, now: float, haste: float) -> float:
        """How far previews are apart at the moment."""
        return self._worth_at(now, now, haste) - now

    def take(self, now: float) -> None:
        self._flying += 1
        self._last_used = now

    def load(self, now: float) -> float:
        """What share of its fullest limit is spent."""
        return max((meter.load(now) for meter in self._meters), default=0.0)

    def answered(
        self, now: float, since: float, observed: ObservedLimit | None = None, *, taken: bool = True
    ) -> None:
        """A request that left at `since` came back. `taken`: False when the platform refused it."""
        self._flying -= 1
        self._known = True
        if not taken:
            return
        told = self._meter_of(observed) if observed is not None else None
        for meter in self._meters:
            meter.answered(now, since, observed if meter is told else None)

    def _meter_of(self, observed: ObservedLimit) -> Meter | None:
        """Headers tell of one limit, and not of which: it is the one of this size, else of this length."""
        if not self._meters:
            limit = RateLimit(observed.limit, max(observed.reset_after_s, MARGIN_S), headers=True)
            self._meters = (Window(limit),)
        windows = [meter for meter in self._meters if not meter.limit.refills]
        same = [meter for meter in windows if meter.limit.count == observed.limit]
        long_enough = [meter for meter in windows if meter.limit.per_s >= observed.reset_after_s]
        longest_last = sorted(same or long_enough or windows, key=lambda meter: meter.limit.per_s)
        return longest_last[0] if longest_last else None

    def pause(self, until: float, now: float) -> None:
        """The platform refused: nothing goes before `until`, and then more slowly for a while. What flew when
        the first refusal came is refused for the same reason, and teaches nothing more."""
        paused, self._paused_until = now < self._paused_until, max(self._paused_until, until)
        if paused:
            return
        by_length = sorted(self._meters, key=lambda meter: meter.limit.per_s)
        long_enough = [meter for meter in by_length if now + meter.limit.per_s + 1.0 >= until]
        for meter in long_enough[:1] or by_length[-1:]:
            meter.refused(now, until)


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
            known = key.family in self._limits
            self._buckets[key] = Bucket(self._limits.get(key.family, ()), known=known)
        return self._buckets[key]

    def blocking(
        self,
        keys: Iterable[BucketKey],
        now: float,
        preview: Preview | None = None,
        *,
        crowded: Container[BucketKey] = (),
    ) -> tuple[float, BucketKey | None]:
        """When an operation may go that draws from all `keys`, for some of which others wait, with the bucket
        that grants last; None where nothing is drawn from."""
        latest: tuple[float, BucketKey | None] = now, None
        for key in keys:
            at = self.bucket(key).ready_at(now, preview, crowded=key in crowded)
            if latest[1] is None or at > latest[0]:
                latest = at, key
        return latest

    def distance_s(
        self, keys: Iterable[BucketKey], now: float, haste: float, *, crowded: Container[BucketKey] = ()
    ) -> float:
        """How far apart previews that draw from all `keys` are; a moment at least."""
        apart_s = (self.bucket(key).distance_s(now, EVEN if key in crowded else haste) for key in keys)
        return max(apart_s, default=0.0) or SHORTEST_S

    def take(self, keys: Iterable[BucketKey], now: float) -> None:
        """Spend one request of each; to be followed by one `answered`."""
        for key in keys:
            self.bucket(key).take(now)

    def answered(
        self, keys: Iterable[BucketKey], now: float, since: float, observed: Iterable[ObservedLimit] = ()
    ) -> None:
        """A request that left at `since` came back; `observed`: what its headers say."""
        told = {one.key: one for one in observed}
        for key in keys:
            self.bucket(key).answered(now, since, told.get(key))

    def refused(
        self, keys: Sequence[BucketKey], now: float, retry_after_s: float, named: BucketKey | None = None
    ) -> None:
        """A request that drew from `keys` was not taken; to be told instead of `answered`.

        Where the platform names no bucket, the fullest is taken for it. One that the request did not draw
        from holds back what drew on nothing of it, too: it shuts out the whole account.
        """
        for key in keys:
            self.bucket(key).answered(now, now, taken=False)
        until = now + retry_after_s + MARGIN_S
        if named is None:
            named = max(reversed(keys), key=lambda key: self.bucket(key).load(now), default=None)
        for key in () if named is None else (named,) if named in keys else (*keys, named):
            self.bucket(key).pause(until, now)

    def forget_idle(self, now: float, *, after_s: float = 900.0) -> None:
        """Drop buckets that nothing has drawn from for longer than any window."""
        idle = [k for k, bucket in self._buckets.items() if now - bucket.idle_since(now) > after_s]
        for key in idle:
            del self._buckets[key]
