"""A real listener on loopback, and a network that leads everything to it: what would leave, arrives here."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from ipaddress import ip_address
from typing import TypeAlias

import httpcore2

from core.adapters.fetching.addresses import Address
from core.adapters.fetching.client import GuardedClient
from core.adapters.fetching.targets import Rules
from core.ports.fetching import DEFAULT_LIMITS, Fetched, Fetching, Limits, Refused, Sink

PUBLIC = "93.184.215.14"
"""An address of the public internet, by which nothing in these tests is ever reached."""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody; to read whom the system trusts takes longer than a whole test."""

HANGS_S = 20
"""A connection that is still open after so long stays so."""

_TLS_HELLO = b"\x16"  # where it listens without TLS, it hangs up

OPEN = Rules(any_public_host=True, plain_http=True)
"""The widest rules there are: only the guard itself is left."""

Answer: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Counts connections and keeps each request's head. `answers`: one per connection; the last stays."""

    def __init__(self, *answers: Answer | bytes) -> None:
        self.answers = list(answers) or [b""]
        self.accepted = 0
        self.requests: list[str] = []
        self.port = 0
        self.heard = asyncio.Event()  # a request has come
        self.gone = asyncio.Event()  # the client has closed a connection
        self._serving: list[asyncio.Task[None]] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._serving.append(task)
        answer = self.answers[min(self.accepted, len(self.answers) - 1)]
        self.accepted += 1
        try:
            first = await reader.readexactly(1)
            if first == _TLS_HELLO:
                return
            self.requests.append((first + await reader.readuntil(b"\r\n\r\n")).decode())
            self.heard.set()
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
            if writer.can_write_eof():
                writer.write_eof()
            await reader.read()
        except (OSError, EOFError):
            pass
        finally:
            self.gone.set()
            writer.close()

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            async with asyncio.timeout(HANGS_S):  # the client has to have closed every connection
                await asyncio.gather(*self._serving)
            await server.wait_closed()


class LeadingNetwork(httpcore2.AsyncNetworkBackend):
    """Keeps where each connection was to go, and makes it, over a real socket, to the listener instead."""

    def __init__(self, listener: Listener) -> None:
        self.wanted: list[tuple[str, int]] = []
        self._listener = listener
        self._real = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.wanted.append((host, port))
        return await self._real.connect_tcp("127.0.0.1", self._listener.port, timeout)


class Names:
    """A resolver. Each name has its answers in turn, the last one for ever; unknown ones are public."""

    def __init__(self, answers: dict[str, Sequence[Sequence[str]]] | None = None) -> None:
        self.asked: list[str] = []
        self._answers = {name: list(rows) for name, rows in (answers or {}).items()}

    async def __call__(self, host: str) -> list[Address]:
        self.asked.append(host)
        rows = self._answers.get(host, [[PUBLIC]])
        return [ip_address(row) for row in (rows.pop(0) if len(rows) > 1 else rows[0])]


async def fetch(
    listener: Listener,
    url: str = "http://files.example.com/a",
    *,
    limits: Limits = DEFAULT_LIMITS,
    into: Sink | None = None,
) -> Fetched | Refused:
    """Through the guard as it is, with a resolver and the network of these tests."""
    client: Fetching = GuardedClient(OPEN, resolve=Names(), network=LeadingNetwork(listener), tls=NO_TLS)
    return await client.fetch(url, into or BytesIO(), limits)


def ok(body: bytes, *headers: str) -> bytes:
    """A whole answer that ends with its connection."""
    return "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
