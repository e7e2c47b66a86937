"""What people write while nobody listens is answered, once; over the real library and sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bots.discord import backfill, connection
from bots.sandbox.discord.world import Permission
from core.adapters.memory_journal import JournalState, MemoryJournal
from core.messages import Incoming, IncomingMessage, PlaceKind
from core.ports.journal import STARTS, Received
from core.ports.store import StoreError
from core.ports.surface import Surface
from tests.discord.support import Bot, content, local_discord
from tests.fakes.clock import FakeClock

HISTORY = "/channels/{channel_id}/messages"


@pytest.fixture(autouse=True)
def _guilds_are_there_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "GUILDS_COME_WITHIN_S", 0.05)
    monkeypatch.setattr(backfill, "REQUESTS_PER_S", 1_000.0)


@asynccontextmanager
async def spoken_to(*chats: str, journal: MemoryJournal | None = None) -> AsyncIterator[Bot]:
    """A bot that was asked something in each of these, by Ben."""
    async with local_discord(journal=journal) as bot:
        await bot.start_again()
        for chat in chats:
            await bot.server.say("Ben", chat, "@Sluice hello")
            await bot.next()
        yield bot


async def _text(bot: Bot) -> str:
    event, _ = await bot.next()
    assert isinstance(event, IncomingMessage)
    return event.text


async def _caught_up(bot: Bot) -> None:
    """Wait until all that was missed was handed on."""
    client = bot.platform._client
    assert client is not None
    await asyncio.wait_for(client.wait_until_ready(), 10)
    await asyncio.sleep(0)  # `on_ready` runs right after the event
    await asyncio.sleep(0)
    assert client._catching_up is not None
    await asyncio.wait_for(asyncio.shield(client._catching_up), 10)


async def test_what_came_while_the_bot_was_down_is_heard_once_and_in_order() -> None:
    async with spoken_to("#general", "@Ben", "#planning") as bot:
        await bot.platform.close()
        for text in ("one", "two"):
            await bot.server.say("Ada", "#general", f"@Sluice {text}")
        await bot.server.say("Ben", "@Ben", "in private")
        await bot.server.say("Ben", "#planning", "@Sluice in a thread")
        await bot.start_again()
        heard = [await bot.next() for _ in range(4)]
        await _caught_up(bot)
        assert bot.waiting == 0
        by_place: dict[PlaceKind, list[IncomingMessage]] = {}
        for event, surface in heard:
            assert isinstance(event, IncomingMessage)
            assert surface.place == event.place
            by_place.setdefault(event.place.kind, []).append(event)
        assert [event.text for event in by_place[PlaceKind.SHARED]] == ["one", "two"]
        assert [event.text for event in by_place[PlaceKind.PRIVATE]] == ["in private"]
        [in_thread] = by_place[PlaceKind.THREAD]
        assert in_thread.place.parent_id == str(bot.server.world.chat("#general").id)


@pytest.mark.parametrize("dealt_with", [True, False])
async def test_what_was_not_dealt_with_before_a_kill_is_read_again_and_no_more_is_lost(
    dealt_with: bool,
) -> None:
    """A killed process wrote no cursor at its end: the one before it counts."""
    async with spoken_to("#general") as bot:
        client = bot.platform._client
        assert client is not None
        await client.cursors.write()
        await client.cursors.write()  # the second time around
        bot.deals = dealt_with
        await bot.server.say("Ada", "#general", "@Sluice in hand")
        assert await _text(bot) == "in hand"
        await client.cursors.write()
        await bot.kill()
        await bot.server.say("Ada", "#general", "@Sluice missed")
        await bot.start_again()
        heard = [await _text(bot)] if dealt_with else [await _text(bot), await _text(bot)]
        assert heard == ["missed"] if dealt_with else ["in hand", "missed"]
        await _caught_up(bot)
        assert bot.waiting == 0


async def test_what_comes_in_the_last_instant_is_for_the_next_process() -> None:
    """It is on its way to the core when the core stops taking anything."""
    async with spoken_to("#general") as bot:
        taking = asyncio.Event()

        async def handle(incoming: Incoming, surface: Surface) -> None:
            taking.set()
            await bot.platform.stop_listening()

        client = bot.platform._client
        assert client is not None
        client._handle = handle
        await bot.server.say("Ada", "#general", "@Sluice in the last instant")
        await asyncio.wait_for(taking.wait(), 10)
        await bot.platform.close()
        await bot.start_again()
        assert await _text(bot) == "in the last instant"


async def test_an_author_who_was_fetched_has_their_roles() -> None:
    async with spoken_to("#general") as bot:
        bot.server.grant("Cleo", Permission.MANAGE_MESSAGES)
        await bot.platform.close()
        await bot.server.say("Cleo", "#general", "@Sluice may I?")
        await bot.start_again()
        author = await bot.author()
        assert (author.name, author.manages_messages, len(author.role_ids)) == ("Cleo", True, 1)


async def test_a_session_that_is_lost_is_made_up_for() -> None:
    async with spoken_to("#general") as bot:
        bot.server.lose_sessions()
        await bot.server.say("Ada", "#general", "@Sluice meanwhile")
        bot.clock.move(5.0)
        assert await _text(bot) == "meanwhile"
        await _caught_up(bot)
        assert bot.waiting == 0


async def test_a_resumed_session_repeats_what_was_heard_and_it_is_handled_once() -> None:
    async with spoken_to("#general") as bot:
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
        await bot.next()
        bot.server.cut_gateway(replays=2)
        await bot.server.say("Ada", "#general", "@Sluice after")
        assert await _text(bot) == "after"
        assert bot.waiting == 0
        assert bot.server.identifies == 1


async def test_what_comes_live_and_is_fetched_too_is_heard_once() -> None:
    async with spoken_to("#general") as bot:
        await bot.platform.close()
        await bot.server.say("Ada", "#general", "@Sluice missed")
        gate = asyncio.Event()
        run = backfill.Backfill.run

        async def late(self: backfill.Backfill) -> None:
            await gate.wait()
            await run(self)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(backfill.Backfill, "run", late)
            await bot.start_again()
            await bot.server.say("Ada", "#general", "@Sluice live")
            assert await _text(bot) == "live"
            gate.set()
            assert await _text(bot) == "missed"
            await _caught_up(bot)
        assert bot.waiting == 0
        client = bot.platform._client
        assert client is not None
        general = bot.server.world.chat("#general")
        await client.cursors.write(last=True)
        kept = await bot.journal.cursors(f"discord:{bot.server.world.bot.id}", since=0.0)
        assert kept[str(general.id)] == str(max(general.messages))


async def test_who_asked_longer_than_ten_minutes_ago_has_gone_away(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bots.discord.backfill")
    async with spoken_to("#general", "#help", "#bots") as bot:
        await bot.platform.close()
        for chat in ("#general", "#help"):
            await bot.server.say("Ada", chat, "@Sluice long ago")
        bot.clock.move(601.0)
        await bot.server.say("Ada", "#help", "@Sluice just now")
        await bot.start_again()
        assert await _text(bot) == "just now"
        await _caught_up(bot)
        assert bot.waiting == 0
        assert bot.count("GET", HISTORY) == 1  # of #general and #bots it was known before
        [line] = [record.getMessage() for record in caplog.records]
        assert line == (
            "discord: 1 messages were fetched that came meanwhile; in 2 channels something is older than"
            " 10 minutes, and not answered"
        )


@pytest.mark.parametrize(("killed", "away_s"), [(False, 5.0), (False, 601.0), (True, 5.0)])
async def test_nothing_is_told_where_nobody_has_written_meanwhile(
    caplog: pytest.LogCaptureFixture, *, killed: bool, away_s: float
) -> None:
    """What the bot itself said last is no question; what was dealt with before a kill is none any more."""
    caplog.set_level(logging.INFO, "bots.discord.backfill")
    async with spoken_to() as bot:
        for chat in ("#general", "@Ben"):
            await bot.server.say("Ben", chat, "@Sluice hello")
            _, surface = await bot.next()
            await surface.send(content("Hello."), None)
        await bot.server.say("Ben", "#help", "@Sluice hello")  # so that all before has come
        await bot.next()
        client = bot.platform._client
        assert client is not None
        if killed:
            await client.cursors.write()
            await client.cursors.write()
            await bot.server.say("Ben", "#help", "@Sluice again")
            await bot.next()
            await bot.kill()
        else:
            await bot.platform.close()
        bot.clock.move(away_s)
        await bot.start_again()
        await _caught_up(bot)
        assert bot.waiting == 0
        assert caplog.records == []


@pytest.mark.parametrize("wrong_by_s", [3_600.0, -3_600.0])
async def test_how_old_a_question_is_hangs_on_discords_clock_and_not_on_the_machines(
    wrong_by_s: float,
) -> None:
    async with spoken_to("#general", "#help") as bot:
        await bot.platform.close()
        await bot.server.say("Ada", "#help", "@Sluice long ago")
        bot.clock.move(601.0)
        await bot.server.say("Ada", "#general", "@Sluice just now")
        bot.clock.wall_ahead_s = wrong_by_s
        await bot.start_again()
        assert await _text(bot) == "just now"
        await _caught_up(bot)
        assert bot.waiting == 0


async def test_at_most_so_many_channels_are_fetched_the_newest_first(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bots.discord.backfill")
    monkeypatch.setattr(backfill, "MOST_CHANNELS", 2)
    async with spoken_to("#general", "#help", "#bots") as bot:
        await bot.platform.close()
        for chat in ("#help", "#general", "#bots"):
            await bot.server.say("Ada", chat, f"@Sluice in {chat}")
        await bot.start_again()
        assert [await _text(bot), await _text(bot)] == ["in #bots", "in #general"]
        await _caught_up(bot)
        assert bot.waiting == 0
        assert caplog.records[-1].getMessage() == (
            "discord: 2 messages were fetched that came meanwhile; 1 further channels are not looked at"
        )


async def test_requests_are_spread_so_that_live_answers_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "REQUESTS_PER_S", 4.0)
    async with spoken_to("#general", "#help") as bot:
        await bot.platform.close()
        for chat in ("#general", "#help"):
            await bot.server.say("Ada", chat, "@Sluice hello")
        await bot.start_again()
        bot.clock.freeze()
        await bot.next()
        assert bot.count("GET", HISTORY) == 1
        bot.clock.move(0.25)
        await bot.next()
        assert bot.count("GET", HISTORY) == 2


async def test_only_channels_in_which_somebody_spoke_to_the_bot_are_kept() -> None:
    async with spoken_to("#general") as bot:
        await bot.server.say("Ada", "#help", "nothing to do with a bot")
        await bot.server.say("Ada", "#general", "nor this, though it is heard")
        last = await bot.next(), await bot.next()
        await bot.platform.close()
        general = str(bot.server.world.chat("#general").id)
        account = f"discord:{bot.server.world.bot.id}"
        refs = {event.place.chat_id: event.event_id for event, _ in last}
        assert await bot.journal.cursors(account, since=0.0) == {general: refs[general]}


async def test_a_channel_in_which_the_bot_itself_speaks_is_kept() -> None:
    """As a thread of its own, in which nobody mentions it."""
    async with local_discord() as bot:
        await bot.start_again()
        await bot.server.say("Ada", "#planning", "anybody?")
        _, surface = await bot.next()
        await surface.send(content("I am here."), None)
        await bot.server.say("Ada", "#planning", "good")
        await bot.next()
        await bot.platform.close()
        await bot.server.say("Ada", "#planning", "still there?")
        await bot.start_again()
        assert await _text(bot) == "still there?"


async def test_where_only_the_bot_or_a_command_spoke_is_kept_from_there_on() -> None:
    """As in a thread that `/chat` opened, before anybody has written in it."""
    async with local_discord() as bot:
        await bot.start_again()
        await bot.server.say("Ada", "#planning", "nobody asked yet")
        _, surface = await bot.next()
        await surface.send(content("Ask me."), None)
        await bot.server.invoke("Ben", "#help", "ask", {"prompt": "why?"})
        _, interaction = await bot.next()
        await interaction.send(content("Because."), None)
        await bot.server.say("Ada", "@Ada", "a message that comes after both")
        await bot.next()
        await bot.platform.close()
        for chat in ("#planning", "#help"):
            await bot.server.say("Ada", chat, f"@Sluice in {chat}")
        await bot.start_again()
        assert {await _text(bot), await _text(bot)} == {"in #planning", "in #help"}
        await _caught_up(bot)
        assert bot.waiting == 0


async def test_what_came_while_stopping_is_heard_at_the_next_start() -> None:
    """Also where the bot itself spoke after it: its answers have a moment to finish."""
    async with local_discord() as bot:
        await bot.start_again()
        await bot.server.say("Ben", "#general", "@Sluice hello")
        _, surface = await bot.next()
        client = bot.platform._client
        assert client is not None
        own = asyncio.ensure_future(
            client.wait_for("message", check=lambda message: message.author == client.user)
        )
        await bot.platform.stop_listening()
        await bot.server.say("Ada", "#general", "@Sluice too late")
        await surface.send(content("Hello."), None)
        await asyncio.wait_for(own, 10)
        await bot.platform.close()
        await bot.start_again()
        assert await _text(bot) == "too late"


async def test_what_the_core_has_not_taken_is_not_said_to_be_heard() -> None:
    async with local_discord() as bot:
        taking = asyncio.Event()

        async def never(*_: object) -> None:
            taking.set()
            await asyncio.Event().wait()

        await bot.platform.start(never)
        await bot.server.say("Ada", "#general", "@Sluice hello")
        await asyncio.wait_for(taking.wait(), 10)
        await bot.platform.close()
        await bot.start_again()
        assert await _text(bot) == "hello"


async def test_a_channel_in_which_somebody_spoke_a_moment_before_a_crash_is_fetched() -> None:
    async with local_discord() as bot:
        await bot.start_again()
        await bot.server.say("Ada", "#general", "@Sluice hello")
        await bot.next()
        kept = await bot.journal.cursors(f"discord:{bot.server.world.bot.id}", since=0.0)
        assert len(kept) == 1, "it is written at once"


async def test_a_channel_that_is_gone_or_closed_holds_up_no_other() -> None:
    async with spoken_to("#general", "#help", "#planning") as bot:
        await bot.platform.close()
        for chat in ("#general", "#help", "#planning"):
            await bot.server.say("Ada", chat, "@Sluice hello")
        await bot.server.delete_thread("Ada", "#planning")
        bot.server.overwrite("#help", "Sluice", deny=Permission.VIEW_CHANNEL)
        await bot.start_again()
        assert await _text(bot) == "hello"
        await _caught_up(bot)
        assert bot.waiting == 0


async def test_a_channel_that_could_not_be_read_is_read_at_the_next_session() -> None:
    async with spoken_to("#general") as bot:
        await bot.platform.close()
        await bot.server.say("Ada", "#general", "@Sluice hello")
        bot.server.fault("status", method="GET", route=HISTORY, status=400)
        await bot.start_again()
        await _caught_up(bot)
        assert bot.waiting == 0
        bot.server.lose_sessions()
        bot.clock.move(5.0)
        assert await _text(bot) == "hello"


class FailingJournal(MemoryJournal):
    """Nothing can be written or read any more."""

    failing = False

    async def cursors(self, account: str, *, since: float) -> dict[str, str]:
        if self.failing:
            raise StoreError("the disk is full")
        return dict(await super().cursors(account, since=since))

    async def receive(self, events: Sequence[Received]) -> tuple[Received, ...]:
        if self.failing:
            raise StoreError("the disk is full")
        return await super().receive(events)

    async def count(self, name: str, day: int) -> int:
        if self.failing:
            raise StoreError("the disk is full")
        return await super().count(name, day)


async def test_a_journal_that_fails_stops_nothing_and_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async with local_discord() as bot:
        bot.journal = journal = FailingJournal(clock=bot.clock)
        journal.failing = True
        await bot.start_again()
        await bot.server.say("Ada", "#general", "@Sluice hello")
        assert await _text(bot) == "hello"
        client = bot.platform._client
        assert client is not None
        for _ in range(4):
            await client.cursors.write()
        said = [record.getMessage() for record in caplog.records if "disk is full" in record.getMessage()]
        assert len(said) == 3  # cursors not read, connections not counted, messages not kept
        assert len(set(said)) == 3


async def test_a_gap_is_made_up_for_once_the_store_works_again() -> None:
    """It fails when the process begins. Nobody knows yet what was missed; what is said now is answered."""
    async with local_discord() as bot:
        bot.journal = journal = FailingJournal(clock=bot.clock)
        await bot.start_again()
        await bot.server.say("Ben", "#general", "@Sluice hello")
        await bot.next()
        await bot.platform.close()
        await bot.server.say("Ada", "#general", "@Sluice missed")
        journal.failing = True
        await bot.start_again()
        await bot.server.say("Cleo", "#general", "@Sluice live")
        assert await _text(bot) == "live"
        client = bot.platform._client
        assert client is not None
        await client.cursors.write(last=True)  # which must not hide the gap
        journal.failing = False
        bot.clock.move(20.0)
        assert await _text(bot) == "missed"
        await _caught_up(bot)
        assert bot.waiting == 0


async def test_a_question_that_was_deleted_meanwhile_is_let_go_of() -> None:
    async with spoken_to("#general") as bot:
        bot.deals = False
        await bot.server.say("Ada", "#general", "@Sluice never mind")
        event, surface = await bot.next()
        assert isinstance(event, IncomingMessage)
        assert [one.id for one in await bot.journal.unhandled(surface.account)] == [event.event_id]
        await bot.kill()
        await bot.server.delete("Ada", "#general", event.event_id)
        await bot.start_again()
        await _caught_up(bot)
        assert bot.waiting == 0
        assert await bot.journal.unhandled(surface.account) == ()


async def test_a_question_that_kills_each_process_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    state = JournalState()
    async with spoken_to("#general", journal=MemoryJournal(state, clock=FakeClock(), alone=True)) as bot:
        bot.deals = False
        await bot.server.say("Ada", "#general", "@Sluice poison")
        assert await _text(bot) == "poison"
        await _caught_up(bot)
        for _ in range(STARTS - 1):
            await bot.kill()
            bot.journal = MemoryJournal(state, clock=bot.clock, alone=True)
            await bot.start_again()
            assert await _text(bot) == "poison"
            await _caught_up(bot)
        assert "given up" not in caplog.text
        await bot.kill()
        bot.journal = MemoryJournal(state, clock=bot.clock, alone=True)
        await bot.start_again()
        await _caught_up(bot)
        assert bot.waiting == 0
        assert caplog.text.count("It is given up.") == 1
