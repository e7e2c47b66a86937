"""What the bot may not hear: without Discord's Message Content intent, and in Telegram's privacy mode."""

from __future__ import annotations

from pathlib import Path

from bots.discord.doctor import CONTENT_IS_OFF
from bots.telegram.markdown import TelegramRenderer
from core.catalogue import say as words
from tests.end_to_end.world import World


async def test_without_message_content_it_serves_what_it_may_hear(world: World, tmp_path: Path) -> None:
    """The model repeats what it was asked: so each of the three came through, and nothing else did."""
    world.discord.grant_message_content(granted=False)
    async with world.served(tmp_path) as program:
        assert CONTENT_IS_OFF in await program.says("Discord is ready")
        await world.discord.say("Cleo", "#general", "nobody asked the bot about this")
        await world.discord.invoke("Ada", "#general", "ask", {"prompt": "heard by command"})
        mention = await world.discord.say("Ben", "#general", "@Sluice heard by mention")
        private = await world.discord.say("Cleo", "@Cleo", "heard in private")
        by_command = await world.on_discord.answer(holding="command")
        by_mention = await world.on_discord.answer(replying_to=mention)
        in_private = await world.on_discord.answer(replying_to=private)
    assert by_command["command"] == "/ask prompt:heard by command"
    assert [answer["text"] for answer in (by_command, by_mention, in_private)] == [
        "heard by command",
        "heard by mention",
        "heard in private",
    ]
    assert [request.prompt for request in world.model.requests if "nobody" in request.prompt] == []


async def test_a_group_is_told_what_privacy_mode_withholds(world: World, tmp_path: Path) -> None:
    """One line when the bot is added; then it answers what is meant for it, and hears nothing else."""
    group = await world.telegram.create_group("Harbour", ["Ada", "Ben"])
    async with world.served(tmp_path) as program:
        assert "privacy mode on" in await program.says("Telegram is ready")
        await world.telegram.add_bot_to_group("Ada", group)
        told = TelegramRenderer().render(words("added.privacy_mode")).text
        line = await world.on_telegram.answer(holding=told)
        assert line["chat"] == group
        await world.telegram.say("Ben", group, "nobody asked the bot about this")
        asked = await world.telegram.say("Ben", group, "/ask heard by command")
        answer = await world.on_telegram.answer(replying_to=asked)
        assert answer["text"] == "heard by command"
    assert len(world.on_telegram.by_bot()) == 2
    assert [request.prompt for request in world.model.requests if "nobody" in request.prompt] == []
