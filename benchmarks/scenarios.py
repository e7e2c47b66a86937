"""What the benchmarks of freshness play: who asks where, and when the model's text comes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Final, Literal

from bots.sandbox.limits import Burst, Enforcer, PlatformLimits, Rule, Window, load_profile
from core.streaming.meters import RateLimit
from core.streaming.operations import BucketKey, OperationKind

Platform = Literal["discord", "telegram"]
Way = Mapping[OperationKind, tuple[BucketKey, ...]]
"""By kind of what can go this way: which buckets it draws from."""

PROFILES: Final = ("documented", "second")
ROUND_TRIP_S: Final = 0.15
BURST_S: Final = (0.5, 3.0)
PAUSE_S: Final = (1.0, 4.0)
"""For how long a bursty model talks and pauses: evenly between the two."""
START_S: Final = 1_000.0
"""Virtual time begins here: a clock that starts at nought would hide who takes 0.0 for "never"."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One answer of a model: `deltas` holds (seconds, characters of that delta), in order.

    `ended_at` is when the model's end comes: not before the last delta.
    """

    deltas: tuple[tuple[float, int], ...]
    ended_at: float

    @property
    def span_s(self) -> float:
        """From its first delta to the model's end."""
        return self.ended_at - self.deltas[0][0]


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer in one place. The first message goes the first of its ways, which is the question's own, and
    edits of it go any."""

    timeline: Timeline
    ways: tuple[Way, ...]

    @property
    def keys(self) -> set[BucketKey]:
        """All buckets that it draws from."""
        return {key for way in self.ways for keys in way.values() for key in keys}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Streams that share one bot account. `limits`: by bucket family, what the platform enforces.

    `round_trip_s`: from a request's start to its answer; the platform takes it half-way.
    A limit is a fixed window that opens with its first request; one of `token_buckets` holds `count`
    requests and is refilled at count / per_s.
    """

    name: str
    streams: tuple[Stream, ...]
    limits: Mapping[str, tuple[RateLimit, ...]]
    round_trip_s: float
    token_buckets: frozenset[RateLimit] = frozenset()
    platform: Platform = "discord"
    profile: str = "documented"
    timelines: str = ""
    penalty_s: float = 0.0  # Telegram: added to a pause by each request made inside it

    def with_reserves(self) -> Scenario:
        """The limits that whoever is safe whatever the latency has to keep: a request counts against a window
        from its start to `per_s` after its answer, since the platform took it somewhere in between."""
        kept = {
            family: tuple(
                limit
                if limit in self.token_buckets
                else replace(limit, per_s=limit.per_s + self.round_trip_s)
                for limit in limits
            )
            for family, limits in self.limits.items()
        }
        return replace(self, limits=kept)

    def enforcers(self, family: str) -> list[Enforcer]:
        """Fresh ones for one bucket of this family: what the platform counts with."""
        return [
            Enforcer(
                Burst(limit.count / limit.per_s, limit.count)
                if limit in self.token_buckets
                else Window(limit.count, limit.per_s)
            )
            for limit in self.limits.get(family, ())
        ]


# Timelines

TEXT: Final = """\
A sluice is a channel whose flow a gate controls at its head. Mills, mines and harbours have used \
them for centuries, and the idea is always the same: hold the water back, then let as much through \
as the wheel can take. A gate that opens too far wastes the pond. One that opens too little leaves \
the wheel idle.

The keeper watches two marks. The upper one says how much has gathered, the **lower one** how fast \
it leaves. Between them lies the craft, since rain asks nobody before it comes, and a wheel that has \
stopped needs more than a trickle to turn again.

1. Look at the pond before you touch the gate.
2. Open it by a hand's breadth, and wait for the wheel.
3. Note the time, the height and the weather.

What holds for water holds for words: *those who read* would rather have a steady stream than a \
flood after a drought. See [the old handbook](https://example.org/handbook) for tables of heights \
and flows, and the chapter on frost, which every keeper learns by heart in the first winter.

"""


