"""Secrets stay out of every line that is logged or told, whoever writes it and in whichever form.

Libraries log request URLs, and Telegram's token is part of each of them; tracebacks and `repr`s hold whatever
was passed on. Each known secret is found raw, percent-encoded any number of times, with JSON's or Python's
escapes, in base64 and hexadecimal, and split over lines. What only looks like a secret, such as a token that
nobody told us of, goes by its shape.

A filter on a logger does not see what its children log, so this one belongs on handlers: see
`redact_all_logging`. A library's own handlers, warnings and errors that nobody caught take the way that
`redact_everything` sets up.
"""

from __future__ import annotations

import base64
import logging
import re
import sys
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, NamedTuple

from core.secret_shapes import without_shapes

_SHORTEST: Final = 6  # characters: a shorter "secret", such as a local server's dummy key, would eat words
_REPLACEMENT: Final = "***"
_log = logging.getLogger(__name__)

# The end of a line, with what a log, a literal or a wrapped text puts around it. It may part an escape: then
# a backslash before that of `\\n` is the escape's own, or another for the line's end (in the `repr` of one).
_LINE_ENDS: Final = tuple(
    re.compile(
        rf"(?:\\*[\"'])?[ \t]{{0,80}}(?:[\r\n]|{backslash}[nr])(?:\s|{backslash}[nrt])*(?:\\*[\"'])?"
        rf"|{backslash}t"
    )
    for backslash in (r"\\", r"\\+")
)
_DISGUISED: Final = re.compile(r"[%\\\r\n]|&#")
_ESCAPE: Final = re.compile(
    r"(?P<bytes>(?:%(?:25)*[0-9A-Fa-f]{2})+)"
    r"|\\+u(?P<high>[dD][89abAB][0-9A-Fa-f]{2})\\+u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2})"
    r"|(?P<escaped_bytes>(?:\\+x[0-9A-Fa-f]{2})+)"
    r"|\\+(?:u(?P<four>[0-9A-Fa-f]{4})|U(?P<eight>[0-9A-Fa-f]{8}))"
    r"|&\#(?P<entity>[0-9]{1,7});"
    r"|(?P<nothing>\\+)"
)
_GONE: Final = dict.fromkeys(map(ord, "\\\r\n"))
# Base64 has two alphabets, and a space may be a plus.
_ALIKE: Final = str.maketrans("-_ ", "+/+")


class Redaction(logging.Filter):
    """Replaces each secret in a record's message, traceback and stack."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        super().__init__()
        self._known: set[str] = set()
        self._needles: list[str] = []
        self.add(secrets)

    def add(self, secrets: Iterable[str | None]) -> None:
        """From now on these too."""
        new = {secret for secret in secrets if secret and len(secret) >= _SHORTEST} - self._known
        if new:
            self._known |= new
            self._needles = sorted({needle for secret in self._known for needle in _needles(secret)})

    def redact(self, text: str) -> str:
        """The text with `***` in place of each secret and of all that has the shape of one."""
        return without_shapes(self._without_known(text), _REPLACEMENT)

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  a library's mistake must not lose the line, or leak it
            message = f"{record.msg} {_represented(record.args)}"
        record.msg, record.args = self.redact(message), None
        if record.exc_info:
            record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
            record.exc_info = None  # or a handler could format it again
        if record.exc_text:
            record.exc_text = self.redact(record.exc_text)
        if record.stack_info:
            record.stack_info = self.redact(record.stack_info)
        return True

    def _without_known(self, text: str) -> str:
        if not self._needles:
            return text
        spans = set(_found(self._needles, text.translate(_ALIKE)))
        if _DISGUISED.search(text):
            for plain in (_Plain(text, line_end) for line_end in _LINE_ENDS):
                spans |= {plain.source(start, end) for start, end in _found(self._needles, plain.text)}
        parts: list[str] = []
        done = 0
        for start, end in sorted(spans):
            if start > done or not parts:
                parts += [text[done:start], _REPLACEMENT]
            done = max(done, end)
        return "".join(parts) + text[done:] if parts else text


_process = Redaction()  # logging is the whole process's, and so are its secrets


def redact_all_logging(secrets: Iterable[str | None] = ()) -> Redaction:
    """From now on keep these too out of what the root logger's handlers write: call it once there are any."""
    _process.add(secrets)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_process)
    return _process


def redacted(text: str) -> str:
    """Without any secret that this process knows of: for what is told otherwise than by logging."""
    return _process.redact(text)


