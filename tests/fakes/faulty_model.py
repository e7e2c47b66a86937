"""A model in virtual time that breaks as it is told: any kind of fault at any position of its stream.

The real path but for the socket: bytes go through the openai client, the splitter, the decoder, the watchdog,
the retries and the fallback. `bots/sandbox/model_server.py` is its counterpart over real sockets.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import replace
from typing import Final, TypeAlias

import httpx2

from core.adapters.openai_completions import OpenAICompletions
from core.adapters.routing import RoutedCompletions
from core.configuration import Configuration, Live, ModelEntry, Provider
from core.ports.clock import Clock
from core.ports.completions import CompletionRequest, StreamEvent
from tests.fakes.model_faults import (
    BEFORE_DONE,
    BEFORE_FINISH,
    BEFORE_HEADERS,
    PAUSE_S,
    REFUSALS,
    Kind,
    ModelFault,
    Position,
    Where,
    at_delta,
    in_character,
    occurs,
)

FIRST: Final = "env/first"
SECOND: Final = "env/second"
_NEVER: Final = "never"
_RESET: Final = "reset"

_Piece: TypeAlias = bytes | float | str
"""Of a body: bytes, a wait in seconds, or one of the two words above."""


def _event(delta: object, finish_reason: str | None = None) -> bytes:
    return _data({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


def _data(payload: object) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\n\n"


_PING_EVERY_S: Final = 5.0
_PINGS: Final = {Kind.STALL_COMMENTS: b": keep-alive\n\n", Kind.STALL_PINGS: _event({"content": ""})}
_DONE: Final = b"data: [DONE]\n\n"
_CALL: Final = {"index": 0, "id": "1", "function": {"name": "search", "arguments": '{"query": "wea'}}
_AND_ENDS: Final[Mapping[Kind, tuple[bytes, ...]]] = {
    Kind.EOF: (),
    Kind.GIGANTIC_LINE: (b"data: ", *(17 * (b"x" * 70_000,))),  # more than a megabyte
    Kind.ERROR_IN_BAND: (_data({"error": {"message": "upstream", "code": 502}}),),
    Kind.CONTEXT_TOO_LONG: (_data({"error": {"message": "context_length_exceeded"}}),),
    Kind.TOOL_CALL_CUT: (_event({"tool_calls": [_CALL]}),),
    Kind.REASONING_ONLY: (_event({"reasoning_content": "Hm."}), _event({}, "length"), _DONE),
    Kind.CONTENT_FILTER: (_event({}, "content_filter"), _DONE),
    Kind.LENGTH: (_event({}, "length"), _DONE),
    Kind.EMPTY: (_event({}, "stop"), _DONE),
}
_AND_GOES_ON: Final[Mapping[Kind, tuple[bytes, ...]]] = {
    Kind.MALFORMED_JSON: (b"data: {]\n\n",),
    Kind.FINISH_TWICE: (_event({}, "stop"),),
    Kind.TEXT_AFTER_FINISH: (_event({}, "stop"),),
}


class FaultyModel:
    """The port `Completions`. It says `deltas`, the first after `first_s` and one each `every_s` after it.

    `faults` meet its requests in turn, each as often as it says; requests beyond them are answered whole.
    With `fallback` a second model, which is asked where the first one fails, goes on in the same turn.
    `said`: for each request the text that it sent, which visible text is a prefix of. `reached` is told of
    each position as a stream comes to it.
    """

    def __init__(
        self,
        clock: Clock,
        deltas: Sequence[str],
        faults: Sequence[ModelFault] = (),
        *,
        first_s: float = 0.5,
        every_s: float = 0.05,
        fallback: bool = False,
        seed: int = 0,
        reached: Callable[[Position], None] = lambda _: None,
    ) -> None:
        for fault in faults:
            if (reason := occurs(fault.kind, fault.position)) is not None:
                raise ValueError(f"{fault} cannot occur: {reason}")
        self.said: list[str] = []
        self.open_streams = 0
        self._clock = clock
        self._reached = reached
        self._deltas = tuple(deltas)
        self._faults = [fault for fault in faults for _ in range(fault.times)]
        self._first_s, self._every_s = first_s, every_s
        entry = ModelEntry(FIRST, "env", "first", "First", fallback=(SECOND,) if fallback else ())
        models = {FIRST: entry, SECOND: ModelEntry(SECOND, "env", "second", "Second")}
        live = Live(Configuration(None, {"env": Provider("env", "http://model.invalid/v1")}, models, FIRST))
        self._router = RoutedCompletions(
            live, open_client=self._open, clock=clock, chance=random.Random(seed)
        )

    @property
    def text(self) -> str:
        """All that it has to say."""
        return "".join(self._deltas)

    def stream(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        return self._router.stream(replace(request, model=FIRST))

    async def aclose(self) -> None:
        await self._router.aclose()

    def _open(self, provider: Provider) -> OpenAICompletions:
        transport = _Transport(self._respond)
        client = OpenAICompletions(
            base_url=provider.base_url, api_key=None, clock=self._clock, transport=transport
        )
        client._client._platform = "Linux"  # else the library asks in a thread, for which no fake clock waits
        return client

    async def _respond(self) -> httpx2.Response:
        fault = self._faults.pop(0) if self._faults else None
        number = len(self.said)
        self.said.append("")
        self._reached(BEFORE_HEADERS)
        if fault is not None and fault.position.where is Where.BEFORE_HEADERS:
            response = await self._instead(fault.kind)
            if response is not None:
                return response
        body = _Body(self._play(number, fault), self._opened)
        return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, stream=body)

    async def _instead(self, kind: Kind) -> httpx2.Response | None:
        """What comes in place of the headers; None: they come late."""
        match kind:
            case Kind.PAUSE:
                await self._sleep(PAUSE_S)
                return None
            case Kind.STALL:
                await asyncio.Event().wait()
            case Kind.NO_SUCH_HOST | Kind.REFUSED:
                raise httpx2.ConnectError(str(kind))
            case Kind.EOF | Kind.RESET:
                raise httpx2.ConnectTimeout("Server disconnected")  # as the transport over aiohttp calls it
            case Kind.NOT_A_STREAM:
                return httpx2.Response(200, headers={"Content-Type": "text/html"}, content=b"<html>Welcome")
        status, headers, message = REFUSALS[kind]
        return httpx2.Response(status, headers=headers, json={"error": {"message": message}})

    async def _play(self, number: int, fault: ModelFault | None) -> AsyncGenerator[bytes, None]:
        for text, piece in self._program(fault):
            match piece:
                case bytes():
                    self.said[number] += text
                    yield piece
                case float():
                    await self._sleep(piece)
                case "reset":
                    raise httpx2.ReadError("Connection reset by peer")
                case _:
                    await asyncio.Event().wait()

    def _program(self, fault: ModelFault | None) -> Iterator[tuple[str, _Piece]]:
        """The body, each piece with the text that is whole once it has come."""
        where, at = (fault.position.where, fault.position.delta) if fault else (None, -1)
        yield "", self._first_s
        yield "", _event({"role": "assistant", "content": ""})
        for number, delta in enumerate(self._deltas):
            yield "", self._every_s if number else 0.0
            self._reached(at_delta(number))
            whole = _event({"content": delta})
            if fault is not None and number == at and where is Where.AT_DELTA:
                if fault.kind is Kind.FIREHOSE:
                    rest = "".join(self._deltas[number:])
                    yield rest, b"".join(_event({"content": one}) for one in rest)
                    break
                if (yield from _fault(fault.kind)):
                    return
            cut = next((place + 1 for place, byte in enumerate(whole) if byte >= 0xC0), 0)
            in_it = fault is not None and number == at and where is Where.IN_CHARACTER
            if in_it and not cut:
                raise ValueError(f"delta {at} has no character of several bytes")
            if cut:
                yield "", whole[:cut]
                self._reached(in_character(number))
                if fault is not None and in_it and (yield from _fault(fault.kind)):
                    return
            whole = whole[cut:]
            yield delta, whole
        self._reached(BEFORE_FINISH)
        if fault is not None and where is Where.BEFORE_FINISH and (yield from _fault(fault.kind)):
            return
        yield "", _event({}, "stop")
        self._reached(BEFORE_DONE)
        if fault is not None and where is Where.BEFORE_DONE and (yield from _fault(fault.kind)):
            return
        usage = {"prompt_tokens": 1, "completion_tokens": len(self._deltas)}
        yield "", _data({"choices": [], "usage": usage})
        yield "", _DONE

    async def _sleep(self, seconds: float) -> None:
        if seconds:
            await self._clock.sleep_until(self._clock.monotonic() + seconds)

    def _opened(self, more: int) -> None:
        self.open_streams += more


def _fault(kind: Kind) -> Generator[tuple[str, _Piece], None, bool]:
    """What comes at the fault's place. Returns whether the body ends with it."""
    match kind:
        case Kind.PAUSE:
            yield "", PAUSE_S
        case Kind.STALL:
            yield "", _NEVER
        case Kind.RESET:
            yield "", _RESET
        case Kind.STALL_COMMENTS | Kind.STALL_PINGS:
            while True:
                yield "", _PING_EVERY_S
                yield "", _PINGS[kind]
        case _:
            yield from (("", piece) for piece in (_AND_ENDS.get(kind) or _AND_GOES_ON.get(kind, ())))
    return kind is not Kind.PAUSE and kind not in _AND_GOES_ON


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self, respond: Callable[[], Awaitable[httpx2.Response]]) -> None:
        self._respond = respond

    async def handle_async_request(self, _request: httpx2.Request) -> httpx2.Response:
        return await self._respond()


class _Body(httpx2.AsyncByteStream):
    """`opened` is told +1 when it is read first, and -1 when it is closed."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], opened: Callable[[int], None]) -> None:
        self._pieces = pieces
        self._opened = opened
        self._open = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._open = True
        self._opened(1)
        async for piece in self._pieces:
            yield piece

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._opened(-1)
        await self._pieces.aclose()
