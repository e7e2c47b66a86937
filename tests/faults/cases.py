"""What can go wrong, where, on which kind of surface: the matrix as data, and which of its cells are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from random import Random
from typing import Final, TypeAlias

from tests.fakes.model_faults import (
    BEFORE_DONE,
    BEFORE_FINISH,
    BEFORE_HEADERS,
    LASTING,
    Kind,
    ModelFault,
    Position,
    at_delta,
    in_character,
    occurs,
)

DELTAS: Final = (
    "Há muito tempo, ",
    "num vale 🌍 **muito verde, havia ",
    "um rio que corria devagar** e, ",
    "ao pé dele, uma aldeia de água. ",
    "Nobody there `knew` where it went. ",
    "Naïve people said: to the sea. ",
    "The old ones — few by then — said: ",
    "back to its own beginning.",
)
TEXT: Final = "".join(DELTAS)
PAGE_UNITS: Final = 200
"""Three pages."""
ROLLOVER: Final = 4
"""The delta with which the first page is full; the second one is with the last."""


class On(StrEnum):
    """The kinds of surface."""

    CHANNEL = "channel"  # with nonces
    CHAT = "chat"  # without
    DRAFTS = "private chat"  # previews are drafts; without nonces
    INTERACTION = "interaction"  # with the channel as its alternate
    ALONE = "interaction alone"


class Platform(StrEnum):
    LIMITED_USER = "rate limited, user"
    LIMITED_GLOBAL = "rate limited, global"
    LIMITED_SHARED = "rate limited, shared"
    LIMITED_SILENT = "rate limited without retry_after"
    LIMITED_LONG = "rate limited for minutes"
    UNAVAILABLE = "unavailable"
    UNKNOWN_TAKEN = "unknown, taken"
    UNKNOWN_NOT_TAKEN = "unknown, not taken"
    MESSAGE_GONE = "message gone"
    PLACE_GONE = "place gone"
    REJECTED = "payload rejected"
    FROZEN = "too old to edit"
    EXPIRED = "token expired"
    MOVED = "place moved"


class Machine(StrEnum):
    JOURNAL_FAILS = "journal fails for 5 s"
    JOURNAL_SLOW = "journal slow for 10 s"
    JOURNAL_HANGS = "journal locked for 30 s"
    JOURNAL_ANSWER_LOST = "journal: done, and its answer lost"
    STORE_FAILS = "store fails for 5 s"
    STORE_SLOW = "store slow for 10 s"
    STORE_HANGS = "store locked for 30 s"
    CLOCK_AHEAD = "clock set an hour ahead"
    CLOCK_BACK = "clock set an hour back"
    BLOCKED = "loop blocked for 2 s"
    DISORDER = "timers late and out of order for 5 s"


class Process(StrEnum):
    KILL = "kill"
    SIGTERM = "SIGTERM"
    LEASE_LOST = "lease lost"


class At(StrEnum):
    COMMITTED = "between commit and operation"
    IN_FLIGHT = "in flight"  # it was taken, and nobody has heard of that
    FINAL = "during the final edit"  # the same for the first operation after the model's finish


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in the work of the surface. `number`: which operation that people see, from 0."""

    at: At
    number: int = 0


Point: TypeAlias = Position | Moment
FaultKind: TypeAlias = Kind | Platform | Machine | Process


@dataclass(frozen=True, slots=True)
class Fault:
    """`times`: how many requests to the model meet it; how many operations of the platform."""

    kind: FaultKind
    point: Point
    times: int = 1

    @property
    def of_model(self) -> ModelFault | None:
        if isinstance(self.kind, Kind) and isinstance(self.point, Position):
            return ModelFault(self.kind, self.point, self.times)
        return None


@dataclass(frozen=True, slots=True)
class Case:
    on: On
    faults: tuple[Fault, ...]
    seed: int = 0

    def __str__(self) -> str:
        faults = "; ".join(f"{one.kind} ×{one.times} {_named(one.point)}" for one in self.faults)
        return f"{self.on}: {faults}" + (f" (seed {self.seed})" if self.seed else "")


