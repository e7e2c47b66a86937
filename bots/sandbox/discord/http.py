"""The front of the REST API: every request is authorised, limited, handled, answered and logged."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from aiohttp import BodyPartReader, web

from bots.sandbox.discord.answers import banned, json_response, too_many, whole_ms
from bots.sandbox.discord.content import Upload
from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, Refusal, invalid
from bots.sandbox.discord.faults import Fault, Faults
from bots.sandbox.discord.models import Json
from bots.sandbox.limits import Enforcer, take_all

API_BASE = "/api/v10"
MAX_BODY_BYTES = 10 * 1024 * 1024
_LOGGED_REQUESTS = 20_000
_KEPT_BUCKETS = 1_000


@dataclass(frozen=True)
class Request:
    """One request as it was answered: `at` by the server's clock, `route` with names for its ids.

    `status` is 0 when the connection was closed instead; `chat` and `message` are the page's ids.
    """

    at: float
    method: str
    route: str
    status: int
    body: Any
    chat: str | None
    message: str | None


@dataclass(frozen=True)
class Call:
    """What a handler gets: ids and names of the path, the query, the JSON body, uploaded files."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    uploads: Mapping[int, Upload]

    def id(self, name: str) -> int:
        """A snowflake of the path. Raises `ApiError` (50035) when it is none."""
        return snowflake(self.path[name], name)

    @property
    def fields(self) -> Json:
        """The body, which must be an object. Raises `ApiError` (50109)."""
        if not isinstance(self.body, dict):
            raise ApiError(Refusal.INVALID_JSON)
        return self.body


@dataclass(frozen=True)
class Route:
    """One endpoint: `bucket` names its rate limit, `auth` whether it wants the bot's token."""

    method: str
    path: str
    bucket: str
    handler: Callable[[Call], Awaitable[tuple[int, Any]]]
    auth: bool = True


