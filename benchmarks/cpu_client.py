"""One contestant of the benchmark of CPU, alone in its process: it takes what the load server sends.

    python -m benchmarks.cpu_client '{"contestant": "sluice, Discord", "port": 40123, "streams": 500, …}'

prints its figures as one line of JSON.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

import openai

from benchmarks import passage
from benchmarks.process import peak_kb, pin
from benchmarks.swallowing import SwallowingSurface, discord_channel, discord_interaction, telegram_chat
from bots.loop import run_in_loop
from core.adapters.clock import SystemClock
from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.adapters.openai_completions import OpenAICompletions
from core.configuration import Configuration, Live, ModelEntry
from core.conversation.history import Question
from core.messages import MessageRef, Person
from core.policy.access import Access
from core.ports.completions import ChatMessage, CompletionRequest, TextDelta
from core.service.chat import ChatService
from core.service.choosing import Choices
from core.service.driver import Driver
from core.service.spending import Spending

SDK_ON_ASYNCIO: Final = "openai SDK, asyncio"
"""As its documentation runs it, with `asyncio.run`; all others run in the loop that `sluice run` uses."""
_BEAT_S: Final = 0.01
_BEGIN_S: Final = 120.0
_MODEL: Final = "gpt-5-mini"
_PROMPT: Final = "How does a sluice work?"


@dataclass(frozen=True, slots=True)
class Task:
    """What to measure, and for how long. `port`: of a fresh load server with as many streams."""

    contestant: str
    port: int
    streams: int
    settle_s: float  # after every stream has begun
    measure_s: float
    cpu: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. CPU is user and system time of the whole process while it measured, idle streams included."""

    cpu_s: float
    wall_s: float
    deltas: int
    sent: int  # by the server in the same time: more than `deltas` when the client falls behind
    edits: int  # sends included
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    server_late_p99_ms: float
    kb_per_stream: float  # of resident memory, the connection included
    loop: str

    @property
    def cpu_us_per_delta(self) -> float:
        return 1e6 * self.cpu_s / self.deltas if self.deltas else float("nan")


class Contestant(ABC):
    """Takes all streams at once. `begin` returns; `deltas` counts what has arrived since."""

    edits = 0

    @abstractmethod
    def begin(self) -> None: ...

    @property
    @abstractmethod
    def begun(self) -> bool:
        """Every stream has brought text, and shows it where somebody watches."""

    @property
    @abstractmethod
    def deltas(self) -> int: ...

    @abstractmethod
    async def end(self) -> None: ...


class BareSdk(Contestant):
    """The loop that everybody writes, doing nothing with the text."""

    def __init__(self, task: Task, *, over_aiohttp: bool = False) -> None:
        self._client = openai.AsyncOpenAI(
            base_url=_url(task),
            api_key="none",
            http_client=openai.DefaultAioHttpClient() if over_aiohttp else None,
        )
        self._received = [0] * task.streams
        self._streams: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self._streams = [asyncio.create_task(self._take(number)) for number in range(len(self._received))]

    @property
    def begun(self) -> bool:
        return all(self._received)

    @property
    def deltas(self) -> int:
        return sum(self._received)

    async def end(self) -> None:
        for stream in self._streams:
            stream.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)
        await self._client.close()

    async def _take(self, number: int) -> None:
        received = self._received
        async for _ in await self._client.chat.completions.create(
            model=_MODEL, messages=[{"role": "user", "content": _PROMPT}], stream=True
        ):
            received[number] += 1


class BarePort(Contestant):
    """The same loop over our own port: what the byte path costs before anything is done with the text."""

    def __init__(self, task: Task) -> None:
        self._completions = OpenAICompletions(base_url=_url(task), api_key=None)
        self._received = [0] * task.streams
        self._streams: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self._streams = [asyncio.create_task(self._take(number)) for number in range(len(self._received))]

    @property
    def begun(self) -> bool:
        return all(self._received)

    @property
    def deltas(self) -> int:
        return sum(passage.tokens_of(chars) for chars in self._received)

    async def end(self) -> None:
        for stream in self._streams:
            stream.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)
        await self._completions.aclose()

    async def _take(self, number: int) -> None:
        request = CompletionRequest((ChatMessage("user", _PROMPT),), _MODEL)
        async for event in self._completions.stream(request):
            if isinstance(event, TextDelta):
                self._received[number] += len(event.text)


