"""What a stream of edits is judged by.

Age of visible text: at time t, t minus the moment when the oldest text that is produced and not
visible was produced; 0 when all is visible. It is integrated until the model's end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.streaming.answer import Answer


@dataclass(frozen=True, slots=True)
class Figures:
    """How fresh one answer was on one surface. Times in seconds; None: not yet."""

    sends: int
    edits: int
    rate_limited: int
    first_text_s: float | None  # from its beginning, so with the wait for the model
    age_s: float  # now
    mean_age_s: float  # from the first delta to now, or to the model's end
    final_lag_s: float | None  # from the model's end to the complete text
    chars: int
    done: bool


@dataclass(slots=True)
class FreshnessMeter:
    """Measures one view: told when text becomes visible."""

    began_at: float  # just before the model is asked
    sends: int = 0
    edits: int = 0
    rate_limited: int = 0
    _first_delta_at: float | None = None
    _first_visible_at: float | None = None
    _last_visible_at: float | None = None
    _until: float = field(default=0.0)  # the area is integrated up to here
    _area: float = 0.0  # seconds of age, times seconds

    def visible(self, answer: Answer, shown_before: int, now: float) -> None:
        """Text beyond `shown_before` became visible now. To be called before `answer.shown`."""
        if self._first_delta_at is None:
            self._first_delta_at = answer.produced_at(0)
        if self._first_visible_at is None:
            self._first_visible_at = now
        self._last_visible_at = now
        self._area += self._hidden_area(answer, shown_before, now)
        self._until = max(self._until, self._end(answer, now))

    def figures(self, answer: Answer, shown: int, now: float, *, done: bool) -> Figures:
        first = self._first_delta_at if self._first_delta_at is not None else answer.produced_at(0)
        hidden_since = answer.produced_at(shown)
        end = self._end(answer, now)
        span = 0.0 if first is None else end - first
        area = self._area + self._hidden_area(answer, shown, now)
        visible_at, ended_at = self._last_visible_at, answer.ended_at
        lag = (
            max(0.0, visible_at - ended_at)
            if done and visible_at is not None and ended_at is not None
            else None
        )
        return Figures(
            sends=self.sends,
            edits=self.edits,
            rate_limited=self.rate_limited,
            first_text_s=None
            if first is None or self._first_visible_at is None
            else self._first_visible_at - self.began_at,
            age_s=0.0 if hidden_since is None or done else now - hidden_since,
            mean_age_s=area / span if span > 0 else 0.0,
            final_lag_s=lag,
            chars=answer.length,
            done=done,
        )

    def _end(self, answer: Answer, now: float) -> float:
        return now if answer.ended_at is None else min(now, answer.ended_at)

    def _hidden_area(self, answer: Answer, shown: int, now: float) -> float:
        """The integral of the age since `_until`, while the text at `shown` was the oldest hidden."""
        hidden_since = answer.produced_at(shown)
        end = self._end(answer, now)
        if hidden_since is None:
            return 0.0
        begin = max(self._until, hidden_since)
        if end <= begin:
            return 0.0
        return ((end - hidden_since) ** 2 - (begin - hidden_since) ** 2) / 2
