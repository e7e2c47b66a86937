"""What providers say when they refuse, and which of our words it is: one table.

Providers agree on little but the status, so the first rule that fits wins: words before statuses, since
"too long", "no such model" and "filtered" all come as 400, and some come as 404, 422 or inside a 200.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime

from core.ports.completions import ModelError, ModelErrorKind

_BY_WORDS = tuple(
    (kind, re.compile("|".join(patterns), re.IGNORECASE))
    for kind, *patterns in (
        (ModelErrorKind.NO_CREDIT, r"insufficient_quota|insufficient[ _](?:credit|balance|fund)"),
        (ModelErrorKind.FILTERED, r"content_filter|content management policy|moderation|\bflagged\b"),
        (
            ModelErrorKind.CONTEXT_TOO_LONG,
            r"context_length_exceeded|exceed_context_size|context (?:window|size|length)",
            r"(?:prompt|input|request)[^.]{0,40} too long|too many (?:input )?tokens",
        ),
        (
            ModelErrorKind.UNKNOWN_MODEL,
            r"model_not_found|DeploymentNotFound|no endpoints found|invalid model|not a valid model",
            r"(?:model|deployment)\b[^.]{0,120}(?:not found|not exist|n't exist|not available)",
        ),
    )
)
_BY_STATUS = {
    400: ModelErrorKind.BAD_REQUEST,
    401: ModelErrorKind.UNAUTHORIZED,
    402: ModelErrorKind.NO_CREDIT,
    403: ModelErrorKind.UNAUTHORIZED,
    404: ModelErrorKind.NOT_AN_API,
    405: ModelErrorKind.NOT_AN_API,
    413: ModelErrorKind.CONTEXT_TOO_LONG,
    422: ModelErrorKind.BAD_REQUEST,
    429: ModelErrorKind.RATE_LIMITED,
}
_BY_CODE = tuple(  # for errors inside a 200, which have a code in words or none
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (ModelErrorKind.RATE_LIMITED, r"rate.?limit|too many requests"),
        (ModelErrorKind.UNAUTHORIZED, r"invalid_api_key|authentication|unauthorized"),
        (ModelErrorKind.BAD_REQUEST, r"invalid_request"),
    )
)
_NUMERIC_CODE = re.compile(r'"code"\s*:\s*"?(\d{3})\b')
_KEYS = re.compile(r"\b(?:sk|gsk|xai|AIza)[-_A-Za-z0-9*]{8,}|(?<=Bearer )\S+|(?<=://)[^/\s@]+@")
_MAX_DETAIL = 500


def refusal(status: int, body: str, headers: Mapping[str, str]) -> ModelError:
    """The error of a response whose status is not 200."""
    kind = _kind(status, body)
    return ModelError(kind, f"HTTP {status}: {body}", retry_after=retry_after(headers))


def in_band_error(data: bytes) -> ModelError:
    """The error of an `{"error": …}` inside a response that began as a success."""
    body = data.decode("utf-8", "replace")
    code = _NUMERIC_CODE.search(body)
    if code:
        return ModelError(_kind(int(code[1]), body), f"inside the stream: {body}")
    kind = next((kind for kind, words in _BY_WORDS + _BY_CODE if words.search(body)), ModelErrorKind.SERVER)
    return ModelError(kind, f"inside the stream: {body}")


def redacted(error: ModelError, api_key: str) -> ModelError:
    """The same error with `detail` fit for a log: one line, no key, not even one the provider echoed."""
    detail = error.detail.replace(api_key, "***") if api_key else error.detail
    detail = _KEYS.sub("***", detail)
    detail = " ".join("".join(char if char.isprintable() else " " for char in detail).split())
    return ModelError(error.kind, detail[:_MAX_DETAIL], retry_after=error.retry_after)


def _kind(status: int, body: str) -> ModelErrorKind:
    if status != 401:
        for kind, words in _BY_WORDS:
            if words.search(body):
                return kind
    return _BY_STATUS.get(status, ModelErrorKind.SERVER)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds after which the provider wants to be asked again; None where it does not say.

    A date is measured by the provider's own clock, where it tells that: ours may be wrong.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with suppress(ValueError):
            seconds = float(headers.get(name, "")) * unit_s
            if math.isfinite(seconds):
                return max(0.0, seconds)
    at = _date(headers.get("retry-after", ""))
    if at is None:
        return None
    now = _date(headers.get("date", ""))
    return max(0.0, at - (time.time() if now is None else now))


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
