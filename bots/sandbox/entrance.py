"""Who may come in to the sandbox's page: this machine, or whoever holds the key that the start printed.

The key comes once, in the address; from then on a cookie that scripts cannot read carries it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

KEY: Final = "key"  # in the address
_COOKIE: Final = "sluice_page"
_LOCAL_OR_ADDRESS: Final = re.compile(r"(localhost|\d{1,3}(\.\d{1,3}){3}|\[[\da-fA-F:.]+\])(:\d+)?")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def own_host_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse names: a foreign site can make its own name lead here (DNS rebinding), but no address."""
    if not _LOCAL_OR_ADDRESS.fullmatch(request.host):
        raise web.HTTPForbidden(text="Open the sandbox by its address or as localhost.\n")
    return await handler(request)


def holders_of(key: str) -> Middleware:
    """Let in who brings the key; a browser that does gets the cookie, and an address without it."""

    @web.middleware
    async def let_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _same(request.cookies.get(_COOKIE, ""), key):
            return await handler(request)
        if not _same(request.query.get(KEY, ""), key):
            raise web.HTTPUnauthorized(text="Open the whole address that Sluice printed when it started.\n")
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(_COOKIE, key, httponly=True, samesite="Strict")
        return answer

    return let_in


def _same(given: str, key: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), key.encode())
