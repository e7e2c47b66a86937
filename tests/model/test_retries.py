"""Faults that pass: the same model is asked again, a few times, while nothing is visible."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.sandbox.model_server import Cut, HangUp, ModelServer, Refusal, Reply, Stream, Think, Wire, say
from core.adapters import retries
from core.adapters.retries import wait_before_retry
from core.adapters.routing import RoutedCompletions
from core.configuration import Configuration, Live, Provider
from core.ports.completions import Answering, ModelError, ModelErrorKind, ReasoningDelta, TextDelta
from tests.fakes.clock import FakeClock, HurriedClock
from tests.model.asking import ask, text_of

_IN_BAND = Stream((Wire(b'data: {"error": {"message": "upstream", "code": 502}}\n\n'),), None)


def _router(server: ModelServer, clock: FakeClock, seed: int = 1) -> RoutedCompletions:
    live = Live(Configuration(None, {"env": Provider("env", server.base_url)}, {}, "env/scripted"))
    return RoutedCompletions(live, clock=clock, chance=random.Random(seed))


@pytest.mark.parametrize(
    "fault",
    [
        Refusal(429, "Slow down."),
        Refusal(503, "Oops"),
        HangUp(),
        _IN_BAND,
        Stream((Cut(),)),
        Stream((), None),
        Stream((" ", "\n", Cut())),
        Stream((Wire(b'data: {"choi'), Cut())),
        Stream((Wire(b"data: {]\n\n"),)),
    ],
    ids=str,
)
async def test_a_fault_that_passes_is_waited_for(fault: Reply) -> None:
    """The answer comes whole and once, after two waits of which the second is longer."""
    clock = HurriedClock()
    async with ModelServer() as server:
        router = _router(server, clock)
        server.enqueue(fault, fault, say("once"))
        events, error = await ask(router)
        await router.aclose()
        assert len(server.requests) == 3
    assert error is None
    assert events[:2] == [Answering("env/scripted"), TextDelta("once")]
    first_s, second_s = clock.slept_s
    assert 0.5 <= first_s < 1.0 <= second_s < 2.0


async def test_what_lasts_is_told_after_two_retries() -> None:
    clock = HurriedClock()
    async with ModelServer() as server:
        router = _router(server, clock)
        server.enqueue(*(4 * [Refusal(503, "Oops")]))
        events, error = await ask(router)
        await router.aclose()
        assert len(server.requests) == 3
    assert events == []
    assert error is not None
    assert error.kind is ModelErrorKind.SERVER


@pytest.mark.parametrize("visible", ["half", Think("hm")])
async def test_what_is_visible_is_never_begun_anew(visible: str | Think) -> None:
    clock = HurriedClock()
    async with ModelServer() as server:
        router = _router(server, clock)
        server.enqueue(Stream((visible, Cut())))
        events, error = await ask(router)
        await router.aclose()
        assert len(server.requests) == 1
    seen = TextDelta("half") if visible == "half" else ReasoningDelta("hm")
    assert events == [Answering("env/scripted"), seen]
    assert error is not None
    assert error.kind is ModelErrorKind.BROKEN_STREAM
    assert clock.slept_s == []


@pytest.mark.parametrize(("retry_after", "asked"), [("3", 2), ("10", 2), ("10.5", 1), ("3600", 1)])
async def test_a_provider_says_when_and_a_person_would_wait_so_long(retry_after: str, asked: int) -> None:
    clock = HurriedClock()
    async with ModelServer() as server:
        router = _router(server, clock)
        server.enqueue(Refusal(429, "Later.", headers={"Retry-After": retry_after}))
        events, error = await ask(router)
        await router.aclose()
        assert len(server.requests) == asked
    if asked == 2:
        assert text_of(events) == "hello "
        [waited_s] = clock.slept_s
        assert 0.0 <= waited_s - float(retry_after) <= 0.5
    else:
        assert error is not None
        assert error.retry_after == float(retry_after)


async def test_whoever_waits_for_a_retry_can_be_stopped() -> None:
    clock = FakeClock()
    async with ModelServer() as server:
        router = _router(server, clock)
        server.enqueue(Refusal(503, "Oops"))
        waiting = asyncio.ensure_future(ask(router))
        while not clock._timers:  # noqa: ASYNC110 - until the refusal has come over the socket
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await clock.advance(60.0)
        await router.aclose()
        assert len(server.requests) == 1


_KINDS = st.sampled_from(ModelErrorKind)
_AFTER = st.none() | st.floats(0.0, 1e9)


@given(_KINDS, _AFTER, st.integers(0, 9), st.floats(0.0, 1e6), st.integers())
def test_no_retry_is_one_too_many_too_soon_or_too_late(
    kind: ModelErrorKind, after: float | None, retried: int, passed_s: float, seed: int
) -> None:
    error = ModelError(kind, "", retry_after=after)
    wait_s = wait_before_retry(error, retried=retried, passed_s=passed_s, chance=random.Random(seed))
    if wait_s is None:
        return
    assert retried < retries.RETRIES
    assert wait_s >= max(after or 0.0, retries.SHORTEST_WAIT_S)
    assert passed_s + wait_s <= retries.LAST_RETRY_S
    assert kind not in {ModelErrorKind.STALLED, ModelErrorKind.EMPTY, ModelErrorKind.UNAUTHORIZED}


def test_those_who_wait_for_one_provider_do_not_come_back_at_once() -> None:
    chance = random.Random(7)
    for after in (None, 5.0):
        error = ModelError(ModelErrorKind.RATE_LIMITED, "", retry_after=after)
        waits = {wait_before_retry(error, retried=0, passed_s=0.0, chance=chance) for _ in range(50)}
        assert len(waits) == 50


def test_the_same_seed_waits_the_same() -> None:
    error = ModelError(ModelErrorKind.SERVER, "")
    waits = [wait_before_retry(error, retried=0, passed_s=0.0, chance=random.Random(3)) for _ in range(2)]
    assert waits[0] == waits[1]
