"""Cases of the matrix with the real libraries over real sockets, judged by the matrix's own judge.

Not among them: faults of the machine, which no platform sees, and a lease that is lost (tests/faults/
test_takeovers.py). What an adapter makes of one answer of its platform's stands beside it, in
tests/discord/test_faults.py and tests/telegram/test_faulty_streams.py.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.fakes.model_faults import (
    BEFORE_DONE,
    BEFORE_FINISH,
    BEFORE_HEADERS,
    LASTING,
    Kind,
    at_delta,
    in_character,
)
from tests.faults.cases import At, Case, Fault, FaultKind, Moment, On, Platform, Point, Process
from tests.faults.judge import broken
from tests.faults.sockets import played

FINAL: Final = Moment(At.FINAL)
LEAST: Final = 40


def _sent(number: int) -> Moment:
    """About to be asked for."""
    return Moment(At.COMMITTED, number)


def _flying(number: int) -> Moment:
    return Moment(At.IN_FLIGHT, number)


def _each(on: On, *faults: tuple[FaultKind, Point] | tuple[FaultKind, Point, int]) -> tuple[Case, ...]:
    """One case for each."""
    return tuple(Case(on, (Fault(*fault),)) for fault in faults)


def _both(on: On, *faults: tuple[FaultKind, Point] | tuple[FaultKind, Point, int]) -> Case:
    return Case(on, tuple(Fault(*fault) for fault in faults))


MODEL: Final = (
    *_each(
        On.CHANNEL,
        (Kind.RATE_LIMITED_SHORT, BEFORE_HEADERS, 2),
        (Kind.UNAUTHORIZED, BEFORE_HEADERS, LASTING),
        (Kind.STALL, at_delta(5), LASTING),
        (Kind.RESET, in_character(6), LASTING),
    ),
    *_each(
        On.INTERACTION,
        (Kind.MALFORMED_JSON, at_delta(3), LASTING),
        (Kind.REASONING_ONLY, at_delta(0), LASTING),
    ),
    *_each(On.ALONE, (Kind.TOOL_CALL_CUT, at_delta(5), LASTING)),
    *_each(
        On.CHAT,
        (Kind.SERVER_ERROR, BEFORE_HEADERS, 1),
        (Kind.ERROR_IN_BAND, at_delta(4), LASTING),
        (Kind.LENGTH, at_delta(6), LASTING),
        (Kind.EOF, BEFORE_FINISH, LASTING),
    ),
    *_each(
        On.DRAFTS,
        (Kind.EMPTY, at_delta(0), LASTING),
        (Kind.STALL_COMMENTS, at_delta(2), LASTING),
        (Kind.CONTENT_FILTER, at_delta(3), LASTING),
        (Kind.EOF, BEFORE_DONE, LASTING),
    ),
)
PLATFORM: Final = (
    *_each(
        On.CHANNEL,
        (Platform.LIMITED_USER, FINAL),
        (Platform.LIMITED_GLOBAL, at_delta(3)),
        (Platform.LIMITED_SILENT, _flying(1)),
        (Platform.UNAVAILABLE, _sent(0), 3),
        (Platform.UNKNOWN_TAKEN, _sent(0), 2),
        (Platform.UNKNOWN_NOT_TAKEN, FINAL),
        (Platform.REJECTED, _sent(1)),
        (Platform.MESSAGE_GONE, at_delta(4)),
        (Platform.PLACE_GONE, at_delta(4)),
    ),
    *_each(
        On.INTERACTION,
        (Platform.LIMITED_SHARED, at_delta(3)),
        (Platform.UNKNOWN_TAKEN, _sent(0)),
        (Platform.EXPIRED, at_delta(1)),
        (Platform.PLACE_GONE, at_delta(3)),
    ),
    *_each(
        On.ALONE,
        (Platform.LIMITED_LONG, _sent(1)),
        (Platform.UNKNOWN_NOT_TAKEN, at_delta(3)),
        (Platform.EXPIRED, at_delta(4)),
    ),
    *_each(
        On.CHAT,
        (Platform.LIMITED_USER, at_delta(2)),
        (Platform.LIMITED_SHARED, at_delta(3)),
        (Platform.LIMITED_LONG, FINAL),
        (Platform.LIMITED_SILENT, _sent(1)),
        (Platform.UNAVAILABLE, _sent(0)),
        (Platform.UNAVAILABLE, _sent(1), 3),
        (Platform.UNKNOWN_TAKEN, _sent(0)),
        (Platform.UNKNOWN_NOT_TAKEN, _flying(1)),
        (Platform.REJECTED, _sent(1)),
        (Platform.MESSAGE_GONE, at_delta(3)),
        (Platform.PLACE_GONE, at_delta(4)),
        (Platform.FROZEN, at_delta(2)),
        (Platform.MOVED, at_delta(3)),
        (Platform.MOVED, FINAL),
    ),
    *_each(
        On.DRAFTS,
        (Platform.LIMITED_GLOBAL, at_delta(2)),
        (Platform.UNKNOWN_TAKEN, FINAL),
        (Platform.PLACE_GONE, at_delta(5)),
    ),
)
PROCESS: Final = (
    *_each(
        On.CHANNEL,
        (Process.KILL, BEFORE_HEADERS),
        (Process.KILL, at_delta(3)),
        (Process.KILL, _sent(0)),
        (Process.KILL, _flying(0)),
        (Process.KILL, FINAL),
        (Process.SIGTERM, at_delta(5)),
    ),
    *_each(
        On.INTERACTION,
        (Process.KILL, _flying(0)),
        (Process.KILL, at_delta(6)),
        (Process.SIGTERM, at_delta(0)),
    ),
    *_each(On.ALONE, (Process.KILL, at_delta(6))),
    *_each(
        On.CHAT,
        (Process.KILL, BEFORE_HEADERS),
        (Process.KILL, at_delta(3)),
        (Process.KILL, _sent(0)),
        (Process.KILL, _flying(0)),
        (Process.KILL, FINAL),
        (Process.SIGTERM, at_delta(2)),
    ),
    *_each(On.DRAFTS, (Process.KILL, at_delta(3)), (Process.KILL, FINAL), (Process.SIGTERM, at_delta(4))),
)
PAIRS: Final = (
    _both(On.CHANNEL, (Process.KILL, at_delta(2)), (Platform.UNKNOWN_TAKEN, at_delta(1))),
    _both(On.CHANNEL, (Process.KILL, _sent(0)), (Process.KILL, _flying(1))),
    _both(On.CHANNEL, (Kind.EOF, at_delta(5), LASTING), (Platform.UNAVAILABLE, at_delta(4), 2)),
    _both(On.INTERACTION, (Platform.EXPIRED, _flying(0)), (Process.KILL, at_delta(5))),
    _both(On.CHAT, (Platform.UNAVAILABLE, _flying(1), 2), (Process.SIGTERM, _flying(0))),
    _both(On.CHAT, (Platform.FROZEN, at_delta(2)), (Process.KILL, at_delta(6))),
    _both(On.CHAT, (Kind.STALL, at_delta(6), LASTING), (Platform.LIMITED_LONG, at_delta(5))),
    _both(On.DRAFTS, (Kind.RESET, at_delta(4), LASTING), (Process.KILL, at_delta(2))),
)
CASES: Final = (*MODEL, *PLATFORM, *PROCESS, *PAIRS)
TELEGRAM: Final = (On.CHAT, On.DRAFTS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_breaks_no_promise(case: Case) -> None:
    evidence = played(case)
    assert broken(evidence) is None, (case, evidence.post.texts)
    assert {fault for fault in case.faults if fault.of_model is None} <= set(evidence.struck)


def test_there_are_as_many_as_are_promised() -> None:
    on_telegram = sum(case.on in TELEGRAM for case in CASES)
    assert len(set(CASES)) == len(CASES) >= LEAST
    assert min(on_telegram, len(CASES) - on_telegram) >= LEAST // 2
    met = {fault.kind for case in CASES for fault in case.faults}
    assert set(Platform) | {Process.KILL, Process.SIGTERM} <= met
