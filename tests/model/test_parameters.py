"""What a request holds, and how it is adapted to an endpoint that refuses a part."""

from __future__ import annotations

import pytest

from bots.sandbox.model_server import Body, ModelServer, Refusal
from core.ports.completions import (
    ChatMessage,
    CompletionRequest,
    ModelErrorKind,
)
from tests.model.asking import KEY, ask, connected, simple_request, text_of


async def test_only_what_is_set_is_sent() -> None:
    """None means the endpoint's own default; the key goes into the header."""
    async with ModelServer() as server, connected(server.base_url) as model:
        await ask(model)
        await ask(model, simple_request(temperature=0.0, max_tokens=7, seed=3))
    least, most = (request.body for request in server.requests)
    assert least == {
        "model": "scripted",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert {name: most[name] for name in most.keys() - least.keys()} == {
        "temperature": 0.0,
        "max_tokens": 7,
        "seed": 3,
    }
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("name", "sent"),
    [("Ada", "Ada"), ("Ada Lovelace <3", "Ada_Lovelace_3"), ("日本", None), ("x" * 99, "x" * 64)],
)
async def test_a_name_is_sent_as_openai_takes_it(name: str, sent: str | None) -> None:
    """A name with a space or beyond ASCII would otherwise cost the whole request."""
    request = CompletionRequest((ChatMessage("user", "hi", name),), "scripted")
    async with ModelServer() as server, connected(server.base_url) as model:
        await ask(model, request)
    assert server.requests[0].body["messages"][0].get("name") == sent


_REFUSABLE = {
    "max_tokens": "max_completion_tokens",
    "temperature": None,
    "stream_options": None,
    "seed": None,
}


async def test_parameters_are_adapted_once_per_model() -> None:
    """Each 400 that names one costs one request, and never another for that model."""
    request = simple_request(temperature=0.5, max_tokens=7, seed=3)
    async with ModelServer(refuses=_REFUSABLE) as server, connected(server.base_url) as model:
        events, error = await ask(model, request)
        assert error is None
        assert text_of(events) == "hello "
        assert len(server.requests) == 5
        assert server.requests[-1].body["max_completion_tokens"] == 7
        assert not server.requests[-1].body.keys() & _REFUSABLE.keys()
        await ask(model, request)
        assert len(server.requests) == 6


async def test_the_owners_limit_is_never_dropped() -> None:
    """Where both names are refused, the request fails rather than run without a limit."""
    refuses = {"max_tokens": None, "max_completion_tokens": None}
    async with ModelServer(refuses=refuses) as server, connected(server.base_url) as model:
        _, error = await ask(model, simple_request(max_tokens=7))
        assert error is not None
        assert error.kind is ModelErrorKind.BAD_REQUEST
        assert len(server.requests) == 2


async def test_a_value_out_of_range_is_not_adapted() -> None:
    """The endpoint knows the parameter: the owner must hear about the value."""
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(Refusal(400, "temperature must be between 0 and 2", param="temperature"))
        _, error = await ask(model, simple_request(temperature=9.0))
        assert error is not None
        assert error.kind is ModelErrorKind.BAD_REQUEST
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "'messages.0' : property 'name' is unsupported"),
        (400, "Only messages of role 'user' can have a name."),
        (422, '{"loc":["body","messages",0,"user","name"],"msg":"Extra inputs are not permitted"}'),
    ],
)
async def test_names_are_left_out_where_they_are_refused(status: int, message: str) -> None:
    """Groq's form, xAI's and Mistral's."""
    request = CompletionRequest((ChatMessage("user", "hi", "Ada"),), "scripted")
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(Body(message.encode(), status=status))
        _, error = await ask(model, request)
        assert error is None
        assert "name" not in server.requests[-1].body["messages"][0]


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        (
            "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            "max_tokens",
        ),
        (
            "'temperature' does not support 0.5 with this model. Only the default (1) value is supported.",
            "temperature",
        ),
        ("Unrecognized request argument supplied: stream_options", "stream_options"),
        ("invalid temperature: only 1 is allowed for this model", "temperature"),
        (
            "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted'}]",
            "seed",
        ),
    ],
)
@pytest.mark.parametrize("status", [400, 422])
async def test_the_words_that_providers_use(message: str, gone: str, status: int) -> None:
    """One parameter goes, and the others stay."""
    async with ModelServer() as server, connected(server.base_url) as model:
        server.enqueue(Refusal(status, message))
        _, error = await ask(model, simple_request(temperature=0.5, max_tokens=7, seed=3))
    assert error is None
    first, second = (request.body.keys() for request in server.requests)
    assert first - second == {gone}
