"""How secrets look that nobody told us of: tokens of platforms, keys of providers, headers, addresses."""

from __future__ import annotations

import re
from typing import Final

_IS: Final = r"(?:[\"']?\s*[:=]|[\"']\s*,)\s*b?[\"']?"  # between a name and its value, in any notation
_SHAPES: Final = tuple(
    re.compile(shape, re.ASCII)
    for shape in (
        # Telegram's, also in an address, and with whatever comes after the colon there
        r"(?P<kept>/(?:file/)?bot)[0-9]+(?::|%(?:25)*3[Aa])[^/\s\"'?]+",
        r"(?<![0-9])[0-9]{6,12}(?::|%(?:25)*3[Aa])[A-Za-z0-9_-]{30,}",
        # Discord's: the id in base64, a time, a signature; an interaction's, with which anybody can answer it
        r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{23,30}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}",
        r"(?P<kept>/(?:webhooks|interactions)/[0-9]+/)[A-Za-z0-9_.%=-]{8,}",
        r"(?<![A-Za-z0-9_-])aW50ZXJhY3Rpb246[A-Za-z0-9_=-]+",
        # Providers' keys
        r"(?<![A-Za-z0-9_-])(?:sk|pk|rk|gsk|xai|hf|ghp|glpat)[-_][A-Za-z0-9_-]{16,}",
        r"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{30,}",
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+",
        # Headers, parameters, and the password of an address
        rf"(?P<kept>(?i:authorization){_IS}(?:(?i:bearer|bot|basic|token)\s+)?)(?!(?i:b|t)\w+\s)[^\s\"',;)}}\]]+",
        r"(?P<kept>\b(?i:bearer)\s+)[A-Za-z0-9._~+/=-]{16,}",
        rf"(?P<kept>(?<![A-Za-z0-9])(?i:api[-_]?key|(?:access|secret)[-_]token){_IS})[^\s\"',;&)}}\]]{{8,}}",
        r"(?P<kept>[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"']*:)[^\s/@\"']+(?=@)",
    )
)  # fmt: skip


def looks_secret(text: str) -> bool:
    """Whether a part of it has the shape of a secret."""
    return any(shape.search(text) for shape in _SHAPES)


def without_shapes(text: str, replacement: str) -> str:
    """With `replacement` in place of each part that has the shape of a secret."""
    for shape in _SHAPES:
        text = shape.sub(lambda match: f"{match.groupdict().get('kept') or ''}{replacement}", text)
    return text
