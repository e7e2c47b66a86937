"""One question over real sockets: what the tests of the adapter share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from core.adapters.clock import SYSTEM_CLOCK
from core.adapters.openai_completions import OpenAICompletions
from core.ports.clock import Clock
from core.ports.completions import (
    ChatMessage,
    CompletionRequest,
    Completions,
    ModelError,
    StreamEvent,
    TextDelta,
)

KEY = "sk-proj-0123456789abcdef"


def simple_request(prompt: str = "hello", **more: float) -> CompletionRequest:
    return CompletionRequest((ChatMessage("user", prompt),), "scripted", **more)  # type: ignore[arg-type]


@asynccontextmanager
async def connected(
    base_url: str,
    *,
    first_delta_s: float = 60.0,
    between_deltas_s: float = 45.0,
    clock: Clock = SYSTEM_CLOCK,
) -> AsyncIterator[OpenAICompletions]:
    model = OpenAICompletions(
        base_url=base_url,
        api_key=KEY,
        first_delta_s=first_delta_s,
        between_deltas_s=between_deltas_s,
        clock=clock,
    )
    try:
        yield model
    finally:
        await model.aclose()


async def ask(
    model: Completions, request: CompletionRequest | None = None
) -> tuple[list[StreamEvent], ModelError | None]:
    events: list[StreamEvent] = []
    try:
        async with aclosing(model.stream(request or simple_request())) as stream:
            async for event in stream:
                events.append(event)  # noqa: PERF401  # what came before an error is wanted too
    except ModelError as error:
        return events, error
    return events, None


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))
