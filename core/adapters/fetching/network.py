"""The only place that resolves and connects, and what comes over a connection, counted."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

import httpcore2

from core.adapters.fetching.addresses import Address
from core.adapters.fetching.targets import RefusedError
from core.ports.fetching import Limits, Why

Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[Address]]]
"""The addresses of a name, best first. Raises OSError."""

_TRIED: Final = 3  # addresses of one name
_LOOKUPS: Final = ThreadPoolExecutor(4, "lookup")
"""Of their own: a stranger's slow name server must hold up no lookup of the platforms or the model."""


async def look_up(host: str) -> Sequence[Address]:
    """As the system resolves it. Raises OSError."""
    try:
        found = await asyncio.get_running_loop().run_in_executor(
            _LOOKUPS, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
    except UnicodeError as error:
        raise OSError("not a name") from error
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


class Meter:
    """What may still come, and until when. `pace` ends the fetch."""

    def __init__(self, limits: Limits, pace: asyncio.Timeout) -> None:
        self._limits = limits
        self._pace = pace
        self._began = asyncio.get_running_loop().time()
        self._room = 0
        self._received = 0
        self._pace.reschedule(self.deadline)

    def allow(self, count: int) -> None:
        """So many bytes may come from now on."""
        self._room = count

    def ask(self, count: int) -> int:
        """How many bytes to read at most. Raises RefusedError."""
        if not self._room:
            raise RefusedError(Why.TOO_LARGE)
        return min(count, self._room)

    def took(self, count: int) -> None:
        self._room -= count
        self._received += count
        if not self._pace.expired():
            self._pace.reschedule(self.deadline)

    @property
    def deadline(self) -> float:
        """By the event loop's clock: bytes buy time."""
        earned = self._limits.grace_s + self._received / self._limits.least_bytes_per_s
        return self._began + min(earned, self._limits.total_s)


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses that it checked itself, and for TLS still by the name. Where one address of a
    name is none to go to, no other is tried either. Raises RefusedError, or what `network` raises."""

    def __init__(
        self,
        may_reach: Callable[[Address], bool],
        meter: Meter,
        *,
        resolve: Resolve,
        network: httpcore2.AsyncNetworkBackend,
    ) -> None:
        self._may_reach = may_reach
        self._meter = meter
        self._resolve = resolve
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._addresses(host)
        if not all(map(self._may_reach, addresses)):
            raise RefusedError(Why.PRIVATE)
        problem: Exception = httpcore2.ConnectError("no address")
        for address in addresses[:_TRIED]:
            try:
                stream = await self._network.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                problem = error
            else:
                return _Metered(stream, self._meter)
        raise problem

    async def _addresses(self, host: str) -> Sequence[Address]:
        try:
            return [ip_address(host)]
        except ValueError:
            pass
        try:
            return await self._resolve(host)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise RefusedError(Why.ADDRESS)


class _Metered(httpcore2.AsyncNetworkStream):
    """Reads no more than the meter allows."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(self._meter.ask(max_bytes), timeout)
        self._meter.took(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return _Metered(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._meter)
        except BaseException:  # the library closes it on errors, but not when the time is over
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
