"""/chat and auto-thread as people see them, by the real libraries."""

from __future__ import annotations

from typing import Any

from bots.sandbox.discord.world import Permission
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from tests.commands.test_panels_on_platforms import (
    DiscordSeat,
    Seat,
    served_on_discord,
    served_on_telegram,
)
from tests.discord.support import local_discord
from tests.telegram.harness import local_telegram

Json = dict[str, Any]


def chat_named(seat: Seat, name: str) -> str:
    return next(str(one["id"]) for one in seat.server.snapshot()["chats"] if one["name"] == name)


async def test_discord_chat_opens_a_thread_that_is_answered_without_a_mention() -> None:
    async with local_discord() as bot:
        server, store = bot.server, MemoryStore()
        ada = DiscordSeat(server, "Ada", "#general")
        async with served_on_discord(server, store, bot.clock) as service:
            await server.invoke("Ada", "#general", "chat", {"question": "how do boats float?"})
            (await service.model.opened()).finish("They displace water.")
            answer = await ada.says("They displace water.")
            thread = chat_named(ada, "how do boats float?")
            told = await ada.says("Let us talk here")
            assert told["only_for"] == str(server.world.person("Ada").id)
            assert thread in told["text"]
            opening = await ada.says(say("chat.opened"))
            assert answer["chat"] == opening["chat"] == thread
            assert "how do boats float?" in opening["text"]
            await server.say("Ben", thread, "@Ada is that so?")
            await server.say("Ben", thread, "why?")
            stream = await service.model.opened()
            assert stream.prompt[-2:] == ["They displace water.", "Ben: why?"]
            stream.finish("Physics.")
            await ada.says("Physics.")
        async with served_on_discord(server, store, bot.clock) as service:
            await server.say("Ben", thread, "still there?")
            stream = await service.model.opened()
            assert stream.prompt[-1] == "Ben: still there?"
            stream.finish("After a restart, too.")
            assert (await ada.says("After a restart"))["chat"] == thread


async def test_discord_without_the_permission_chat_names_it() -> None:
    async with local_discord() as bot:
        server = bot.server
        server.overwrite("#general", "Sluice", deny=Permission.CREATE_PUBLIC_THREADS)
        ada = DiscordSeat(server, "Ada", "#general")
        async with served_on_discord(server, MemoryStore(), bot.clock):
            await server.invoke("Ada", "#general", "chat", {"topic": "Boats"})
            told = await ada.says("Create Public Threads")
            assert told["text"] == say("chat.not_permitted", permission="Create Public Threads")


async def test_discord_promises_nothing_where_the_bot_hears_only_mentions() -> None:
    async with local_discord() as bot:
        bot.server.grant_message_content(False)
        ada = DiscordSeat(bot.server, "Ada", "#general")
        store = MemoryStore()
        async with served_on_discord(bot.server, store, bot.clock):
            await bot.server.invoke("Ada", "#general", "chat", {"topic": "Boats"})
            told = await ada.says(say("chat.opened_by_mention"))
            thread = chat_named(ada, "Boats")
            assert told["chat"] == thread
            assert await store.choices((f"chat:discord:{thread}",)) == {}


async def test_discord_an_answer_has_a_thread_of_its_own_where_that_was_chosen() -> None:
    async with local_discord() as bot:
        server, store = bot.server, MemoryStore()
        ada = DiscordSeat(server, "Ada", "#general")
        await store.choose(f"chat:discord:{server.world.chat('#general').id}", "auto_thread", "on")
        async with served_on_discord(server, store, bot.clock) as service:
            said = await server.say("Ada", "#general", "@Sluice how do boats float?")
            (await service.model.opened()).finish("They displace water.")
            answer = await ada.says("They displace water.")
            assert answer["chat"] == said
            await server.invoke("Ben", "#general", "ask", {"prompt": "and planes?"})
            (await service.model.opened()).finish("They fly.")
            assert (await ada.says("They fly."))["chat"] == chat_named(ada, "and planes?")
            assert (await ada.says("I answer here"))["chat"] == str(server.world.chat("#general").id)
            server.overwrite("#general", "Sluice", deny=Permission.CREATE_PUBLIC_THREADS)
            await server.say("Ada", "#general", "@Sluice and stones?")
            (await service.model.opened()).finish("They sink.")
            assert (await ada.says("They sink."))["chat"] == str(server.world.chat("#general").id)


async def test_telegram_chat_opens_a_topic_where_it_may() -> None:
    async with local_telegram() as server:
        await server.promote_bot("Ada", "Workshop", ("can_manage_chat", "can_manage_topics"))
        ada = Seat(server, "Ada", "Workshop")
        async with served_on_telegram(server, MemoryStore()) as service:
            await server.say("Ada", "Workshop", "/chat topic=Boats how do boats float?")
            (await service.model.opened()).finish("They displace water.")
            topic = (await ada.says("They displace water."))["chat"]
            assert topic == chat_named(ada, "Boats")
            base, number = topic.split("/")
            link = f"https://t.me/c/{base.removeprefix('-100')}/{number}"
            told = await ada.says("Let us talk here")
            assert told["text"] == say("chat.opened_at", link=link)
            await server.say("Ben", topic, "why?")
            stream = await service.model.opened()
            assert stream.prompt[-1] == "Ben: why?"
            stream.finish("Physics.")
            assert (await ada.says("Physics."))["chat"] == topic


async def test_telegram_chat_where_it_may_not_and_where_there_are_no_topics() -> None:
    async with local_telegram() as server:
        ada = Seat(server, "Ada", "Workshop")
        async with served_on_telegram(server, MemoryStore()) as service:
            await server.say("Ada", "Workshop", "/chat")
            await ada.says(say("chat.not_permitted", permission="Manage Topics"))
            await server.say("Ada", "Riverside", "/chat how do boats float?")
            await ada.says(say("chat.no_threads"))
            (await service.model.opened()).finish("They displace water.")
            answer = await ada.says("They displace water.")
            await server.say("Ada", "Riverside", "why?", reply_to=answer["id"])
            stream = await service.model.opened()
            assert stream.prompt == ["how do boats float?", "They displace water.", "why?"]
            stream.finish("Physics.")
            await server.say("Ada", "Ada", "/chat")
            assert (await ada.says(say("chat.fresh")))["chat"] == chat_named(ada, "Ada")
