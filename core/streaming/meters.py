"""One rate limit counted: how many requests a platform would still take, and when it would take more.

The law of counting: a request counts from its grant, while it is in flight, until it has surely left the
platform's own count. The platform takes it somewhere between the grant and the answer, so it is counted
as if it had been taken at its grant and at its answer, whichever is worse. So, whatever the latency, the
platform's limit is never exceeded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final, Protocol

from core.streaming.operations import ObservedLimit

SLOWER: Final = 0.7
"""What a limit's rate is multiplied by when the platform said "too many"."""
SLOWEST: Final = 0.1
WINDOWS_KEPT: Final = 16
"""So many windows are remembered for how long they are."""
RECOVERY_S: Final = 600.0
"""In this time without another refusal a slowed limit is back at its full rate."""
CLOSEST: Final = 4 / 3
"""Requests to a slot, or as many as the haste: where no header tells of a window, its end is not known, and
text is worth no more. The limit itself keeps the rate; one to a slot would lose what each comes late."""
LEFT: Final = 4
"""A limit of which no header tells falls to no less than one part in so many, whatever is refused."""
RAISES: Final = 8
"""A count that refusals lowered comes back by one part in so many of the documented one at a time."""
CLEAN_S: Final = 60.0
"""A clean window, of no refusal, is no shorter: a second's window would be asked for more each second."""
MOST_WINDOWS: Final = 16
"""So many clean windows at most are awaited before a count is raised."""
FINE: Final = 1.15
"""A refusal at no more than this many times the rate that the refusal before led to was a near miss."""
EVEN: Final = 1.0
"""The haste of those who share a limit: none."""
NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` requests in any `per_s` seconds, or, if it `refills`, a token bucket that holds `count`
    and is refilled at count / per_s. `headers`: the platform's answers tell the true figures, so that one
    request goes out until the first of them came."""

    count: int
    per_s: float
    refills: bool = False
    headers: bool = False

    @property
    def slot_s(self) -> float:
        """Seconds between two requests at the rate that can be kept up for ever."""
        return self.per_s / self.count


class Meter(Protocol):
    """Counts one limit. `flying`: requests that were granted and are not answered yet."""

    limit: RateLimit

    def free_at(self, now: float, flying: int, wanted: int = 1) -> float:
        """When `wanted` requests may go at once; NEVER while only an answer can tell."""
        ...

    def worth_at(self, now: float, flying: int, since: float, haste: float) -> float:
        """When text that is hidden since `since` is old enough to be worth one of the requests that are left.
        `haste`: as if there were so many times as many; EVEN where others wait for them, too."""
        ...

    def answered(self, now: float, since: float, observed: ObservedLimit | None) -> None:
        """A request that left at `since` came back, perhaps with what the platform's headers say."""
        ...

    def load(self, now: float) -> float:
        """What share of its count is spent."""
        ...

    def refused(self, now: float, until: float) -> None:
        """The platform took less than was thought, and takes nothing before `until`."""
        ...


def meter_of(limit: RateLimit) -> Meter:
    return Tokens(limit) if limit.refills else Window(limit)


class _Slowing:
    """A rate that falls with each refusal and comes back slowly: less far where it was nearly right."""

    def __init__(self) -> None:
        self._rate, self._since = 1.0, 0.0

    def at(self, now: float) -> float:
        return self._rate + (1.0 - self._rate) * min(1.0, max(0.0, now - self._since) / RECOVERY_S)

    def refused(self, now: float, until: float) -> None:
        nearly = self._rate < 1.0 and self.at(now) <= FINE * self._rate
        self._rate = max(SLOWEST, 0.95 * self._rate if nearly else SLOWER * self.at(now))
        self._since = until


class _Learned:
    """How a limit that refusals lowered comes back to the documented one while requests succeed, and never
    beyond it.

    A refusal says that something was too much, and not what: a limit that a single one lowers for good holds
    back every later answer. So each clean window raises the count by a step of an eighth: 20 a minute that
    fell to a quarter, 5, are 20 again in 5 minutes. Where the platform does take less than it documents,
    the raise is refused, and each refusal doubles how many clean windows the next raise waits for, 16 at
    most: of 20 a minute asked for without a break, one in 16 minutes is refused. A raise that outlasts its
    windows halves them again: 16 + 16 + 8 + 4 + 2 windows are the longest way back from a quarter.
    """

    def __init__(self, documented: RateLimit) -> None:
        self._documented = documented
        self._step = -(-documented.count // RAISES)
        self._windows = 0  # to be clean before the next raise
        self._raised = False  # since the last refusal
        self._since = 0.0

    def refused(self, until: float) -> None:
        self._windows = min(MOST_WINDOWS, 2 * self._windows) or 1
        self._raised = False
        self._since = until

    def after_success(self, limit: RateLimit, now: float) -> RateLimit:
        """What the limit is by now."""
        documented = self._documented
        clean_s = self._windows * max(CLEAN_S, documented.per_s)
        if limit.count >= documented.count or now - self._since < clean_s:
            return limit
        if self._raised:
            self._windows = max(1, self._windows // 2)
        self._since, self._raised = now, True
        count = limit.count + self._step
        if count >= documented.count:
            return documented
        per_s = count * documented.slot_s if limit.refills else limit.per_s
        return replace(limit, count=count, per_s=per_s)


class Window:
    """So many requests in a window. Where headers tell of the platform's own window, that one is followed;
    else any window of this length is kept, wherever it begins."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._least = limit.count // LEFT
        self._answered: deque[float] = deque(maxlen=limit.count)
        self._slowing = _Slowing()
        self._learned = _Learned(limit)
        self._first_at = NEVER  # when the first request was answered
        self._told = False  # by headers
        self._unknown = limit.headers
        self._used = 0  # in the window that was told of
        self._resets_at = -NEVER
        self._rests: deque[float] = deque(maxlen=WINDOWS_KEPT)  # how long the last windows still were

    def free_at(self, now: float, flying: int, wanted: int = 1) -> float:
        if flying + wanted > self.limit.count or (self._unknown and flying):
            return NEVER
        if self._told:
            in_time = now >= self._resets_at or self._used + flying + wanted <= self.limit.count
            return now if in_time else self._resets_at
        last = self.limit.count - flying - wanted + 1
        return now if len(self._answered) < last else max(now, self._answered[-last] + self.limit.per_s)

    def worth_at(self, now: float, flying: int, since: float, haste: float) -> float:
        """As old as its share of what the window still lasts. The less is left, the less is spent ahead: with
        two left, of which one is the ending's, haste is over."""
        taken, ends_at = self._begun(now)
        left = self.limit.count - taken - flying
        share = 1.0 / max(1.0, 2.0 + haste * (left - 2))
        if ends_at is None:
            return since + share * self.limit.per_s
        worth_at = (since + share * ends_at) / (1.0 + share)
        if self._told:
            return worth_at
        # All that were made close together leave the count together. Who took the first to leave for the
        # window's end would spend at once what comes back then, and have nothing for the rest of it.
        closest_s = self.limit.slot_s / max(haste, CLOSEST) / self._slowing.at(now)
        return max(worth_at, since + closest_s)

    def _begun(self, now: float) -> tuple[int, float | None]:
        """How many of the window are taken, and when it ends; None where it is yet to begin."""
        if self._told:
            return (self._used, self._resets_at) if now < self._resets_at else (0, None)
        taken, first = self._taken(now)
        return taken, first + self.limit.per_s if taken else None

    def answered(self, now: float, since: float, observed: ObservedLimit | None) -> None:
        self._answered.append(now)
        self._first_at = min(self._first_at, now)
        self._unknown = False
        if observed is not None:
            self._observe(observed, now, since)
        elif self._told:  # it may have been taken
            self._used = self._used + 1 if now < self._resets_at else 1
            self._resets_at = max(self._resets_at, now + self.limit.per_s if self._used == 1 else 0.0)
        elif (limit := self._learned.after_success(self.limit, now)) != self.limit:
            self._set_limit(limit)

    def _observe(self, observed: ObservedLimit, now: float, since: float) -> None:
        """The first request of a window tells its length, or less where windows are cut from the platform's
        own clock, and none tells more: the longest of the last ones is it.

        The window ends between `since` and `now`, plus what the header says. Where an answer came so late
        that it may speak of this window or of another, the worse of both is believed.
        """
        used = observed.limit - observed.remaining
        soonest, resets_at = since + observed.reset_after_s, now + observed.reset_after_s
        if not self._told or observed.limit != self.limit.count:
            self._rests = deque([] if used == 1 else [self.limit.per_s], maxlen=WINDOWS_KEPT)
            self._set_limit(replace(self.limit, count=observed.limit))
        if used == 1 or observed.reset_after_s > self.limit.per_s:
            self._rests.append(observed.reset_after_s)
            self._set_limit(replace(self.limit, per_s=max(self._rests)))
        if not self._told or soonest >= self._resets_at:
            self._used, self._resets_at = used, resets_at
        elif now - since < self.limit.per_s / 4 and abs(resets_at - self._resets_at) < self.limit.per_s / 4:
            self._used, self._resets_at = max(self._used, used), min(self._resets_at, resets_at)
        else:
            self._used, self._resets_at = max(self._used, used), max(self._resets_at, resets_at)
        self._told = True

    def _set_limit(self, limit: RateLimit) -> None:
        self.limit = limit
        self._answered = deque(self._answered, maxlen=limit.count)

    def load(self, now: float) -> float:
        return self._taken(now)[0] / self.limit.count

    def _taken(self, now: float) -> tuple[int, float]:
        """How many of the window that ends now, and when the first of them."""
        gone = bisect_right(self._answered, now, key=lambda at: at + self.limit.per_s)
        return len(self._answered) - gone, self._answered[gone] if gone < len(self._answered) else now

    def refused(self, now: float, until: float) -> None:
        """Where no header tells the limit, it is no more than what was taken lately; but refusals, which may
        have other reasons, leave a quarter of it, however many there are: each pause is kept anyway. While
        requests succeed it comes back (`_Learned`). Less than a quarter in the first window of all is no
        limit: a process before this one had spent the rest."""
        self._slowing.refused(now, until)
        taken, _ = self._taken(now)
        if taken < self._least and now < self._first_at + self.limit.per_s:
            return
        self._learned.refused(until)
        if not self._told and 0 < taken < self.limit.count:
            self._set_limit(replace(self.limit, count=max(taken, self._least)))


class Tokens:
    """A token bucket, each request taken when it is answered and held while it flies."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._slowing = _Slowing()
        self._learned = _Learned(limit)
        self._level = float(limit.count)
        self._since = 0.0

    def _level_at(self, now: float) -> float:
        grown = max(0.0, now - self._since) * self._slowing.at(now) / self.limit.slot_s
        return min(float(self.limit.count), self._level + grown)

    def free_at(self, now: float, flying: int, wanted: int = 1) -> float:
        if flying + wanted > self.limit.count:
            return NEVER
        missing = flying + wanted - self._level_at(now)
        return now + max(0.0, missing) * self.limit.slot_s / self._slowing.at(now)

    def worth_at(self, now: float, flying: int, since: float, haste: float) -> float:
        """Its age times the tokens that are there is a slot by then: both grow meanwhile."""
        slot_s = self.limit.slot_s / self._slowing.at(now)
        level, age = self._level_at(now) - flying, (now - since) / slot_s
        grown = (sqrt((level - age) ** 2 + 4.0) - level - age) / 2.0
        return now + slot_s * max(grown, 1.0 / self.limit.count - age)

    def answered(self, now: float, since: float, observed: ObservedLimit | None) -> None:
        self._level, self._since = self._level_at(now) - 1.0, now
        self.limit = self._learned.after_success(self.limit, now)

    def load(self, now: float) -> float:
        return 1.0 - self._level_at(now) / self.limit.count

    def refused(self, now: float, until: float) -> None:
        self._slowing.refused(now, until)
        self._learned.refused(until)
        self._level, self._since = 1.0, until  # the platform names the moment when it takes one
        if self.limit.count > 1:  # nobody can tell a smaller bucket from a slower one
            self.limit = replace(
                self.limit, count=self.limit.count - 1, per_s=self.limit.per_s - self.limit.slot_s
            )
