"""Reading a channel of Discord: what stands there, and who may have it read, asked anew each time."""

from __future__ import annotations

from bots.discord.surface import ChannelSurface
from bots.sandbox.discord.world import Permission
from core.messages import MessageRef, Person, PlaceKind
from core.ports.reading import NotReadable, Seen
from tests.discord.support import Bot, content, started


def person(bot: Bot, name: str) -> Person:
    return Person("discord", str(bot.server.world.person(name).id), name)


async def surface_in(bot: Bot, chat: str, name: str = "Ada") -> ChannelSurface:
    """The surface of a chat, by a message that somebody writes there."""
    said = await bot.server.say(name, chat, "@Sluice here")
    while True:
        event, surface = await bot.next()
        if event.event_id == said:
            assert isinstance(surface, ChannelSurface)
            return surface


def texts(found: tuple[Seen, ...] | NotReadable) -> list[str]:
    assert not isinstance(found, NotReadable), found
    return [seen.text for seen in found]


async def test_the_newest_messages_oldest_first_with_links_and_whose_they_are() -> None:
    async with started() as bot:
        first = await bot.server.say("Ben", "#general", "one <b>")
        second = await bot.server.say("Cleo", "#general", "two", reply_to=first)
        surface = await surface_in(bot, "#general")
        await surface.send(content("mine"), None)
        found = await surface.reading.recent(person(bot, "Ada"), limit=10)
        assert texts(found) == ["one <b>", "two", "@sluice here", "mine"]
        assert not isinstance(found, NotReadable)
        assert [seen.author.name for seen in found[:2]] == ["Ben", "Cleo"]
        assert [seen.by_us for seen in found] == [False, False, False, True]
        assert found[1].reply_to == MessageRef(surface.place.chat_id, first)
        guild = bot.server.world.guild_id
        assert found[1].link == f"https://discord.com/channels/{guild}/{surface.place.chat_id}/{second}"
        assert texts(await surface.reading.recent(person(bot, "Ada"), limit=2)) == ["@sluice here", "mine"]
        before = MessageRef(surface.place.chat_id, second)
        assert texts(await surface.reading.recent(person(bot, "Ada"), before=before, limit=10)) == ["one <b>"]
        later = found[1].at + 60.0
        assert await surface.reading.recent(person(bot, "Ada"), since=later, limit=10) == ()


async def test_more_than_one_request_holds() -> None:
    async with started() as bot:
        for number in range(120):
            await bot.server.say("Ben", "#general", str(number))
        surface = await surface_in(bot, "#general")
        found = texts(await surface.reading.recent(person(bot, "Ada"), limit=110))
        assert found == [*map(str, range(11, 120)), "@sluice here"]


async def test_one_message_and_one_that_is_gone_or_elsewhere() -> None:
    async with started() as bot:
        said = await bot.server.say("Ben", "#general", "one")
        surface = await surface_in(bot, "#general")
        ref = MessageRef(surface.place.chat_id, said)
        found = await surface.reading.message(ref)
        assert found is not None
        assert (found.text, found.author.name) == ("one", "Ben")
        assert await surface.reading.message(MessageRef("1", said)) is None
        await bot.server.delete("Ada", "#general", said)
        assert await surface.reading.message(ref) is None


async def test_a_channel_that_is_hidden_from_the_reader() -> None:
    async with started() as bot:
        hidden = await bot.server.create_channel("staff", hidden_from=["Ben"])
        surface = await surface_in(bot, hidden)
        ada, ben = person(bot, "Ada"), person(bot, "Ben")
        assert await surface.reading.recent(ben, limit=5) is NotReadable.READER
        assert await surface.reading.refused(ben) is NotReadable.READER
        assert texts(await surface.reading.recent(ada, limit=5)) == ["@sluice here"]
        assert await surface.reading.refused(ada) is None
        stranger = Person("discord", "4242", "Nobody")
        assert await surface.reading.recent(stranger, limit=5) is NotReadable.READER


async def test_a_right_that_is_taken_away_counts_at_the_next_fetch() -> None:
    async with started() as bot:
        surface = await surface_in(bot, "#general")
        ben = person(bot, "Ben")
        assert texts(await surface.reading.recent(ben, limit=5)) == ["@sluice here"]
        bot.server.overwrite("#general", "Ben", deny=Permission.READ_MESSAGE_HISTORY)
        await surface_in(bot, "#general")  # the gateway has told of the channel by now
        assert await surface.reading.recent(ben, limit=5) is NotReadable.READER


async def test_a_channel_that_the_bot_may_not_read() -> None:
    async with started() as bot:
        surface = await surface_in(bot, "#general")
        bot.server.overwrite("#general", "Sluice", deny=Permission.READ_MESSAGE_HISTORY)
        await surface_in(bot, "#general")
        assert await surface.reading.recent(person(bot, "Ada"), limit=5) is NotReadable.BOT
        assert await surface.reading.refused(person(bot, "Ada")) is NotReadable.BOT


async def test_a_private_chat_is_its_persons() -> None:
    async with started() as bot:
        await bot.server.say("Ada", "@Ada", "earlier")
        surface = await surface_in(bot, "@Ada")
        assert surface.place.kind is PlaceKind.PRIVATE
        assert texts(await surface.reading.recent(person(bot, "Ada"), limit=5))[0] == "earlier"


async def test_a_thread_is_read_by_who_reads_its_channel() -> None:
    async with started() as bot:
        hidden = await bot.server.create_channel("staff", hidden_from=["Ben"])
        thread = await bot.server.open_thread("Ada", hidden, "plans")
        surface = await surface_in(bot, thread)
        assert surface.place.kind is PlaceKind.THREAD
        assert "@sluice here" in texts(await surface.reading.recent(person(bot, "Ada"), limit=5))
        assert await surface.reading.recent(person(bot, "Ben"), limit=5) is NotReadable.READER


async def test_a_platform_that_fails_is_told_apart() -> None:
    async with started() as bot:
        surface = await surface_in(bot, "#general")
        bot.server.fault("status", status=403)
        assert await surface.reading.refused(person(bot, "Ada")) in {NotReadable.FAILED, NotReadable.BOT}
