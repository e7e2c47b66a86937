"""A scripted model: an OpenAI-compatible server that says, pauses and breaks exactly what it is told.

Tests and benchmarks run the real client against it over real sockets. Nothing in it waits on the clock
unless a script asks for it with `Pause`; `Gate` waits for a test instead.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Think:
    """A piece of reasoning, under the name that the endpoint imitated gives it."""

    text: str
    field: str = "reasoning_content"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds, times the server's scale."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Gate:
    """Wait until the test sets the event; with `ping_every_s`, send `ping` meanwhile, an SSE comment."""

    opens: asyncio.Event
    ping_every_s: float | None = None
    ping: bytes = b": keep-alive\n\n"


@dataclass(frozen=True, slots=True)
class Wire:
    """These very bytes, as one write."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection here, in the middle of the body."""


Step = str | Think | Pause | Gate | Wire | Cut
"""One step of a streamed answer; a plain string is a text delta."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A streamed answer. `finish_reason` None: the body ends without one, and without [DONE]."""

    steps: tuple[Step, ...]
    finish_reason: str | None = "stop"
    usage: bool = True
    done: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP error in OpenAI's form."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body:
    """Any other body, whole: a completion that was not streamed, a web page, nothing at all."""

    data: bytes
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection without a response."""


@dataclass(frozen=True, slots=True)
class Held:
    """Send nothing, not even headers, until the test sets the event; then this."""

    opens: asyncio.Event
    reply: Stream | Refusal | Body


Reply = Stream | Refusal | Body | HangUp | Held


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a client asked, and over which connection (the client's port). `prompt`: the last message; `told`:
    the text deltas that were written to it so far."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    connection: int
    told: list[str] = field(default_factory=list)

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True, slots=True)
class ModerationRequest:
    """What a client wants judged."""

    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def texts(self) -> tuple[str, ...]:
        given = self.body["input"]
        return (given,) if isinstance(given, str) else tuple(given)


Verdicts = Callable[[ModerationRequest], Reply | Sequence[str]]
"""For each text the category that it is flagged for, "" for none; or another reply altogether."""


def nothing_flagged(request: ModerationRequest) -> Sequence[str]:
    return [""] * len(request.texts)


def say(*deltas: str, every_s: float = 0.0, finish_reason: str = "stop") -> Stream:
    """An answer of these deltas, one each `every_s` seconds (times the server's scale)."""
    paced = [step for delta in deltas for step in (Pause(every_s), delta)] if every_s else deltas
    return Stream(tuple(paced), finish_reason)


def echo(request: ModelRequest) -> Reply:
    """The prompt, word by word: what a server answers when nothing is scripted."""
    return say(*(f"{word} " for word in request.prompt.split(" ")))


class ModelServer:
    """Serves chat completions and moderations at `base_url`. `enqueue`d replies go first, then `reply`
    decides; `verdicts` judges what is to be judged.

    `models` and `api_key` are checked as OpenAI does when they are given; a request with a parameter in
    `refuses` gets the 400 that newer models send, naming its successor where there is one.
    """

    def __init__(
        self,
        reply: Callable[[ModelRequest], Reply] = echo,
        *,
        verdicts: Verdicts = nothing_flagged,
        scale: float = 1.0,
        models: Iterable[str] | None = None,
        api_key: str | None = None,
        refuses: Mapping[str, str | None] | None = None,
    ) -> None:
        self.requests: list[ModelRequest] = []
        self.to_judge: list[ModerationRequest] = []
        self.base_url = ""
        self.open_streams = 0
        self.stream_closed = asyncio.Event()  # set whenever a stream ended, also by the client's leaving
        self._reply = reply
        self.verdicts = verdicts
        self._scale = scale
        self._models = None if models is None else frozenset(models)
        self._api_key = api_key
        self._refuses = dict(refuses or {})
        self._queue: deque[Reply] = deque()
        self._runner: web.AppRunner | None = None

    def enqueue(self, *replies: Reply) -> None:
        """Answer the next requests with these, one each, in order."""
        self._queue.extend(replies)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/v1/moderations", self._moderate)
        app.router.add_get("/v1/models", self._list_models)
        # A client that leaves cancels its handler, so that a gated stream ends as a real one would.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.base_url = f"http://{host}:{self._runner.addresses[0][1]}/v1"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def _list_models(self, _request: web.Request) -> web.Response:
        models = [{"id": name, "object": "model"} for name in sorted(self._models or {"scripted"})]
        return web.json_response({"object": "list", "data": models})

    async def _moderate(self, request: web.Request) -> web.StreamResponse:
        asked = ModerationRequest(await request.json(), dict(request.headers))
        self.to_judge.append(asked)
        found = self._wrong_key(asked.headers) or self.verdicts(asked)
        if isinstance(found, Held):
            await found.opens.wait()
            found = found.reply
        match found:
            case Refusal():
                return _refusal(found)
            case Body():
                return _body(found)
            case HangUp():
                _hang_up(request)
                return web.Response()
            case Stream():
                raise TypeError("verdicts are not streamed")
        results = [_result(category) for category in found]
        model = asked.body.get("model", "omni-moderation-latest")
        return web.json_response({"id": "modr-sandbox", "model": model, "results": results})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        asked = ModelRequest(await request.json(), dict(request.headers), _port(request))
        self.requests.append(asked)
        reply = self._objection(asked) or (self._queue.popleft() if self._queue else self._reply(asked))
        if isinstance(reply, Held):
            await reply.opens.wait()
            reply = reply.reply
        match reply:
            case Refusal():
                return _refusal(reply)
            case Body():
                return _body(reply)
            case HangUp():
                _hang_up(request)
                return web.Response()
            case Stream():
                return await self._stream(request, asked, reply)

    def _wrong_key(self, headers: Mapping[str, str]) -> Refusal | None:
        if self._api_key is None or headers.get("Authorization") == f"Bearer {self._api_key}":
            return None
        given = headers.get("Authorization", "").removeprefix("Bearer ")
        return Refusal(401, f"Incorrect API key provided: {given}.", "invalid_api_key")

    def _objection(self, asked: ModelRequest) -> Refusal | None:
        if (wrong := self._wrong_key(asked.headers)) is not None:
            return wrong
        model = asked.body.get("model")
        if self._models is not None and model not in self._models:
            return Refusal(404, f"The model `{model}` does not exist.", "model_not_found", "model")
        for name in asked.body.keys() & self._refuses.keys():
            instead = self._refuses[name]
            hint = f" Use '{instead}' instead." if instead else ""
            message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
            return Refusal(400, message, "unsupported_parameter", name)
        return None

    async def _stream(self, request: web.Request, asked: ModelRequest, reply: Stream) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        self.open_streams += 1
        self.stream_closed.clear()
        try:
            await response.prepare(request)
            with suppress(ConnectionResetError):  # the client has left: its right
                await self._play(request, response, asked, reply)
        finally:
            self.open_streams -= 1
            self.stream_closed.set()
        return response

    async def _play(
        self, request: web.Request, response: web.StreamResponse, asked: ModelRequest, reply: Stream
    ) -> None:
        deltas = 0
        await response.write(_event({"role": "assistant", "content": ""}))
        for step in reply.steps:
            match step:
                case str():
                    deltas += 1
                    asked.told.append(step)
                    await response.write(_event({"content": step}))
                case Think():
                    await response.write(_event({step.field: step.text}))
                case Wire():
                    await response.write(step.data)
                case Pause():
                    await asyncio.sleep(step.seconds * self._scale)
                case Gate():
                    await _wait(step, response)
                case Cut():
                    _hang_up(request)
                    return
        if reply.finish_reason is None:
            return
        await response.write(_event({}, finish_reason=reply.finish_reason))
        if reply.usage and asked.body.get("stream_options", {}).get("include_usage"):
            prompt_tokens = sum(len(str(message["content"]).split()) for message in asked.body["messages"])
            usage = {"prompt_tokens": prompt_tokens, "completion_tokens": deltas}
            await response.write(_data({"choices": [], "usage": usage}))
        if reply.done:
            await response.write(b"data: [DONE]\n\n")


async def _wait(gate: Gate, response: web.StreamResponse) -> None:
    while not gate.opens.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(gate.opens.wait(), gate.ping_every_s)
            return
        await response.write(gate.ping)


def _body(reply: Body) -> web.Response:
    return web.Response(body=reply.data, status=reply.status, headers={"Content-Type": reply.content_type})


def _result(category: str) -> dict[str, Any]:
    """As OpenAI has it, with a few of its categories."""
    names = ("harassment", "hate/threatening", "illicit/violent", "self-harm", "violence")
    return {
        "flagged": bool(category),
        "categories": {name: name == category for name in names},
        "category_scores": {name: 0.99 if name == category else 0.01 for name in names},
    }


def _port(request: web.Request) -> int:
    return int(request.get_extra_info("peername", ("", 0))[1])


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _refusal(reply: Refusal) -> web.Response:
    error = {
        "message": reply.message,
        "type": "invalid_request_error" if reply.status < 500 else "server_error",
        "param": reply.param,
        "code": reply.code,
    }
    return web.json_response({"error": error}, status=reply.status, headers=reply.headers)


def _event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _data({"id": "chatcmpl-sandbox", "object": "chat.completion.chunk", "choices": [choice]})


def _data(payload: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\n\n"
