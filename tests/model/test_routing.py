"""Several providers at once, each with the real client, over real sockets."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import pytest

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
    say,
)
from core.adapters.openai_completions import OpenAICompletions
from core.adapters.routing import RoutedCompletions
from core.configuration import Configuration, Live, ModelEntry, Provider
from core.ports.completions import (
    Answering,
    ChatMessage,
    CompletionRequest,
    Completions,
    Finished,
    FinishReason,
    ModelError,
    ModelErrorKind,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    Usage,
)
from tests.fakes.clock import HurriedClock
from tests.model.asking import text_of

KEY: Final = "sk-proj-0123456789abcdef"
_END: Final = Finished(FinishReason.STOP)


def entry(id_: str, *fallback: str, context: int | None = None, longest: int | None = None) -> ModelEntry:
    provider, _, model = id_.partition("/")
    return ModelEntry(
        id_, provider, model, model, context_tokens=context, max_output_tokens=longest, fallback=fallback
    )


@dataclass
class Routed:
    """Two servers, `one` and `two`, behind one router."""

    one: ModelServer
    two: ModelServer
    live: Live[Configuration]
    router: RoutedCompletions
    opened: list[str]
    closed: list[str]
    clock: HurriedClock

    async def ask(self, model: str = "one/a", **more: int) -> tuple[list[StreamEvent], ModelError | None]:
        request = CompletionRequest((ChatMessage("user", "hello"),), model, **more)
        events: list[StreamEvent] = []
        try:
            async with aclosing(self.router.stream(request)) as stream:
                async for event in stream:
                    events.append(event)  # noqa: PERF401  # what came before an error is wanted too
        except ModelError as error:
            return events, error
        return events, None

    def configure(self, *models: ModelEntry, **providers: Provider) -> None:
        known = providers or dict(self.live.current.providers)
        self.live.swap(replace(self.live.current, models={one.id: one for one in models}, providers=known))
        self.router.sweep()


@asynccontextmanager
async def _routed(*models: ModelEntry, first_delta_s: float = 60.0) -> AsyncIterator[Routed]:
    async with AsyncExitStack() as stack:
        one, two = ModelServer(api_key=KEY), ModelServer()
        for server in (one, two):
            await stack.enter_async_context(server)
        providers = {
            "one": Provider("one", one.base_url, "KEY", KEY),
            "two": Provider("two", two.base_url, headers=(("X-Title", "Sluice"),)),
        }
        live = Live(Configuration(None, providers, {model.id: model for model in models}, "one/a"))
        opened: list[str] = []
        closed: list[str] = []

        def open_client(provider: Provider) -> Completions:
            class Told(OpenAICompletions):
                async def aclose(self) -> None:
                    await super().aclose()
                    closed.append(provider.name)

            opened.append(provider.name)
            return Told(
                base_url=provider.base_url,
                api_key=provider.api_key,
                headers=dict(provider.headers),
                first_delta_s=first_delta_s,
            )

        clock = HurriedClock()
        router = RoutedCompletions(live, open_client=open_client, clock=clock, chance=random.Random(5))
        stack.push_async_callback(router.aclose)
        yield Routed(one, two, live, router, opened, closed, clock)


async def test_each_model_is_asked_at_its_provider_by_its_own_name() -> None:
    async with _routed(entry("one/a"), entry("two/meta/b")) as routed:
        routed.one.enqueue(say("first"))
        routed.two.enqueue(say("second"))
        assert await routed.ask("one/a") == (
            [Answering("one/a"), TextDelta("first"), Usage(1, 1), _END],
            None,
        )
        assert text_of((await routed.ask("two/meta/b"))[0]) == "second"
        assert [request.body["model"] for request in (*routed.one.requests, *routed.two.requests)] == [
            "a",
            "meta/b",
        ]
        assert routed.one.requests[0].headers["Authorization"] == f"Bearer {KEY}"
        assert KEY not in str(routed.two.requests[0].headers)
        sent = {name.lower(): value for name, value in routed.two.requests[0].headers.items()}
        assert sent["x-title"] == "Sluice"


async def test_a_name_without_a_provider_goes_to_that_of_env() -> None:
    async with _routed() as routed:
        routed.configure(env=Provider("env", routed.two.base_url))
        assert (await routed.ask("meta/llama"))[0][0] == Answering("env/meta/llama")
        assert routed.two.requests[0].body["model"] == "meta/llama"


async def test_clients_are_opened_once_and_only_when_they_are_needed() -> None:
    async with _routed(entry("one/a"), entry("two/b")) as routed:
        await routed.ask("two/b")
        await routed.ask("two/b")
        assert routed.opened == ["two"]
        assert len({request.connection for request in routed.two.requests}) == 1


_NEXT: dict[str, tuple[Reply, ModelErrorKind]] = {
    "429": (Refusal(429, "Slow down.", headers={"Retry-After": "30"}), ModelErrorKind.RATE_LIMITED),
    "500": (Refusal(500, "Oops"), ModelErrorKind.SERVER),
    "529": (Refusal(529, "Overloaded"), ModelErrorKind.SERVER),
    "unknown model": (
        Refusal(404, "The model `a` does not exist.", "model_not_found"),
        ModelErrorKind.UNKNOWN_MODEL,
    ),
    "no credit": (Refusal(429, "No.", "insufficient_quota"), ModelErrorKind.NO_CREDIT),
    "401": (Refusal(401, "Incorrect API key"), ModelErrorKind.UNAUTHORIZED),
    "web page": (Body(b"<html>Welcome</html>", "text/html"), ModelErrorKind.NOT_AN_API),
    "no response": (HangUp(), ModelErrorKind.UNREACHABLE),
    "cut before any text": (Stream((Cut(),)), ModelErrorKind.BROKEN_STREAM),
    "white space alone": (Stream((" ", "\n")), ModelErrorKind.EMPTY),
}


_PASSING: Final = {
    ModelErrorKind.RATE_LIMITED,
    ModelErrorKind.SERVER,
    ModelErrorKind.UNREACHABLE,
    ModelErrorKind.BROKEN_STREAM,
}


@pytest.mark.parametrize("fault", _NEXT)
async def test_a_failure_before_any_text_leads_to_the_next_model(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    reply, kind = _NEXT[fault]
    async with _routed(entry("one/a", "two/b"), entry("two/b")) as routed:
        routed.one.enqueue(*(3 * [reply]))
        routed.two.enqueue(say("from two"))
        events, error = await routed.ask()
        passes = kind in _PASSING and fault != "429"
        assert len(routed.one.requests) == (3 if passes else 1)
    assert error is None
    assert events[-4:] == [Answering("two/b"), TextDelta("from two"), Usage(1, 1), _END]
    (line,) = [record.getMessage() for record in caplog.records if record.name == "core.adapters.routing"]
    assert line.startswith(f"two/b is asked instead of one/a: {kind}: ")
    assert KEY not in line


async def test_a_refused_connection_leads_to_the_next_model() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        async with _routed() as routed:
            two = routed.live.current.providers["two"]
            routed.configure(entry("one/a", "two/b"), entry("two/b"), one=Provider("one", address), two=two)
            routed.two.enqueue(say("from two"))
            assert text_of((await routed.ask())[0]) == "from two"


async def test_a_model_that_stays_silent_leads_to_the_next() -> None:
    async with _routed(entry("one/a", "two/b"), entry("two/b"), first_delta_s=0.05) as routed:
        routed.one.enqueue(Stream((Gate(asyncio.Event()),)))
        routed.two.enqueue(say("from two"))
        assert text_of((await routed.ask())[0]) == "from two"


@pytest.mark.parametrize("visible", ["half", Think("hm")])
async def test_what_is_visible_is_never_begun_anew(visible: str | Think) -> None:
    async with _routed(entry("one/a", "two/b"), entry("two/b")) as routed:
        routed.one.enqueue(Stream((visible, Cut())))
        events, error = await routed.ask()
        assert routed.two.requests == []
    expected = TextDelta("half") if visible == "half" else ReasoningDelta("hm")
    assert events == [Answering("one/a"), expected]
    assert error is not None
    assert error.kind is ModelErrorKind.BROKEN_STREAM


@pytest.mark.parametrize(
    "reply", [Refusal(400, "Invalid 'messages'."), Refusal(400, "No.", "content_filter")]
)
async def test_what_was_asked_is_at_fault_and_no_other_model_is_asked(reply: Refusal) -> None:
    async with _routed(entry("one/a", "two/b"), entry("two/b")) as routed:
        routed.one.enqueue(reply)
        events, error = await routed.ask()
        assert (events, routed.two.requests) == ([], [])
    assert error is not None
    assert error.kind in {ModelErrorKind.BAD_REQUEST, ModelErrorKind.FILTERED}


_TOO_LONG = Refusal(400, "maximum context length is 8192 tokens", "context_length_exceeded")


@pytest.mark.parametrize(
    ("first", "second", "asked"),
    [(8_000, 9_000, True), (8_000, 8_000, False), (8_000, None, False), (None, 9_000, False)],
)
async def test_too_long_is_asked_again_only_where_more_fits(
    first: int | None, second: int | None, asked: bool
) -> None:
    async with _routed(entry("one/a", "two/b", context=first), entry("two/b", context=second)) as routed:
        routed.one.enqueue(_TOO_LONG)
        _, error = await routed.ask()
        assert bool(routed.two.requests) is asked
    assert (error is None) is asked
    assert error is None or error.kind is ModelErrorKind.CONTEXT_TOO_LONG


async def test_each_is_asked_in_order_and_the_first_failure_is_told() -> None:
    models = (entry("one/a", "two/b", "two/c"), entry("two/b", "one/a"), entry("two/c"))
    async with _routed(*models) as routed:
        routed.one.enqueue(Refusal(429, "Slow down.", headers={"Retry-After": "30"}))
        routed.two.enqueue(*(3 * [Refusal(500, "b")]), *(3 * [Refusal(500, "c")]))
        events, error = await routed.ask()
        assert [request.body["model"] for request in routed.two.requests] == [*"bbbccc"]
        assert len(routed.one.requests) == 1
    assert events == []
    assert error is not None
    assert (error.kind, error.retry_after) == (ModelErrorKind.RATE_LIMITED, 30.0)


async def test_too_long_is_what_is_told_since_less_may_help() -> None:
    async with _routed(entry("one/a", "two/b"), entry("two/b")) as routed:
        routed.one.enqueue(*(3 * [Refusal(500, "Oops")]))
        routed.two.enqueue(_TOO_LONG)
        _, error = await routed.ask()
    assert error is not None
    assert error.kind is ModelErrorKind.CONTEXT_TOO_LONG


async def test_tokens_of_a_model_that_gave_nothing_are_told_as_its_own() -> None:
    async with _routed(entry("one/a", "two/b"), entry("two/b")) as routed:
        routed.one.enqueue(Stream((" ", " ", " ")))
        routed.two.enqueue(say("yes"))
        events, _ = await routed.ask()
    told = [event for event in events if not isinstance(event, TextDelta)]
    assert told == [Answering("one/a"), Usage(1, 3), Answering("two/b"), Usage(1, 1), _END]
    assert text_of(events).strip() == "yes"


async def test_white_space_before_an_answer_is_part_of_it() -> None:
    async with _routed(entry("one/a")) as routed:
        routed.one.enqueue(say("\n", " ", "yes", " "))
        assert text_of((await routed.ask())[0]) == "\n yes "


@pytest.mark.parametrize(("asked", "longest", "sent"), [(900, 50, 50), (20, 50, 20), (900, None, 900)])
async def test_the_next_model_is_asked_for_no_more_than_it_gives(
    asked: int, longest: int | None, sent: int
) -> None:
    async with _routed(entry("one/a", "two/b"), entry("two/b", longest=longest)) as routed:
        routed.one.enqueue(*(3 * [Refusal(500, "Oops")]))
        await routed.ask(max_tokens=asked)
        assert routed.one.requests[0].body["max_tokens"] == asked
        assert routed.two.requests[0].body["max_tokens"] == sent


async def test_a_provider_that_vanishes_is_closed_when_its_last_stream_ended() -> None:
    async with _routed(entry("one/a"), entry("two/b")) as routed:
        opens = asyncio.Event()
        routed.one.enqueue(Stream(("half ", Gate(opens), "whole")))
        request = CompletionRequest((ChatMessage("user", "hello"),), "one/a")
        async with aclosing(routed.router.stream(request)) as stream:
            assert [await anext(stream), await anext(stream)] == [Answering("one/a"), TextDelta("half ")]
            routed.configure(entry("two/b"), two=routed.live.current.providers["two"])
            assert routed.closed == []
            opens.set()
            rest = [event async for event in stream]
        assert rest[0] == TextDelta("whole")
        await _until_closed(routed, "one")
        _, error = await routed.ask("one/a")
    assert error is not None  # of a name that is not there any more


async def test_another_key_is_another_client_and_the_idle_one_is_closed_at_once() -> None:
    async with _routed(entry("one/a")) as routed:
        routed.configure(entry("one/a"), one=Provider("one", routed.one.base_url, "KEY", "wrong"))
        _, error = await routed.ask()
        assert error is not None
        assert error.kind is ModelErrorKind.UNAUTHORIZED
        routed.configure(entry("one/a"), one=Provider("one", routed.one.base_url, "KEY", KEY))
        await _until_closed(routed, "one")
        assert (await routed.ask())[1] is None
        assert routed.opened == ["one", "one"]


async def test_leaving_early_tells_the_provider() -> None:
    async with _routed(entry("one/a")) as routed:
        routed.one.enqueue(Stream(("half", Gate(asyncio.Event()))))
        request = CompletionRequest((ChatMessage("user", "hello"),), "one/a")
        async with aclosing(routed.router.stream(request)) as stream:
            await anext(stream)
            await anext(stream)
        await routed.one.stream_closed.wait()
        assert routed.one.open_streams == 0


async def _until_closed(routed: Routed, name: str) -> None:
    async with asyncio.timeout(10.0):
        while name not in routed.closed:  # noqa: ASYNC110  # a turn of the loop, no time
            await asyncio.sleep(0)
