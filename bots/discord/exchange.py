"""One request to Discord, from the library's call to the core's outcome.

discord.py waits inside its calls: a drained bucket, a 429 and a 5xx make it sleep up to half a
minute and try again by itself, which hides from the pacer what happened, holds a finished send
back from the answer that waits for its id, and can post an interaction's follow-up twice. So a
trace of the HTTP session hands Discord's answer over the moment it arrives, by raising `_Answered`
through the library's call: one call is one request, and its waiting is left to the pacer. Of the
library's own requests (login, commands, reading) the trace only counts the answers, and lets none
go while the circuit is open (breaker.py).
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, TypeAlias

import aiohttp
import discord
import yarl
from discord.http import Route

from bots.discord.breaker import FIRST_PAUSE_S, LONGEST_TOLD_S, Breaker
from bots.discord.capabilities import ACCOUNT
from bots.discord.server_time import ServerTime
from core.streaming.operations import (
    BucketKey,
    Delivered,
    NotSent,
    NotSentReason,
    ObservedLimit,
    Outcome,
    Unknown,
)

REQUEST_TIMEOUT_S: Final = 15.0
"""After this long without an answer the outcome counts as unknown."""

_MOST_LIMIT: Final = 10_000  # what is beyond it, or below 1, is no limit of a bucket
_OLD_EDITS_PAUSE_S: Final = 6.0  # edits of messages older than an hour: 3 per 6 s were observed
_BANNED: Final = re.compile(
    rb"error(?: code:?)? (?:1005|1006|1007|1008|1009|1012|1015|1106|1206)\b", re.IGNORECASE
)
"""What Cloudflare says of an address or its network. Its 1020 is about one request, such as one whose text it
dislikes."""
_UNSEEN: Final = re.compile(rb"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
"""Of a page: its scripts, and its tags, which part the word from its number."""
_MOST_PAGE: Final = 16_384  # bytes that are looked at; Cloudflare's own pages have less than 10,000

ALREADY_ANSWERED: Final = 40060
"""Discord's code for a second first answer to one interaction."""

MISSING_PERMISSIONS: Final = 50013
_THREAD_ARCHIVED: Final = 50083

_BY_CODE: Final[Mapping[int, NotSentReason]] = {
    10003: NotSentReason.PLACE_GONE,  # unknown channel
    10004: NotSentReason.PLACE_GONE,  # unknown guild
    10008: NotSentReason.MESSAGE_GONE,  # unknown message
    10015: NotSentReason.EXPIRED,  # unknown webhook
    10062: NotSentReason.EXPIRED,  # unknown interaction
    30046: NotSentReason.RATE_LIMITED,  # too many edits of messages older than an hour
    40094: NotSentReason.FULL,  # too many follow-ups by an app that only a user installed
    50001: NotSentReason.PLACE_GONE,  # missing access
    50005: NotSentReason.REJECTED,  # somebody else's message
    50007: NotSentReason.PLACE_GONE,  # this person takes no direct messages from us
    MISSING_PERMISSIONS: NotSentReason.PLACE_GONE,
    50027: NotSentReason.EXPIRED,  # invalid webhook token
    _THREAD_ARCHIVED: NotSentReason.PLACE_GONE,  # and locked, since a message opens one that is not
    50278: NotSentReason.PLACE_GONE,  # no mutual guild with this person
    160005: NotSentReason.PLACE_GONE,  # the thread is locked
}

_BY_STATUS: Final[Mapping[int, NotSentReason]] = {
    401: NotSentReason.PLACE_GONE,  # the token was taken back
    403: NotSentReason.PLACE_GONE,
    429: NotSentReason.RATE_LIMITED,
    503: NotSentReason.UNAVAILABLE,  # nobody was there to take it
}


class StoppedError(OSError):
    """No request goes to Discord now; the next may in `retry_after_s` seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("the circuit is open")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Answer:
    """What Discord answered: the fields of its JSON; none where something else answered in its place.
    `banned`: that was Cloudflare, which bans this address."""

    status: int
    headers: Mapping[str, str]
    fields: Mapping[str, Any]
    from_discord: bool
    banned: bool = False

    @property
    def code(self) -> int:
        """Discord's own error code; 0 when there is none."""
        code = self.fields.get("code")
        return code if isinstance(code, int) else 0


class _Answered(Exception):  # noqa: N818  # a signal, not an error
    """Carries an answer past the library's own waiting."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


Call: TypeAlias = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class _Exchange:
    written: bool = False  # the request began to leave this machine


_exchange: ContextVar[_Exchange | None] = ContextVar("exchange", default=None)


def http_trace(breaker: Breaker, server_time: ServerTime | None = None) -> aiohttp.TraceConfig:
    """The trace to build a `discord.Client` with (`http_trace=`), so that `perform` works with it.
    `server_time`: is told the time of each answer."""

    async def on_request(
        session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        if _is_api(params.url) and (wait_s := breaker.wait_s()):
            raise StoppedError(wait_s)

    async def on_answer(
        session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        if not _is_api(params.url):
            return
        answer = await _read(params.response)
        if server_time is not None and answer.from_discord:
            server_time.answered(answer.headers.get("Date"))
        if answer.banned:
            breaker.banned(_number(answer.headers.get("Retry-After")))
        else:
            shared = answer.headers.get("X-RateLimit-Scope") == "shared"
            breaker.answered(answer.status, own=answer.from_discord, shared=shared)
        if _exchange.get() is not None:
            raise _Answered(answer)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(on_request)
    trace.on_request_headers_sent.append(_on_written)
    trace.on_request_end.append(on_answer)
    return trace


def _is_api(url: yarl.URL) -> bool:
    """Not the gateway's, and not that of a file."""
    return str(url).startswith(Route.BASE)


