"""Where a link really leads: shown behind every text that does not say so itself.

`[bank.com](https://evil.example)` shows a name and opens another. A host is shown as a resolver is asked for
it (`xn--…`), so that no letter passes for another, and of a long one its end, which says whose it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

_LONGEST: Final = 60  # characters of a host
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)
_NAMES_NOBODY: Final = re.compile(r"[\W\d_]*")  # `[12]`: a text without letters is no name


def shown_host(label: str, url: str, *, ours: re.Pattern[str] | None = None) -> str:
    """What is to stand behind the text of a link; empty where the text is the address, or its host, itself.

    `ours`: addresses of messages on the platform itself, which need no host behind a number that cites them.
    Total: an address that cannot be read is shown as far as there is room.
    """
    if ours is not None and ours.fullmatch(url) and _NAMES_NOBODY.fullmatch(label):
        return ""
    host = _host(url)
    label = label.strip()
    if host and label.isascii() and _spoken_host(label) == host:
        return ""
    host = host or _printable(url)
    return host if len(host) <= _LONGEST else f"…{host[-_LONGEST:]}"


def _spoken_host(label: str) -> str:
    """The host that a text names with nothing around it; empty where it names none or hides it behind `@`."""
    if re.search(r"[\s@\\]", label):
        return ""
    return _host(label if _WEB.match(label) else f"https://{label}")


@lru_cache(maxsize=1024)
def _host(url: str) -> str:
    # Browsers end the host at a backslash; a resolver's view of it would go on.
    address = url.replace("\\", "/")
    try:
        host = urlsplit(address).hostname or ""
        return host if host.isascii() else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        return ""


def _printable(url: str) -> str:
    return "".join(char for char in url if char.isascii() and char.isprintable()) or "?"
