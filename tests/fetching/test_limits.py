"""What a server may send, how fast, and in which form: over real sockets, judged by counts."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fetching import MEGABYTE, bomb
from core.adapters.fetching.client import GuardedClient
from core.adapters.fetching.network import Meter
from core.adapters.fetching.unfolding import PIECE_BYTES, unfolding
from core.ports.fetching import DEFAULT_LIMITS, Fetched, Limits, Refused, Why
from tests.fetching.listener import NO_TLS, OPEN, Answer, Listener, fetch, ok

HOST = "files.example.com"
KB = 1024
IMPATIENT = Limits(grace_s=0.05, least_bytes_per_s=10**12)  # a byte buys no time to speak of


class CountingSink:
    def __init__(self) -> None:
        self.size = 0
        self.largest = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self.largest = max(self.largest, len(data))


def for_ever(start: bytes, more: bytes, every_s: float = 0) -> Answer:
    """Sends until the other end hangs up."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not writer.is_closing():
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(every_s)

    return answer


async def got(answer: Answer | bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[Fetched | Refused, bytes]:
    body = BytesIO()
    async with Listener(answer).listening() as listener:
        return await fetch(listener, limits=limits, into=body), body.getvalue()


async def test_ten_megabytes_that_unfold_to_ten_gigabytes() -> None:
    sink, sent = CountingSink(), 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(ok(b"", "Content-Encoding: gzip"))
        for part in bomb(10 * KB):
            writer.write(part)
            sent += len(part)
            await writer.drain()

    async with Listener(answer).listening() as listener:
        refused = await fetch(listener, into=sink)
        assert refused == Refused(Why.TOO_LARGE, HOST)
        assert DEFAULT_LIMITS.body_bytes - PIECE_BYTES <= sink.size <= DEFAULT_LIMITS.body_bytes
        assert sink.largest <= PIECE_BYTES


def test_the_bomb_is_one() -> None:
    parts = list(bomb(10))
    assert len(gzip.decompress(b"".join(parts))) == 10 * MEGABYTE
    assert sum(map(len, bomb(10 * KB))) < 11 * MEGABYTE


@given(st.binary(max_size=3 * PIECE_BYTES) | st.integers(0, 4 * PIECE_BYTES).map(bytes), st.integers(1, 5000))
def test_what_is_unfolded_is_what_was_folded_in_bounded_pieces(data: bytes, step: int) -> None:
    for folded in (gzip.compress(data, mtime=0), zlib.compress(data)):
        unfold = unfolding("gzip")
        pieces = [
            piece for at in range(0, len(folded), step) for piece in unfold.feed(folded[at : at + step])
        ]
        unfold.finish()
        assert b"".join(pieces) == data
        assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)


