"""The adapter with the real openai client against a scripted server, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import traceback
from contextlib import aclosing

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bots.sandbox.model_server import (
    Body,
    Cut,
    Gate,
    HangUp,
    ModelServer,
    Refusal,
    Reply,
    Stream,
    Think,
    Wire,
    say,
)
from core.adapters.openai_completions import OpenAICompletions
from core.ports.completions import (
    Finished,
    FinishReason,
    ModelError,
    ModelErrorKind,
    ReasoningDelta,
    TextDelta,
    Usage,
)
from tests.model.asking import KEY, ask, connected, simple_request, text_of
from tests.model.transcripts import TRANSCRIPTS


async def test_an_answer_grows_and_ends() -> None:
    """Text, then usage, then the ending, which is last."""
    async with ModelServer() as server, connected(server.base_url) as model:
        events, error = await ask(model, simple_request("one two"))
    assert error is None
    assert events == [TextDelta("one "), TextDelta("two "), Usage(2, 2), Finished(FinishReason.STOP)]


@pytest.mark.parametrize("maker", TRANSCRIPTS)
async def test_what_servers_send_comes_through(maker: str) -> None:
    """The decoder's corpus once more, through HTTP."""
    transcript = TRANSCRIPTS[maker]
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(Body(transcript.body, "text/event-stream"))
        assert await ask(model) == (list(transcript.events), None)


async def test_a_compressed_answer_is_read_too() -> None:
    """A proxy may compress whatever it passes on."""
    transcript = TRANSCRIPTS[min(TRANSCRIPTS)]

    async def answer(_request: web.Request) -> web.Response:
        headers = {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}
        return web.Response(body=gzip.compress(transcript.body), headers=headers)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with TestServer(app) as server, connected(str(server.make_url("/v1"))) as model:
        assert await ask(model) == (list(transcript.events), None)