def redact_everything(secrets: Iterable[str | None]) -> None:
    """The same for handlers that libraries have of their own, for warnings, and for errors that nobody
    caught, which are logged from now on. For a program's start."""
    redact_all_logging(secrets)
    made = logging.getLogRecordFactory()
    if made is not _record:
        logging.setLogRecordFactory(_record)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda what: _log_uncaught(what.exc_type, what.exc_value, what.exc_traceback)
    threading.excepthook = lambda what: _log_uncaught(what.exc_type, what.exc_value, what.exc_traceback)


def _record(*args: Any, **named: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **named)
    _process.filter(record)
    return record


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        _log_uncaught(kind, error, trace)


def _log_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    _log.critical("nobody caught this", exc_info=(kind, error or kind(), trace))


class _Piece(NamedTuple):
    at: int  # in the plain text
    start: int  # in the source
    end: int
    literal: bool


class _Plain:
    """A text with its line ends and escapes taken out, and where each part of it stood."""

    def __init__(self, source: str, line_end: re.Pattern[str] = _LINE_ENDS[0]) -> None:
        self._lines = _Layer(source, line_end, lambda _: "")
        self._escapes = _Layer(self._lines.text, _ESCAPE, lambda escape: _unescaped(escape).translate(_GONE))
        self.text = self._escapes.text.translate(_ALIKE)

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Where in the source `text[start:end]` stood."""
        return self._lines.source(*self._escapes.source(start, end))


class _Layer:
    def __init__(self, source: str, pattern: re.Pattern[str], change: Callable[[re.Match[str]], str]) -> None:
        self._pieces: list[_Piece] = []
        parts: list[str] = []
        at = done = 0

        def take(start: int, end: int, shown: str, *, literal: bool) -> None:
            nonlocal at
            if end > start:
                self._pieces.append(_Piece(at, start, end, literal))
                parts.append(shown)
                at += len(shown)

        for match in pattern.finditer(source):
            take(done, match.start(), source[done : match.start()], literal=True)
            take(match.start(), match.end(), change(match), literal=False)
            done = match.end()
        take(done, len(source), source[done:], literal=True)
        self.text = "".join(parts)

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The whole of what was changed and has a part in it."""
        first, last = self._piece(start), self._piece(end - 1)
        begins = first.start + start - first.at if first.literal else first.start
        return begins, last.start + end - last.at if last.literal else last.end

    def _piece(self, at: int) -> _Piece:
        """The last one that begins there or before: one without text has the place of the next."""
        return self._pieces[bisect_right(self._pieces, at, key=lambda piece: piece.at) - 1]


def _unescaped(match: re.Match[str]) -> str:
    kind, found = match.lastgroup, match[match.lastgroup or 0]
    if kind in {"bytes", "escaped_bytes"}:
        codes = re.findall(r"(?:%(?:25)*|x)([0-9A-Fa-f]{2})", found)
        raw = bytes(int(code, 16) for code in codes)
        # `\xe9` is one character in a text's `repr`, and a part of one in that of bytes.
        return raw.decode() if _is_utf8(raw) else raw.decode("latin-1")
    if kind == "low":
        return bytes.fromhex(match["high"] + match["low"]).decode("utf-16-be")
    if kind == "nothing":
        return ""
    code = int(found, 10 if kind == "entity" else 16)
    return chr(code) if code <= sys.maxunicode else "\N{REPLACEMENT CHARACTER}"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=64)
def _needles(secret: str) -> frozenset[str]:
    """What to look for in a plain text: the secret without its own disguises, and its encodings."""
    raw = secret.encode(errors="replace")
    # A backslash of its own may look like a line's end, or like nothing.
    spellings = (secret, secret.replace("\\", ""))
    forms = {_Plain(one).text for one in spellings} | {one.translate(_ALIKE) for one in spellings}
    forms |= {raw.hex(), raw.hex().upper()}
    for before in range(
        3
    ):  # it may stand anywhere in what was encoded: what its neighbours share is left out
        encoded = base64.b64encode(bytes(before) + raw).decode().rstrip("=").translate(_ALIKE)
        shared = (len(raw) + before) % 3 != 0
        forms.add(encoded[(0, 2, 3)[before] : -1 if shared else None])
    return frozenset(form for form in forms if len(form) >= _SHORTEST)


def _found(needles: Iterable[str], text: str) -> Iterator[tuple[int, int]]:
    for needle in needles:
        at = text.find(needle)
        while at >= 0:
            yield at, at + len(needle)
            at = text.find(needle, at + 1)


def _represented(what: object) -> str:
    try:
        return repr(what)
    except Exception:  # noqa: BLE001  the same
        return "(cannot be shown)"
