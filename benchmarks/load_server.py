"""A model under load: many paced streams of chat completion chunks from a process of its own.

It must never be what is measured, so it parses no more of a request than its end, and every event is
rendered before the first client comes. When `streams` clients are there, each stream is somewhere in its
answer: its first delta brings the text so far, and then one token follows every `1 / rate` seconds, the
streams evenly one after the other. A GET tells how many tokens were sent, and how late they were.

    python -m benchmarks.load_server '{"streams": 500, "rate": 2.0}' 1

(a `Load`, and the core to run on) prints its port as the first line, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Self, cast

from benchmarks import passage
from benchmarks.process import pin
from bots.loop import run_in_loop

_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_LATE_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Load:
    """`rate`: deltas a second for each stream. `head_tokens`: the most that a stream's first delta holds.
    `tokens`: so many follow the first delta, then the answer ends; None: it never does."""

    streams: int
    rate: float
    head_tokens: int = 1_200
    tokens: int | None = None
    seed: int = 1


def event(text: str | None, index: int) -> bytes:
    """One delta in the form of OpenAI's own server, as one chunk of HTTP; None: the one that ends it."""
    payload = {
        "id": "chatcmpl-CfG8kQw3V5b2TzYxR7uNn1mJp0aLd",
        "object": "chat.completion.chunk",
        "created": 1_764_000_000,
        "model": "gpt-5-mini-2025-08-07",
        "service_tier": "default",
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "delta": {} if text is None else {"content": text},
                "finish_reason": "stop" if text is None else None,
            }
        ],
        "usage": None,
        "obfuscation": "aZ3kP9xQ2m"[: 10 - index % 7],
    }
    return _chunk(
        b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
    )


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class LoadServer:
    """Serves `load` on a free `port` of this machine, as an async context manager."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._events = tuple(event(token, index) for index, token in enumerate(passage.TOKENS))
        chance = random.Random(load.seed)
        self._heads = [chance.randint(1, load.head_tokens) for _ in range(load.streams)]
        self._streams: list[_Stream] = []
        self._sent = 0
        self._late: deque[float] = deque(maxlen=_LATE_KEPT)
        self._pacing: asyncio.Task[None] | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._pacing is not None:
            self._pacing.cancel()
        for stream in self._streams:
            stream.transport.close()
        self._server.close()
        await self._server.wait_closed()

    def open(self, transport: asyncio.Transport) -> None:
        """Begin one stream; the last one starts the pacing of all."""
        head = self._heads[len(self._streams) % len(self._heads)]
        self._streams.append(_Stream(transport, head, self._load.tokens))
        self._sent += 1
        transport.write(_HEAD + event(passage.text_of(head), head))
        if len(self._streams) == self._load.streams:
            self._pacing = asyncio.create_task(self._pace())

    def figures(self) -> dict[str, float]:
        late = statistics.quantiles(self._late, n=100, method="inclusive")[98] if len(self._late) > 1 else 0.0
        return {"sent": self._sent, "late_p99_ms": 1_000 * late}

    async def _pace(self) -> None:
        every = 1 / (self._load.rate * self._load.streams)
        began, turn = time.perf_counter(), 0
        while True:
            due = began + turn * every
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
                continue
            self._late.append(-wait)
            self._sent += self._streams[turn % len(self._streams)].send_next(self._events)
            turn += 1


@dataclass(slots=True)
class _Stream:
    transport: asyncio.Transport
    next: int  # the number of the token that comes next
    left: int | None  # tokens until its end

    def send_next(self, events: Sequence[bytes]) -> bool:
        """Send a token, or the end; says whether it was a token."""
        if self.transport.is_closing() or (self.left is not None and self.left < 0):
            return False
        if self.left == 0:
            self.left = -1
            self.transport.write(event(None, 0) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
            return False
        if self.left is not None:
            self.left -= 1
        self.transport.write(events[self.next % len(events)])
        self.next += 1
        return True


class _Connection(asyncio.Protocol):
    """One client. Whatever it posts gets a stream, whatever it gets are the figures."""

    def __init__(self, server: LoadServer) -> None:
        self._server = server
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._request += data
        head, end, body = self._request.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head):
            return
        self._request = b""
        if head.startswith(b"GET "):
            figures = json.dumps(self._server.figures()).encode()
            self._transport.write(b"HTTP/1.0 200 OK\r\n\r\n" + figures)
            self._transport.close()
        else:
            self._server.open(self._transport)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def _serve(load: Load) -> None:
    async with LoadServer(load) as server:
        print(server.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def arguments(load: Load, cpu: int | None) -> list[str]:
    """The command line that serves `load`, on that core where the system can pin a process."""
    return ["-m", "benchmarks.load_server", json.dumps(asdict(load)), json.dumps(cpu)]


if __name__ == "__main__":
    pin(json.loads(sys.argv[2]))
    run_in_loop(_serve(Load(**json.loads(sys.argv[1]))))
