"""The embedded model for real: the weights (fetched once), the process, and our own client on top.

The weights are those of SLUICE_TEST_DATA_DIR, else those that `make run` uses.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bots.embedded_model.errors import EmbeddedModelError, explain_exit
from bots.embedded_model.model import RESTARTS, EmbeddedModel
from bots.embedded_model.server import ANSWER_TOKENS, SLOTS
from bots.sandbox.recording_proxy import RecordingProxy
from core.adapters.openai_completions import OpenAICompletions
from core.ports.completions import (
    ChatMessage,
    CompletionRequest,
    Finished,
    FinishReason,
    ModelError,
    ModelErrorKind,
    StreamEvent,
    TextDelta,
    Usage,
)

_REPOSITORY = Path(__file__).parents[2]
DATA_DIR = Path(os.environ.get("SLUICE_TEST_DATA_DIR", _REPOSITORY / "data"))
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[EmbeddedModel]:
    async with EmbeddedModel(DATA_DIR) as model:
        yield model


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(model: EmbeddedModel) -> AsyncIterator[OpenAICompletions]:
    client = OpenAICompletions(base_url=model.base_url, api_key=None)
    yield client
    await client.aclose()


def _request(
    prompt: str, *, max_tokens: int | None = 24, temperature: float | None = 0.0
) -> CompletionRequest:
    return CompletionRequest(
        (ChatMessage("user", prompt),), EmbeddedModel.name, temperature, max_tokens, seed=1
    )


async def _events(client: OpenAICompletions, request: CompletionRequest) -> list[StreamEvent]:
    async with aclosing(client.stream(request)) as stream:
        return [event async for event in stream]


def _text(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_it_streams_through_our_own_client(model: EmbeddedModel, client: OpenAICompletions) -> None:
    """Many small deltas, figures and an ending; and the witness saw the same text."""
    async with RecordingProxy(model.base_url) as proxy:
        through = OpenAICompletions(base_url=proxy.base_url, api_key=None)
        events = await _events(through, _request("crie uma história sobre uma viagem a marte"))
        await through.aclose()
        (exchange,) = proxy.exchanges
    deltas = [event for event in events if isinstance(event, TextDelta)]
    assert len(deltas) >= 20
    assert _text(events) == exchange.text
    usage, finished = events[-2:]
    assert isinstance(usage, Usage)
    assert usage.completion_tokens == 24
    assert finished == Finished(FinishReason.LENGTH)


async def test_temperature_0_and_a_seed_repeat_themselves(client: OpenAICompletions) -> None:
    """Alone, with the prompt already read, and beside seven others."""
    request = _request("Write a story about a trip to Mars.")
    alone = await _events(client, request)
    again = await _events(client, request)
    crowd = await asyncio.gather(
        _events(client, request), *(_events(client, _request(f"Count to {n}.")) for n in range(7))
    )
    assert _text(alone) == _text(again) == _text(crowd[0])


async def test_eight_answers_grow_at_once(client: OpenAICompletions) -> None:
    """All eight have text before the first one ends."""
    order: list[tuple[int, type[StreamEvent]]] = []

    async def watch(number: int) -> None:
        async with aclosing(client.stream(_request(f"Tell me about the number {number}."))) as stream:
            async for event in stream:
                order.append((number, type(event)))  # noqa: PERF401  # the order is the point

    await asyncio.gather(*(watch(number) for number in range(SLOTS)))
    first_end = next(place for place, (_, kind) in enumerate(order) if kind is Finished)
    assert {number for number, kind in order[:first_end] if kind is TextDelta} == set(range(SLOTS))


async def test_an_answer_is_limited_without_being_asked(model: EmbeddedModel) -> None:
    """Even a model that never ends by itself ends at 256 tokens when the request names no limit."""
    body = {"messages": [{"role": "user", "content": "Count."}], "ignore_eos": True, "temperature": 0}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{model.base_url}/chat/completions", json=body) as response,
    ):
        answer = await response.json()
    assert answer["usage"]["completion_tokens"] == ANSWER_TOKENS
    assert answer["choices"][0]["finish_reason"] == "length"


async def test_a_prompt_beyond_its_context_is_refused(client: OpenAICompletions) -> None:
    """A clear error, and the model goes on serving."""
    with pytest.raises(ModelError) as caught:
        await _events(client, _request("word " * 3_000))
    assert caught.value.kind is ModelErrorKind.CONTEXT_TOO_LONG
    assert _text(await _events(client, _request("Say hi.")))


async def test_it_listens_on_loopback_and_shows_nobodys_prompts(model: EmbeddedModel) -> None:
    """Completions are all it offers, and web pages elsewhere may not read them."""
    assert model.base_url.startswith("http://127.0.0.1:")
    root = model.base_url.removesuffix("/v1")
    async with aiohttp.ClientSession(headers={"Origin": "http://example.com"}) as session:
        async with session.get(f"{root}/slots") as slots:
            assert slots.status == 501
        async with session.get(f"{model.base_url}/models") as models:
            assert models.headers.get("Access-Control-Allow-Origin", "") == ""
            assert (await models.json())["data"][0]["id"] == model.name


async def test_stop_is_quick_even_while_it_answers() -> None:
    """It takes less than 2 s, and the answer breaks off as our own error."""
    model = EmbeddedModel(DATA_DIR)
    await model.start()
    client = OpenAICompletions(base_url=model.base_url, api_key=None)
    stream = client.stream(_request("Write a long story.", max_tokens=None))
    assert isinstance(await anext(stream), TextDelta)
    started = time.monotonic()
    await model.stop()
    assert time.monotonic() - started < 2.0
    assert model.pid is None
    with pytest.raises(ModelError) as caught:
        async for _ in stream:
            pass
    assert caught.value.kind is ModelErrorKind.BROKEN_STREAM
    await client.aclose()


class _Heard(logging.Handler):
    """What the model's log says, as it says it."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put_nowait(record.getMessage())

    async def line(self) -> str:
        return await asyncio.wait_for(self._lines.get(), 60.0)