async def _on_written(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    if exchange := _exchange.get():
        exchange.written = True


async def _read(response: aiohttp.ClientResponse) -> Answer:
    """To its end, so that the connection goes back to the pool; the library can read it again."""
    body = await response.read()
    try:
        parsed: object = json.loads(body) if body or response.status >= 400 else {}
    except ValueError:
        parsed = None
    fields = parsed if isinstance(parsed, dict) else {}
    from_discord = fields is parsed
    if from_discord:  # its own 429 says for how long, or of what there was too much
        banned = response.status == 429 and "retry_after" not in fields and "code" not in fields
    else:
        banned = response.status == 429 or (response.status == 403 and _says_banned(body))
    return Answer(response.status, response.headers, fields, from_discord, banned)


def _says_banned(page: bytes) -> bool:
    """As people see it."""
    words = _UNSEEN.sub(b" ", page[:_MOST_PAGE]).split()
    return _BANNED.search(b" ".join(words)) is not None


async def perform(call: Call, key: BucketKey, message_id: str = "", *, with_file: bool = False) -> Outcome:
    """Run one call of discord.py as one request, and say what became of it.

    `key`: the bucket that the answer's headers are about. `message_id`: of the message that the
    call is about; empty when the answer tells it.
    """
    answer = await ask(call)
    return outcome_of(answer, key, message_id, with_file=with_file) if isinstance(answer, Answer) else answer


async def ask(call: Call) -> Answer | NotSent | Unknown:
    """Run one call of discord.py as one request: Discord's answer, or that none came."""
    exchange = _Exchange()
    token = _exchange.set(exchange)
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            await call()
    except _Answered as answered:
        return answered.answer
    except StoppedError as stopped:
        return NotSent(NotSentReason.RATE_LIMITED, stopped.retry_after_s, ACCOUNT, str(stopped))
    except (aiohttp.ClientError, OSError, RuntimeError) as problem:  # RuntimeError: the session is closed
        detail = type(problem).__name__
        return Unknown(detail) if exchange.written else NotSent(NotSentReason.UNAVAILABLE, detail=detail)
    except (discord.DiscordException, TypeError, ValueError) as problem:  # the library refused the call
        return NotSent(NotSentReason.REJECTED, detail=type(problem).__name__)
    finally:
        _exchange.reset(token)
    return NotSent(NotSentReason.REJECTED, detail="the library sent no request")


def outcome_of(answer: Answer, key: BucketKey, message_id: str = "", *, with_file: bool = False) -> Outcome:
    """The one table from Discord's answers to outcomes."""
    observed = _observed(answer.headers, key)
    if answer.status < 300:
        return Delivered(message_id or _message_id(answer.fields), observed)
    detail = f"HTTP {answer.status}, code {answer.code}: {answer.fields.get('message', '')}"
    reason = _reason(answer)
    if with_file and answer.code == MISSING_PERMISSIONS:
        reason = NotSentReason.REJECTED  # it may be Attach Files alone: without the file we shall see
    if message_id and answer.code == _THREAD_ARCHIVED:
        reason = NotSentReason.ARCHIVED
    if reason is None:
        return Unknown(detail, observed)
    if reason is not NotSentReason.RATE_LIMITED:
        return NotSent(reason, detail=detail, observed=observed)
    whole_account = answer.fields.get("global") is True or answer.banned
    return NotSent(reason, _retry_after_s(answer), ACCOUNT if whole_account else key, detail, observed)


def _reason(answer: Answer) -> NotSentReason | None:
    """Why it was not taken; None when it may have been."""
    if answer.banned:
        return NotSentReason.RATE_LIMITED
    if answer.code in _BY_CODE:
        return _BY_CODE[answer.code]
    if answer.status == 403 and not answer.from_discord:  # something between us and Discord
        return NotSentReason.UNAVAILABLE
    if answer.status >= 500 and answer.status != 503:
        return None
    return _BY_STATUS.get(answer.status, NotSentReason.REJECTED)


def _retry_after_s(answer: Answer) -> float:
    """Seconds: Discord says them in the body, Cloudflare at most in a header."""
    for raw in (answer.fields.get("retry_after"), answer.headers.get("Retry-After")):
        if (seconds := _number(raw)) is not None:
            return min(seconds, LONGEST_TOLD_S)
    return FIRST_PAUSE_S if answer.banned else _OLD_EDITS_PAUSE_S


def _observed(headers: Mapping[str, str], key: BucketKey) -> tuple[ObservedLimit, ...]:
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset-After")
    limit, remaining, reset_after = (_number(headers.get(name)) for name in names)
    if limit is None or remaining is None or reset_after is None or not 1 <= limit <= _MOST_LIMIT:
        return ()
    return (ObservedLimit(key, int(limit), int(remaining), reset_after),)


def _number(raw: object) -> float | None:
    try:
        number = float(raw) if isinstance(raw, (str, int, float)) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _message_id(fields: Mapping[str, Any]) -> str:
    """Of the message in an answer; the answer to an interaction's callback names it inside."""
    return str(fields.get("interaction", {}).get("response_message_id", "") or fields.get("id", ""))
