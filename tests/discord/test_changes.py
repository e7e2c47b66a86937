"""Edits and deletions on Discord reach the core, also of messages that the library does not remember."""

from __future__ import annotations

from core.messages import IncomingMessage, MessageDeleted, MessageEdited, PlaceKind
from core.streaming.operations import Delivered
from tests.discord.support import Bot, content, started


async def asked(bot: Bot, text: str = "@Sluice why?") -> tuple[IncomingMessage, str]:
    message_id = await bot.server.say("Ben", "#general", text)
    incoming, _ = await bot.next()
    assert isinstance(incoming, IncomingMessage)
    return incoming, message_id


async def test_an_edit_carries_what_the_question_is_now() -> None:
    async with started() as bot:
        question, message_id = await asked(bot)
        await bot.server.edit_own("Ben", "#general", message_id, "@Sluice why not?")
        edit, surface = await bot.next()
        assert isinstance(edit, MessageEdited)
        assert (edit.text, edit.ref, edit.author.id) == ("why not?", question.ref, question.author.id)
        assert str(edit.place) == str(question.place) == str(surface.place)
        assert edit.place.kind is PlaceKind.SHARED


async def test_a_deletion_says_which_message_is_gone() -> None:
    async with started() as bot:
        question, message_id = await asked(bot)
        await bot.server.delete("Ben", "#general", message_id)
        deletion, _ = await bot.next()
        assert isinstance(deletion, MessageDeleted)
        assert (deletion.ref, str(deletion.place)) == (question.ref, str(question.place))


async def test_the_bots_own_edits_are_no_events() -> None:
    async with started() as bot:
        await bot.server.say("Ben", "#general", "@Sluice why?")
        _, surface = await bot.next()
        sent = await surface.send(content("Because"), None)
        assert isinstance(sent, Delivered)
        assert isinstance(await surface.edit(sent.message_id, content("Because.")), Delivered)
        await asked(bot, "@Sluice and?")  # else the edit would have come first
