"""A crash loop does not burn what Discord allows: every identify is counted where a crash forgets nothing."""

from __future__ import annotations

import asyncio
import threading

import pytest
from discord.gateway import KeepAliveHandler

from bots.discord.identifies import APART_S, PER_DAY, Identifies
from core.adapters.memory_journal import MemoryJournal
from core.ports.platform import PlatformError
from core.ports.store import StoreError
from tests.discord.support import Bot, local_discord, started
from tests.fakes.clock import FakeClock

DAY_S = 86_400


def _name(bot: Bot) -> str:
    return f"identify:discord:{bot.server.world.bot.id}"


async def _counted(bot: Bot) -> int:
    """How many by now, this look not counted."""
    return await bot.journal.count(_name(bot), int(bot.clock.wall()) // DAY_S) - 1


async def _spend(bot: Bot, number: int) -> None:
    for _ in range(number):
        await bot.journal.count(_name(bot), int(bot.clock.wall()) // DAY_S)


async def test_starts_and_the_librarys_own_reconnects_are_counted() -> None:
    async with started() as bot:
        assert await _counted(bot) == 1
        await bot.kill()
        await bot.start_again()
        bot.server.invalidate_sessions()
        await bot.heard.until(lambda: not bot.server.online)
        bot.clock.move(APART_S)
        await bot.heard.until(lambda: bot.server.identifies == 3)
        assert await _counted(bot) == 1 + 3  # and our own look before


async def test_a_resumed_session_costs_none() -> None:
    async with started() as bot:
        bot.server.cut_gateway()
        while not bot.server.online:
            await bot.heard.next("online")
        assert bot.server.identifies == 1


def _heartbeats() -> list[KeepAliveHandler]:
    """The library has one thread for each socket: it would beat on after the loop is closed."""
    return [thread for thread in threading.enumerate() if isinstance(thread, KeepAliveHandler)]


async def _end(heartbeats: list[KeepAliveHandler]) -> None:
    for thread in heartbeats:
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
        assert thread.ws.socket.closed


async def test_a_start_beyond_the_days_share_is_refused_before_it_is_made() -> None:
    async with local_discord() as bot:
        await _spend(bot, PER_DAY)
        with pytest.raises(PlatformError, match="goes on at 00:00 UTC") as refused:
            await bot.platform.start(bot.handle)
        assert "\n" not in str(refused.value)
        assert bot.server.identifies == 0
        await _end(_heartbeats())
        bot.clock.move(DAY_S)
        await bot.start_again()
        assert bot.server.identifies == 1


async def test_a_reconnect_beyond_the_days_share_ends_the_platform() -> None:
    async with started() as bot:
        await _spend(bot, PER_DAY - 1)
        bot.server.invalidate_sessions()
        closed = asyncio.create_task(bot.platform.wait_closed())
        while bot.server.online:
            await bot.heard.next("online")
        bot.clock.move(APART_S)
        with pytest.raises(PlatformError, match="goes on at 00:00 UTC"):
            await asyncio.wait_for(closed, 10)
        assert bot.server.identifies == 1
        refused = _heartbeats()
        assert refused
        await bot.platform.close()
        await _end(refused)


async def test_what_discord_itself_counts_is_heeded_too() -> None:
    """Its day begins at any hour, and another program may use the same token."""
    async with local_discord() as bot:
        bot.server.spend_identifies(PER_DAY)
        with pytest.raises(PlatformError, match=r"50 more times .* goes on in 24 h"):
            await bot.platform.start(bot.handle)
        assert bot.server.identifies == PER_DAY


async def test_two_of_one_client_keep_their_distance() -> None:
    clock = FakeClock()
    identifies = Identifies(MemoryJournal(clock=clock), clock)
    await identifies.take("discord:1", initial=True)
    again = asyncio.create_task(identifies.take("discord:1", initial=False))
    await clock.advance(APART_S - 0.1)
    assert not again.done()
    await clock.advance(0.1)
    await asyncio.wait_for(again, 1)


class Failing(MemoryJournal):
    async def count(self, name: str, day: int) -> int:
        raise StoreError("the disk is full")


async def test_without_a_journal_or_with_one_that_fails_this_process_counts() -> None:
    for journal in (None, Failing(clock=FakeClock())):
        clock = FakeClock()
        identifies = Identifies(journal, clock)
        for _ in range(PER_DAY):
            await identifies.take("discord:1", initial=True)
        with pytest.raises(PlatformError):
            await identifies.take("discord:1", initial=True)
        await clock.advance(DAY_S)
        await identifies.take("discord:1", initial=True)
