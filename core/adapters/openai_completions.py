"""Completions over any endpoint that speaks OpenAI's chat completions API.

The openai library keeps authentication and connection pooling; its typed stream is bypassed, because it
costs about four times the CPU per delta and ends a broken stream in silence, and so are its retries, which
nobody would see: `core.adapters.routing` retries. Azure works through its `/openai/v1/` address.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Mapping, Set
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any

import httpx2
import openai

from core.adapters.clock import SYSTEM_CLOCK
from core.adapters.completion_decoder import CompletionDecoder
from core.adapters.openai_client import FOREIGN, check_key, opened_client, translated, was_closed
from core.adapters.patience import Patience
from core.adapters.provider_errors import redacted, refusal
from core.ports.clock import Clock
from core.ports.completions import (
    ChatMessage,
    CompletionRequest,
    ModelError,
    ModelErrorKind,
    StreamEvent,
)

_log = logging.getLogger(__name__)
_AFTER_REASON_S = 2.0  # how long usage may lag behind the finish_reason before we do without
_DRAIN_S = 0.2  # how long the end of the body may lag behind [DONE]; read to it, the connection is reused
_EVENTS_PER_TURN = 64  # a buffered stream never waits for its socket: let others run this often
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")

_ADAPTABLE = {
    # What a 400 must say for the parameter to be adapted. max_tokens is renamed, never dropped: it is
    # what the owner is willing to pay.
    "max_tokens": re.compile(r"\bmax_tokens\b"),
    "temperature": re.compile(r"\btemperature\b"),
    "stream_options": re.compile(r"\bstream_options\b"),
    "seed": re.compile(r"\bseed\b"),
    # The name of a message: Mistral takes none, xAI only from users.
    "name": re.compile(r"property 'name'|\.name\b|[\"']name[\"'][\])]|have a name"),
}
_OUT_OF_RANGE = re.compile(
    r"too (?:large|high|small|low)|at (?:most|least)|between|exceed|greater|less", re.IGNORECASE
)


class OpenAICompletions:
    """The port `Completions`, asking once. `headers` are sent with every request; `transport` replaces the
    network.

    The watchdog's two times are in seconds of `clock`: `first_delta_s` from the call to the first text or
    reasoning; `between_deltas_s` between two of them. Comments that only keep a connection alive do not
    count, and neither does the time the caller takes. Raises ModelError for a `base_url` that is none.
    """

    def __init__(
        self,
        *,
        base_url: str | None,
        api_key: str | None,
        first_delta_s: float = 60.0,
        between_deltas_s: float = 45.0,
        headers: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._api_key = api_key or ""
        self._first_delta_s = first_delta_s
        self._between_deltas_s = between_deltas_s
        self._clock = clock
        self._keeps_open = False  # there may be connections of earlier answers
        self._adapted: dict[str, frozenset[str]] = {}  # per model: the parameters it wants otherwise
        self._client = opened_client(base_url, api_key, headers=headers, transport=transport)

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield the answer as it grows; see the port. Raises nothing but ModelError."""
        check_key(self._api_key)
        decoder = CompletionDecoder()
        patience = Patience(self._first_delta_s, self._clock)
        events_in_turn = 0
        try:
            async with AsyncExitStack() as stack:
                stack.callback(patience.close)
                with patience:
                    body = await self._open(stack, request)
                while not decoder.done:
                    if decoder.has_reason:
                        chunk = await _read_figures(body, patience)
                    else:
                        with patience:
                            chunk = await anext(body, None)
                    if chunk is None:
                        break
                    for event in decoder.feed(chunk):
                        patience.left = self._between_deltas_s
                        yield event
                        events_in_turn += 1
                        if events_in_turn == _EVENTS_PER_TURN:
                            events_in_turn = 0
                            await asyncio.sleep(0)
                for event in decoder.end():
                    yield event
                await _drain(body, patience)
        except ModelError as error:
            raise redacted(error, self._api_key) from None
        except FOREIGN as error:
            raise translated(error, self._api_key) from None

    async def aclose(self) -> None:
        """Close the connections; streams that still run break off."""
        await self._client.close()

    async def _open(self, stack: AsyncExitStack, request: CompletionRequest) -> AsyncGenerator[bytes, None]:
        """The body of the answer; `stack` closes it. Parameters that a 400 names are adapted once."""
        adapted = self._adapted.get(request.model, frozenset())
        connected_anew = False
        while True:
            parameters = _parameters(request, adapted)
            try:
                response = await stack.enter_async_context(
                    self._client.chat.completions.with_streaming_response.create(**parameters)
                )
            except openai.APIConnectionError as error:
                if connected_anew or not self._keeps_open or not was_closed(error):
                    raise
                connected_anew = True  # the server had closed what was kept open between two questions
            except openai.APIStatusError as error:
                refused = _refused_parameter(error, (parameters.keys() | {"name"}) - adapted)
                if refused is None:
                    raise
                adapted |= {refused}
                _log.info("%s refuses %s: asking again without it", request.model, refused)
            else:
                self._adapted[request.model] = adapted
                self._keeps_open = True
                return await stack.enter_async_context(aclosing(response.http_response.aiter_bytes()))


async def _read_figures(body: AsyncGenerator[bytes, None], patience: Patience) -> bytes | None:
    """The next bytes of an answer that is whole: if they do not come, only its count of tokens is lost."""
    patience.left = min(patience.left, _AFTER_REASON_S)
    try:
        with patience:
            return await anext(body, None)
    except (ModelError, *FOREIGN):
        return None


async def _drain(body: AsyncGenerator[bytes, None], patience: Patience) -> None:
    """Read to the end of the body, so that the connection can be used again."""
    patience.left = _DRAIN_S
    with suppress(ModelError, *FOREIGN), patience:
        async for _ in body:
            pass


def _parameters(request: CompletionRequest, adapted: frozenset[str]) -> dict[str, Any]:
    """The request's body. What is None is absent."""
    limit_name = "max_completion_tokens" if "max_tokens" in adapted else "max_tokens"
    optional: dict[str, Any] = {
        limit_name: request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stream_options": {"include_usage": True},
    }
    return {
        "model": request.model,
        "messages": [_message(message, named="name" not in adapted) for message in request.messages],
        "stream": True,
        **{
            name: value
            for name, value in optional.items()
            if value is not None and (name == limit_name or name not in adapted)
        },
    }


def _message(message: ChatMessage, *, named: bool) -> dict[str, str]:
    """OpenAI takes 64 of a few ASCII characters as a name and refuses the whole request otherwise."""
    name = _NOT_IN_A_NAME.sub("_", message.name or "").strip("_")[:64] if named else ""
    return {"role": message.role, "content": message.content, **({"name": name} if name else {})}


def _refused_parameter(error: openai.APIStatusError, sent: Set[str]) -> str | None:
    """The parameter that the endpoint does not know; None where its value or something else is wrong."""
    text = error.response.text
    if error.status_code not in {400, 422} or _OUT_OF_RANGE.search(text):
        return None
    if refusal(error.status_code, text, {}).kind is not ModelErrorKind.BAD_REQUEST:
        return None
    return next((name for name, named in _ADAPTABLE.items() if name in sent and named.search(text)), None)
