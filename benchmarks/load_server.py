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
from dataclasses import asdict, dataclass
from typing import Final, cast

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
    """`rate`: deltas a second for each stream. `head_tokens`: the most that a stream's first delta holds."""

    streams: int
    rate: float
    head_tokens: int = 1_200
    seed: int = 1


def event(text: str, index: int) -> bytes:
    """One delta in the form of OpenAI's own server, as one chunk of HTTP."""
    payload = {
        "id": "chatcmpl-CfG8kQw3V5b2TzYxR7uNn1mJp0aLd",
        "object": "chat.completion.chunk",
        "created": 1_764_000_000,
        "model": "gpt-5-mini-2025-08-07",
        "service_tier": "default",
        "system_fingerprint": None,
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
        "usage": None,
        "obfuscation": "aZ3kP9xQ2m"[: 10 - index % 7],
    }
    data = b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


class LoadServer:
    """Serves `load` on a free port of this machine once `start` has returned it."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._events = tuple(event(token, index) for index, token in enumerate(passage.TOKENS))
        chance = random.Random(load.seed)
        self._heads = [chance.randint(1, load.head_tokens) for _ in range(load.streams)]
        self._streams: list[_Stream] = []
        self._sent = 0
        self._late: deque[float] = deque(maxlen=_LATE_KEPT)
        self._pacing: asyncio.Task[None] | None = None

    async def start(self) -> int:
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    def open(self, transport: asyncio.Transport) -> None:
        """Begin one stream; the last one starts the pacing of all."""
        head = self._heads[len(self._streams) % len(self._heads)]
        self._streams.append(_Stream(transport, head))
        self._sent += 1
        transport.write(_HEAD + event(passage.text_of(head), head))
        if len(self._streams) == self._load.streams:
            self._pacing = asyncio.create_task(self._pace())

    def figures(self) -> dict[str, float]:
        late = statistics.quantiles(self._late, n=100)[98] if len(self._late) > 1 else 0.0
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
            stream = self._streams[turn % len(self._streams)]
            if not stream.transport.is_closing():
                stream.transport.write(self._events[stream.next % len(self._events)])
                stream.next += 1
                self._sent += 1
            turn += 1


@dataclass(slots=True)
class _Stream:
    transport: asyncio.Transport
    next: int  # the number of the token that comes next


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
    print(await LoadServer(load).start(), flush=True)
    await asyncio.to_thread(sys.stdin.read)


def arguments(load: Load, cpu: int | None) -> list[str]:
    """The command line that serves `load`, on that core where the system can pin a process."""
    return ["-m", "benchmarks.load_server", json.dumps(asdict(load)), json.dumps(cpu)]


if __name__ == "__main__":
    pin(json.loads(sys.argv[2]))
    run_in_loop(_serve(Load(**json.loads(sys.argv[1]))))
