"""The faults of a model as data: kinds, positions in its stream, which of them cannot meet, how each ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from core.ports.completions import FinishReason, ModelErrorKind


class Kind(StrEnum):
    # instead of a connection or a stream
    REFUSED = "connection refused"
    NO_SUCH_HOST = "DNS failure"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    RATE_LIMITED = "429"
    RATE_LIMITED_SHORT = "429, Retry-After of seconds"
    RATE_LIMITED_LONG = "429, Retry-After of minutes"
    RATE_LIMITED_DATE = "429, Retry-After as a date"
    SERVER_ERROR = "500"
    OVERLOADED = "503, Retry-After of seconds"
    NOT_A_STREAM = "a web page"
    # anywhere
    PAUSE = "a pause that is no stall"
    STALL = "stall"
    STALL_COMMENTS = "stall hidden by comments"
    STALL_PINGS = "stall hidden by empty chunks"
    EOF = "end of the body"
    RESET = "reset"
    # in the stream
    ERROR_IN_BAND = "error inside 200"
    MALFORMED_JSON = "malformed JSON"
    GIGANTIC_LINE = "gigantic line"
    FIREHOSE = "firehose"
    TOOL_CALL_CUT = "tool arguments cut short"
    CONTEXT_TOO_LONG = "context too long"
    CONTENT_FILTER = "content filter"
    LENGTH = "length"
    EMPTY = "empty answer"
    REASONING_ONLY = "reasoning only"
    FINISH_TWICE = "finished twice"
    TEXT_AFTER_FINISH = "text after the finish"


class Where(StrEnum):
    BEFORE_HEADERS = "before headers"
    AT_DELTA = "at a delta"  # in its place, so that the ones before it came; a rollover is one of these
    IN_CHARACTER = "inside a UTF-8 character"  # the first one of several bytes in that delta
    BEFORE_FINISH = "before the finish"
    BEFORE_DONE = "between finish and [DONE]"


@dataclass(frozen=True, slots=True)
class Position:
    """`delta`: which one, from 0, where the position is in one."""

    where: Where
    delta: int = 0


BEFORE_HEADERS: Final = Position(Where.BEFORE_HEADERS)
BEFORE_FINISH: Final = Position(Where.BEFORE_FINISH)
BEFORE_DONE: Final = Position(Where.BEFORE_DONE)


def at_delta(delta: int) -> Position:
    return Position(Where.AT_DELTA, delta)


def in_character(delta: int) -> Position:
    return Position(Where.IN_CHARACTER, delta)


@dataclass(frozen=True, slots=True)
class ModelFault:
    """`times`: how many requests in a row meet it; with retries and a fallback a turn makes up to six."""

    kind: Kind
    position: Position
    times: int = 1


LASTING: Final = 6
"""`times` of a fault that outlasts every retry of two models."""
PAUSE_S: Final = 30.0
MODEL_FAULTS: Final = tuple(Kind)

_Refusal: TypeAlias = tuple[int, Mapping[str, str], str]
_DATES: Final = {"Retry-After": "Wed, 25 Nov 2026 10:00:03 GMT", "Date": "Wed, 25 Nov 2026 10:00:00 GMT"}
REFUSALS: Final[Mapping[Kind, _Refusal]] = MappingProxyType(
    {
        Kind.UNAUTHORIZED: (401, {}, "Incorrect API key provided."),
        Kind.FORBIDDEN: (403, {}, "Not from your country."),
        Kind.NOT_FOUND: (404, {}, "Not Found"),
        Kind.RATE_LIMITED: (429, {}, "Slow down."),
        Kind.RATE_LIMITED_SHORT: (429, {"Retry-After": "3"}, "Slow down."),
        Kind.RATE_LIMITED_LONG: (429, {"Retry-After": "600"}, "Slow down."),
        Kind.RATE_LIMITED_DATE: (429, _DATES, "Slow down."),
        Kind.SERVER_ERROR: (500, {}, "Oops"),
        Kind.OVERLOADED: (503, {"Retry-After": "3"}, "Overloaded"),
        Kind.CONTEXT_TOO_LONG: (400, {}, "This model's maximum context length is 8192 tokens."),
        Kind.CONTENT_FILTER: (400, {}, "content_filter"),
    }
)
"""Status, headers and words of what comes in place of a stream."""
_ANYWHERE: Final = frozenset({Kind.PAUSE, Kind.STALL, Kind.EOF, Kind.RESET})
_IN_CHARACTER: Final = _ANYWHERE | {Kind.GIGANTIC_LINE, Kind.MALFORMED_JSON}
_INSTEAD: Final = frozenset({*REFUSALS, Kind.REFUSED, Kind.NO_SUCH_HOST, Kind.NOT_A_STREAM})
_IN_STREAM_TOO: Final = frozenset({Kind.CONTEXT_TOO_LONG, Kind.CONTENT_FILTER})
_FIRST_ALONE: Final = MappingProxyType(
    {
        Kind.EMPTY: "there is text already",
        Kind.REASONING_ONLY: "there is text already",
        Kind.CONTEXT_TOO_LONG: "the prompt is measured before the first text",
    }
)
_NOT_AT: Final = MappingProxyType(
    {
        Kind.FINISH_TWICE: ({Where.AT_DELTA, Where.BEFORE_FINISH}, "the first finish has not come"),
        Kind.TEXT_AFTER_FINISH: ({Where.BEFORE_FINISH, Where.BEFORE_DONE}, "no text is left"),
        Kind.FIREHOSE: ({Where.BEFORE_FINISH, Where.BEFORE_DONE}, "no text is left"),
        Kind.TOOL_CALL_CUT: ({Where.BEFORE_DONE}, "nothing is called after the finish"),
    }
)


def occurs(kind: Kind, position: Position) -> str | None:
    """Why this kind of fault cannot occur there; None: it can."""
    where = position.where
    reason: str | None = None
    if where is Where.BEFORE_HEADERS:
        reason = None if kind in _ANYWHERE | _INSTEAD else "there is no stream yet"
    elif kind in _INSTEAD - _IN_STREAM_TOO:
        reason = "it comes in place of the headers"
    elif where is Where.IN_CHARACTER:
        reason = None if kind in _IN_CHARACTER else "an event begins where the one before has ended"
    elif position != at_delta(0) and kind in _FIRST_ALONE:
        reason = _FIRST_ALONE[kind]
    elif kind in _NOT_AT and where in _NOT_AT[kind][0]:
        reason = _NOT_AT[kind][1]
    return reason


def outcome(fault: ModelFault) -> FinishReason | ModelErrorKind:
    """How the answer ends where every request meets this fault."""
    kind, position = fault.kind, fault.position
    first = position == at_delta(0)
    if kind in {Kind.LENGTH, Kind.TOOL_CALL_CUT, Kind.EMPTY, Kind.REASONING_ONLY} and first:
        return ModelErrorKind.BROKEN_STREAM if kind is Kind.TOOL_CALL_CUT else ModelErrorKind.EMPTY
    if kind is Kind.CONTENT_FILTER:
        before = position.where is Where.BEFORE_HEADERS
        return ModelErrorKind.FILTERED if before else FinishReason.CONTENT_FILTER
    if kind is Kind.LENGTH:
        return FinishReason.LENGTH
    if position.where is Where.BEFORE_DONE or kind in _HARMLESS:
        return FinishReason.STOP
    if position.where is Where.BEFORE_HEADERS and kind in {Kind.EOF, Kind.RESET}:
        return ModelErrorKind.UNREACHABLE
    return _ERRORS.get(kind, ModelErrorKind.BROKEN_STREAM)


_HARMLESS: Final = {Kind.PAUSE, Kind.FIREHOSE, Kind.FINISH_TWICE, Kind.TEXT_AFTER_FINISH}
_ERRORS: Final = MappingProxyType(
    {
        Kind.REFUSED: ModelErrorKind.UNREACHABLE,
        Kind.NO_SUCH_HOST: ModelErrorKind.UNREACHABLE,
        Kind.UNAUTHORIZED: ModelErrorKind.UNAUTHORIZED,
        Kind.FORBIDDEN: ModelErrorKind.UNAUTHORIZED,
        Kind.NOT_FOUND: ModelErrorKind.NOT_AN_API,
        Kind.RATE_LIMITED: ModelErrorKind.RATE_LIMITED,
        Kind.RATE_LIMITED_SHORT: ModelErrorKind.RATE_LIMITED,
        Kind.RATE_LIMITED_LONG: ModelErrorKind.RATE_LIMITED,
        Kind.RATE_LIMITED_DATE: ModelErrorKind.RATE_LIMITED,
        Kind.SERVER_ERROR: ModelErrorKind.SERVER,
        Kind.OVERLOADED: ModelErrorKind.SERVER,
        Kind.NOT_A_STREAM: ModelErrorKind.NOT_AN_API,
        Kind.STALL: ModelErrorKind.STALLED,
        Kind.STALL_COMMENTS: ModelErrorKind.STALLED,
        Kind.STALL_PINGS: ModelErrorKind.STALLED,
        Kind.ERROR_IN_BAND: ModelErrorKind.SERVER,
        Kind.CONTEXT_TOO_LONG: ModelErrorKind.CONTEXT_TOO_LONG,
    }
)
