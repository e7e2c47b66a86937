"""What the core asks of a language model: one request in, a stream of small events out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the conversation. `name` tells people apart in a group, where a model knows it."""

    role: Literal["system", "user", "assistant"]
    content: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What to complete. A parameter that is None is not sent: the endpoint's own default holds."""

    messages: tuple[ChatMessage, ...]
    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers from here on, as `provider/model`: before the first event of a source that has several
    models, and again when another takes over, which it does only while nothing is visible. Usage that
    follows is this one's."""

    model: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of what the model thinks aloud, never empty. It is no part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What the endpoint counted, in tokens. It may never come, as after an interruption."""

    prompt_tokens: int
    completion_tokens: int


class FinishReason(StrEnum):
    """How the model itself ended its answer. OTHER: a word that no API we know uses."""

    STOP = "stop"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    TOOL_CALLS = "tool_calls"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every stream that did not raise."""

    reason: FinishReason


StreamEvent: TypeAlias = Answering | TextDelta | ReasoningDelta | Usage | Finished


class ModelErrorKind(StrEnum):
    """Why there is no answer, or no more of it. The catalogue has words for each: `model.<value>`."""

    UNREACHABLE = "unreachable"
    NOT_AN_API = "not_an_api"
    UNAUTHORIZED = "unauthorized"
    UNKNOWN_MODEL = "unknown_model"
    RATE_LIMITED = "rate_limited"
    NO_CREDIT = "no_credit"
    CONTEXT_TOO_LONG = "context_too_long"
    FILTERED = "filtered"
    BAD_REQUEST = "bad_request"
    SERVER = "server"
    STALLED = "stalled"
    BROKEN_STREAM = "broken_stream"
    EMPTY = "empty"


class ModelError(Exception):
    """The answer failed, perhaps half-way: what was yielded before stays valid, as its beginning.

    In the chat show the catalogue's words for `kind`, nothing that a provider said. Log `detail`: one line
    with the cause, keys taken out. `retry_after` is in seconds, when the provider named it.
    """

    def __init__(self, kind: ModelErrorKind, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.retry_after = retry_after


class Completions(Protocol):
    """A source of answers. One instance serves all conversations at once."""

    def stream(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield the answer as it grows, then `Usage` if it is known, then `Finished`; or raise ModelError.

        Wrap it in `contextlib.aclosing`: leaving early closes the connection, which tells the model to stop.
        """
        ...

    async def aclose(self) -> None:
        """Close what all streams share. Streams that still run break off."""
        ...
