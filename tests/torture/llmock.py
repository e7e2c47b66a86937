"""A fake model that is not ours: `llmock` from PyPI as a process of its own, with its faults scripted, and
our recording proxy before it, since the judge needs the bytes that it really sent."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from bots.sandbox.recording_proxy import Exchange, RecordingProxy
from tests.project.program import environment
from tests.torture.texts import asked_for

_PROGRAM: Final = Path(sys.executable).with_name("llmock")
_CHUNK_MS: Final = 30  # between words
_STALL_S: Final = 20.0
_STARTS_WITHIN_S: Final = 30.0
_ASKED_EVERY_S: Final = 0.1

Behaviour = dict[str, Any]
FAULTS: Final[dict[str, Behaviour]] = {
    "none": {},
    "429": {"type": "fail", "status": 429, "retry_after": 1.0},
    "500": {"type": "fail", "status": 500, "times": 2},
    "503 for good": {"type": "fail", "status": 503, "times": None},
    "disconnect": {"type": "stream_fault", "kind": "disconnect"},
    "disconnect at once": {"type": "stream_fault", "kind": "disconnect", "after_chunks": 0, "times": 2},
    "truncate": {"type": "stream_fault", "kind": "truncate"},
    "malformed": {"type": "stream_fault", "kind": "malformed"},
    "stall": {"type": "stream_fault", "kind": "stall", "stall_seconds": _STALL_S},
    "slow first token": {"type": "slow_first_token", "seconds": 4.0},
}
"""By name, what is scripted for one question. Where a stream breaks, chance says after how many words."""


class Llmock:
    """Script a question's fault with `script` before it is asked; `told` is what was sent of its answer."""

    def __init__(self, url: str, session: ClientSession, chance: random.Random) -> None:
        self.faults: Counter[str] = Counter()
        self.proxy = RecordingProxy(f"{url}/v1", sends=self._send)
        self._url = url
        self._session = session
        self._chance = chance
        self._scripted: set[str] = set()
        self._fault_of: dict[str, str] = {}
        self._exchanges: dict[str, list[Exchange]] = defaultdict(list)
        self._seen = 0  # of the proxy's exchanges

    def told(self, name: str) -> str:
        """The longest, where it was asked several times."""
        for exchange in self.proxy.exchanges[self._seen :]:
            tale = asked_for(exchange.sent.decode())
            if tale is not None:
                self._exchanges[tale.name].append(exchange)
        self._seen = len(self.proxy.exchanges)
        return max((_text_of(exchange) for exchange in self._exchanges[name]), key=len, default="")

    def fault_of(self, name: str) -> str:
        """What happened to the answer of this name."""
        return self._fault_of.get(name, "none")

    async def verdict(self) -> Any:
        """What it says of its client: attempts, findings."""
        async with self._session.get(f"{self._url}/_llmock/verdict") as answer:
            return await answer.json()

    async def _send(self, sent: bytes) -> bytes:
        """Ask it for the tale by a model's name of its own, which is what its scripts go by."""
        body = json.loads(sent)
        tale = asked_for(str(body["messages"][-1]["content"]))
        if tale is None:
            return sent
        if tale.name not in self._scripted:
            fault = self._fault_of[tale.name] = self._chance.choice(list(FAULTS))
            behaviour = dict(FAULTS[fault])
            if behaviour.get("type") == "stream_fault":
                behaviour.setdefault("after_chunks", self._chance.randint(1, len(tale.text) // 8))
            reply = {"type": "reply", "text": tale.text, "times": None}
            script = [one | {"match": {"model": tale.name}} for one in (reply, behaviour) if one]
            async with self._session.post(
                f"{self._url}/_llmock/scenario", json={"behaviors": script}
            ) as answer:
                answer.raise_for_status()
            self._scripted.add(tale.name)  # only now: else a try that failed here would leave it unscripted
            self.faults[fault] += 1
        return json.dumps(body | {"model": tale.name}).encode()


def _text_of(exchange: Exchange) -> str:
    """What can be read of it: up to a chunk that is not JSON."""
    text = ""
    for line in bytes(exchange.received).split(b"\n"):
        payload = line.removeprefix(b"data:").strip()
        if not line.startswith(b"data:") or payload == b"[DONE]":
            continue
        try:
            chunk = json.loads(payload)
        except ValueError:
            break
        for choice in chunk.get("choices", ()):
            text += choice.get("delta", {}).get("content") or ""
    return text


@asynccontextmanager
async def served(chance: random.Random) -> AsyncIterator[Llmock]:
    """Started, with the proxy before it, and ended."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        _PROGRAM,
        *("serve", "--host", "127.0.0.1", "--port", str(port), "--log-level", "critical"),
        *("--tool-mode", "off", "--stream-chunk-delay-ms", str(_CHUNK_MS)),
        env=environment({}),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        # It closes idle connections at any moment, and a POST is not sent again.
        connector = TCPConnector(force_close=True)
        async with ClientSession(connector=connector, timeout=ClientTimeout(total=10.0)) as session:
            await _until_it_answers(session, url)
            llmock = Llmock(url, session, chance)
            async with llmock.proxy:
                yield llmock
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _until_it_answers(session: ClientSession, url: str) -> None:
    for _ in range(int(_STARTS_WITHIN_S / _ASKED_EVERY_S)):
        with suppress(ClientError):
            async with session.get(f"{url}/health") as answer:
                if answer.ok:
                    return
        await asyncio.sleep(_ASKED_EVERY_S)
    raise RuntimeError("llmock does not start")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