@cache
def text_of(length: int) -> str:
    """The first `length` characters that every model here says: paragraphs with a little Markdown."""
    return (TEXT * (length // len(TEXT) + 1))[:length]


@lru_cache(maxsize=1)
def _token_lengths() -> tuple[int, ...]:
    """White space belongs to the token behind it, as models have it."""
    return tuple(len(token) for token in re.findall(r"\s*\S{1,6}", text_of(40_000)))


def steady(chance: random.Random, start: float, duration_s: float, per_s: float) -> Timeline:
    """Deltas at an even pace, each up to half a gap early or late."""
    return _timeline(
        start, duration_s, (at + (chance.random() - 0.5) / per_s for at in _times(1 / per_s, duration_s))
    )


def bursty(chance: random.Random, start: float, duration_s: float, per_s: float) -> Timeline:
    """Bursts at twice the pace, with pauses between them."""
    return _timeline(start, duration_s, _bursts(chance, duration_s, 2 * per_s))


def _bursts(chance: random.Random, duration_s: float, per_s: float) -> Iterator[float]:
    at = 0.0
    while at < duration_s:
        burst_ends = at + chance.uniform(*BURST_S)
        while at < burst_ends:
            yield at
            at += chance.uniform(0.5, 1.5) / per_s
        at += chance.uniform(*PAUSE_S)


def _times(gap_s: float, duration_s: float) -> Iterator[float]:
    return (number * gap_s for number in range(int(duration_s / gap_s)))


def _timeline(start: float, duration_s: float, times: Iterator[float]) -> Timeline:
    """Microseconds are enough, and print well. The model's end follows its last delta by 20 ms."""
    ordered = sorted(round(start + max(0.0, at), 6) for at in times if at < duration_s)
    return Timeline(tuple(zip(ordered, _token_lengths(), strict=False)), round(ordered[-1] + 0.02, 6))


@dataclass(frozen=True, slots=True)
class Pace:
    """How the models of one run speak."""

    name: str
    timeline: Callable[[random.Random, float, float, float], Timeline]
    duration_s: float


PACES: Final = (
    Pace("steady short", steady, 8.0),
    Pace("steady long", steady, 60.0),
    Pace("bursty short", bursty, 12.0),
    Pace("bursty long", bursty, 60.0),
)


# Scenarios


@dataclass(frozen=True, slots=True)
class Setting:
    """Who asks where: `place(n)` gives the ways of the n-th stream. `per_s`: deltas of each."""

    name: str
    platform: Platform
    count: int
    place: Callable[[int], tuple[Way, ...]]
    per_s: float
    longest_s: float = 60.0


def _channel(number: int) -> tuple[Way, ...]:
    account = BucketKey("account")
    return ({kind: (account, BucketKey(kind.value, f"c{number}")) for kind in OperationKind},)


def _slash_command(number: int) -> tuple[Way, ...]:
    """Seen by all, each in a channel of its own: by the interaction's token, or as any message of that
    channel, but for the sign that the bot thinks."""
    [channel] = _channel(number)
    interaction = dict.fromkeys(OperationKind, (BucketKey("interaction", f"i{number}"),))
    return interaction, {kind: keys for kind, keys in channel.items() if kind is not OperationKind.TYPING}


def _chat(family: str) -> Callable[[int], tuple[Way, ...]]:
    def place(number: int) -> tuple[Way, ...]:
        bot = BucketKey("bot")
        texts = (bot, BucketKey(family, f"t{number}"))
        return ({kind: (bot,) if kind is OperationKind.TYPING else texts for kind in OperationKind},)

    return place


SETTINGS: Final = (
    Setting("one answer", "discord", 1, _channel, 15.0),
    Setting("8 answers in one channel", "discord", 8, lambda _: _channel(0), 15.0),
    Setting("60 channels", "discord", 60, _channel, 10.0, 30.0),
    Setting("500 slash commands", "discord", 500, _slash_command, 4.0),
    Setting("one private chat", "telegram", 1, _chat("chat"), 15.0),
    Setting("8 answers in one group", "telegram", 8, lambda _: _chat("group")(0), 15.0),
    Setting("200 private chats", "telegram", 200, _chat("chat"), 6.0, 30.0),
)


def scenario(setting: Setting, pace: Pace, profile: str, seed: int = 1) -> Scenario:
    """Build one scenario: the same arguments give the same one, anywhere.

    All are asked within the first second, so that they compete for all of their lives.
    """
    chance = random.Random(f"{seed}/{setting.name}/{pace.name}")
    duration_s = min(pace.duration_s, setting.longest_s)
    streams = []
    for number in range(setting.count):
        start = START_S + 0.5 + chance.random()
        timeline = pace.timeline(chance, start, duration_s * chance.uniform(0.8, 1.2), setting.per_s)
        streams.append(Stream(timeline, setting.place(number)))
    platform: PlatformLimits = getattr(load_profile(profile), setting.platform)
    limits, token_buckets = _enforced(platform, setting.platform)
    return Scenario(
        setting.name,
        tuple(streams),
        limits,
        ROUND_TRIP_S,
        token_buckets,
        setting.platform,
        profile,
        pace.name,
        platform.times.get("hammering_penalty_s", 0.0),
    )


_FAMILIES: Final[Mapping[Platform, Mapping[str, tuple[str, ...]]]] = {
    "discord": {
        "account": ("account",),
        "send": ("create_message",),
        "edit": ("edit_message",),
        "typing": ("typing",),
        "interaction": ("interaction", "interaction_minute"),
    },
    "telegram": {"bot": ("bot",), "chat": ("chat",), "group": ("chat", "group")},
}
"""By family of the adapters' bucket keys, the sandbox's names of the limits that it stands for."""


def _enforced(
    platform: PlatformLimits, name: Platform
) -> tuple[Mapping[str, tuple[RateLimit, ...]], frozenset[RateLimit]]:
    def both(rule: Rule) -> tuple[RateLimit, bool]:
        if isinstance(rule, Burst):
            return RateLimit(rule.burst, rule.burst / rule.rate_per_s), True
        return RateLimit(rule.limit, rule.per_s), False

    rules = {
        family: [both(platform.limits[one]) for one in names] for family, names in _FAMILIES[name].items()
    }
    limits = {family: tuple(limit for limit, _ in found) for family, found in rules.items()}
    return limits, frozenset(limit for found in rules.values() for limit, bucket in found if bucket)


def scenarios(*, quick: bool = False) -> Iterator[Scenario]:
    """Everything the benchmark plays; `quick`: the small scenarios with short answers only."""
    for setting in SETTINGS:
        if quick and setting.count > 60:
            continue
        for pace in PACES:
            short = pace.duration_s <= setting.longest_s / 2
            if (quick and not short) or (setting.count > 8 and short and not quick):
                continue  # a crowd is as crowded in short answers
            for profile in PROFILES[:1] if quick else PROFILES:
                yield scenario(setting, pace, profile)