_FAULTS: dict[str, tuple[Reply, str, ModelErrorKind]] = {
    "400": (Refusal(400, "Invalid 'messages'."), "", ModelErrorKind.BAD_REQUEST),
    "400 too long": (
        Refusal(400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded"),
        "",
        ModelErrorKind.CONTEXT_TOO_LONG,
    ),
    "400 too long, naming max_tokens": (
        Refusal(400, "'max_tokens' is too large: 9. This model's maximum context length is 8 tokens"),
        "",
        ModelErrorKind.CONTEXT_TOO_LONG,
    ),
    "400 filtered": (
        Refusal(400, "The response was filtered", "content_filter"),
        "",
        ModelErrorKind.FILTERED,
    ),
    "400 unknown model": (Refusal(400, "x is not a valid model ID"), "", ModelErrorKind.UNKNOWN_MODEL),
    "401": (Refusal(401, f"Incorrect API key provided: {KEY}."), "", ModelErrorKind.UNAUTHORIZED),
    "402": (Refusal(402, "Pay first."), "", ModelErrorKind.NO_CREDIT),
    "403": (Refusal(403, "Not from your country."), "", ModelErrorKind.UNAUTHORIZED),
    "404": (Refusal(404, "Not Found"), "", ModelErrorKind.NOT_AN_API),
    "404 unknown model": (
        Refusal(404, 'model "x" not found, try pulling it first'),
        "",
        ModelErrorKind.UNKNOWN_MODEL,
    ),
    "413": (Refusal(413, "Payload too large"), "", ModelErrorKind.CONTEXT_TOO_LONG),
    "422": (Refusal(422, "Field required"), "", ModelErrorKind.BAD_REQUEST),
    "429": (Refusal(429, "Slow down."), "", ModelErrorKind.RATE_LIMITED),
    "429 no credit": (Refusal(429, "No.", "insufficient_quota"), "", ModelErrorKind.NO_CREDIT),
    "500": (Refusal(500, "Oops"), "", ModelErrorKind.SERVER),
    "502 page": (Body(b"<html>Bad gateway</html>", "text/html", 502), "", ModelErrorKind.SERVER),
    "529": (Refusal(529, "Overloaded"), "", ModelErrorKind.SERVER),
    "web page": (Body(b"<html>Welcome</html>", "text/html"), "", ModelErrorKind.NOT_AN_API),
    "nothing": (Body(b"", "text/event-stream"), "", ModelErrorKind.BROKEN_STREAM),
    "no response": (HangUp(), "", ModelErrorKind.UNREACHABLE),
    "cut": (Stream(("half", Cut())), "half", ModelErrorKind.BROKEN_STREAM),
    "end without an ending": (Stream(("half",), None), "half", ModelErrorKind.BROKEN_STREAM),
    "malformed JSON": (Stream(("half", Wire(b"data: {]\n\n"))), "half", ModelErrorKind.BROKEN_STREAM),
    "error inside": (
        Stream(("half", Wire(b'data: {"error": {"message": "upstream", "code": 502}}\n\n'))),
        "half",
        ModelErrorKind.SERVER,
    ),
    "reasoning alone": (Stream((Think("hm"),), "length"), "", ModelErrorKind.EMPTY),
}


@pytest.mark.parametrize("fault", _FAULTS)
async def test_a_fault_ends_as_our_own_error(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Every fault has its kind, keeps the text before it, and never tells the key."""
    reply, text, kind = _FAULTS[fault]
    caplog.set_level(logging.DEBUG)
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(reply)
        events, error = await ask(model)
    assert text_of(events) == text
    assert error is not None
    assert error.kind is kind
    assert "\n" not in error.detail
    told = "".join(traceback.format_exception(error)) + caplog.text
    assert KEY not in told


async def test_nobody_listens() -> None:
    """A refused connection."""
    async with ModelServer() as server:
        base_url = server.base_url
    async with connected(base_url) as model:
        _, error = await ask(model)
    assert error is not None
    assert error.kind is ModelErrorKind.UNREACHABLE


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("http://127.0.0.1:9/v1", "connection refused at 127.0.0.1:9"),
        ("http://no-such-host.invalid/v1", "at no-such-host.invalid:80"),
    ],
)
async def test_why_nobody_answers_is_said_in_words(
    base_url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries call a refused connection a time-out, and speak of TLS where there is none."""
    monkeypatch.setenv("no_proxy", "*")
    async with connected(base_url) as model:
        _, error = await ask(model)
    assert error is not None
    assert words in error.detail
    assert not re.search("ssl|time|Error", error.detail, re.IGNORECASE)


@pytest.mark.parametrize("base_url", ["localhost:1/v1", "ftp://127.0.0.1/v1", "127.0.0.1"])
async def test_an_address_that_is_none(base_url: str) -> None:
    """It ends as our own error when it is asked."""
    async with connected(base_url) as model:
        _, error = await ask(model)
    assert error is not None
    assert error.kind is ModelErrorKind.UNREACHABLE


def test_an_address_that_cannot_be_read() -> None:
    """It ends as our own error before anything is asked."""
    with pytest.raises(ModelError) as caught:
        OpenAICompletions(base_url="http://[::1", api_key=KEY)
    assert caught.value.kind is ModelErrorKind.UNREACHABLE


async def test_a_finished_answer_leaves_its_connection_to_the_next() -> None:
    """A handshake for every question would cost its asker a tenth of a second and more."""
    async with ModelServer() as server, connected(server.base_url) as model:
        for _ in range(3):
            await ask(model)
    assert len({request.connection for request in server.requests}) == 1


async def test_a_key_that_cannot_stand_in_a_header() -> None:
    """A key pasted with a line break or an accent."""
    async with ModelServer() as server:
        for key in ("sk-é-abcdefgh", "sk-\nabcdefgh"):
            model = OpenAICompletions(base_url=server.base_url, api_key=key)
            _, error = await ask(model)
            await model.aclose()
            assert error is not None
            assert key not in str(error)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (say("a", finish_reason="length"), FinishReason.LENGTH),
        (say("a", finish_reason="content_filter"), FinishReason.CONTENT_FILTER),
        (say(finish_reason="content_filter"), FinishReason.CONTENT_FILTER),
        (say("a", finish_reason="tool_calls"), FinishReason.TOOL_CALLS),
        (say("a", finish_reason="unheard_of"), FinishReason.OTHER),
        (Stream(("a",), usage=False, done=False), FinishReason.STOP),
    ],
)
async def test_endings(reply: Reply, reason: FinishReason) -> None:
    """The model's own endings are no errors."""
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(reply)
        events, error = await ask(model)
    assert error is None
    assert events[-1] == Finished(reason)


