"""From the bytes of a chat completion to the port's events; no I/O, so any chunking can be tested.

It is strict about what the answer depends on and lenient about the rest, because OpenAI, Azure, vLLM,
Ollama, llama.cpp, OpenRouter and Mistral differ: fields are missing or null, the first chunk holds a role
alone, usage comes with no choices, content is a list of parts, thinking has two names or stands in tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from core.adapters.provider_errors import in_band_error
from core.adapters.reasoning import ReasoningSplitter
from core.adapters.sse import EventSplitter, EventTooLongError
from core.ports.completions import (
    Finished,
    FinishReason,
    ModelError,
    ModelErrorKind,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    Usage,
)

_MAX_JSON_BYTES = 8 << 20  # an answer that was not streamed; far beyond any model's longest
_MOST_TOKENS = 1_000_000_000  # of one answer; far beyond any
_FINISH_WORDS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "eos_token": FinishReason.STOP,  # TGI
    "stop_sequence": FinishReason.STOP,  # TGI
    "end_turn": FinishReason.STOP,  # Anthropic's word, passed on by gateways
    "max_tokens": FinishReason.LENGTH,  # the same
}
_FAILED_WORDS = frozenset({"error", "abort"})  # OpenRouter; vLLM
_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")  # how a line of an event stream begins
_NULL = msgspec.Raw(b"null")
_HALF_LOST = TextDelta("\N{REPLACEMENT CHARACTER}")  # half a character whose other half never came
# Each escape of a JSON text in turn: a surrogate pair, half a pair, or any other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class _Part(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: list[_Part] | str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None

    def events(self) -> Sequence[StreamEvent]:
        content = self.content
        if type(content) is str and not (self.reasoning_content or self.reasoning or self.refusal):
            return (TextDelta(content),) if content else ()
        return tuple(self._all_events())

    def _all_events(self) -> Iterator[StreamEvent]:
        if thought := self.reasoning_content or self.reasoning:
            yield ReasoningDelta(thought)
        parts = [_Part(self.content)] if isinstance(self.content, str) else self.content or ()
        for part in parts:
            if thought := _thought(part):
                yield ReasoningDelta(thought)
            if part.text:
                yield TextDelta(part.text)
        if self.refusal:
            yield TextDelta(self.refusal)


class _Choice(msgspec.Struct):
    delta: _Message | None = None
    message: _Message | None = None  # instead of `delta` when the endpoint did not stream
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _NULL
    object: str | None = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def _is_text(event: StreamEvent) -> bool:
    return isinstance(event, TextDelta) and not event.text.isspace()


def _thought(part: _Part) -> str:
    if isinstance(part.thinking, str):
        return part.thinking
    return "".join(inner.text or "" for inner in part.thinking or ())


def _mended(data: bytes, first_half: bytes) -> tuple[bytes, bytes, bytes]:
    """Without halves of surrogate pairs; the first half with which a text of it ends; and what is left of
    `first_half`, which is nothing if it found its other.

    Servers that cut their text between UTF-16 units send an emoji in halves, within a delta or in two:
    `first_half` is what the delta before ended with. A half within a text becomes U+FFFD.
    """
    ended_with = b""

    def mend(escape: re.Match[bytes]) -> bytes:
        nonlocal first_half, ended_with
        half = escape[1]
        if not half:
            return escape[0]
        if half[2:3] in b"89abAB" and data[escape.end() : escape.end() + 1] == b'"':
            ended_with = escape[0]
            return b""
        if first_half and half[2:3] not in b"89abAB" and data[escape.start() - 1 : escape.start()] == b'"':
            whole, first_half = first_half + escape[0], b""
            return whole
        return rb"\ufffd"

    mended = _ESCAPE.sub(mend, data)
    return mended, ended_with, first_half


class CompletionDecoder:
    """One answer. Call `feed` per read until `done` or the end of the body, then `end` once.

    Both yield what became known and may then raise ModelError: what was yielded before stays valid.
    """

    def __init__(self) -> None:
        self.done = False  # the endpoint said that nothing follows
        self._splitter = EventSplitter()
        self._reasoning = ReasoningSplitter()
        self._head = b""  # what came before it was clear whether this is a stream
        self._json: bytearray | None = None  # the body so far, when it is no stream
        self._half = b""  # of a surrogate pair, with which the last delta ended
        self._saw_event = False
        self._saw_text = False
        self._usage: Usage | None = None
        self._reason: FinishReason | None = None
        self._failed: ModelError | None = None  # to be raised behind the events of its own chunk

    @property
    def has_reason(self) -> bool:
        """The model has ended its answer; only figures may follow."""
        return self._reason is not None

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """Take the next bytes of the body."""
        if self._json is None and not self._saw_event:
            self._head = (self._head + chunk).lstrip()[:64]
            if self._head.startswith(b"{"):
                self._json = bytearray()
        if self._json is not None:
            self._json += chunk
            if len(self._json) > _MAX_JSON_BYTES:
                raise ModelError(ModelErrorKind.NOT_AN_API, f"a body of more than {_MAX_JSON_BYTES} bytes")
            return
        try:
            events = self._splitter.feed(chunk)
        except EventTooLongError as error:
            if self._reason is not None:
                self.done = True  # the answer is whole: only figures are lost
                return
            raise ModelError(ModelErrorKind.BROKEN_STREAM, str(error)) from None
        for data in events:
            yield from self._take(data)
            if self._failed is not None:
                raise self._failed

    def end(self) -> Iterator[StreamEvent]:
        """The body is over, or nothing more is expected. Ends with `Finished` unless it raises."""
        rest = self._splitter.flush() if self._json is None else [bytes(self._json)]
        for data in rest:
            yield from self._take(data)
            if self._failed is not None:
                raise self._failed
        for event in self._reasoning.end():
            self._notice((event,))
            yield event
        if self._half:
            yield _HALF_LOST
        if not self._saw_event and not self._may_be_a_stream():
            raise ModelError(ModelErrorKind.NOT_AN_API, f"the body is no event stream: {self._head!r}")
        if self._reason is None and not self.done:
            raise ModelError(ModelErrorKind.BROKEN_STREAM, "the stream ended without a finish_reason")
        if self._usage:
            yield self._usage
        reason = self._reason or FinishReason.STOP
        if not self._saw_text and reason is not FinishReason.CONTENT_FILTER:
            raise ModelError(ModelErrorKind.EMPTY, f"no text, finish_reason {reason}")
        yield Finished(reason)

    def _may_be_a_stream(self) -> bool:
        """A stream that ended before its first event."""
        return any(self._head.startswith(line) or line.startswith(self._head) for line in _LINES)

    def _take(self, data: bytes) -> Sequence[StreamEvent]:
        if self.done or not (data := data.strip()):
            return ()
        if data == b"[DONE]":
            self._saw_event = self.done = True
            return ()
        try:
            chunk, lost_half = self._chunk(data)
        except ModelError:
            if self._reason is None:
                raise
            return ()  # the answer is whole: only figures are lost
        if chunk.choices is None and chunk.usage is None and self._json is not None:
            raise ModelError(ModelErrorKind.NOT_AN_API, f"JSON, but no completion: {data[:200]!r}")
        self._saw_event = True
        if chunk.usage and chunk.usage.completion_tokens is not None:
            usage = Usage(chunk.usage.prompt_tokens or 0, chunk.usage.completion_tokens)
            can_be = all(
                0 <= count <= _MOST_TOKENS for count in (usage.prompt_tokens, usage.completion_tokens)
            )
            self._usage = usage if can_be else None
        if not chunk.choices:
            return ()
        choice = chunk.choices[0]
        if choice.finish_reason and self._reason in {None, FinishReason.STOP}:  # said twice: a cut holds
            self._end_with(choice.finish_reason)
        message = choice.delta or choice.message
        events = message.events() if message else ()
        if lost_half:
            events = (_HALF_LOST, *events)
        if not self._saw_text:
            events = self._begin(events)
        return events

    def _end_with(self, word: str) -> None:
        if word not in _FAILED_WORDS:
            self._reason = _FINISH_WORDS.get(word, FinishReason.OTHER)
        elif self._reason is None:
            self._failed = ModelError(ModelErrorKind.SERVER, f"finish_reason {word}")

    def _begin(self, events: Sequence[StreamEvent]) -> Sequence[StreamEvent]:
        """Part reasoning in tags from the text, until that has begun."""
        if not self._reasoning.begun:
            parted = (
                self._reasoning.feed(event.text) if isinstance(event, TextDelta) else (event,)
                for event in events
            )
            events = tuple(chain.from_iterable(parted))
        self._notice(events)
        return events

    def _notice(self, events: Sequence[StreamEvent]) -> None:
        self._saw_text = self._saw_text or any(
            isinstance(event, TextDelta) and not event.text.isspace() for event in events
        )

    def _chunk(self, data: bytes) -> tuple[_Chunk, bytes]:
        """What `_decoded` gives; raises what the endpoint says of a failure."""
        chunk, half = self._decoded(data)
        if chunk.error != _NULL or chunk.object == "error":
            raise in_band_error(data)
        return chunk, half

    def _decoded(self, data: bytes) -> tuple[_Chunk, bytes]:
        """With half a character that the delta before ended with and this one does not complete."""
        half, self._half = self._half, b""
        try:
            return _decode_chunk(data), half
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            cause = error
        if b"\\ud" in data.lower():
            try:
                mended, self._half, half = _mended(data, half)
                return _decode_chunk(mended), half
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                cause = error
        kind = ModelErrorKind.NOT_AN_API if self._json is not None else ModelErrorKind.BROKEN_STREAM
        raise ModelError(kind, f"malformed JSON ({cause}): {data[:200]!r}")
