"""A model that goes silent, on a clock that the tests move."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from bots.sandbox.model_server import Gate, ModelServer, Step, Stream, Wire
from core.ports.completions import (
    Finished,
    FinishReason,
    ModelError,
    ModelErrorKind,
    TextDelta,
)
from tests.fakes.clock import FakeClock
from tests.model.asking import ask, connected, simple_request


@pytest.mark.parametrize("before", [(), ("some ",)])
async def test_a_stall_is_noticed(before: tuple[Step, ...]) -> None:
    """60 s for the first text, 45 s for the next, and no sooner."""
    clock = FakeClock()
    async with ModelServer() as server, connected(server.base_url, clock=clock) as model:
        never = asyncio.Event()
        server.enqueue(Stream((*before, Gate(never))))
        async with aclosing(model.stream(simple_request())) as stream:
            for text in before:
                assert await anext(stream) == TextDelta(str(text))
            waiting = asyncio.ensure_future(anext(stream))
            await clock.advance(44.0 if before else 59.0)
            assert not waiting.done()
            await clock.advance(2.0)
            with pytest.raises(ModelError) as caught:
                await waiting
        assert caught.value.kind is ModelErrorKind.STALLED
        await server.stream_closed.wait()


async def test_comments_do_not_hide_a_stall() -> None:
    """A connection kept alive is no model that speaks."""
    async with ModelServer() as server, connected(server.base_url, between_deltas_s=0.05) as model:
        server.enqueue(Stream(("some", Gate(asyncio.Event(), ping_every_s=0.005))))
        events, error = await ask(model)
    assert events == [TextDelta("some")]
    assert error is not None
    assert error.kind is ModelErrorKind.STALLED


async def test_a_slow_reader_is_no_stall() -> None:
    """The watchdog counts the wait for the model, not what the caller does meanwhile."""
    clock = FakeClock()
    async with ModelServer() as server, connected(server.base_url, clock=clock) as model:
        gate = asyncio.Event()
        server.enqueue(Stream(("a", Gate(gate), "b")))
        async with aclosing(model.stream(simple_request())) as stream:
            assert await anext(stream) == TextDelta("a")
            await clock.advance(300.0)
            waiting = asyncio.ensure_future(anext(stream))
            await clock.advance(1.0)
            gate.set()
            assert await waiting == TextDelta("b")


async def test_an_ending_does_not_wait_for_figures_that_never_come() -> None:
    """After the finish_reason a silent server costs 2 s, no stall and no text."""
    clock = FakeClock()
    async with ModelServer() as server, connected(server.base_url, clock=clock) as model:
        last = b'data: {"choices": [{"delta": {"content": "all"}, "finish_reason": "stop"}]}\n\n'
        server.enqueue(Stream((Wire(last), Gate(asyncio.Event()))))
        async with aclosing(model.stream(simple_request())) as stream:
            assert await anext(stream) == TextDelta("all")
            waiting = asyncio.ensure_future(anext(stream))
            await clock.advance(3.0)
            assert await waiting == Finished(FinishReason.STOP)
