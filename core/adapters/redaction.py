"""Secrets stay out of every log line, whoever writes it.

Libraries log request URLs, and Telegram's token is part of each of them. A filter on a logger does
not see what its children log, so this one belongs on handlers: call `redact_all_logging`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

_SHORTEST = 6  # characters: a shorter "secret", such as a local server's dummy key, would eat ordinary words
_REPLACEMENT = "***"
_ESCAPE = re.compile(r"%[0-9A-F]{2}")


class Redaction(logging.Filter):
    """Replaces each secret, raw or URL-encoded, in the message, the traceback and the stack."""

    def __init__(self, secrets: Iterable[str | None]) -> None:
        super().__init__()
        forms = {form for secret in secrets if secret and len(secret) >= _SHORTEST for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def redact(self, text: str) -> str:
        return self._pattern.sub(_REPLACEMENT, text) if self._pattern else text

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a library's mistake must not lose the line, or leak it
            message = f"{record.msg} {record.args!r}"
        record.msg, record.args = self.redact(message), None
        if record.exc_info:
            record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
            record.exc_info = None  # or a handler could format it again
        if record.exc_text:
            record.exc_text = self.redact(record.exc_text)
        if record.stack_info:
            record.stack_info = self.redact(record.stack_info)
        return True


def redact_all_logging(secrets: Iterable[str | None]) -> Redaction:
    """Put one Redaction on every handler of the root logger. Call it once they are set up."""
    redaction = Redaction(secrets)
    for handler in logging.getLogger().handlers:
        handler.addFilter(redaction)
    return redaction


def _forms(secret: str) -> set[str]:
    encoded = {
        quote(secret, errors="replace"),
        quote(secret, "", errors="replace"),
        quote_plus(secret, errors="replace"),
    }
    lower_case = {_ESCAPE.sub(lambda escape: escape[0].lower(), form) for form in encoded}
    return {secret, *encoded, *lower_case}
