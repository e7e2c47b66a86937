"""One bot, and each of its people reads it in their own language."""

from __future__ import annotations

from pathlib import Path

from core.catalogue import say as words
from tests.end_to_end.world import World


async def test_on_both_platforms_the_clients_language_is_spoken(world: World, tmp_path: Path) -> None:
    """Ivo has his client in Portuguese and Ada in English; the menus are in both."""
    portuguese, english = words("help", "pt-BR"), words("help")
    async with world.served(tmp_path):
        await world.discord.invoke("Ivo", "#general", "help", {})
        await world.on_discord.told("Ivo", portuguese)
        await world.discord.invoke("Ada", "#general", "help", {})
        await world.on_discord.told("Ada", english)
        theirs = await world.telegram.say("Ivo", "Ivo", "/help")
        assert (await world.on_telegram.answer(replying_to=theirs))["text"].startswith(portuguese)
        hers = await world.telegram.say("Ada", "Ada", "/help")
        assert (await world.on_telegram.answer(replying_to=hers))["text"].startswith(english)
    [registered] = [request.body for request in world.discord.requests if request.method == "PUT"]
    told = {
        command["name"]: command["description_localizations"]["pt-BR"]
        for command in registered
        if command["type"] == 1
    }
    assert told["help"] == words("command.help", "pt-BR")
    menus = {
        request.body.get("language_code"): request.body["commands"]
        for request in world.telegram.requests
        if request.route == "setMyCommands"
    }
    assert {"command": "help", "description": words("command.help", "pt-BR")} in menus["pt"]