class Sluice(Contestant):
    """The whole of Sluice's path, from the question to a surface that swallows what it is given."""

    def __init__(self, task: Task, place: Callable[[int], SwallowingSurface]) -> None:
        clock = SystemClock()
        self._surfaces = [place(number) for number in range(task.streams)]
        self._completions = OpenAICompletions(base_url=_url(task), api_key=None)
        self._driver = Driver(clock)
        model = ModelEntry(_MODEL, "", _MODEL, _MODEL)
        configuration = Configuration(None, {}, {_MODEL: model}, _MODEL)
        self._chat = ChatService(
            completions=self._completions,
            choices=Choices(MemoryStore(), Live(configuration)),
            driver=self._driver,
            clock=clock,
            access=Access(allow_everybody=True),
            spending=Spending(MemoryLedger(), clock, lambda: configuration),
            store=MemoryStore(),
            journal=MemoryJournal(clock=clock),
        )

    def begin(self) -> None:
        for number, surface in enumerate(self._surfaces):
            place = surface.place
            asker = Person(place.platform, str(number), "Ada")
            ref = MessageRef(place.chat_id, f"q{number}")
            self._chat.ask(Question(str(number), place, asker, _PROMPT, ref), surface)

    @property
    def begun(self) -> bool:
        return len(self._driver.progress()) == len(self._surfaces)

    @property
    def deltas(self) -> int:
        return sum(passage.tokens_of(one.figures.chars) for one in self._driver.progress())

    @property
    def edits(self) -> int:  # type: ignore[override]
        return sum(surface.calls for surface in self._surfaces)

    async def end(self) -> None:
        now = time.monotonic()
        await self._chat.stop(streams_until=now, marks_until=now)
        await self._completions.aclose()


CONTESTANTS: Final[Mapping[str, Callable[[Task], Contestant]]] = {
    "openai SDK": BareSdk,
    SDK_ON_ASYNCIO: BareSdk,
    "openai SDK, aiohttp": lambda task: BareSdk(task, over_aiohttp=True),
    "Sluice, bytes": BarePort,
    "Sluice, Discord": lambda task: Sluice(task, discord_channel),
    "Sluice, Discord slash": lambda task: Sluice(task, discord_interaction),
    "Sluice, Telegram": lambda task: Sluice(task, telegram_chat),
}


async def measure(task: Task) -> Measured:
    """Let the contestant run, and measure it once all of its streams are under way."""
    contestant = CONTESTANTS[task.contestant](task)
    resident_kb = peak_kb()
    contestant.begin()
    async with asyncio.timeout(_BEGIN_S):
        while not contestant.begun:  # noqa: ASYNC110 - some contestants have no event to wait for
            await asyncio.sleep(0.1)
    await asyncio.sleep(task.settle_s)
    resident_kb = peak_kb() - resident_kb
    lags: list[float] = []
    before = _server_figures(task)
    edits, deltas = contestant.edits, contestant.deltas
    wall, cpu = time.perf_counter(), time.process_time()
    beating = asyncio.create_task(_beat(lags))
    await asyncio.sleep(task.measure_s)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    deltas, edits = contestant.deltas - deltas, contestant.edits - edits
    beating.cancel()
    after = _server_figures(task)
    await contestant.end()
    percentiles = (
        statistics.quantiles(lags, n=100, method="inclusive")
        if len(lags) > 1
        else [max(lags, default=wall)] * 99
    )
    return Measured(
        cpu_s=cpu,
        wall_s=wall,
        deltas=deltas,
        sent=int(after["sent"] - before["sent"]),
        edits=edits,
        lag_p50_ms=1_000 * percentiles[49],
        lag_p99_ms=1_000 * percentiles[98],
        lag_max_ms=1_000 * max(lags),
        server_late_p99_ms=after["late_p99_ms"],
        kb_per_stream=resident_kb / task.streams,
        loop=type(asyncio.get_running_loop()).__module__,
    )


async def _beat(lags: list[float]) -> None:
    """How much later than asked for a task wakes: what everything else in the loop has to wait, too."""
    while True:
        due = time.perf_counter() + _BEAT_S  # a loop's own time may stand still while it is busy
        await asyncio.sleep(_BEAT_S)
        lags.append(max(0.0, time.perf_counter() - due))


def _server_figures(task: Task) -> dict[str, float]:
    """Asked beside the loop, in about a millisecond: in one that has fallen behind it could take minutes."""
    connection = http.client.HTTPConnection("127.0.0.1", task.port, timeout=60)
    try:
        connection.request("GET", "/figures")
        figures: dict[str, float] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return figures


def _url(task: Task) -> str:
    return f"http://127.0.0.1:{task.port}/v1"


def arguments(task: Task) -> list[str]:
    """The command line that measures `task`."""
    return ["-m", "benchmarks.cpu_client", json.dumps(asdict(task))]


if __name__ == "__main__":
    asked = Task(**json.loads(sys.argv[1]))
    pin(asked.cpu)
    run = asyncio.run if asked.contestant == SDK_ON_ASYNCIO else run_in_loop
    print(json.dumps(asdict(run(measure(asked)))), flush=True)
