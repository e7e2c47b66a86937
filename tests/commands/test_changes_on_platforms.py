"""What becomes of a question that its asker changes, deletes or has split, on both platforms."""

from __future__ import annotations

import asyncio

from bots.sandbox.discord.server import DiscordServer
from core.catalogue import say
from tests.commands.hands import Hands, on_platform
from tests.commands.support import PATIENCE_S


async def test_an_edit_after_the_answer_changes_the_history_and_what_retry_asks(hands: Hands) -> None:
    question = await hands.say("one")
    (await hands.asked()).finish("First.")
    answer = await hands.shows("First.")
    await hands.rested()
    await hands.server.edit_own("Ada", hands.chat, question, "uno")
    await hands.command("retry")
    stream = await hands.asked()
    assert stream.prompt == ["uno"]
    stream.finish("Primo.")
    assert (await hands.shows("Primo."))["id"] == answer["id"]


async def test_a_message_that_the_client_split_is_one_question(hands: Hands) -> None:
    limit = 2_000 if hands.platform == "discord" else 4_096
    first = "w" * (limit - 10)
    await hands.say(first)
    await hands.say("and the rest of it")
    assert (await hands.asked()).prompt == [f"{first}\nand the rest of it"]


async def test_a_reply_goes_on_after_the_answer_replied_to(hands: Hands) -> None:
    hands.private = False
    first = await hands.answered("one", "First.")
    await hands.answered("two", "Second.")
    await hands.say("and that?", reply_to=first["id"])
    assert (await hands.asked()).prompt == ["one", "First.", "and that?"]


async def test_discord_a_deleted_question_leaves_the_history() -> None:
    async with on_platform("discord") as hands:
        assert isinstance(hands.server, DiscordServer)
        hands.private = False
        await hands.answered("one", "First.")
        question = await hands.say("@Sluice two")
        (await hands.asked()).finish("Second.")
        await hands.shows("Second.")
        await hands.rested()
        await hands.server.delete("Ada", hands.chat, question)
        assert "two" not in (await hands.ask("three")).prompt


async def test_discord_a_question_deleted_while_it_is_answered_ends_the_answer() -> None:
    async with on_platform("discord") as hands:
        assert isinstance(hands.server, DiscordServer)
        hands.private = False
        question = await hands.say("@Sluice one")
        stream = await hands.asked()
        stream.say("A long story begins here.")
        answer = await hands.shows("A long story begins here.")
        await hands.server.delete("Ada", hands.chat, question)
        async with asyncio.timeout(PATIENCE_S):
            await stream.closed.wait()
        left = await hands.shows(f"A long story begins here.\n\n{say('ending.stopped')}")
        assert left["id"] == answer["id"]
        assert not left["buttons"]
