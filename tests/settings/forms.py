"""The forms in which a secret may come into a line, and whether it can still be read there."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from core.adapters.redaction import _Plain


def _split(text: str, between: str, every: int) -> str:
    return between.join(text[at : at + every] for at in range(0, len(text), every))


def _all_percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "quoted": quote,
    "quoted whole": lambda text: quote(text, safe=""),
    "quoted for forms": quote_plus,
    "quoted twice": lambda text: quote(quote(text, safe=""), safe=""),
    "quoted three times": lambda text: quote(quote(quote(text, safe=""), safe=""), safe=""),
    "each byte quoted": _all_percent,
    "json": lambda text: json.dumps(text)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text))[3:-3],
    "json with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "all escaped": lambda text: "".join(
        f"\\u{ord(char):04x}" if char < "\U00010000" else char for char in text
    ),
    "repr": lambda text: repr(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of the web": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 in something": lambda text: base64.b64encode(f"a{text}bc".encode()).decode(),
    "base64 as a password": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "base64 quoted": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "hex": lambda text: text.encode().hex(),
}
SPLITS: dict[str, Callable[[str], str]] = {
    "whole": str,
    "over lines": lambda text: _split(text, "\n", 7),
    "over lines that are indented": lambda text: _split(text, "\r\n    ", 11),
    "over literals": lambda text: _split(text, '"\n    "', 9),
    "over lines of a repr": lambda text: repr(_split(text, "\n", 8))[1:-1],
}


def leaks(secret: str, shown: str) -> bool:
    """Whether eight characters in a row of the secret, of its base64 or hexadecimal, can still be read."""
    plain = _Plain(shown).text
    encoded = [base64.b64encode(bytes(n) + secret.encode()).decode()[3 if n else 0 : -4] for n in range(3)]
    for needle in (_Plain(secret).text, secret.encode().hex(), *(_Plain(one).text for one in encoded)):
        if any(needle[at : at + 8] in plain for at in range(max(1, len(needle) - 7))):
            return True
    return False
