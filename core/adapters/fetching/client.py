"""`Fetching` over httpcore2, which itself follows no redirect, keeps no cookie, reads no environment and
decompresses nothing."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Final
from urllib.parse import urljoin

import httpcore2

from core.adapters.fetching.addresses import Address, is_public
from core.adapters.fetching.network import GuardedNetwork, Meter, Resolve, look_up
from core.adapters.fetching.targets import RefusedError, Rules, Target
from core.adapters.fetching.unfolding import unfolding
from core.ports.fetching import DEFAULT_LIMITS, Fetched, Limits, Refused, Sink, Why

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HAS_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII | re.IGNORECASE)
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}", re.ASCII)
_FOREIGN: Final = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException)


class GuardedClient:
    """Each fetch has connections of its own: nothing of one is left for the next."""

    def __init__(
        self,
        rules: Rules,
        *,
        may_reach: Callable[[Address], bool] = is_public,
        resolve: Resolve = look_up,
        network: httpcore2.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = rules
        self._may_reach = may_reach
        self._resolve = resolve
        self._network = network or httpcore2.AnyIOBackend()
        self._tls = tls or ssl.create_default_context()

    async def fetch(self, url: str, into: Sink, limits: Limits = DEFAULT_LIMITS) -> Fetched | Refused:
        at: Target | None = None
        why, status = Why.TOO_SLOW, 0
        try:
            async with asyncio.timeout(None) as pace:
                meter = Meter(limits, pace)
                for _ in range(limits.redirects + 1):
                    at = self._rules.target(url, after=at)
                    meter.allow(limits.header_bytes)
                    async with self._asked(at, meter) as response:
                        if response.status not in _REDIRECTS:
                            return await _receive(response, at, into, limits, meter)
                        url = _location(response, at)
                why = Why.REDIRECT
        except RefusedError as error:
            why, status = error.why, error.status
        except _FOREIGN:
            why = Why.UNREACHABLE
        except TimeoutError:
            if not pace.expired():  # the sink's own
                raise
        return Refused(why, at.origin.host if at else "", status)

    @asynccontextmanager
    async def _asked(self, target: Target, meter: Meter) -> AsyncIterator[httpcore2.Response]:
        origin = target.origin
        url = httpcore2.URL(
            scheme=origin.scheme.encode(),
            host=origin.host.encode(),
            port=origin.port,
            target=target.path.encode(),
        )
        by_the_owner = origin in self._rules.configured
        connection = httpcore2.AsyncHTTPConnection(
            url.origin,
            ssl_context=self._tls,
            network_backend=GuardedNetwork(
                (lambda _: True) if by_the_owner else self._may_reach,
                meter,
                resolve=self._resolve,
                network=self._network,
            ),
        )
        headers = [
            ("Host", origin.authority),
            ("User-Agent", "Sluice"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]
        try:
            yield await connection.handle_async_request(httpcore2.Request("GET", url, headers=headers))
        finally:
            await connection.aclose()


async def _receive(
    response: httpcore2.Response, target: Target, into: Sink, limits: Limits, meter: Meter
) -> Fetched:
    if response.status != 200:
        raise RefusedError(Why.STATUS, response.status)
    unfold = unfolding(_header(response, b"content-encoding"))
    announced = _header(response, b"content-length")
    if announced.isdecimal() and int(announced) > limits.wire_bytes:
        raise RefusedError(Why.TOO_LARGE)
    meter.allow(limits.wire_bytes)
    size = 0
    async with aclosing(response.aiter_stream()) as wire:
        async for data in wire:
            for piece in unfold.feed(data):
                size += len(piece)
                if size > limits.body_bytes:
                    raise RefusedError(Why.TOO_LARGE)
                into.write(piece)
                await asyncio.sleep(0)  # a piece may unfold to many: others have their turn between them
    unfold.finish()
    media_type = _header(response, b"content-type").partition(";")[0].strip().lower()
    return Fetched(size, media_type if _MEDIA_TYPE.fullmatch(media_type) else "", str(target))


def _location(response: httpcore2.Response, target: Target) -> str:
    """Where the answer sends us. `urljoin` drops control characters and forgives half an address, both of
    which must be refused: so it is given nothing but paths. Raises RefusedError."""
    location = _header(response, b"location")
    if not location or not location.isprintable() or " " in location or "\\" in location:
        raise RefusedError(Why.REDIRECT)
    try:
        return location if _HAS_SCHEME.match(location) else urljoin(str(target), location)
    except ValueError:
        raise RefusedError(Why.REDIRECT) from None


def _header(response: httpcore2.Response, name: bytes) -> str:
    """All its values, as one line; "" where there is none."""
    return ",".join(value.decode("latin-1") for key, value in response.headers if key.lower() == name)
