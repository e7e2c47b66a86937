"""A pass-through in front of any model endpoint that keeps exactly what went over the wire.

It is the witness in end-to-end tests: what a chat shows is compared with the bytes that the model sent.
So it shares no code with the client it watches.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from aiohttp import ClientSession, ClientTimeout, web

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "host"}
)


@dataclass(slots=True)
class Exchange:
    """One request as it passed: the exact bodies. `ended` is set when nothing more will come.

    `whole` tells whether the model's side ended by itself, and not by the client's leaving or a fault.
    """

    path: str
    sent: bytes
    status: int = 0
    received: bytearray = field(default_factory=bytearray)
    whole: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        """The text deltas that the model sent, joined; garbage among them has none."""
        # Of bytes, so that no line ends but those of the protocol count; a torn last line is no event.
        lines = self.received[: self.received.rfind(b"\n") + 1].splitlines()
        payloads = [line.removeprefix(b"data:").strip() for line in lines if line.startswith(b"data:")]
        return "".join(map(_text, payloads))


def _text(payload: bytes | bytearray) -> str:
    try:
        choices = json.loads(payload).get("choices") or ()
        return "".join((choice.get("delta") or {}).get("content") or "" for choice in choices)
    except (ValueError, AttributeError):
        return ""


class RecordingProxy:
    """Listens on loopback; `base_url` stands in for `upstream_base_url`. Exchanges stand as they came.

    `sends` makes of what the client sent what goes on.
    """

    def __init__(
        self, upstream_base_url: str, *, sends: Callable[[bytes], Awaitable[bytes]] | None = None
    ) -> None:
        self.base_url = ""
        self.exchanges: list[Exchange] = []
        self._upstream = upstream_base_url.rstrip("/")
        self._sends = sends
        self._session: ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._session = ClientSession(timeout=ClientTimeout(total=None), auto_decompress=False)
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/v1/{path:.*}", partial(self._pass, self._session))
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.base_url = f"http://{host}:{self._runner.addresses[0][1]}/v1"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def _pass(self, session: ClientSession, request: web.Request) -> web.StreamResponse:
        exchange = Exchange(request.match_info["path"], await request.read())
        self.exchanges.append(exchange)
        try:
            return await self._relay(session, request, exchange)
        finally:
            exchange.ended.set()

    async def _relay(
        self, session: ClientSession, request: web.Request, exchange: Exchange
    ) -> web.StreamResponse:
        headers = [
            (name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP
        ]
        url = f"{self._upstream}/{exchange.path}"
        sent = await self._sends(exchange.sent) if self._sends and exchange.sent else exchange.sent
        async with session.request(
            request.method, url, params=request.query, headers=headers, data=sent or None
        ) as upstream:
            exchange.status = upstream.status
            response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
            for name, value in upstream.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                exchange.received += chunk
                await response.write(chunk)
            exchange.whole = True
        return response
