"""What people do on Discord reaches the core as it was meant."""

from __future__ import annotations

import asyncio
import logging

import discord
import pytest

from bots.discord.places import place_of
from bots.sandbox.discord.world import Permission
from core.messages import Addressed, ButtonPress, Incoming, IncomingCommand, IncomingMessage, PlaceKind
from core.ports.surface import Surface
from core.streaming.operations import Button
from tests.discord.support import Bot, content, local_discord, started


async def _message(bot: Bot) -> IncomingMessage:
    incoming, _ = await bot.next()
    assert isinstance(incoming, IncomingMessage)
    return incoming


async def test_a_mention_is_addressed_and_taken_out_of_the_text() -> None:
    async with started() as bot:
        said = await bot.server.say("Ben", "#general", "@Sluice what did @Cleo mean in this?")
        incoming = await _message(bot)
        general = bot.server.world.chat("#general")
        assert incoming.addressed is Addressed.MENTION
        assert incoming.text == "what did @Cleo mean in this?"
        assert (incoming.ref.chat_id, incoming.ref.message_id) == (str(general.id), said)
        assert incoming.place.kind is PlaceKind.SHARED
        assert incoming.place.guild_id == str(bot.server.world.guild_id)
        assert (incoming.author.name, incoming.author.is_bot) == ("Ben", False)
        assert not incoming.author.manages_messages


async def test_channels_are_readable_and_strange_ids_stay_as_they_are() -> None:
    async with started() as bot:
        help_id = bot.server.world.chat("#help").id
        await bot.server.say("Ben", "#general", f"@Sluice is <#{help_id}> for <@12345>?")
        assert (await _message(bot)).text == "is #help for <@12345>?"


async def test_the_role_that_discord_made_for_the_bot_is_a_mention_of_it() -> None:
    async with started() as bot:
        role = next(r for r in bot.server.world.roles.values() if r.name == "Sluice")
        bot.server.world.roles[role.id] = type(role)(role.id, role.name, role.permissions, mentionable=True)
        await bot.server.say("Ben", "#general", f"<@&{role.id}> hello")
        incoming = await _message(bot)
        assert (incoming.addressed, incoming.text) == (Addressed.MENTION, "hello")


@pytest.mark.parametrize("ping", [True, False])
async def test_a_reply_to_the_bot_is_addressed_and_carries_what_it_replies_to(ping: bool) -> None:
    async with started() as bot:
        await bot.server.say("Ben", "#general", "@Sluice hello")
        incoming, surface = await bot.next()
        assert isinstance(incoming, IncomingMessage)
        outcome = await surface.send(content("**Hello** Ben"), incoming.ref)
        [_, (_, answer)] = bot.shown("#general")
        assert answer == "**Hello** Ben"
        answer_id = outcome.message_id  # type: ignore[union-attr]  # else the next line fails anyway
        await bot.server.say("Cleo", "#general", "and me?", reply_to=answer_id, ping=ping)
        reply = await _message(bot)
        assert (reply.addressed, reply.text) == (Addressed.REPLY, "and me?")
        assert reply.quote is not None
        assert (reply.quote.by_us, reply.quote.text) == (True, "**Hello** Ben")
        assert reply.quote.ref.message_id == answer_id


async def test_talk_among_people_reaches_the_core_as_not_addressed() -> None:
    async with started() as bot:
        first = await bot.server.say("Ben", "#general", "hello all")
        await bot.server.say("Cleo", "#general", "hello Ben", reply_to=first)
        assert (await _message(bot)).addressed is Addressed.NO
        reply = await _message(bot)
        assert reply.addressed is Addressed.NO
        assert reply.quote is not None
        assert (reply.quote.author_name, reply.quote.by_us) == ("Ben", False)
        may_have = frozenset({*map(str, bot.server.world.roles), str(reply.place.guild_id)})
        assert len(may_have) > 1
        assert reply.quote.author_roles == may_have  # Discord does not tell which of them


async def test_of_another_channel_nothing_is_quoted() -> None:
    """Discord lets nobody reply across channels; should it ever, a private text stays where it is."""
    async with started() as bot:
        world = bot.server.world
        private = world.chat("#help").messages[int(await bot.server.say("Ben", "#help", "between us"))]
        general = world.chat("#general")
        general.messages[private.id] = private
        await _message(bot)
        await bot.server.say("Ben", "#general", "@Sluice what is that?", reply_to=str(private.id))
        incoming = await _message(bot)
        assert (incoming.text, incoming.quote) == ("what is that?", None)