def snowflake(raw: object, field: str) -> int:
    """An id or number of a path, query or body as an integer. Raises `ApiError` (50035)."""
    text = str(raw)
    if not (text.isascii() and text.isdigit()):
        raise invalid(field, "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
    return int(text)


class Front:
    """Answers the routes given to `add`, and reports every request and every 429."""

    def __init__(self, context: Context) -> None:
        self._limits = context.limits.limits
        self._clock = context.clock
        self._world_now = context.world.now
        self._token = context.token
        self._report = context.report
        self._account = Enforcer(self._limits["account"])
        self._invalid = Enforcer(self._limits["invalid_requests"])
        self._buckets: dict[tuple[str, str], Enforcer] = {}
        self._stopping = asyncio.Event()
        self.faults = Faults()
        self.requests: list[Request] = []

    def add(self, app: web.Application, routes: Sequence[Route]) -> None:
        """Register `routes` under the API's base."""
        for route in routes:
            app.router.add_route(route.method, API_BASE + route.path, self._handler(route))

    def stop(self) -> None:
        """Let the requests go that a fault keeps hanging."""
        self._stopping.set()

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return await self._handle(route, request)

        return handle

    async def _handle(self, route: Route, request: web.Request) -> web.Response:
        fault = self.faults.spend(route.method, route.path)
        kind = None if fault is None else fault.kind
        body: Any = None
        if kind in ("drop_before", "hang_before"):
            answer = web.Response(status=502)
        else:
            answer, body = await self._answer(route, request, fault)
        dropped = kind in ("drop_before", "drop_after", "hang_before", "hang_after")
        answer.headers["Date"] = formatdate(self._world_now(), usegmt=True)
        self._log(route, request, answer, 0 if dropped else answer.status, body)
        if kind in ("hang_before", "hang_after"):
            await self._stopping.wait()
        if dropped and request.transport is not None:
            request.transport.abort()
        return answer

    async def _answer(
        self, route: Route, request: web.Request, fault: Fault | None
    ) -> tuple[web.Response, Any]:
        if self._invalid.wait(self._clock()):
            return banned(), None
        headers: dict[str, str] = {}
        body: Any = None
        try:
            body, uploads = await _read(request)
            if route.auth and request.headers.get("Authorization") != f"Bot {self._token}":
                raise ApiError(Refusal.UNAUTHORIZED)
            limited = self._limit(route, request, headers)
            answer = (fault.answer(headers) if fault else None) or limited
            if answer is None:
                status, data = await route.handler(Call(request.match_info, request.query, body, uploads))
                answer = json_response(status, data, headers)
        except ApiError as error:
            if error.retry_after is not None:
                headers |= {"Retry-After": str(math.ceil(error.retry_after)), "X-RateLimit-Scope": "user"}
            answer = json_response(error.status, error.body, headers)
        shared = answer.headers.get("X-RateLimit-Scope") == "shared"
        if answer.status in (401, 403, 429) and not shared:
            self._invalid.take(self._clock())
        return answer, body

    def _limit(self, route: Route, request: web.Request, headers: dict[str, str]) -> web.Response | None:
        """Take from the buckets of a request: fill `headers`, or return the 429."""
        now = self._clock()
        interaction = "interaction_token" in request.match_info
        if not interaction and (wait := self._account.take(now)):
            return too_many(wait, "global")
        buckets = [self._bucket(route.bucket, request)]
        if interaction:
            buckets.append(self._bucket("interaction_minute", request))
        wait = take_all(buckets, now)
        tightest = min(buckets, key=lambda bucket: (bucket.remaining(now), -bucket.reset_after(now)))
        reset_after = tightest.reset_after(now)
        headers |= {
            "X-RateLimit-Limit": str(tightest.limit),
            "X-RateLimit-Remaining": str(tightest.remaining(now)),
            "X-RateLimit-Reset": f"{time.time() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{whole_ms(reset_after):.3f}",
            "X-RateLimit-Bucket": hashlib.md5(route.bucket.encode(), usedforsecurity=False).hexdigest(),
        }
        return too_many(wait, "user", headers) if wait else None

    def _bucket(self, name: str, request: web.Request) -> Enforcer:
        path = request.match_info
        major = path.get("interaction_token") or path.get("channel_id") or path.get("guild_id") or ""
        if len(self._buckets) > _KEPT_BUCKETS:
            now = self._clock()
            self._buckets = {key: one for key, one in self._buckets.items() if one.remaining(now) < one.limit}
        rule = self._limits.get(name, self._limits["default"])
        return self._buckets.setdefault((name, major), Enforcer(rule))

    def _log(self, route: Route, request: web.Request, answer: web.Response, status: int, body: Any) -> None:
        payload = (
            json.loads(answer.body) if isinstance(answer.body, bytes) and answer.body[:1] == b"{" else {}
        )
        path = request.match_info
        chat = path.get("channel_id") or payload.get("channel_id")
        message = path.get("message_id") or (payload.get("id") if "content" in payload else None)
        entry = Request(self._clock(), route.method, route.path, status, body, chat, message)
        self.requests.append(entry)
        del self.requests[:-_LOGGED_REQUESTS]
        event = {key: getattr(entry, key) for key in ("method", "route", "status", "chat", "message", "at")}
        self._report({"type": "request", **event})
        if status == 429:
            retry_after = payload.get("retry_after")
            self._report({"type": "limited", "route": route.path, "retry_after": retry_after, "chat": chat})


async def _read(request: web.Request) -> tuple[Any, dict[int, Upload]]:
    try:
        if request.content_type != "multipart/form-data":
            raw = await request.read()
            return (json.loads(raw) if raw else {}), {}
        payload: Any = {}
        uploads: dict[int, Upload] = {}
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            content = bytes(await part.read())
            name = part.name or ""
            if name == "payload_json":
                payload = json.loads(content)
            elif name.startswith("files[") and name.endswith("]"):
                uploads[int(name[6:-1])] = Upload(part.filename or "file", content)
        if sum(len(upload.content) for upload in uploads.values()) > MAX_BODY_BYTES:
            raise ApiError(Refusal.TOO_LARGE)
        return payload, uploads
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(Refusal.TOO_LARGE) from None
    except ValueError:
        raise ApiError(Refusal.INVALID_JSON) from None
