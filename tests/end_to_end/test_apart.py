"""To be no part of what others ask, on both platforms by the real libraries."""

from __future__ import annotations

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


async def test_discord_whoever_is_apart_is_in_no_channel_and_no_quote() -> None:
    async with local_discord() as bot:
        server, store = bot.server, MemoryStore()
        said = await server.say("Ben", "#general", "the weir is open")
        await server.say("Cleo", "#general", "boats float")
        await store.choose(f"chat:discord:{server.world.chat('#general').id}", "sees", "channel")
        ben, ada = DiscordSeat(server, "Ben", "#general"), DiscordSeat(server, "Ada", "#general")
        async with served_on_discord(server, store, bot.clock) as service:
            await server.invoke("Ben", "#general", "privacy", {})
            policy = await ben.says(say("privacy.apart"))
            await ben.press(policy, "on")
            assert (await ben.says(say("apart.on")))["only_for"] == str(server.world.person("Ben").id)
            await server.say("Ada", "#general", "@Sluice is that so?", reply_to=said)
            stream = await service.model.opened()
            assert "boats float" in str(stream.prompt)
            assert "the weir is open" not in str(stream.prompt)
            await ada.says(say("apart.quoted"))
            stream.finish("It is.")
            await server.use_on_message("Ada", "#general", said, "Explain")
            refused = await ada.screen.until(
                lambda: next(
                    (one for one in ada.screen.messages.values() if one["text"] == say("apart.quoted")
                     and one["only_for"] == str(server.world.person("Ada").id)), None)
            )  # fmt: skip
            assert refused
            assert len(service.model.streams) == 1


async def test_telegram_whoever_is_apart_is_neither_heard_nor_quoted() -> None:
    async with local_telegram() as server:
        await server.promote_bot("Ada", "Riverside")
        chat = next(one["id"] for one in server.snapshot()["chats"] if one["name"] == "Riverside")
        store = MemoryStore()
        for name, value in (("sees", "channel"), ("overhear", "on")):
            await store.choose(f"server:telegram:{chat}", name, value)
        own, group = Seat(server, "Ben", "Ben"), Seat(server, "Ada", "Riverside")
        async with served_on_telegram(server, store) as service:
            said = await server.say("Ben", "Riverside", "the weir is open")
            await server.say("Ada", "Riverside", "boats float")
            place = f"telegram:{chat}"
            username = server.snapshot()["bot"]["username"]
            await server.say("Ada", "Riverside", f"@{username} so?")
            stream = await service.model.opened()
            assert "the weir is open" in str(stream.prompt)
            stream.finish("So.")
            await server.say("Ben", "Ben", "/settings")
            panel = await own.says(f"{say('setting.apart')}: {say('settings.off')}")
            await own.press(panel, "apart")
            await own.says(f"{say('setting.apart')}: {say('settings.on')}")
            left = await store.overheard(place, since=0.0, limit=9)
            assert [one.text for one in left] == ["boats float", "so?"]
            await server.say("Ada", "Riverside", f"@{username} is that so?", reply_to=said)
            stream = await service.model.opened()
            assert "boats float" in str(stream.prompt)
            assert "the weir is open" not in str(stream.prompt)
            await group.says(say("apart.quoted"))
            stream.finish("It is.")