async def test_a_direct_message_and_a_thread_are_places_of_their_own() -> None:
    async with started() as bot:
        await bot.server.say("Ben", "@Ben", "psst")
        private = await _message(bot)
        assert (private.addressed, private.place.kind) == (Addressed.PRIVATE, PlaceKind.PRIVATE)
        assert private.place.guild_id is None
        await bot.server.say("Ada", "#planning", "@Sluice plan")
        threaded = await _message(bot)
        assert threaded.place.kind is PlaceKind.THREAD
        assert threaded.place.parent_id == str(bot.server.world.chat("#general").id)
        assert threaded.author.manages_messages  # the owner of the server


async def test_an_interaction_says_its_persons_language_and_a_message_only_its_servers() -> None:
    async with started() as bot:
        await bot.server.invoke("Ivo", "#general", "ask", {"prompt": "oi?"})
        command, surface = await bot.next()
        assert isinstance(command, IncomingCommand)
        assert command.author.locale == "pt-BR"
        await surface.send(content("…", buttons=(Button("stop:1", "Parar"),)), None)
        answer = str(list(bot.server.world.chat("#general").messages)[-1])
        await bot.server.press("Ben", "#general", answer, "stop:1")
        press, _ = await bot.next()
        assert isinstance(press, ButtonPress)
        assert press.author.locale == "en-US"
        for chat in ("#general", "@Ivo"):
            await bot.server.say("Ivo", chat, "@Sluice oi")
            assert (await _message(bot)).author.locale is None


async def test_a_server_that_chose_a_language_is_spoken_to_in_it() -> None:
    async with local_discord() as bot:
        bot.server.world.guild_locale = "de"
        await bot.platform.start(bot.handle)
        await bot.server.say("Ivo", "#general", "@Sluice hallo")
        assert (await _message(bot)).author.locale == "de"
        await bot.server.say("Ivo", "@Ivo", "oi")
        assert (await _message(bot)).author.locale is None
        await bot.server.invoke("Ivo", "#general", "ask", {"prompt": "oi?"})
        command, _ = await bot.next()
        assert isinstance(command, IncomingCommand)
        assert command.author.locale == "pt-BR"


async def test_who_may_manage_messages_is_asked_of_the_channel() -> None:
    async with started() as bot:
        bot.server.overwrite("#help", "Ben", allow=Permission.MANAGE_MESSAGES)
        await bot.server.say("Ben", "#help", "one")
        assert (await _message(bot)).author.manages_messages
        await bot.server.say("Ben", "#general", "two")
        assert not (await _message(bot)).author.manages_messages


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("look at that", False),
        ("@Sluice look at that", False),
        ("@Cleo look at that", True),
        ("@Sluice and @Cleo, look", True),
    ],
)
async def test_whether_others_are_mentioned(text: str, others: bool) -> None:
    async with started() as bot:
        await bot.server.say("Ben", "#general", text)
        assert (await _message(bot)).mentions_others is others


@pytest.mark.parametrize("ping", [True, False])
async def test_a_reply_that_pings_speaks_to_its_author(ping: bool) -> None:
    async with started() as bot:
        first = await bot.server.say("Ben", "#general", "hello all")
        await _message(bot)
        await bot.server.say("Cleo", "#general", "hello Ben", reply_to=first, ping=ping)
        assert (await _message(bot)).mentions_others is ping


async def test_who_manages_a_channel_need_not_manage_the_server() -> None:
    async with started() as bot:
        bot.server.overwrite("#help", "Ben", allow=Permission.MANAGE_CHANNELS)
        for where, manages in (("#help", True), ("#general", False)):
            await bot.server.invoke("Ben", where, "ask", {"prompt": "hi"})
            author = await bot.author()
            assert (author.manages_channel, author.manages_place) == (manages, False)
        bot.server.grant("Cleo", Permission.MANAGE_GUILD)
        await bot.server.invoke("Cleo", "#general", "ask", {"prompt": "hi"})
        assert (await bot.author()).manages_channel


async def test_bots_are_told_apart_and_our_own_messages_do_not_come_back() -> None:
    async with started() as bot:
        await bot.server.say("Beacon", "#general", "@Sluice beep")
        incoming, surface = await bot.next()
        assert isinstance(incoming, IncomingMessage)
        assert incoming.author.is_bot
        await surface.send(content("boop"), None)
        await bot.server.say("Ben", "#general", "last")
        assert (await _message(bot)).text == "last"


async def test_attachments_are_told_without_being_read() -> None:
    async with started() as bot:
        await bot.server.say("Ben", "@Ben", "", files=[("a.txt", b"abc")])
        incoming = await _message(bot)
        assert (incoming.has_attachments, incoming.text) == (True, "")


