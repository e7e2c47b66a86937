"""What a policy is judged by: computed by one code for all policies, from what stood where and when.

Age of visible text: at time t, t minus the moment when the oldest text that is produced and not visible
was produced; 0 when all is visible. Text is visible from the moment when the platform took it. The age
is integrated from each answer's first delta to its model's end.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from benchmarks.scenarios import Scenario, Stream, Timeline

STARVED_BY: Final = 3

Shown = tuple[float, int]
"""From this second on, so many characters of the answer's source are visible."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """The age grew from `low` to `high`, second by second."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measures:
    """One policy in one scenario; seconds. Lags and first texts are of the answers that got there."""

    mean_age_s: float  # over all seconds of all answers
    p95_age_s: float
    final_lag_mean_s: float
    final_lag_p95_s: float
    first_text_s: float  # mean, from the first delta
    edits_per_answer: float
    refused: int  # 429s
    inside_pauses: int  # requests that left for Telegram inside a pause that was known
    starved: int  # see `starved`
    incomplete: int  # answers that never stood there whole


@dataclass(frozen=True, slots=True)
class Record:
    """What happened in one run: by stream, what was visible when, in order, and the edits taken."""

    shown: Sequence[Sequence[Shown]]
    edits: int
    refused: int
    inside_pauses: int


def measure(scenario: Scenario, record: Record) -> Measures:
    both = [(stream.timeline, shown) for stream, shown in zip(scenario.streams, record.shown, strict=True)]
    ramps = [ramp for timeline, shown in both for ramp in age_ramps(timeline, shown)]
    span_s = sum(timeline.span_s for timeline, _ in both)
    lags = [lag for timeline, shown in both if (lag := final_lag(timeline, shown)) is not None]
    firsts = [shown[0][0] - timeline.deltas[0][0] for timeline, shown in both if shown]
    return Measures(
        mean_age_s=mean_of_age(ramps, span_s),
        p95_age_s=quantile_of_age(ramps, span_s, 0.95),
        final_lag_mean_s=sum(lags) / len(lags) if lags else 0.0,
        final_lag_p95_s=sorted(lags)[math.ceil(0.95 * len(lags)) - 1] if lags else 0.0,
        first_text_s=sum(firsts) / len(firsts) if firsts else 0.0,
        edits_per_answer=record.edits / len(both),
        refused=record.refused,
        inside_pauses=record.inside_pauses,
        starved=sum(starved(scenario.streams, record.shown)),
        incomplete=len(both) - len(lags),
    )


def age_ramps(timeline: Timeline, shown: Sequence[Shown]) -> list[Ramp]:
    """The age over the answer's life, where it is not 0."""
    lengths = list(accumulate(characters for _, characters in timeline.deltas))
    first, end = timeline.deltas[0][0], timeline.ended_at
    changes = [(first, 0), *((at, upto) for at, upto in shown if at < end), (end, 0)]
    ramps = []
    for (begin, upto), (until, _) in pairwise(changes):
        hidden = bisect_right(lengths, upto)  # the first delta that is not wholly visible
        since = timeline.deltas[hidden][0] if hidden < len(lengths) else end
        if until > max(begin, since):
            ramps.append(Ramp(max(begin, since) - since, until - since))
    return ramps


def mean_of_age(ramps: Iterable[Ramp], span_s: float) -> float:
    return sum((ramp.high**2 - ramp.low**2) / 2 for ramp in ramps) / span_s


def quantile_of_age(ramps: Sequence[Ramp], span_s: float, share: float) -> float:
    """The age that is not exceeded for `share` of `span_s`."""
    above = (1.0 - share) * span_s
    edges = sorted([(ramp.high, 1) for ramp in ramps] + [(ramp.low, -1) for ramp in ramps], reverse=True)
    spent, open_ramps, upper = 0.0, 0, math.inf
    for age, change in edges:
        part = open_ramps * (upper - age) if open_ramps else 0.0
        if spent + part >= above and open_ramps:
            return upper - (above - spent) / open_ramps
        spent, upper, open_ramps = spent + part, age, open_ramps + change
    return 0.0


def final_lag(timeline: Timeline, shown: Sequence[Shown]) -> float | None:
    """From the model's end to the complete text; None where that never stood there."""
    total = sum(characters for _, characters in timeline.deltas)
    return next((max(0.0, at - timeline.ended_at) for at, upto in shown if upto >= total), None)


def starved(streams: Sequence[Stream], shown: Sequence[Sequence[Shown]]) -> list[bool]:
    """Whether each answer got no preview between its first text and its model's end, though text of it was
    hidden, while another one with which it shares a bucket got STARVED_BY previews since that was hidden."""
    keys = [stream.keys for stream in streams]
    found = []
    for number, stream in enumerate(streams):
        since, end = _waits_since(stream.timeline, shown[number]), stream.timeline.ended_at
        others = [one for one in range(len(streams)) if one != number and keys[number] & keys[one]]
        found.append(
            since is not None
            and any(
                _previews(shown[one], since, min(end, streams[one].timeline.ended_at)) >= STARVED_BY
                for one in others
            )
        )
    return found


def _waits_since(timeline: Timeline, shown: Sequence[Shown]) -> float | None:
    """Since when text was hidden that no preview showed; None where there was a preview, or no such text."""
    during = [(at, upto) for at, upto in shown if at < timeline.ended_at]
    if len(during) != 1:
        return None
    lengths = accumulate(characters for _, characters in timeline.deltas)
    hidden = (at for (at, _), length in zip(timeline.deltas, lengths, strict=True) if length > during[0][1])
    since = next(hidden, None)
    return None if since is None else max(since, during[0][0])


def _previews(shown: Sequence[Shown], after: float, before: float) -> int:
    return sum(after < at < before for at, _ in shown[1:])
