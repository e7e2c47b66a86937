"""A process is killed in the midst of its answers, and another goes on: adapter, service, journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bots.discord import backfill, connection
from bots.sandbox.discord.world import Permission
from core.adapters.memory_journal import JournalState, MemoryJournal
from core.catalogue import say
from tests.discord.support import local_discord
from tests.discord.test_routes import (
    CHANNEL_EDITS,
    CHANNEL_SENDS,
    SPEED,
    Sluice,
    ends_with,
    exact,
    tale,
)
from tests.sandbox.discord_harness import PATIENCE_S

WORDS = tale(60)


@pytest.fixture(autouse=True)
def _guilds_are_there_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "GUILDS_COME_WITHIN_S", 0.05)
    monkeypatch.setattr(backfill, "REQUESTS_PER_S", 1_000.0)


class Processes:
    """One after the other over the same journal."""

    def __init__(self, service: Sluice) -> None:
        self.service = service
        self._state = JournalState()
        self._all = [service]
        service.bot.journal = MemoryJournal(self._state, clock=service.bot.clock)

    async def start(self) -> Sluice:
        """The next process. What was left comes before what people say now."""
        bot = self.service.bot
        bot.journal = MemoryJournal(self._state, clock=bot.clock)
        self.service = Sluice(bot)
        self._all.append(self.service)
        bot.platform = bot.new_platform()
        await bot.platform.start(self.service.handle)
        await self.service.chat.recovery.begin(bot.platform.account, bot.platform.reopen)
        return self.service

    async def kill(self) -> None:
        await self.service.bot.kill()
        journal = self.service.bot.journal
        assert isinstance(journal, MemoryJournal)
        journal._state = JournalState()  # the dead write nothing, and what they had in hand goes with them
        await self.service.chat._tasks.close()
        self.service.bot.clock.move(5.0)  # the gateway takes no second identify sooner

    async def end(self) -> None:
        now = self.service.bot.clock.monotonic()
        for service in self._all:
            await service.chat.stop(streams_until=now, marks_until=now)


@asynccontextmanager
async def processes() -> AsyncIterator[Processes]:
    async with local_discord(scale=1.0, speed=SPEED) as bot:
        several = Processes(Sluice(bot))
        await several.start()
        yield several
        await several.end()


@pytest.mark.parametrize("by_token_alone", [False, True])
async def test_an_interactions_answer_is_marked_by_the_next_process(by_token_alone: bool) -> None:
    async with processes() as several:
        service, bot = several.service, several.service.bot
        if by_token_alone:
            bot.server.overwrite("#help", "Sluice", deny=Permission.VIEW_CHANNEL)
        stream = await service.asked("#help")
        await service.tell(stream, WORDS)
        await several.kill()
        [cut_off] = service.pages("#help")
        service = await several.start()
        mark = f"*{say('ending.interrupted')}*"
        await bot.heard.until(ends_with(service, mark, "#help"))
        [page] = service.pages("#help")
        assert isinstance(page, str)
        assert isinstance(cut_off, str)
        known = page.removesuffix(mark).rstrip()
        assert known.startswith(cut_off.rstrip())  # nothing that was seen is taken back
        assert "".join(WORDS).startswith(known)
        [message] = [m for m in bot.server.world.chat("#help").messages.values() if m.author.bot]
        assert message.components
        if by_token_alone:
            assert service.routes[CHANNEL_EDITS] + service.routes[CHANNEL_SENDS] == 0


async def test_a_command_that_was_deferred_and_not_answered_is_answered_by_the_next_process() -> None:
    async with processes() as several:
        service, bot = several.service, several.service.bot
        await service.asked("#help")
        await bot.heard.next("message")  # it is thinking
        await several.kill()
        service = await several.start()
        stream = await service.model.opened()
        await service.tell(stream, [*WORDS, "The end."])
        stream.finish()
        await service.until(ends_with(service, "The end.", "#help"))
        assert exact(service, [*WORDS, "The end."], "#help") is None


async def test_a_question_that_is_heard_again_is_answered_once() -> None:
    """The cursor lags behind: what was answered just before the kill is fetched again."""
    async with processes() as several:
        service, bot = several.service, several.service.bot
        for text, person in (("first", "Ben"), ("second", "Cleo")):
            await bot.server.say(person, "#help", f"@Sluice {text}?")
            (await service.model.opened()).finish(f"The {text}.")
            await bot.heard.until(ends_with(service, f"The {text}.", "#help"))
            client = bot.platform._client
            assert client is not None
            if text == "first":
                for _ in range(2):
                    await client.cursors.write()
        await several.kill()
        await bot.server.say("Ada", "#help", "@Sluice third?")
        service = await several.start()
        (await service.model.opened()).finish("The third.")
        await bot.heard.until(ends_with(service, "The third.", "#help"))
        assert service.pages("#help") == ["The first.", "The second.", "The third."]
        assert len(service.model.streams) == 1
        assert service.refusals == []


async def test_a_question_whose_rest_is_waited_for_outlives_a_kill() -> None:
    """What came after it was taken long ago, so the cursor would be beyond it."""
    async with processes() as several:
        service, bot = several.service, several.service.bot
        await bot.server.say("Ben", "#help", "@Sluice first?")
        (await service.model.opened()).finish("The first.")
        await bot.heard.until(ends_with(service, "The first.", "#help"))
        bot.clock.freeze()
        long = "why? " * 390
        await bot.server.say("Ada", "#help", f"@Sluice {long}")
        await bot.server.say("Cleo", "#help", "nothing to do with a bot")
        await bot.server.say("Ben", "@Ben", "second?")
        await service.model.opened()  # what came before it has reached the core
        client = bot.platform._client
        assert client is not None
        for _ in range(3):
            await client.cursors.write()
        assert len(service.model.streams) == 2
        await several.kill()
        service = await several.start()
        bot.clock.go_on()
        async with asyncio.timeout(PATIENCE_S):
            streams = [await service.model.opened() for _ in range(2)]
        assert {stream.prompt[-1].strip() for stream in streams} == {long.strip(), "second?"}
