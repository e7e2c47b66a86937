"""What people do on a local Telegram, as the core is told of it."""

from __future__ import annotations

import pytest

from bots.sandbox.telegram.server import TelegramServer
from core.messages import (
    Addressed,
    BotAdded,
    ButtonPress,
    IncomingCommand,
    IncomingMessage,
    MessageEdited,
    MessageRef,
    PlaceKind,
)
from core.streaming.operations import Button, Delivered
from tests.telegram.harness import Bot, content, message_of, started


async def test_a_private_message_is_meant_for_the_bot(bot: Bot, server: TelegramServer) -> None:
    """Each private message arrives with its ids and an answer to it lands as a reply."""
    message_id = await server.say("Ada", "Ada", "hello 😀")
    event, surface = await bot.next(IncomingMessage)
    assert (event.text, event.addressed) == ("hello 😀", Addressed.PRIVATE)
    assert (event.place.kind, event.place.chat_id) == (PlaceKind.PRIVATE, event.author.id)
    assert event.author.name == "Ada"
    assert event.ref == MessageRef(event.place.chat_id, message_id)
    assert surface.place == event.place
    outcome = await surface.send(content("answer"), event.ref)
    assert isinstance(outcome, Delivered)
    last = message_of(server, event.ref.chat_id, outcome.message_id)
    assert (last["text"], last["reply_to"], last["silent"]) == ("answer", message_id, False)


async def test_a_person_brings_the_language_of_their_client(bot: Bot, server: TelegramServer) -> None:
    """With a message and with a press."""
    await server.say("Ivo", "Ivo", "oi")
    event, surface = await bot.next(IncomingMessage)
    assert event.author.locale == "pt-br"
    outcome = await surface.send(content("…", Button("stop:1", "Parar")), None)
    assert isinstance(outcome, Delivered)
    await server.press("Ivo", "Ivo", outcome.message_id, "stop:1")
    assert (await bot.next(ButtonPress))[0].author.locale == "pt-br"
    await server.say("Ada", "Ada", "hello")
    assert (await bot.next(IncomingMessage))[0].author.locale == "en"


async def test_in_privacy_mode_a_group_reaches_the_bot_by_mention_reply_and_command(
    bot: Bot, server: TelegramServer
) -> None:
    """A plain message is withheld by Telegram; the three ways in carry why they are meant for the bot."""
    await server.say("Ben", "Riverside", "just talking")
    await server.say("Ben", "Riverside", "@Sluice_Bot what is a weir?")
    mention, surface = await bot.next(IncomingMessage)
    assert (mention.text, mention.addressed) == ("what is a weir?", Addressed.MENTION)
    assert mention.place.kind is PlaceKind.SHARED
    answer = await surface.send(content("a low dam"), mention.ref)
    assert isinstance(answer, Delivered)

    await server.say("Cleo", "Riverside", "and a lock?", reply_to=answer.message_id)
    reply, _ = await bot.next(IncomingMessage)
    assert (reply.text, reply.addressed) == ("and a lock?", Addressed.REPLY)
    assert reply.quote is not None
    assert (reply.quote.ref.message_id, reply.quote.text, reply.quote.by_us) == (
        answer.message_id,
        "a low dam",
        True,
    )

    await server.say("Ada", "Riverside", "/ask@sluice_bot why\nso low?", reply_to=answer.message_id)
    command, _ = await bot.next(IncomingCommand)
    assert (command.name, dict(command.arguments)) == ("ask", {"prompt": "why\nso low?"})
    assert command.quote is not None
    assert command.quote.by_us


async def test_a_plain_message_is_handed_over_unaddressed_where_all_is_heard(
    bot: Bot, server: TelegramServer
) -> None:
    """As an administrator the bot hears everything, and the core decides; commands for others are dropped."""
    await server.promote_bot("Ada", "Riverside")
    await server.say("Ben", "Riverside", "just talking")
    plain, _ = await bot.next(IncomingMessage)
    assert (plain.text, plain.addressed) == ("just talking", Addressed.NO)
    await server.say("Ben", "Riverside", "/ask@other_bot hello")
    await server.say("Ben", "Riverside", "/weather")
    foreign, _ = await bot.next(IncomingMessage)
    assert (foreign.text, foreign.addressed) == ("/weather", Addressed.NO)
    await server.say("Ben", "Riverside", "@sluice_bot /ask up")
    command, _ = await bot.next(IncomingCommand)
    assert (command.name, dict(command.arguments)) == ("ask", {"prompt": "up"})
    assert bot.idle


