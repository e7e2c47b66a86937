"""The benchmark of CPU counts right: what the server sends is what its clients count."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import aclosing, contextmanager

import pytest

from benchmarks import cpu, cpu_client, passage
from benchmarks.cpu_client import BarePort, BareSdk, Measured, Task
from benchmarks.load_server import Load, LoadServer
from core.adapters.openai_completions import OpenAICompletions
from core.ports.completions import ChatMessage, CompletionRequest, Finished, TextDelta

_FAST = Load(streams=3, rate=100_000.0, head_tokens=50, tokens=40)


def _measured(cpu_s: float, lag_p99_ms: float = 1.0, *, deltas: int = 1_000, sent: int = 1_000) -> Measured:
    return Measured(
        cpu_s=cpu_s,
        wall_s=2.0,
        deltas=deltas,
        sent=sent,
        edits=100,
        lag_p50_ms=0.1,
        lag_p99_ms=lag_p99_ms,
        lag_max_ms=2 * lag_p99_ms,
        server_late_p99_ms=0.5,
        kb_per_stream=50.0,
        loop="asyncio",
    )


def test_the_passage_is_its_tokens() -> None:
    assert "".join(passage.TOKENS) == passage.PASSAGE
    assert all(passage.tokens_of(len(passage.text_of(tokens))) == tokens for tokens in range(1_000))
    assert passage.text_of(1_000) == "".join(passage.token(index) for index in range(1_000))


async def test_the_server_sends_the_passage_to_its_end() -> None:
    async def text(model: OpenAICompletions) -> str:
        texts = []
        async with aclosing(model.stream(CompletionRequest((ChatMessage("user", "?"),), "m"))) as events:
            async for event in events:
                texts += [event.text] if isinstance(event, TextDelta) else []
        assert isinstance(event, Finished)
        return "".join(texts)

    async with LoadServer(_FAST) as server:
        model = OpenAICompletions(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=None)
        texts = await asyncio.gather(*(text(model) for _ in range(_FAST.streams)))
        await model.aclose()
    assert server.figures()["sent"] == _FAST.streams * (1 + 40)
    for one in texts:
        tokens = passage.tokens_of(len(one))
        assert one == passage.text_of(tokens)
        assert 40 < tokens <= 40 + 50


@pytest.mark.parametrize("contestant", [BareSdk, BarePort])
async def test_a_contestant_counts_what_was_sent(contestant: type[BareSdk | BarePort]) -> None:
    async with LoadServer(_FAST) as server:
        bare = contestant(Task("", server.port, _FAST.streams, 0.0, 0.0))
        bare.begin()
        await asyncio.gather(*bare._streams)
        await bare.end()
    assert bare.begun
    if isinstance(bare, BareSdk):  # whole chunks: the first delta, the tokens, and the one that ends it
        assert bare.deltas == server.figures()["sent"] + _FAST.streams
    else:  # the tokens of the first delta as well
        assert bare.deltas == sum(head + 40 for head in server._heads)


@contextmanager
def _served_beside(load: Load) -> Iterator[int]:
    """The port of a server in a loop of its own: the client asks for its figures beside the client's."""
    ports: queue.Queue[int] = queue.Queue()
    over = threading.Event()

    async def serve() -> None:
        async with LoadServer(load) as server:
            ports.put(server.port)
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield ports.get()
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("name", cpu_client.CONTESTANTS)
async def test_every_contestant_can_be_measured(name: str) -> None:
    with _served_beside(Load(streams=2, rate=200.0, head_tokens=50)) as port:
        measured = await cpu_client.measure(Task(name, port, 2, 0.0, 0.1))
    assert measured.deltas > 0
    assert measured.sent > 0
    assert measured.cpu_s > 0
    assert measured.lag_p50_ms <= measured.lag_p99_ms <= measured.lag_max_ms
    assert measured.loop == "asyncio.unix_events"


def test_the_ratio_is_taken_within_a_round_and_its_median_counts() -> None:
    """A machine that is twice as slow in one round does not change it."""
    sdk = [_measured(1.0), _measured(2.0), _measured(1.0)]
    ours = [_measured(0.25), _measured(0.6), _measured(0.2)]
    row = cpu.row_of("Sluice", Load(500, 2.0), ours, sdk)
    assert row.ratio == pytest.approx(0.25)
    assert row.cpu_us_per_delta == pytest.approx(250.0)
    assert row.edits_per_s == 50.0
    assert cpu.row_of("Sluice", Load(500, 2.0), ours, None).ratio is None


def test_a_client_that_falls_behind_is_seen_to() -> None:
    row = cpu.row_of("Sluice", Load(200, 50.0), [_measured(1.0, 80.0, deltas=750)], None)
    assert row.behind == pytest.approx(0.25)
    assert not row.held
    assert cpu.row_of("Sluice", Load(200, 50.0), [_measured(1.0, 49.0)], None).held


def test_rows_are_for_people_and_for_machines() -> None:
    rows = (cpu.row_of("Sluice", Load(500, 2.0), [_measured(0.1)], [_measured(0.4)]),)
    assert "0.25" in cpu.table(rows)
    [row] = json.loads(json.dumps(cpu.as_dicts(rows)))
    assert (row["contestant"], row["ratio"], row["streams"]) == ("Sluice", 0.25, 500)
