"""The witness: it changes nothing and forgets nothing."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots.sandbox.model_server import Body, Cut, Gate, ModelServer, Refusal, Stream, Wire, say
from bots.sandbox.recording_proxy import RecordingProxy
from core.adapters.openai_completions import OpenAICompletions
from core.ports.completions import ChatMessage, CompletionRequest, ModelError, TextDelta

_REQUEST = CompletionRequest((ChatMessage("user", "hello"),), "scripted", seed=1)


async def test_what_the_client_reads_is_what_was_recorded() -> None:
    """The same text, also with characters that Unicode takes for line ends."""
    deltas = ("Olá\u2028", "mundo\x85 🌍", "\n\nend")
    async with ModelServer() as server, RecordingProxy(server.base_url) as proxy:
        server.enqueue(say(*deltas))
        model = OpenAICompletions(base_url=proxy.base_url, api_key=None)
        events = [event async for event in model.stream(_REQUEST)]
        await model.aclose()
        (exchange,) = proxy.exchanges
        await exchange.ended.wait()
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "".join(deltas)
    assert exchange.text == "".join(deltas)
    assert json.loads(exchange.sent) == server.requests[0].body
    assert (exchange.path, exchange.status, exchange.whole) == ("chat/completions", 200, True)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(min_size=1, max_size=5_000), st.binary(max_size=5_000))
def test_bytes_pass_unchanged(sent: bytes, received: bytes) -> None:
    """Both bodies, whatever they are."""

    async def passes() -> None:
        async with ModelServer() as server, RecordingProxy(server.base_url) as proxy:
            server.enqueue(Body(received, "application/octet-stream"))
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{proxy.base_url}/chat/completions", data=_json(sent)) as response,
            ):
                assert await response.read() == received
            (exchange,) = proxy.exchanges
            assert exchange.sent == _json(sent)
            assert bytes(exchange.received) == received
            assert server.requests[0].body == json.loads(_json(sent))

    asyncio.run(passes())


def _json(payload: bytes) -> bytes:
    return json.dumps({"messages": [{"content": payload.hex()}]}).encode()


async def test_errors_and_their_headers_pass_too() -> None:
    """A client behind the proxy sees the same refusal."""
    async with ModelServer() as server, RecordingProxy(server.base_url) as proxy:
        server.enqueue(Refusal(429, "Later.", headers={"Retry-After": "7"}))
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{proxy.base_url}/chat/completions", json={"messages": [{"content": ""}]}
            ) as response,
        ):
            assert (response.status, response.headers["Retry-After"]) == (429, "7")


async def test_it_does_not_hold_anything_back() -> None:
    """A delta passes while the next is not yet there, and leaving reaches the model."""
    async with ModelServer() as server, RecordingProxy(server.base_url) as proxy:
        server.enqueue(Stream(("some", Gate(asyncio.Event()))))
        model = OpenAICompletions(base_url=proxy.base_url, api_key=None)
        async with aclosing(model.stream(_REQUEST)) as stream:
            assert await anext(stream) == TextDelta("some")
        await server.stream_closed.wait()
        await model.aclose()
        (exchange,) = proxy.exchanges
        await exchange.ended.wait()
        assert not exchange.whole
        assert exchange.text == "some"


async def test_a_torn_last_event_does_not_spoil_the_record() -> None:
    """What came before it is still the text."""
    async with ModelServer() as server, RecordingProxy(server.base_url) as proxy:
        server.enqueue(Stream(("half", Wire(b'data: {"choi')), finish_reason=None))
        model = OpenAICompletions(base_url=proxy.base_url, api_key=None)
        async with aclosing(model.stream(_REQUEST)) as stream:
            assert await anext(stream) == TextDelta("half")
        await model.aclose()
        (exchange,) = proxy.exchanges
        await exchange.ended.wait()
        assert exchange.text == "half"


async def test_a_stream_that_breaks_is_recorded_up_to_there() -> None:
    """Garbage, errors and pings are no text, and a reset reaches the client."""
    noise = b'data: {"choices": null}\n\ndata: 1\n\ndata: {"error": "no"}\n\n: ping\n\ndata: {]\n\n'
    async with ModelServer() as server, RecordingProxy(server.base_url) as proxy:
        server.enqueue(Stream(("half ", "of it", Wire(noise), Cut())))
        model = OpenAICompletions(base_url=proxy.base_url, api_key=None)
        with pytest.raises(ModelError):
            async for _ in model.stream(_REQUEST):
                pass
        await model.aclose()
        (exchange,) = proxy.exchanges
        await exchange.ended.wait()
    assert exchange.text == "half of it"
    assert not exchange.whole
