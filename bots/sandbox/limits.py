"""The rate limits of the sandbox: read from `limits.toml`, enforced one bucket at a time.

Pure: `now` is an argument, in seconds of any clock that never runs backwards.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, TypeAlias

Clock: TypeAlias = Callable[[], float]

# A client that waits exactly as long as it was told may wake a float's breadth early.
_TOLERANCE_S = 1e-6


@dataclass(frozen=True)
class Window:
    """At most `limit` requests in `per_s` seconds; the window opens with its first request."""

    limit: int
    per_s: float


@dataclass(frozen=True)
class Burst:
    """A token bucket: `burst` requests at once, refilled at `rate_per_s` a second."""

    rate_per_s: float
    burst: int


Rule: TypeAlias = Window | Burst


@dataclass(frozen=True)
class PlatformLimits:
    """What one platform enforces: its rate limits, and its other times in seconds, by name."""

    limits: Mapping[str, Rule]
    times: Mapping[str, float]


@dataclass(frozen=True)
class Profile:
    """Both platforms' limits under one name, with `scale` already applied to the rate limits."""

    name: str
    scale: float
    discord: PlatformLimits
    telegram: PlatformLimits


class Enforcer:
    """One bucket of either kind."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.limit = rule.limit if isinstance(rule, Window) else rule.burst
        self._left = float(self.limit)
        self._since = float("-inf")

    def take(self, now: float) -> float:
        """Take one request: 0.0 when taken, else the seconds until one could be."""
        wait = self.wait(now)
        if wait == 0.0:
            if isinstance(self.rule, Window) and self._left == self.limit:
                self._since = now
            self._left -= 1
        return wait

    def wait(self, now: float) -> float:
        """Seconds until a request could be taken, 0.0 when it could be now; takes nothing."""
        self._refill(now)
        if self._left >= 1.0 - _TOLERANCE_S:
            return 0.0
        if isinstance(self.rule, Window):
            return self._since + self.rule.per_s - now
        return (1.0 - self._left) / self.rule.rate_per_s

    def remaining(self, now: float) -> int:
        """Requests that could be taken at once now."""
        self._refill(now)
        return int(self._left + _TOLERANCE_S)

    def reset_after(self, now: float) -> float:
        """Seconds until the bucket is full again, or a fresh window's length when it is full."""
        self._refill(now)
        if isinstance(self.rule, Window):
            return self.rule.per_s if self._left == self.limit else self._since + self.rule.per_s - now
        return (self.limit - self._left) / self.rule.rate_per_s

    def _refill(self, now: float) -> None:
        if isinstance(self.rule, Window):
            if now - self._since >= self.rule.per_s - _TOLERANCE_S:
                self._left = float(self.limit)
        else:
            grown = (now - self._since) * self.rule.rate_per_s
            self._left = min(float(self.limit), self._left + grown)
            self._since = now


def take_all(enforcers: Sequence[Enforcer], now: float) -> float:
    """Take one request from every bucket, or from none: 0.0, else the longest wait in seconds."""
    wait = max((enforcer.wait(now) for enforcer in enforcers), default=0.0)
    if wait == 0.0:
        for enforcer in enforcers:
            enforcer.take(now)
    return wait


def load_profile(name: str = "documented", *, scale: float = 1.0) -> Profile:
    """Read a profile of `limits.toml`; `scale` 0.1 makes every rate-limit window ten times shorter.

    The other times (first answer, token life) are deadlines for the bot and are not scaled: a test
    moves the server's clock instead. Raises `KeyError` for an unknown profile.
    """
    source = resources.files(__package__).joinpath("limits.toml").read_text("utf-8")
    tables = tomllib.loads(source)[name]
    return Profile(name, scale, _platform(tables["discord"], scale), _platform(tables["telegram"], scale))


def _platform(table: Mapping[str, Any], scale: float) -> PlatformLimits:
    limits = {key: _rule(numbers, scale) for key, numbers in table["limits"].items()}
    return PlatformLimits(limits, dict(table["times"]))


def _rule(numbers: Mapping[str, Any], scale: float) -> Rule:
    if "per_s" in numbers:
        return Window(int(numbers["limit"]), numbers["per_s"] * scale)
    return Burst(numbers["rate_per_s"] / scale, int(numbers["burst"]))
