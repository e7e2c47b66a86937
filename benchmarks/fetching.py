"""What hostile servers cost whoever fetches from them: `python -m benchmarks.fetching`.

The server is a process of its own on loopback, the client the guarded one as it is, with its own limits. So
the memory is the client's alone. Takes about 25 seconds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from tempfile import TemporaryFile
from typing import Final

from rich.console import Console
from rich.table import Table

from core.adapters.fetching.client import GuardedClient
from core.adapters.fetching.targets import platform_rules
from core.ports.fetching import Fetched

MEGABYTE: Final = 2**20
_GZIPPED: Final = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"

_EVERY_TENTH_S: Final = {"/drip": 1, "/trickle": 3200, "/steady": 12800}
"""Bytes: next to none, half of the least speed, and twice of it."""


def bomb(megabytes: int) -> Iterator[bytes]:
    """The body of a gzip of so many megabytes of zeros, a thousandth as long, a megabyte's part at a time."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    part = deflate.compress(bytes(MEGABYTE)) + deflate.flush(zlib.Z_FULL_FLUSH)
    yield b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    for _ in range(megabytes):
        yield part
    checksum = 0
    if megabytes <= 64:  # nobody reads so far where there are more
        for _ in range(megabytes):
            checksum = zlib.crc32(bytes(MEGABYTE), checksum)
    length = megabytes * MEGABYTE & 0xFFFF_FFFF
    yield deflate.flush() + checksum.to_bytes(4, "little") + length.to_bytes(4, "little")


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async for part in _parts((await reader.readuntil(b"\r\n\r\n")).split()[1].decode()):
            writer.write(part)
            await writer.drain()
    except OSError:
        pass  # the client has gone
    finally:
        writer.close()


async def _parts(path: str) -> AsyncIterator[bytes]:
    match path:
        case "/plain":
            yield b"HTTP/1.1 200 OK\r\n\r\n" + bytes(10 * MEGABYTE)
        case "/bomb":
            yield _GZIPPED
            for part in bomb(10 * 1024):
                yield part
        case "/drip" | "/trickle" | "/steady":
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n"
            while True:
                yield b"a" * _EVERY_TENTH_S[path]
                await asyncio.sleep(0.1)
        case "/headers":
            yield b"HTTP/1.1 200 OK\r\n"
            while True:
                yield b"A: " + b"b" * 1000 + b"\r\n"
        case "/endless":
            yield b"HTTP/1.1 200 OK\r\n\r\n"
            while True:
                yield bytes(MEGABYTE)
        case _:
            yield b"HTTP/1.1 302 Found\r\nLocation: /redirect\r\nContent-Length: 0\r\n\r\n"


def _serve(port: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{await asyncio.to_thread(here.recv)}"
    finally:
        process.terminate()
        process.join()


def _peak_mb() -> float:
    """Of this process since it began."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        MEGABYTE if sys.platform == "darwin" else 1024
    )


async def main() -> None:
    """Print how each ends, after how long, and the most memory that the process ever had by then."""
    table = Table("server", "outcome", "seconds", "written, MB", "most memory, MB", box=None)
    async with _server() as base:
        client = GuardedClient(platform_rules(base))
        table.add_row("before", "", "", "", f"{_peak_mb():.0f}")
        for path in ("/plain", "/bomb", "/endless", "/drip", "/trickle", "/steady", "/headers", "/redirect"):
            with TemporaryFile() as file:
                began = time.perf_counter()
                answer = await client.fetch(base + path, file)
                took = time.perf_counter() - began
                outcome = "fetched" if isinstance(answer, Fetched) else f"refused: {answer.why}"
                written = f"{file.tell() / MEGABYTE:.1f}"
                table.add_row(path[1:], outcome, f"{took:.2f}", written, f"{_peak_mb():.0f}")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