@pytest.mark.parametrize(
    ("coding", "folded"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("X-GZIP", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("identity", b"hello"),
        ("", b"hello"),
    ],
)
async def test_what_is_unfolded(coding: str, folded: bytes) -> None:
    answer, body = await got(ok(folded, f"Content-Encoding: {coding}", f"Content-Length: {len(folded)}"))
    assert (answer, body) == (Fetched(5, "", f"http://{HOST}/a"), b"hello")


_GZIP = gzip.compress(b"hello", mtime=0)


@pytest.mark.parametrize(
    ("coding", "folded"),
    [
        ("br", b"hello"),
        ("zstd", b"hello"),
        ("compress", b"hello"),
        ("gzip, gzip", gzip.compress(_GZIP, mtime=0)),
        ("gzip\r\nContent-Encoding: gzip", gzip.compress(_GZIP, mtime=0)),
        ("identity\r\nContent-Encoding: gzip", _GZIP),
        ("gzip", b"hello"),
        ("gzip", b""),
        ("gzip", _GZIP[:-1]),
        ("gzip", _GZIP[:-8] + b"\0" * 8),
        ("gzip", _GZIP + b"more"),
        ("gzip", _GZIP + _GZIP),
        ("gzip", gzip.compress(b"", mtime=0) * 1000),
        ("deflate", zlib.compress(b"hello")[2:-4]),
    ],
)
async def test_what_is_not(coding: str, folded: bytes) -> None:
    assert (await got(ok(folded, f"Content-Encoding: {coding}")))[0] == Refused(Why.ENCODING, HOST)


SMALL = Limits(body_bytes=4 * KB, wire_bytes=8 * KB, header_bytes=2 * KB)


@pytest.mark.parametrize("size", [0, 1, 4 * KB])
@pytest.mark.parametrize("framing", ["length", "chunks", "none"])
async def test_bodies_of_up_to_the_limit(size: int, framing: str) -> None:
    body = b"a" * size
    whole = {
        "length": ok(body, f"Content-Length: {size}"),
        "chunks": ok(
            b"%x\r\n%b\r\n" % (size, body) + (b"0\r\n\r\n" if size else b""), "Transfer-Encoding: chunked"
        ),
        "none": ok(body),
    }
    assert await got(whole[framing], SMALL) == (Fetched(size, "", f"http://{HOST}/a"), body)


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"a" * (4 * KB + 1)),
        ok(b"", f"Content-Length: {10**18}"),
        for_ever(ok(b""), b"a" * KB),
        for_ever(ok(b"", "Transfer-Encoding: chunked"), b"400\r\n" + b"a" * KB + b"\r\n"),
        for_ever(ok(b"", "Transfer-Encoding: chunked"), b"1;" + b"x" * KB + b"\r\na\r\n"),
        for_ever(ok(b"1;", "Transfer-Encoding: chunked"), b"x" * KB),
        for_ever(ok(b"0\r\n", "Transfer-Encoding: chunked"), b"A: b\r\n"),
        for_ever(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        for_ever(b"HTTP/1.1 200 OK\r\nA: ", b"b" * KB),
        for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        for_ever(ok(b"", "Content-Encoding: gzip") + gzip.compress(b"a", mtime=0)[:10], b"\0\0\0\xff\xff"),
    ],
    ids=[
        "body", "announced", "endless", "chunks", "extensions", "extension", "trailers", "headers", "header",
        "hints", "empty blocks",
    ],
)  # fmt: skip
async def test_whatever_is_too_much_ends(answer: Answer | bytes) -> None:
    """Also what never becomes a body: headers, hints, framing, blocks of a gzip that hold nothing."""
    assert (await got(answer, SMALL))[0] == Refused(Why.TOO_LARGE, HOST)


async def test_an_announced_length_is_refused_before_it_comes() -> None:
    stays_open = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(ok(b"", f"Content-Length: {SMALL.wire_bytes + 1}"))
        await stays_open.wait()

    async with Listener(answer).listening() as listener:
        assert await fetch(listener, limits=SMALL) == Refused(Why.TOO_LARGE, HOST)
        stays_open.set()


@pytest.mark.parametrize("start", [ok(b"", "Content-Length: 1000000"), b"HTTP/1.1 200 OK\r\nA: "])
async def test_who_drips_is_left(start: bytes) -> None:
    answer = for_ever(start, b"a", every_s=0.001)
    assert (await got(answer, IMPATIENT))[0] == Refused(Why.TOO_SLOW, HOST)


async def test_who_says_nothing_is_left() -> None:
    stays_open = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        await stays_open.wait()

    async with Listener(answer).listening() as listener:
        assert await fetch(listener, limits=IMPATIENT) == Refused(Why.TOO_SLOW, HOST)
        stays_open.set()


async def test_redirects_share_one_time() -> None:
    """Else each of five could take it all."""
    location = b"HTTP/1.1 302 Found\r\nLocation: /on\r\n\r\n"

    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.03)
        writer.write(location)

    async with Listener(slow).listening() as listener:
        assert await fetch(listener, limits=IMPATIENT) == Refused(Why.TOO_SLOW, HOST)
        assert listener.accepted < 6


async def test_a_name_server_that_never_answers() -> None:
    async def resolve(host: str) -> list[object]:
        await asyncio.Event().wait()
        return []

    client = GuardedClient(OPEN, resolve=resolve, tls=NO_TLS)  # type: ignore[arg-type]  # it never returns
    assert await client.fetch(f"http://{HOST}/", BytesIO(), IMPATIENT) == Refused(Why.TOO_SLOW, HOST)