async def test_whether_others_are_mentioned(bot: Bot, server: TelegramServer) -> None:
    await server.promote_bot("Ada", "Riverside")
    for text, others in (
        ("look at that", False),
        ("@sluice_bot look", False),
        ("@cleo look", True),
        ("@sluice_bot and @cleo, look", True),
    ):
        await server.say("Ben", "Riverside", text)
        message, _ = await bot.next(IncomingMessage)
        assert message.mentions_others is others, text


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("/start deep_link_payload", "start", {}),
        ("/ASK what now", "ask", {"prompt": "what now"}),
        ("/ask", "ask", {}),
        ("/ask   ", "ask", {}),
        ("/nonsense x", "nonsense", {}),
    ],
)
async def test_commands_in_private(
    bot: Bot, server: TelegramServer, text: str, name: str, arguments: dict[str, str]
) -> None:
    """Given arguments only; also what is no command of ours, so that the person hears about it."""
    await server.say("Ada", "Ada", text)
    command, _ = await bot.next(IncomingCommand)
    assert (command.name, dict(command.arguments)) == (name, arguments)


async def test_a_topic_is_a_place_of_its_own(bot: Bot, server: TelegramServer) -> None:
    """Answers and typing stay in the topic, and its implicit reply to its first message is no quote."""
    await server.say("Ada", "Workshop", "@sluice_bot hi", topic="Ideas")
    event, surface = await bot.next(IncomingMessage)
    assert event.place.kind is PlaceKind.THREAD
    assert event.place.topic_id is not None
    assert event.quote is None
    await surface.typing()
    outcome = await surface.send(content("here"), event.ref)
    assert isinstance(outcome, Delivered)
    assert message_of(server, event.ref.chat_id, outcome.message_id)["chat"] == (
        f"{event.place.chat_id}/{event.place.topic_id}"
    )

    await server.say("Ada", "Workshop", "@sluice_bot hi", topic="General")
    general, surface = await bot.next(IncomingMessage)
    assert (general.place.kind, general.place.topic_id) == (PlaceKind.SHARED, None)
    assert isinstance(await surface.send(content("there"), general.ref), Delivered)


async def test_being_added_to_a_group_says_what_the_bot_hears(bot: Bot, server: TelegramServer) -> None:
    """Once per adding; a promotion is none."""
    group = await server.create_group("Dam", ["Ada", "Ben"])
    await server.add_bot_to_group("Ada", group)
    event, surface = await bot.next(BotAdded)
    assert (event.place.chat_id, event.author.name, event.hears_everything) == (group, "Ada", False)
    assert isinstance(await surface.send(content("hello"), None), Delivered)
    await server.promote_bot("Ada", group)
    await server.say("Ben", group, "hi")
    assert (await bot.next(IncomingMessage))[0].addressed is Addressed.NO


async def test_without_privacy_mode_all_is_heard_from_the_start(server: TelegramServer) -> None:
    """The ready line and the event say so."""
    await server.set_privacy(enabled=False)
    async with started(server) as bot:
        assert "privacy mode off" in bot.ready_line
        group = await server.create_group("Dam", ["Ada", "Ben"])
        await server.add_bot_to_group("Ada", group)
        assert (await bot.next(BotAdded))[0].hears_everything


async def test_privacy_mode_is_asked_for_when_the_bot_is_added(bot: Bot, server: TelegramServer) -> None:
    """It is changed at BotFather while the bot runs, both ways; unasked, it is as last known."""
    for heard in (True, False):
        await server.set_privacy(enabled=not heard)
        await server.add_bot_to_group("Ada", await server.create_group("Dam", ["Ada", "Ben"]))
        assert (await bot.next(BotAdded))[0].hears_everything is heard
    server.fault("status", route="getMe", status=500)
    await server.add_bot_to_group("Ada", await server.create_group("Weir", ["Ada", "Ben"]))
    assert (await bot.next(BotAdded))[0].hears_everything is False


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [("why?", "why not?", "why not?"), ("/ask why?", "/ask why not?", "why not?")],
)
async def test_an_edit_carries_what_the_question_is_now(
    bot: Bot, server: TelegramServer, before: str, after: str, text: str
) -> None:
    message_id = await server.say("Ada", "Ada", before)
    kind: type[IncomingMessage | IncomingCommand] = (
        IncomingCommand if before.startswith("/") else IncomingMessage
    )
    asked, _ = await bot.next(kind)
    await server.edit_own("Ada", "Ada", message_id, after)
    edit, surface = await bot.next(MessageEdited)
    assert (edit.text, edit.ref, edit.author) == (text, asked.ref, asked.author)
    assert edit.place == asked.place == surface.place
