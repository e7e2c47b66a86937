"""The front of the REST API: every request is logged, authorised, limited, answered, in this order."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from aiohttp import BodyPartReader, web

from bots.sandbox.discord_content import Upload
from bots.sandbox.discord_context import Context
from bots.sandbox.discord_errors import ApiError, Refusal, invalid
from bots.sandbox.discord_world import Json
from bots.sandbox.limits import Enforcer, take_all

API_BASE = "/api/v10"
MAX_BODY_BYTES = 10 * 1024 * 1024
LOG_LENGTH = 10_000


@dataclass(frozen=True)
class Request:
    """One request as the log keeps it; `at` is the server clock's time, `route` carries no token."""

    at: float
    method: str
    route: str
    status: int
    body: Json | list[Any] | None
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


FaultKind: TypeAlias = Literal["status", "limited", "global", "shared", "banned", "drop_before", "drop_after"]


@dataclass
class Fault:
    """A failure on demand; see `DiscordServer.fault`."""

    kind: FaultKind
    method: str
    route: str
    times: int
    status: int
    retry_after: float

    def matches(self, route: Route) -> bool:
        """Whether this fault is due for a request to `route`."""
        return (
            self.times > 0 and self.method in ("*", route.method) and fnmatch.fnmatch(route.path, self.route)
        )


def snowflake(raw: object, field: str) -> int:
    """An id of a path or body as an integer. Raises `ApiError` (50035)."""
    text = str(raw)
    if not (text.isascii() and text.isdigit()):
        raise invalid(field, "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
    return int(text)


class Front:
    """Answers the routes given to `add`, and reports every request and every 429."""

    def __init__(self, context: Context) -> None:
        self._limits = context.limits.limits
        self._clock = context.clock
        self._token = context.token
        self._report = context.report
        self._account = Enforcer(self._limits["account"])
        self._buckets: dict[tuple[str, str], Enforcer] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []

    def add(self, app: web.Application, routes: Sequence[Route]) -> None:
        """Register `routes` under the API's base."""
        for route in routes:
            app.router.add_route(route.method, API_BASE + route.path, self._handler(route))

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return await self._handle(route, request)

        return handle

    async def _handle(self, route: Route, request: web.Request) -> web.Response:
        fault = next((fault for fault in self.faults if fault.matches(route)), None)
        if fault is not None:
            fault.times -= 1
        if fault is not None and fault.kind == "drop_before":
            return self._drop(request)
        headers: dict[str, str] = {}
        body: Any = None
        try:
            body, uploads = await _read(request)
            if route.auth and request.headers.get("Authorization") != f"Bot {self._token}":
                raise ApiError(Refusal.UNAUTHORIZED)
            answer = self._injected(fault) if fault else None
            answer = answer or self._limited(route, request, headers)
            if answer is None:
                status, data = await route.handler(Call(request.match_info, request.query, body, uploads))
                answer = json_response(status, data)
                answer.headers.update(headers)
        except ApiError as refused:
            data = refused.body
            answer = json_response(refused.status, data, headers)
            if refused.retry_after is not None:
                answer.headers["Retry-After"] = str(math.ceil(refused.retry_after))
        self._log(route, request, answer, body)
        return self._drop(request) if fault is not None and fault.kind == "drop_after" else answer

    def _limited(self, route: Route, request: web.Request, headers: dict[str, str]) -> web.Response | None:
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
            "X-RateLimit-Reset-After": f"{math.ceil(reset_after * 1000) / 1000:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(route.bucket.encode(), usedforsecurity=False).hexdigest(),
        }
        return too_many(wait, "user", headers) if wait else None

    def _bucket(self, name: str, request: web.Request) -> Enforcer:
        path = request.match_info
        major = path.get("interaction_token") or path.get("channel_id") or path.get("guild_id") or ""
        rule = self._limits.get(name, self._limits["default"])
        return self._buckets.setdefault((name, major), Enforcer(rule))

    def _injected(self, fault: Fault) -> web.Response | None:
        match fault.kind:
            case "status":
                return json_response(fault.status, {"message": f"{fault.status}: Injected fault", "code": 0})
            case "limited" | "shared" | "global":
                scope = "user" if fault.kind == "limited" else fault.kind
                return too_many(fault.retry_after, scope)
            case "banned":
                # What Cloudflare answers in Discord's place: no Via, no JSON.
                return web.Response(status=429, text="error code: 1015", content_type="text/plain")
            case _:
                return None

    def _drop(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)

    def _log(self, route: Route, request: web.Request, answer: web.Response, body: Any) -> None:
        payload = (
            json.loads(answer.body) if isinstance(answer.body, bytes) and answer.body[:1] == b"{" else {}
        )
        path = request.match_info
        chat = path.get("channel_id") or payload.get("channel_id")
        message = path.get("message_id") or (payload.get("id") if "content" in payload else None)
        entry = Request(self._clock(), route.method, route.path, answer.status, body, chat, message)
        self.requests.append(entry)
        del self.requests[:-LOG_LENGTH]
        self._report(
            {
                "type": "request",
                "method": entry.method,
                "route": entry.route,
                "status": entry.status,
                "chat": chat,
                "message": message,
                "at": entry.at,
            }
        )
        if answer.status == 429:
            retry_after = payload.get("retry_after")
            self._report({"type": "limited", "route": route.path, "retry_after": retry_after, "chat": chat})


def json_response(status: int, data: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer the way Discord's edge sends it: `application/json` to the letter, and `Via`."""
    edge = {"Via": "1.1 google", **(headers or {})}
    if status == 204:
        return web.Response(status=204, headers=edge)
    return web.Response(
        status=status, body=json.dumps(data).encode(), content_type="application/json", headers=edge
    )


def too_many(wait: float, scope: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """A 429 of a bucket (`user`, `shared`) or of the account (`global`)."""
    retry_after = math.ceil(wait * 1000) / 1000
    extra = {"Retry-After": str(math.ceil(wait)), "X-RateLimit-Scope": scope, **(headers or {})}
    if scope == "global":
        extra["X-RateLimit-Global"] = "true"
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": scope == "global"}
    return json_response(429, body, extra)


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
