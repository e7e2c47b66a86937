"""The contract of a second way to the same messages (`Surface.alternate`): the fake's and Discord's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio

from core.adapters.clock import SystemClock
from core.ports.surface import Surface
from core.service.driver import Driver
from core.streaming.answer import Answer, Ending
from core.streaming.operations import Delivered, OperationKind
from tests.contract.test_surfaces import Unpaced, content
from tests.discord.support import started
from tests.fakes.surface import INTERACTION_LIMITS, FakeSurface
from tests.promise import broken_promise


@dataclass(frozen=True)
class TwoWays:
    first: Surface
    second: Surface
    shown: Callable[[], Awaitable[list[tuple[str, str]]]]


@asynccontextmanager
async def fake() -> AsyncIterator[TwoWays]:
    clock = SystemClock()
    channel = FakeSurface(clock)
    surface = FakeSurface(clock, limits=INTERACTION_LIMITS, alternate=channel, ends_after_s=830.0)

    async def shown() -> list[tuple[str, str]]:
        return [(message.id, message.content.body.text) for message in surface.messages.values()]

    yield TwoWays(surface, channel, shown)


@asynccontextmanager
async def discord() -> AsyncIterator[TwoWays]:
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
        _, surface = await bot.next()
        assert surface.alternate is not None

        async def shown() -> list[tuple[str, str]]:
            messages = bot.server.world.chat("#general").messages.values()
            return [(str(message.id), message.content) for message in messages]

        yield TwoWays(surface, surface.alternate, shown)


WAYS: Final[Mapping[str, Callable[[], AbstractAsyncContextManager[TwoWays]]]] = {
    "fake": fake,
    "discord": discord,
}


@pytest_asyncio.fixture(params=WAYS)
async def ways(request: pytest.FixtureRequest) -> AsyncIterator[TwoWays]:
    async with WAYS[request.param]() as ways:
        yield ways


async def sent(surface: Surface, text: str, nonce: str = "") -> str:
    outcome = await surface.send(content(surface, text, nonce=nonce), None)
    assert isinstance(outcome, Delivered), outcome
    return outcome.message_id


async def test_both_lead_to_the_same_place_with_limits_of_their_own(ways: TwoWays) -> None:
    first, second = ways.first, ways.second
    assert (first.account, first.place) == (second.account, second.place)
    for kind in (OperationKind.SEND, OperationKind.EDIT):
        ours, theirs = first.buckets(kind), second.buckets(kind)
        assert ours
        assert theirs
        assert not set(ours) & set(theirs)
    assert second.alternate is None


async def test_the_second_edits_what_the_first_sent(ways: TwoWays) -> None:
    message = await sent(ways.first, "one")
    for way, text in ((ways.second, "two"), (ways.first, "three"), (ways.second, "four")):
        assert isinstance(await way.edit(message, content(way, text)), Delivered)
        assert await ways.shown() == [(message, text)]


async def test_the_second_sends_and_edits_what_comes_after_once_with_a_nonce(ways: TwoWays) -> None:
    one = await sent(ways.first, "one")
    two = await sent(ways.second, "two", nonce="n.1")
    assert ways.second.capabilities.nonces
    assert await sent(ways.second, "two", nonce="n.1") == two
    assert isinstance(await ways.second.edit(two, content(ways.second, "2")), Delivered)
    assert await ways.shown() == [(one, "one"), (two, "2")]


async def test_a_long_answer_streams_through_both_and_tiles(ways: TwoWays) -> None:
    clock = SystemClock()
    driver, answer = Driver(clock), Answer()
    renderer = ways.first.capabilities.renderer
    lines = (f"{n}. Line {n} of a **long** answer with `code {n}`." for n in range(renderer.page_units // 15))
    answer.append("\n".join(lines), clock.monotonic())
    answer.end(Ending.COMPLETE, clock.monotonic())
    shown = await driver.show(answer, Unpaced(ways.first), nonce="n").finished()
    assert shown.complete
    pages = [text for _, text in await ways.shown()]
    assert len(pages) == len(shown.messages) > 1
    assert broken_promise(answer.text, pages, renderer) is None
