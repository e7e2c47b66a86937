"""Whatever is fetched by address: files that people send, and later what their links name.

Nothing here takes headers, cookies or credentials: an address is all that a server is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What one fetch may take, its redirects included.

    It has `grace_s`, and a second more for each `least_bytes_per_s` that came, up to `total_s`: so whoever
    sends little is left soon, and nobody holds it for ten seconds, however fast they send.
    """

    body_bytes: int = 20 * 2**20  # as written into the sink; more no bot gets of Telegram (docs: getFile)
    wire_bytes: int = 21 * 2**20  # of a body as it came, compressed or not, with its framing
    header_bytes: int = 64 * 2**10  # of one answer
    redirects: int = 5
    grace_s: float = 5.0
    least_bytes_per_s: int = 64 * 2**10
    total_s: float = 9.0  # 20 MB in it take 2.3 MB a second: whoever keeps files has that


class Why(StrEnum):
    """Why nothing was fetched."""

    ADDRESS = "address"  # not written as an address has to be, or its scheme or port is not fetched
    HOST = "host"  # nobody allowed this host
    PRIVATE = "private"  # it leads to an address, or is a name, that is not of the public internet
    REDIRECT = "redirect"  # too many of them, from https to http, or to nowhere
    UNREACHABLE = "unreachable"  # no such name, no connection, no trusted certificate, or broken HTTP
    STATUS = "status"  # `Refused.status` says which
    ENCODING = "encoding"  # compressed in a way that is not unfolded, or brokenly
    TOO_LARGE = "too large"
    TOO_SLOW = "too slow"


@dataclass(frozen=True, slots=True)
class Refused:
    """`host`: where it ended, "" where that is not known. No path is told: Telegram's holds the token."""

    why: Why
    host: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """`size`: the bytes that were written. `media_type`: what the server calls them, such as `text/plain`;
    "" where it does not say. It may lie. `url`: where they came from at last, maybe with Telegram's token."""

    size: int
    media_type: str
    url: str = field(repr=False)


class Sink(Protocol):
    """Where a body goes piece by piece: a `BytesIO`, a temporary file. What it raises, `fetch` raises."""

    def write(self, data: bytes, /) -> object: ...


DEFAULT_LIMITS: Final = Limits()


class Fetching(Protocol):
    async def fetch(self, url: str, into: Sink, limits: Limits = DEFAULT_LIMITS) -> Fetched | Refused:
        """The body behind `url`, written into `into`. Where it is refused, throw away what was written.

        Any string may be given, and is judged. Never raises for what a server does.
        """
