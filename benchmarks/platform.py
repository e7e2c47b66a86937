"""The platforms of the benchmark: Discord's and Telegram's rate limits in virtual time.

They are the sandbox's (bots/sandbox/limits.py), for any scenario's numbers, without its sockets.
"""

from __future__ import annotations

import math

from benchmarks.scenarios import Scenario
from bots.sandbox.discord.answers import whole_ms
from bots.sandbox.limits import Enforcer, take_all
from core.streaming.operations import (
    BucketKey,
    Delivered,
    NotSent,
    NotSentReason,
    ObservedLimit,
    Outcome,
)


class Server:
    """Takes requests or refuses them, as the platform of a scenario would."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._enforcers: dict[BucketKey, list[Enforcer]] = {}
        self._paused_since: dict[BucketKey, float] = {}
        self._paused_until: dict[BucketKey, float] = {}
        self._messages = 0
        self.refused = 0
        self.inside_pauses = 0

    def take(self, keys: tuple[BucketKey, ...], now: float, message_id: str | None) -> Outcome:
        """One request about `message_id`, or a send, arrives."""
        answer = self._discord if self._scenario.platform == "discord" else self._telegram
        outcome = answer(keys, now)
        if isinstance(outcome, NotSent):
            self.refused += 1
            return outcome
        if message_id is None:
            self._messages += 1
            message_id = f"m{self._messages}"
        return Delivered(message_id, outcome)

    def _discord(self, keys: tuple[BucketKey, ...], now: float) -> NotSent | tuple[ObservedLimit, ...]:
        """The account's limit stands before all others, and no header tells of it."""
        accounts = [key for key in keys if key.family == "account"]
        own = [key for key in keys if key.family != "account"]
        for key in accounts:
            if wait := take_all(self._of(key), now):
                return NotSent(NotSentReason.RATE_LIMITED, whole_ms(wait), key)
        buckets = [(bucket, key) for key in own for bucket in self._of(key)]
        if not buckets:
            return ()
        wait = take_all([bucket for bucket, _ in buckets], now)
        tightest, key = min(buckets, key=lambda pair: (pair[0].remaining(now), -pair[0].reset_after(now)))
        remaining, reset_after = tightest.remaining(now), whole_ms(tightest.reset_after(now))
        observed = (ObservedLimit(key, tightest.limit, remaining, reset_after),)
        if wait:
            return NotSent(NotSentReason.RATE_LIMITED, whole_ms(wait), key, observed=observed)
        return observed

    def _telegram(self, keys: tuple[BucketKey, ...], now: float) -> NotSent | tuple[ObservedLimit, ...]:
        """A refusal names no bucket and pauses all that were full, in whole seconds."""
        paused = [key for key in keys if self._paused_until.get(key, now) > now]
        if paused:
            # What flew when the refusal came back could not know of it.
            known_at = min(self._paused_since[key] for key in paused) + self._scenario.round_trip_s
            self.inside_pauses += now >= known_at
            for key in paused:
                self._paused_until[key] += self._scenario.penalty_s
            until = max(self._paused_until[key] for key in paused)
            return NotSent(NotSentReason.RATE_LIMITED, math.ceil(until - now))
        wait = take_all([bucket for key in keys for bucket in self._of(key)], now)
        if wait == 0.0:
            return ()
        retry_after = math.ceil(wait)
        for key in keys:
            if any(bucket.wait(now) > 0.0 for bucket in self._of(key)):
                self._paused_since[key], self._paused_until[key] = now, now + retry_after
        return NotSent(NotSentReason.RATE_LIMITED, retry_after)

    def _of(self, key: BucketKey) -> list[Enforcer]:
        if key not in self._enforcers:
            self._enforcers[key] = self._scenario.enforcers(key.family)
        return self._enforcers[key]