@pytest.fixture
def heard() -> Iterator[_Heard]:
    handler, logger = _Heard(), logging.getLogger("bots.embedded_model.model")
    logger.addHandler(handler)
    before, logger.level = logger.level, logging.INFO
    yield handler
    logger.removeHandler(handler)
    logger.level = before


async def test_a_process_that_is_killed_is_started_again(heard: _Heard) -> None:
    """As by kill -9 or for want of memory: whoever was told the address finds it there again."""
    async with EmbeddedModel(DATA_DIR) as model:
        client = OpenAICompletions(base_url=model.base_url, api_key=None)
        for _ in range(2):
            assert model.pid is not None
            os.kill(model.pid, signal.SIGKILL)
            assert await heard.line() == "the embedded model stopped (signal 9); starting it again"
            assert await heard.line() == "the embedded model serves again"
            assert _text(await _events(client, _request("Say hi.")))
        await client.aclose()
    assert model.pid is None


_LIGHT_RUNTIME = """
import os

class CommonParams:
    def __getattr__(self, name):
        return self.__dict__.setdefault(name, CommonParams())

class Server:
    listening_address = "http://127.0.0.1:9"

    def __init__(self, params):
        if os.path.exists(params.model.path):
            raise MemoryError("no room")
"""


@pytest.mark.parametrize("starts", [True, False])
async def test_one_that_always_dies_is_let_go(
    starts: bool, heard: _Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real processes: ones that serve and are killed, or that cannot even be started any more."""
    (tmp_path / "xllamacpp.py").write_text(_LIGHT_RUNTIME)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    model, weights = EmbeddedModel(DATA_DIR, back_off_s=0.0), tmp_path / "any.gguf"
    await model.launch(weights)
    if not starts:
        weights.touch()
    for number in range(RESTARTS):
        if starts or number == 0:
            assert model.pid is not None
            os.kill(model.pid, signal.SIGKILL)
            assert await heard.line() == "the embedded model stopped (signal 9); starting it again"
        assert ("serves again" if starts else "did not start (no room)") in await heard.line()
    if starts:
        assert model.pid is not None
        os.kill(model.pid, signal.SIGKILL)
    last = await heard.line()
    assert last.startswith("the embedded model stopped too often and stays away.")
    assert "OPENAI_BASE_URL" in last
    assert model.pid is None
    await model.stop()


_PARENT = """
import asyncio, sys
from pathlib import Path
from bots.embedded_model.model import EmbeddedModel

async def main():
    async with EmbeddedModel(Path(sys.argv[1])) as model:
        print(model.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waiting for a process of another is Linux's")
async def test_it_dies_with_a_killed_parent() -> None:
    """kill -9 leaves no process behind."""
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PARENT, str(DATA_DIR)), stdout=asyncio.subprocess.PIPE, cwd=_REPOSITORY
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(await parent.stdout.readline()))
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(child, gone.set)
    try:
        assert not gone.is_set()
        parent.kill()
        await asyncio.wait_for(gone.wait(), 2.0)
    finally:
        asyncio.get_running_loop().remove_reader(child)
        os.close(child)
        await parent.wait()


async def test_it_outlives_an_interrupt() -> None:
    """Ctrl-C reaches the whole process group, but answers may still finish."""
    async with EmbeddedModel(DATA_DIR) as model:
        assert model.pid is not None
        os.kill(model.pid, signal.SIGINT)
        os.kill(model.pid, signal.SIGTERM)
        client = OpenAICompletions(base_url=model.base_url, api_key=None)
        assert _text(await _events(client, _request("Say hi.")))
        await client.aclose()


async def test_weights_that_are_none_are_one_line(tmp_path: Path) -> None:
    """What llama.cpp cannot load ends in our own words, and no process stays."""
    model = EmbeddedModel(DATA_DIR)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF no more")
    with pytest.raises(EmbeddedModelError, match="did not start") as caught:
        await model.launch(broken)
    assert "\n" not in str(caught.value)
    assert model.pid is None


@pytest.mark.parametrize(
    ("broken_runtime", "line"),
    [
        ("raise ImportError('libgomp.so.1: cannot open shared object file')", "apt-get install libgomp1"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "AVX2"),
    ],
)
async def test_a_machine_that_cannot_run_it(
    broken_runtime: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real process that fails at its first step, as it would on such a machine."""
    (tmp_path / "xllamacpp.py").write_text(broken_runtime)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EmbeddedModelError, match=line):
        await EmbeddedModel(DATA_DIR).launch(tmp_path / "any.gguf")


@pytest.mark.parametrize(
    ("returncode", "said", "line"),
    [
        (1, "libgomp.so.1: cannot open shared object file", "apt-get install libgomp1"),
        (-signal.SIGILL, "", "AVX2"),
        (0xC000001D, "", "AVX2"),
        (3, "a\nfailed to load model\n", "failed to load model"),
        (-9, "", "signal 9"),
    ],
)
async def test_what_a_failed_start_says(returncode: int, said: str, line: str) -> None:
    """One line with what to do."""
    message = str(explain_exit(returncode, said))
    assert line in message
    assert "\n" not in message
