"""What was said around a question, by the real libraries: chains of replies, the channel, /catchup."""

from __future__ import annotations

from bots.sandbox.discord.world import Permission
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.service.retention import OVERHEARD_DAYS
from tests.commands.test_panels_on_platforms import (
    DiscordSeat,
    Seat,
    served_on_discord,
    served_on_telegram,
)
from tests.discord.support import local_discord
from tests.telegram.harness import local_telegram


async def test_discord_a_chain_of_replies_that_the_bot_never_saw() -> None:
    async with local_discord() as bot:
        server = bot.server
        first = await server.say("Ada", "#general", "boats float")
        second = await server.say("Ben", "#general", "all of them?\nAda: no", reply_to=first)
        third = await server.say("Cleo", "#general", "stones do not", reply_to=second)
        async with served_on_discord(server, MemoryStore(), bot.clock) as service:
            await server.say("Ada", "#general", "@Sluice who is right?", reply_to=third)
            stream = await service.model.opened()
            [text] = stream.prompt
            assert text.split("\n")[1:5] == [
                "> Ada: boats float",
                "> Ben: all of them? Ada: no",
                "(In reply to this message by Cleo:)",
                "> stones do not",
            ]
            stream.finish("Cleo.")
            await server.use_on_message("Ada", "#general", third, "Explain")
            stream = await service.model.opened()
            assert "> Ada: boats float\n> Ben: all of them? Ada: no\n" in stream.prompt[-1]
            stream.finish("Cleo says.")


async def test_discord_catchup_is_private_and_leads_to_the_messages() -> None:
    async with local_discord() as bot:
        server = bot.server
        await server.say("Ben", "#general", "before")
        await server.say("Ada", "#general", "bye")
        said = await server.say("Cleo", "#general", "the weir is open")
        ada = DiscordSeat(server, "Ada", "#general")
        async with served_on_discord(server, MemoryStore(), bot.clock) as service:
            await server.invoke("Ada", "#general", "more catchup", {})
            stream = await service.model.opened()
            [text] = stream.prompt
            assert next(line for line in text.split("\n") if line.startswith(">")).endswith(
                "Cleo: the weir is open"
            )
            assert "before" not in text
            stream.finish("The weir is open [1].")
            answer = await ada.says("The weir is open")
            assert answer["only_for"] == str(server.world.person("Ada").id)
            guild, channel = server.world.guild_id, server.world.chat("#general").id
            shown = await ada.screen.until(
                lambda: next(
                    (
                        one
                        for one in ada.screen.messages.values()
                        if f"https://discord.com/channels/{guild}/{channel}/{said}" in str(one)
                    ),
                    None,
                )
            )
            assert shown["id"] == answer["id"]


async def test_discord_catchup_tells_nobody_of_what_they_may_not_read() -> None:
    """Who may use commands there, but not read what was said before."""
    async with local_discord() as bot:
        server = bot.server
        await server.say("Ada", "#general", "the plan is secret")
        server.overwrite("#general", "Ben", deny=Permission.READ_MESSAGE_HISTORY)
        ben = DiscordSeat(server, "Ben", "#general")
        async with served_on_discord(server, MemoryStore(), bot.clock) as service:
            await server.invoke("Ben", "#general", "more catchup", {"since": "50"})
            await ben.says(say("reading.reader"))
            server.overwrite("#general", "Ben")
            server.overwrite("#general", "Sluice", deny=Permission.READ_MESSAGE_HISTORY)
            await server.invoke("Ada", "#general", "more catchup", {"since": "50"})
            await ben.says(say("reading.bot"))
            assert service.model.streams == []


async def test_discord_the_channel_is_seen_where_that_was_chosen() -> None:
    async with local_discord() as bot:
        server, store = bot.server, MemoryStore()
        await server.say("Ben", "#general", "the weir is open")
        await store.choose(f"chat:discord:{server.world.chat('#general').id}", "sees", "channel")
        async with served_on_discord(server, store, bot.clock) as service:
            await server.say("Ada", "#general", "@Sluice is that good?")
            stream = await service.model.opened()
            [text] = stream.prompt
            assert "Ben: the weir is open\n\nis that good?" in text
            stream.finish("It is.")
            await server.invoke("Ada", "#general", "ask", {"prompt": "sure?"})
            stream = await service.model.opened()
            assert "Ben: the weir is open" in stream.prompt[-1]
            stream.finish("Yes.")


async def test_telegram_catchup_where_a_group_opted_in_and_everybody_was_told() -> None:
    async with local_telegram() as server:
        group = await server.upgrade_group("Ada", "Riverside")  # only supergroups have links to messages
        await server.promote_bot("Ada", group)
        store, ada = MemoryStore(), Seat(server, "Ada", group)
        async with served_on_telegram(server, store) as service:
            await server.say("Ben", group, "unheard")
            await server.say("Ben", group, "/catchup")
            await ada.says(say("catchup.off"))
            await server.say("Ada", group, "/settings")
            panel = await ada.says("Keep for /catchup: off")
            await ada.press(panel, "overhear")
            await ada.says("Keep for /catchup: on")
            announced = await ada.says(say("overhear.on", days=OVERHEARD_DAYS))
            assert announced["chat"] == panel["chat"]
            await server.say("Ben", group, "the weir is open")
            await server.say("Ben", group, "since\nnoon")
            kept: list[str] = []
            while len(kept) < 2:
                await server.say("Ada", group, "/catchup 50")
                told = await service.model.opened()
                kept = [line for line in told.prompt[-1].split("\n") if line.startswith(">")]
                told.finish("Open [1].")
            assert [line.partition(" Ben: ")[2] for line in kept] == ["the weir is open", "since noon"]
            answer = await ada.says("Open [1].")
            assert "unheard" not in told.prompt[-1]
            base = panel["chat"].removeprefix("-100")
            assert f"https://t.me/c/{base}/" in str(answer)
            await ada.press(panel, "overhear")
            await ada.says(say("overhear.off", days=OVERHEARD_DAYS))
            await server.say("Ben", group, "/catchup")
            await ada.says(say("catchup.off"))


async def test_telegram_a_group_is_seen_with_a_question_where_both_were_chosen() -> None:
    async with local_telegram() as server:
        await server.promote_bot("Ada", "Riverside")
        chat = next(one["id"] for one in server.snapshot()["chats"] if one["name"] == "Riverside")
        store = MemoryStore()
        await store.choose(f"server:telegram:{chat}", "sees", "channel")
        async with served_on_telegram(server, store) as service:
            await server.say("Ben", "Riverside", "unheard")
            await server.say("Ada", "Riverside", "/ask is that good?")
            stream = await service.model.opened()
            assert stream.prompt == ["is that good?"]
            stream.finish("It is.")
        await store.choose(f"server:telegram:{chat}", "overhear", "on")
        async with served_on_telegram(server, store) as service:
            await server.say("Ben", "Riverside", "the weir is open")
            await server.say("Ada", "Riverside", "/new")
            await server.say("Ada", "Riverside", "/ask is that good?")
            stream = await service.model.opened()
            assert "Ben: the weir is open\n\nis that good?" in stream.prompt[-1]
            stream.finish("It is.")
