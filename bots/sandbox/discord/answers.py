"""HTTP answers the way Discord's edge sends them."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from bots.sandbox.discord.errors import ApiError, Refusal

_PAGE: Final = """<!DOCTYPE html>
<html lang="en-US">
<head>
<title>Access denied | discord.com used Cloudflare to restrict access</title>
<script>(function(){window.feedback=function(helpful){send({errorCode:NUMBER,helpful:helpful,version:1})}})();</script>
</head>
<body>
<div id="cf-wrapper"><div id="cf-error-details">
<header>
  <h1>
    <span data-translate="error">Error</span>
    <span>NUMBER</span>
  </h1>
  <span>Ray ID: 0123456789abcdef &bull;</span>
  <h2 data-translate="access_denied">Access denied</h2>
</header>
<section><h2 data-translate="what_happened">What happened?</h2><p>This was refused.</p></section>
</div></div>
</body>
</html>
"""
"""With Cloudflare's elements: the word and the number stand beside each other only as people see them."""


def whole_ms(seconds: float) -> float:
    """Seconds rounded up to a millisecond, so that who waits as told is never early."""
    return math.ceil(round(seconds * 1000, 3)) / 1000


def json_response(status: int, data: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON typed `application/json` to the letter, with the `Via` that tells Discord from Cloudflare."""
    edge = {"Via": "1.1 google", **(headers or {})}
    if status == 204:
        return web.Response(status=204, headers=edge)
    body = json.dumps(data).encode()
    return web.Response(status=status, body=body, content_type="application/json", headers=edge)


def too_many(wait: float, scope: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """A 429 of a bucket (`user`, `shared`) or of the account (`global`), to be tried after `wait` seconds."""
    retry_after = whole_ms(wait)
    extra = {"Retry-After": str(math.ceil(wait)), "X-RateLimit-Scope": scope, **(headers or {})}
    if scope == "global":
        extra["X-RateLimit-Global"] = "true"
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": scope == "global"}
    return json_response(429, body, extra)


def banned() -> web.Response:
    """What Cloudflare answers in Discord's place: no `Via`, no JSON."""
    return web.Response(status=429, text="error code: 1015", content_type="text/plain")


def blocked(error: int) -> web.Response:
    """What it answers as a page for people: 1015 is the same ban, 1020 that it dislikes this request."""
    return web.Response(status=403, text=_PAGE.replace("NUMBER", str(error)), content_type="text/html")


@web.middleware
async def refuse_unknown_paths(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer paths and methods that no route knows in Discord's form."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return json_response(404, ApiError(Refusal.NOT_FOUND).body)
    except web.HTTPMethodNotAllowed:
        return json_response(405, ApiError(Refusal.METHOD_NOT_ALLOWED).body)
