"""One definition: both platforms offer the command, ask for what it needs, bring its controls back."""

from __future__ import annotations

from core.commands.registry import MORE, Registry, registry
from tests.commands import weir
from tests.commands.support import on_discord, on_telegram, said
from tests.end_to_end.screen import Json, made_as

ALL = Registry([*registry(), weir.COMMAND])


async def test_discord_offers_it_completes_it_and_brings_its_controls_back() -> None:
    async with on_discord(ALL) as (bot, _):
        server = bot.server
        [group] = [one for one in server.menu("Ben", "#general") if one["name"] == MORE]
        [offered] = [option for option in group["options"] if option["name"] == "weir"]
        assert [option["name"] for option in offered["options"]] == ["river", "metres", "gate"]
        found = await server.complete("Ben", "#general", "more weir", {"river": "t"}, "river")
        assert [choice["value"] for choice in found] == list(weir.RIVERS)
        found = await server.complete("Ben", "#general", "more weir", {"river": "ti"}, "river")
        assert [choice["name"] for choice in found] == ["Tiber"]

        await server.invoke("Ben", "#general", "more weir", {"river": "Tiber", "metres": "3"})
        shown = await said(bot, "A weir of 3 m in the Tiber")
        assert [[one["kind"] for one in row] for row in shown["rows"]] == [["select"], ["button"]]
        await server.choose("Ben", "#general", shown["id"], control(shown, "weir:gate"), ["shut"])
        changed = await said(bot, "The gate is shut")
        assert changed["id"] == shown["id"]

        await server.press("Ben", "#general", shown["id"], control(shown, "weir:name"))
        await bot.heard.until(lambda: bool(server.open_modals("Ben")))
        [form] = server.open_modals("Ben")
        assert (form["title"], form["fields"][0]["label"]) == ("A name", "What is it called?")
        await server.submit("Ben", form["id"], {"name": "Long Weir"})
        named = await said(bot, "It is called Long Weir")
        assert named["only_for"] == str(server.world.person("Ben").id)


async def test_telegram_takes_it_asks_for_what_is_missing_and_brings_its_controls_back() -> None:
    async with on_telegram(ALL) as (chat, _):
        server = chat.server
        await server.say("Ada", "Ada", "/weir metres=3 Tiber")
        shown = await chat.says("A weir of 3 m in the Tiber")
        assert [[button["label"] for button in row] for row in shown["rows"]] == [
            ["✓ Open", "Shut"],
            ["Name it"],
        ]
        await server.press("Ada", "Ada", shown["id"], control(shown, "weir:gate|shut"))
        changed = await chat.says("The gate is shut")
        assert changed["id"] == shown["id"]
        assert [button["label"] for button in changed["rows"][0]] == ["Open", "✓ Shut"]

        await server.press("Ada", "Ada", shown["id"], control(shown, "weir:name"))
        asked = await chat.says("What is it called?")
        assert asked["force_reply"]
        await server.say("Ada", "Ada", "Long Weir", reply_to=asked["id"])
        await chat.says("It is called Long Weir")

        await server.say("Ada", "Ada", "/weir")
        asked = await chat.says("In which river")
        await server.say("Ada", "Ada", "Tagus")
        await chat.says("A weir of 1 m in the Tagus")

        await server.say("Ada", "Ada", "/weir metres=12 Tiber")
        await chat.says("metres has to be at most 9")


def control(message: Json, data: str) -> str:
    """The one that the command made with this data, as it stands there."""
    [found] = [one["id"] for row in message["rows"] for one in row if made_as(one) == data]
    return str(found)