async def test_without_the_content_intent_mentions_direct_messages_and_commands_still_come() -> None:
    async with started(message_content=False) as bot:
        assert "Message Content intent is off" in bot.ready
        await bot.server.say("Ben", "#general", "@Sluice hello")
        mention = await _message(bot)
        assert (mention.addressed, mention.text) == (Addressed.MENTION, "hello")
        await bot.server.say("Ben", "@Ben", "psst")
        assert (await _message(bot)).text == "psst"
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
        command, surface = await bot.next()
        assert isinstance(command, IncomingCommand)
        await surface.send(content("because"), None)
        answer = str(list(bot.server.world.chat("#general").messages)[-1])
        await bot.server.say("Ben", "#general", "more", reply_to=answer, ping=False)
        unread = await _message(bot)  # its text was withheld, so there is nothing to answer
        assert (unread.addressed, unread.text) == (Addressed.NO, "")


async def test_one_place_keeps_its_order_and_a_slow_one_holds_up_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with started() as bot:
        release = asyncio.Event()
        order: list[str] = []
        elsewhere = asyncio.Event()
        finished = asyncio.Event()

        async def handle(incoming: Incoming, surface: Surface) -> None:
            assert isinstance(incoming, IncomingMessage)
            if incoming.text == "slow":
                await release.wait()
                order.append("slow")
                raise ValueError("a fault in the core")
            order.append(incoming.text)
            {"other": elsewhere, "quick": finished}[incoming.text].set()

        await bot.platform.close()
        await bot.platform.start(handle)
        await bot.server.say("Ben", "#general", "slow")
        await bot.server.say("Ben", "#general", "quick")
        await bot.server.say("Ben", "#help", "other")
        await asyncio.wait_for(elsewhere.wait(), 10)
        release.set()
        await asyncio.wait_for(finished.wait(), 10)
        assert order == ["other", "slow", "quick"]
        assert [r.levelno for r in caplog.records if "was not handled" in r.message] == [logging.ERROR]


async def test_a_stopping_bot_takes_no_questions_and_still_takes_presses() -> None:
    async with started() as bot:
        await bot.server.say("Ben", "#general", "@Sluice hello")
        _, surface = await bot.next()
        await surface.send(content("…", buttons=(Button("stop:1", "Stop"),)), None)
        answer = str(list(bot.server.world.chat("#general").messages)[-1])
        await bot.platform.stop_listening()
        await bot.server.say("Ben", "#general", "@Sluice one more")
        await bot.server.press("Ben", "#general", answer, "stop:1")
        incoming, _ = await bot.next()
        assert incoming.event_id != answer
        assert not isinstance(incoming, (IncomingMessage, IncomingCommand))


async def test_a_direct_message_between_two_people_is_no_private_chat_with_the_bot() -> None:
    """Both see what is answered there; what one of them sees alone must not meet it."""
    async with started() as bot:
        chat = await bot.server.open_private("Ada", "Ben")
        for who in ("Ada", "Ben"):
            await bot.server.invoke(who, chat, "ask", {"prompt": "oi?"})
            asked, surface = await bot.next()
            assert isinstance(asked, IncomingCommand)
            assert asked.place == surface.place
            assert asked.place.kind is PlaceKind.SHARED
            assert asked.place.guild_id is None
            assert not asked.author.manages_place


async def test_a_place_knows_its_category_and_a_thread_that_of_its_channel() -> None:
    async with started() as bot:
        client = bot.platform._client
        assert client is not None
        general = client.get_channel(bot.server.world.chat("#general").id)
        assert isinstance(general, discord.TextChannel)
        assert place_of(general, general.guild).category_id == ""
        assert place_of(general, general.guild).name == general.guild.name
        general.category_id = 20
        thread = await general.create_thread(name="weirs", type=discord.ChannelType.public_thread)
        for channel in (general, thread):
            assert place_of(channel, general.guild).category_id == "20"
        assert place_of(thread, general.guild).parent_id == str(general.id)
        unknown = client.get_partial_messageable(1)
        assert place_of(unknown, general.guild).category_id is None


async def test_a_message_says_its_authors_roles_and_whether_they_manage_the_server() -> None:
    async with started() as bot:
        world = bot.server.world
        for name in ("Ada", "Ben"):
            await bot.server.say(name, "#general", "@Sluice hello")
            author = (await _message(bot)).author
            assert author.may_have == frozenset()
            assert author.role_ids == {str(one) for one in world.member_roles[int(author.id)]}
            assert author.manages_place is (name == "Ada")  # she owns it
