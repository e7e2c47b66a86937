"""What each answer of Telegram means for an operation: the one table.

The Bot API tells errors apart by their words alone, so the table does too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import httpx
from telegram import Message
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bots.telegram.connection import describe
from core.streaming.operations import Delivered, NotSent, NotSentReason, Outcome, Unknown

_NOT_MODIFIED: Final = "message is not modified"
_TOO_MANY: Final = "too many requests"  # a 429 that does not say for how long
_TOO_LARGE: Final = "too large"  # 413, also from a server in front
_BAD_REQUESTS: Final = (
    (
        NotSentReason.MESSAGE_GONE,
        (
            "message to edit not found",
            "message to delete not found",
            "message can't be deleted",
            "message_id_invalid",
            "message identifier is not specified",
        ),
    ),
    (NotSentReason.FROZEN, ("message can't be edited",)),
    # Text may still be permitted there.
    (NotSentReason.REJECTED, ("rights to send documents", "chat_send_docs_forbidden")),
    (
        NotSentReason.PLACE_GONE,
        (
            "chat not found",
            "message thread not found",
            "topic_closed",
            "topic_deleted",
            "peer_id_invalid",
            "chat_write_forbidden",
            "chat_restricted",
            "have no rights to send",
            "not enough rights",
            "group chat was deactivated",
            "upgraded to a supergroup",
        ),
    ),
    (NotSentReason.EXPIRED, ("query is too old",)),
)
_NEVER_WRITTEN: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


async def outcome_of(
    call: Awaitable[Message | bool], message_id: str = "", moved: Callable[[int], None] | None = None
) -> Outcome:
    """Make the call and say what became of it.

    `message_id` is the message that the call is about; a send's is in the answer. A 429 names no bucket.
    `moved`: told of the chat's new id; then it is only what stands in the old chat that takes no edit.
    """
    try:
        answer = await call
    except ChatMigrated as error:
        if moved is None:
            return _failure(error)
        moved(error.new_chat_id)
        reason = NotSentReason.FROZEN if message_id else NotSentReason.UNAVAILABLE
        return NotSent(reason, detail=describe(error))
    except TelegramError as error:
        if isinstance(error, BadRequest) and _NOT_MODIFIED in str(error).lower():
            return Delivered(message_id)
        return _failure(error)
    return Delivered(str(answer.message_id) if isinstance(answer, Message) else message_id)


def _failure(error: TelegramError) -> NotSent | Unknown:
    """NotSent where the table says so, else Unknown.

    Unknown is a time-out or a reset after the request was written, and each 5xx: it may come from the web
    server in front, after the one behind took the call. An unknown edit is made again at no cost; a send
    that was wrongly called unsent would be doubled.
    """
    reason = _reason(error)
    if reason is None:
        return Unknown(describe(error))
    if isinstance(error, RetryAfter):
        return NotSent(reason, seconds(error.retry_after), detail=describe(error))
    return NotSent(reason, detail=describe(error))


def _reason(error: TelegramError) -> NotSentReason | None:
    match error:
        case _ if isinstance(error, RetryAfter) or _TOO_MANY in str(error).lower():
            return NotSentReason.RATE_LIMITED
        case ChatMigrated() | Forbidden() | InvalidToken():  # InvalidToken is a 401: the token was revoked
            return NotSentReason.PLACE_GONE
        case BadRequest():
            words = str(error).lower()
            found = (
                reason for reason, phrases in _BAD_REQUESTS if any(phrase in words for phrase in phrases)
            )
            return next(found, NotSentReason.REJECTED)
        case NetworkError() if _TOO_LARGE in str(error).lower():
            return NotSentReason.REJECTED
        case NetworkError() if isinstance(error.__cause__, _NEVER_WRITTEN):
            return NotSentReason.UNAVAILABLE
        case _:
            return None


def seconds(span: int | timedelta) -> float:
    """The library gives either, as PTB_TIMEDELTA says."""
    return span.total_seconds() if isinstance(span, timedelta) else float(span)
