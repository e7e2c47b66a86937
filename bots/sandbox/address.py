"""Where the sandbox's page is, and who holds that address."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

SERVED_BY: Final = "Sluice"  # in the page's header Server: how another Sluice knows who holds the address
_PROBE: Final = ClientTimeout(total=2.0)
EVERYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104
"""Hosts by which something listens on every address of this machine."""
PAGE_IS_OPEN: Final = (
    "SLUICE_HTTP lets other machines reach the sandbox's page: whoever has the address with its key "
    "can use it, and it travels unencrypted. Use 127.0.0.1 unless you trust the network."
)


def page_url(host: str, port: int) -> str:
    """Where a browser here finds what listens there: on loopback, where it listens everywhere."""
    host = "127.0.0.1" if host in EVERYWHERE else host
    return str(URL.build(scheme="http", host=host, port=port, path="/"))


async def is_served_at(host: str, port: int) -> bool:
    """Whether a Sluice serves its page there now, within 2 s. Never raises."""
    with suppress(ClientError, OSError, TimeoutError, ValueError):
        async with (
            ClientSession(timeout=_PROBE) as session,
            session.get(page_url(host, port), allow_redirects=False) as answer,
        ):
            return answer.headers.get("Server") == SERVED_BY
    return False
