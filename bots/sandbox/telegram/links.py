"""Links that lead to the bot and carry a word for it.

core.telegram.org/bots/features#deep-linking
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from bots.sandbox.telegram.world import Person

_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{0,64}")


def deep_link(url: str, bot: Person) -> str | None:
    """The payload of a link such as `https://t.me/sluice_bot?start=x`, "" when it has none.

    None when the link leads elsewhere, or when Telegram's client would not take it for such a link.
    """
    parts = urlsplit(url if "://" in url else f"https://{url}")
    query = parse_qs(parts.query, keep_blank_values=True)
    if parts.scheme == "tg":
        name = query.get("domain", [""])[0] if parts.netloc == "resolve" else ""
    elif parts.scheme in ("http", "https") and parts.netloc in ("t.me", "telegram.me"):
        name = parts.path.strip("/")
    else:
        return None
    payload = query.get("start", [""])[0]
    return payload if name.lower() == bot.username.lower() and _PAYLOAD.fullmatch(payload) else None