OPERATIONS: Final = 4
"""So many operations of an answer are looked at one by one; all of its kinds are among them."""
IN_CHARACTER: Final = (1, 6)
"""Deltas with a character of several bytes: in the middle of a page, and at a rollover."""
POINTS: Final[tuple[Point, ...]] = (
    BEFORE_HEADERS,
    *(at_delta(number) for number in range(len(DELTAS))),
    *(in_character(number) for number in IN_CHARACTER),
    BEFORE_FINISH,
    BEFORE_DONE,
    *(Moment(At.COMMITTED, number) for number in range(OPERATIONS)),
    *(Moment(At.IN_FLIGHT, number) for number in range(OPERATIONS)),
    Moment(At.FINAL),
)
MODEL: Final[tuple[FaultKind, ...]] = tuple(Kind)
PLATFORM: Final[tuple[FaultKind, ...]] = tuple(Platform)
MACHINE: Final[tuple[FaultKind, ...]] = tuple(Machine)
PROCESS: Final[tuple[FaultKind, ...]] = tuple(Process)


def _named(point: Point) -> str:
    if isinstance(point, Moment):
        return f"{point.at} {point.number}"
    return f"{point.where} {point.delta}"


def impossible(on: On, kind: FaultKind, point: Point) -> str | None:
    """Why this cell cannot occur; None: it can."""
    if isinstance(kind, Kind):
        if isinstance(point, Moment):
            return "the model knows of no operation; its stream stands at one of its own positions meanwhile"
        return occurs(kind, point)
    if kind is Platform.MOVED and on is not On.CHAT:
        return "only a group of Telegram's gets another id"
    if kind is Platform.EXPIRED and on not in {On.INTERACTION, On.ALONE}:
        return "only an interaction has a token"
    if kind in {Platform.MESSAGE_GONE, Platform.FROZEN} and on is On.DRAFTS:
        return "a message there is sent once and never edited"
    return None


_BY_TOKEN: Final = {
    BEFORE_HEADERS,
    *(at_delta(number) for number in range(4)),
    in_character(1),
    *(Moment(At.COMMITTED, number) for number in range(3)),
    *(Moment(At.IN_FLIGHT, number) for number in range(2)),
}
"""Points after which an interaction's token is still used."""


def unmet(on: On, kind: FaultKind, point: Point) -> str | None:
    """Why a platform's fault that is there from this point on meets no operation of an answer that goes on as
    usual; None: it meets one."""
    if kind is Platform.EXPIRED and on is On.INTERACTION and point not in _BY_TOKEN:
        return "the channel carries what comes after the first message"
    return None


def cells(kinds: tuple[FaultKind, ...]) -> Iterator[Case]:
    """Every cell of these kinds that can occur. A model's fault outlasts its retries, since one that does not
    leaves the answer as it is; the pairs hold both."""
    for kind, point, on in product(kinds, POINTS, On):
        if impossible(on, kind, point) is None:
            yield Case(on, (Fault(kind, point, LASTING if isinstance(kind, Kind) else 1),))


def pairs(seeds: range) -> Iterator[Case]:
    """Two faults at points of their own, each drawn with its seed."""
    everything = (MODEL, PLATFORM, MACHINE, PROCESS)
    for seed in seeds:
        random = Random(seed)
        on = random.choice(tuple(On))
        faults: list[Fault] = []
        while len(faults) < 2:
            kind, point = random.choice(random.choice(everything)), random.choice(POINTS)
            if impossible(on, kind, point) is None:
                most = LASTING if isinstance(kind, Kind) else 2
                faults.append(Fault(kind, point, random.choice((1, most)) if kind in MODEL + PLATFORM else 1))
        yield Case(on, tuple(faults), seed)