async def test_bytes_buy_time() -> None:
    """A hundred bytes a second at least, with 5 s ahead and 30 s in all."""
    limits = Limits(grace_s=5, least_bytes_per_s=100, total_s=30)
    async with asyncio.timeout(None) as pace:
        meter = Meter(limits, pace)
        began = meter.deadline - 5
        meter.allow(10_000)
        deadlines = []
        for count in (0, 100, 1000, 2000, 5000):
            meter.took(count)
            assert pace.when() == meter.deadline
            deadlines.append(round(meter.deadline - began, 6))
            await asyncio.sleep(0)
    assert deadlines == [5, 6, 16, 30, 30]


@given(st.lists(st.integers(0, DEFAULT_LIMITS.wire_bytes), max_size=5))
def test_nobody_holds_a_fetch_for_ten_seconds_however_much_comes(counts: list[int]) -> None:
    async def longest() -> float:
        async with asyncio.timeout(None) as pace:
            meter = Meter(DEFAULT_LIMITS, pace)
            began = meter.deadline - DEFAULT_LIMITS.grace_s
            for count in counts:
                meter.allow(count)
                meter.took(count)
                await asyncio.sleep(0)
            return meter.deadline - began

    assert asyncio.run(longest()) < 10


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"rubbish\r\n\r\n",
        b"\0" * 100,
        b"HTTP/1.1 200",
        b"HTTP/1.1 101 So\r\nUpgrade: websocket\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nA\r\n\r\n",
        ok(b"a", "Content-Length: 2"),
        ok(b"a", "Content-Length: -1"),
        ok(b"a", "Content-Length: 1", "Content-Length: 2"),
        ok(b"", f"Content-Length: {'9' * 5000}"),
        ok(b"x\r\n", "Transfer-Encoding: chunked"),
        ok(b"5\r\nhel", "Transfer-Encoding: chunked"),
        ok(b"", "Transfer-Encoding: gzip"),
    ],
)
async def test_broken_http(answer: bytes) -> None:
    assert (await got(answer))[0] == Refused(Why.UNREACHABLE, HOST)


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 401, 404, 407, 429, 500, 599])
async def test_only_200_is_a_file(status: int) -> None:
    answer, body = await got(f"HTTP/1.1 {status} So\r\nLocation: /on\r\n\r\nhello".encode())
    assert (answer, body) == (Refused(Why.STATUS, HOST, status), b"")


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", ok(b"", "Transfer-Encoding: chunked")]),
)
def test_whatever_a_server_says_is_an_outcome(rest: bytes, start: bytes) -> None:
    assert isinstance(asyncio.run(got(start + rest))[0], Fetched | Refused)


@pytest.mark.parametrize(
    ("said", "media_type"),
    [
        ("text/plain", "text/plain"),
        ("Image/PNG; a=b", "image/png"),
        ("a", ""),
        ("text/html\x1b[31m", ""),
        ("text/a\r\nContent-Type: text/b", ""),
    ],
)
async def test_media_types(said: str, media_type: str) -> None:
    answer, _ = await got(ok(b"", f"Content-Type: {said}"))
    assert answer == Fetched(0, media_type, f"http://{HOST}/a")


async def _refused(listener: Listener) -> None:
    assert isinstance(await fetch(listener, limits=SMALL), Refused)


async def _cancelled(listener: Listener) -> None:
    task = asyncio.ensure_future(fetch(listener))
    await listener.heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _full(listener: Listener) -> None:
    class Full(BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await fetch(listener, into=Full())


async def _timed_out(listener: Listener) -> None:
    class Slow(BytesIO):
        def write(self, data: object, /) -> int:
            raise TimeoutError("the sink's own")

    with pytest.raises(TimeoutError, match="the sink's own"):
        await fetch(listener, into=Slow())


@pytest.mark.parametrize("story", [_refused, _cancelled, _full, _timed_out])
async def test_however_it_ends_the_connection_is_closed(story: Callable[[Listener], Awaitable[None]]) -> None:
    async with Listener(for_ever(ok(b""), b"a" * KB)).listening() as listener:
        await story(listener)
        await listener.gone.wait()
