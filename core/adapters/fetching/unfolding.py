"""A compressed body, unfolded in pieces: what it would grow to is known only as far as somebody reads on."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

from core.adapters.fetching.targets import RefusedError
from core.ports.fetching import Why

PIECE_BYTES: Final = 64 * 2**10


class Unfolding(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces of at most `PIECE_BYTES`, or of `data`'s own length. Raises RefusedError."""

    def finish(self) -> None:
        """Raises RefusedError where the body is not whole."""


def unfolding(coding: str) -> Unfolding:
    """Of a value of the header Content-Encoding. Raises RefusedError for one that is not unfolded: those
    that were not asked for and come all the same are rare, so what every server has is enough."""
    match coding.strip().lower():
        case "" | "identity":
            return _AsItIs()
        case "gzip" | "x-gzip" | "deflate":
            return _Inflating()
        case _:
            raise RefusedError(Why.ENCODING)


class _AsItIs:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> None: ...


class _Inflating:
    """Of gzip one member: thousands of empty ones would cost time and never reach a limit of bytes."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, as its head says

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = self._inflate.decompress(data, PIECE_BYTES)
            except zlib.error:
                raise RefusedError(Why.ENCODING) from None
            if piece:
                yield piece
            data = self._inflate.unconsumed_tail
            if self._inflate.unused_data:
                raise RefusedError(Why.ENCODING)
            if self._inflate.eof or not data:
                return

    def finish(self) -> None:
        if not self._inflate.eof:
            raise RefusedError(Why.ENCODING)