async def test_reasoning_is_kept_apart() -> None:
    """Thinking is no part of the answer."""
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(Stream((Think("hm"), Think("so", "reasoning"), "yes")))
        events, _ = await ask(model)
    assert events[:3] == [ReasoningDelta("hm"), ReasoningDelta("so"), TextDelta("yes")]


@pytest.mark.parametrize("fault", [Refusal(429, ""), Refusal(503, ""), HangUp(), Stream(("half", Cut()))])
async def test_it_asks_once(fault: Reply) -> None:
    """The library would ask again where nobody sees it."""
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(fault)
        _, error = await ask(model)
        assert error is not None
        assert len(server.requests) == 1


_GMT = "Wed, 25 Nov 2026 10:00:{:02d} GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "60"}, 60.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"retry-after-ms": "1500", "Retry-After": "60"}, 1.5),
        ({"Retry-After": _GMT.format(30), "Date": _GMT.format(0)}, 30.0),  # by the provider's own clock
        ({"Retry-After": _GMT.format(0), "Date": _GMT.format(30)}, 0.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT", "Date": "never"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_when_to_ask_again_is_kept(status: int, headers: dict[str, str], seconds: float | None) -> None:
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(Refusal(status, "Later.", headers=headers))
        _, error = await ask(model)
    assert error is not None
    assert error.retry_after == (None if seconds is None else pytest.approx(seconds))


async def test_leaving_early_tells_the_server() -> None:
    """Stop closes the connection, so the model stops too."""
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(Stream(("some", Gate(asyncio.Event()))))
        async with aclosing(model.stream(simple_request())) as stream:
            assert await anext(stream) == TextDelta("some")
            assert server.open_streams == 1
        await server.stream_closed.wait()
        assert server.open_streams == 0


async def test_cancelling_closes_the_connection() -> None:
    """A turn that is cancelled while it waits leaves nothing behind."""
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(Stream(("some", Gate(asyncio.Event()))))
        stream = model.stream(simple_request())
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await server.stream_closed.wait()


async def test_eight_answers_grow_side_by_side() -> None:
    """One instance serves them all; none waits for another."""
    async with ModelServer() as server, connected(server.base_url) as model:
        gate = asyncio.Event()
        server.enqueue(*(Stream((f"{number}", Gate(gate), "!")) for number in range(8)))
        streams = [model.stream(simple_request()) for _ in range(8)]
        firsts = await asyncio.gather(*(anext(stream) for stream in streams))
        assert sorted(first.text for first in firsts if isinstance(first, TextDelta)) == list("01234567")
        gate.set()
        assert await asyncio.gather(*(anext(stream) for stream in streams)) == [TextDelta("!")] * 8
        for stream in streams:
            await stream.aclose()


async def test_a_firehose_leaves_the_loop_to_others() -> None:
    """Buffered deltas never wait for a socket; others still get their turn every 64 of them."""
    body = b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n' * 100_000 + b"data: [DONE]\n\n"
    seen = longest = 0
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(Body(body, "text/event-stream"))
        last_turn = 0
        over = False

        def turn() -> None:
            nonlocal longest, last_turn
            longest = max(longest, seen - last_turn)
            last_turn = seen
            if not over:
                loop.call_soon(turn)

        loop = asyncio.get_running_loop()
        async with aclosing(model.stream(simple_request())) as stream:
            assert await anext(stream) == TextDelta("x")
            loop.call_soon(turn)
            async for _ in stream:
                seen += 1
        over = True
    assert seen == 100_000
    assert 0 < longest <= 64


async def test_a_proxy_is_no_way_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded model and Ollama are reached directly, whatever proxy leads outside."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with ModelServer() as server, connected(server.base_url) as model:
        _, error = await ask(model)
    assert error is None
