"""What happens to streams in the wild, through the real client over real sockets: each fault one ending.

Refusals, reset and silence stand in `test_openai_completions.py` and `test_watchdog.py`.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Final

import pytest

from bots.sandbox.model_server import Body, Cut, Gate, Held, ModelServer, Stream, Wire, say
from core.adapters.openai_completions import OpenAICompletions
from core.ports.completions import (
    ChatMessage,
    CompletionRequest,
    Finished,
    FinishReason,
    ModelErrorKind,
    TextDelta,
)
from tests.fakes.clock import FakeClock
from tests.model.asking import ask, connected, simple_request, text_of

_EVENT_STREAM: Final = "text/event-stream"


def _wire(delta: object = None, finish_reason: str | None = None) -> Wire:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish_reason}
    return Wire(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")


def _tool(arguments: str) -> Wire:
    call = {"index": 0, "id": "1", "function": {"name": "search", "arguments": arguments}}
    return _wire({"tool_calls": [call]})


_GARBAGE: Final = Wire(b"data: {]\n\n")
_ERROR: Final = Wire(b'data: {"error": {"message": "no usage", "code": 500}}\n\n')
_DONE: Final = Wire(b"data: [DONE]\n\n")
_HALF_A_CHARACTER: Final = 'data: {"choices": [{"delta": {"content": "é'.encode()[:-1]

_BROKEN: dict[str, tuple[Stream | Body, str, ModelErrorKind]] = {
    "UTF-8 cut inside a character, then the end": (
        Stream(("half", Wire(_HALF_A_CHARACTER)), None),
        "half",
        ModelErrorKind.BROKEN_STREAM,
    ),
    "UTF-8 cut inside a character, then a reset": (
        Stream(("half", Wire(_HALF_A_CHARACTER), Cut())),
        "half",
        ModelErrorKind.BROKEN_STREAM,
    ),
    "tool arguments cut short by the end": (
        Stream(("half", _tool('{"query": "wea')), None),
        "half",
        ModelErrorKind.BROKEN_STREAM,
    ),
    "tool arguments cut short by the length, no text": (
        Stream((_tool('{"query": "wea'),), "length"),
        "",
        ModelErrorKind.EMPTY,
    ),
    "tool calls and no text": (Stream((_tool("{}"),), "tool_calls"), "", ModelErrorKind.EMPTY),
    "an empty answer": (Stream(()), "", ModelErrorKind.EMPTY),
    "white space alone": (Stream(("\n", " ")), "\n ", ModelErrorKind.EMPTY),
    "a gigantic line": (
        Stream(("half", Wire(b"data: " + b"x" * (2 << 20)))),
        "half",
        ModelErrorKind.BROKEN_STREAM,
    ),
    "a gigantic comment": (Stream(("half", Wire(b":" * (2 << 20)))), "half", ModelErrorKind.BROKEN_STREAM),
    "an event of a million empty lines": (
        Stream(("half", Wire(b"data:\n" * (2 << 20)))),
        "half",
        ModelErrorKind.BROKEN_STREAM,
    ),
    "an event of endless lines that begins the body": (
        Body(b"data:\n" * (2 << 20), _EVENT_STREAM),
        "",
        ModelErrorKind.BROKEN_STREAM,
    ),
    "gigantic JSON instead of a stream": (
        Body(b"{" + b" " * (9 << 20), _EVENT_STREAM),
        "",
        ModelErrorKind.NOT_AN_API,
    ),
    "comments alone": (Body(b": ping\n\n: ping\n\n", _EVENT_STREAM), "", ModelErrorKind.BROKEN_STREAM),
    "the model's own word for a failure": (
        Stream(("half", _wire(finish_reason="error"))),
        "half",
        ModelErrorKind.SERVER,
    ),
    "a rate limit in band": (
        Stream((Wire(b'data: {"error": {"message": "Too many requests", "code": 429}}\n\n'),)),
        "",
        ModelErrorKind.RATE_LIMITED,
    ),
    "too long in band": (
        Stream((Wire(b'data: {"error": {"message": "context_length_exceeded"}}\n\n'),)),
        "",
        ModelErrorKind.CONTEXT_TOO_LONG,
    ),
}


@pytest.mark.parametrize("fault", _BROKEN)
async def test_a_broken_stream_keeps_its_text_and_has_one_error(fault: str) -> None:
    reply, text, kind = _BROKEN[fault]
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(reply)
        events, error = await ask(model)
    assert text_of(events) == text
    assert not any(isinstance(event, Finished) for event in events)
    assert error is not None
    assert error.kind is kind


_ENDED: dict[str, tuple[Stream, str, FinishReason]] = {
    "finished without [DONE]": (Stream(("all",), done=False), "all", FinishReason.STOP),
    "[DONE] without finish": (Stream(("all", _DONE), None), "all", FinishReason.STOP),
    "reset after the finish": (Stream(("all", _wire(finish_reason="stop"), Cut())), "all", FinishReason.STOP),
    "garbage after the finish": (
        Stream(("all", _wire(finish_reason="stop"), _GARBAGE), None),
        "all",
        FinishReason.STOP,
    ),
    "an error after the finish": (
        Stream(("all", _wire(finish_reason="length"), _ERROR), None),
        "all",
        FinishReason.LENGTH,
    ),
    "a gigantic line after the finish": (
        Stream(("all", _wire(finish_reason="stop"), Wire(b"data: " + b"x" * (2 << 20)))),
        "all",
        FinishReason.STOP,
    ),
    "half a character after the finish": (
        Stream(("all", _wire(finish_reason="stop"), Wire(_HALF_A_CHARACTER)), None),
        "all",
        FinishReason.STOP,
    ),
    "finished twice": (Stream(("all", _wire(finish_reason="stop"))), "all", FinishReason.STOP),
    "cut, then finished": (Stream(("all", _wire(finish_reason="length"))), "all", FinishReason.LENGTH),
    "finished, then filtered": (
        Stream(("all", _wire(finish_reason="stop")), "content_filter"),
        "all",
        FinishReason.CONTENT_FILTER,
    ),
    "finished, then failed": (
        Stream(("all", _wire(finish_reason="stop")), "error"),
        "all",
        FinishReason.STOP,
    ),
    "text after the finish": (
        Stream(("al", _wire(finish_reason="stop"), "l")),
        "all",
        FinishReason.STOP,
    ),
    "text after [DONE]": (
        Stream(("all", _wire(finish_reason="stop"), _DONE, "more")),
        "all",
        FinishReason.STOP,
    ),
    "text, then tool arguments cut short": (
        Stream(("all", _tool('{"query": "wea')), "tool_calls"),
        "all",
        FinishReason.TOOL_CALLS,
    ),
    "text, then tool arguments cut short by the length": (
        Stream(("all", _tool('{"query": "wea')), "length"),
        "all",
        FinishReason.LENGTH,
    ),
}


@pytest.mark.parametrize("ended", _ENDED)
async def test_what_the_model_ended_is_whole(ended: str) -> None:
    """What comes after the finish_reason is figures, and whatever breaks there breaks no answer."""
    reply, text, reason = _ENDED[ended]
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(reply)
        events, error = await ask(model)
    assert error is None
    assert text_of(events) == text
    assert [event for event in events if isinstance(event, Finished)] == [events[-1]]
    assert events[-1] == Finished(reason)


async def test_headers_that_do_not_come_are_a_stall() -> None:
    """60 s, and the request is given up."""
    clock = FakeClock()
    async with ModelServer() as server, connected(server.base_url, clock=clock) as model:
        server.enqueue(Held(asyncio.Event(), say("late")))
        waiting = asyncio.ensure_future(ask(model))
        while not server.requests:  # noqa: ASYNC110 - until the request has come over the socket
            await asyncio.sleep(0)
        await clock.advance(59.0)
        assert not waiting.done()
        await clock.advance(2.0)
        _, error = await waiting
    assert error is not None
    assert error.kind is ModelErrorKind.STALLED


async def test_headers_that_come_late_are_no_fault() -> None:
    clock = FakeClock()
    async with ModelServer() as server, connected(server.base_url, clock=clock) as model:
        opens = asyncio.Event()
        server.enqueue(Held(opens, say("late")))
        waiting = asyncio.ensure_future(ask(model))
        while not server.requests:  # noqa: ASYNC110 - until the request has come over the socket
            await asyncio.sleep(0)
        await clock.advance(59.0)
        opens.set()
        events, error = await waiting
    assert (text_of(events), error) == ("late", None)


_PINGS: Final = {
    "comments": b": keep-alive\n\n",
    "events without data": b"event: ping\n\n",
    "empty chunks": b'data: {"choices": []}\n\n',
    "empty deltas": b'data: {"choices": [{"delta": {"content": ""}}]}\n\n',
    "events of another kind": b'event: ping\ndata: {"type": "ping"}\n\n',
}


@pytest.mark.parametrize("ping", _PINGS)
@pytest.mark.parametrize("before", [(), ("some",)])
@pytest.mark.parametrize("every_s", [0.0, 0.005])
async def test_pings_do_not_hide_a_stall(ping: str, before: tuple[str, ...], every_s: float) -> None:
    """Also a flood of them, which never lets the client wait for long."""
    first_s, between_s = (60.0, 0.05) if before else (0.1, 45.0)
    async with (
        ModelServer() as server,
        connected(server.base_url, first_delta_s=first_s, between_deltas_s=between_s) as model,
    ):
        server.enqueue(Stream((*before, Gate(asyncio.Event(), every_s, _PINGS[ping]))))
        events, error = await ask(model)
    assert text_of(events) == "".join(before)
    assert error is not None
    assert error.kind is ModelErrorKind.STALLED


async def test_a_stall_between_the_finish_and_done_costs_nothing_but_its_figures() -> None:
    clock = FakeClock()
    async with ModelServer() as server, connected(server.base_url, clock=clock) as model:
        server.enqueue(Stream(("all", _wire(finish_reason="stop"), Gate(asyncio.Event()))))
        async with aclosing(model.stream(simple_request())) as stream:
            assert await anext(stream) == TextDelta("all")
            waiting = asyncio.ensure_future(anext(stream))
            await clock.advance(3.0)
            while not waiting.done():  # the finish may have come over the socket only now
                await clock.advance(3.0)
            assert await waiting == Finished(FinishReason.STOP)


async def test_a_connection_that_was_closed_between_two_questions_costs_nobody_an_error() -> None:
    """As a server does that lets go of idle connections, whether or not the client has heard of it."""
    answers = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answers
        await reader.readuntil(b"\r\n\r\n")
        answers += 1
        body = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.readuntil(b"\r\n\r\n")  # the next question on this connection is not answered
        writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = OpenAICompletions(base_url=f"http://127.0.0.1:{port}/v1", api_key=None)
        try:
            for _ in range(3):
                request = CompletionRequest((ChatMessage("user", "Hi?"),), "m")
                texts = [event.text async for event in client.stream(request) if isinstance(event, TextDelta)]
                assert texts == ["Hi"]
        finally:
            await client.aclose()
    assert answers == 3
