"""What of a group reaches the bot, and how topics are kept."""

from __future__ import annotations

import pytest
from telegram import Bot, ReplyParameters, Update
from telegram.error import BadRequest

from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import ManualClock, chat_id


async def drain(bot: Bot) -> list[Update]:
    """The updates that wait, confirmed."""
    updates = list(await bot.get_updates())
    if updates:
        await bot.get_updates(offset=updates[-1].update_id + 1)
    return updates


def texts(updates: list[Update]) -> list[str | None]:
    """The texts of their messages."""
    return [u.effective_message.text for u in updates if u.effective_message]


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("good morning", False),
        ("/ask@sluice_bot why", True),
        ("/ask@Sluice_Bot why", True),
        ("/ask@other_bot why", False),
        ("/ask@other_bot what does @sluice_bot think", False),
        ("/ask why", True),
        ("ask with /ask", False),
        ("hello @sluice_bot", True),
        ("hello @sluice_bots", False),
        ("mail me@sluice_bot.example", False),
        ("@other_bot hello", False),
    ],
)
async def test_privacy_mode_by_text(telegram: TelegramServer, bot: Bot, text: str, heard: bool) -> None:
    """Commands and mentions, of us and of others."""
    await telegram.say("Ben", "Riverside", text)
    assert texts(await drain(bot)) == ([text] if heard else [])


async def test_privacy_mode_by_reply(telegram: TelegramServer, bot: Bot) -> None:
    """A reply belongs to whom it answers: to us, to a message meant for us, to nobody, to others."""
    sent = await bot.send_message(chat_id(telegram, "Riverside"), "Any questions?")
    meant = await telegram.say("Ben", "Riverside", "@sluice_bot yes", reply_to=str(sent.message_id))
    aside = await telegram.say("Cleo", "Riverside", "lunch?")
    await telegram.say("Ada", "Riverside", "to the bot", reply_to=str(sent.message_id))
    await telegram.say("Ada", "Riverside", "to what was meant for it", reply_to=meant)
    await telegram.say("Ada", "Riverside", "to an aside", reply_to=aside)
    await telegram.add_person("Other", bot=True)
    await telegram.add_to_group("Ada", "Riverside", "Other")
    theirs = await telegram.say("Other", "Riverside", "I am a bot, @sluice_bot")
    await telegram.say("Ada", "Riverside", "/ask@sluice_bot in a reply to it", reply_to=theirs)
    heard = texts(await drain(bot))
    assert heard == ["@sluice_bot yes", "to the bot", "to what was meant for it", None]


async def test_a_bare_command_belongs_to_the_bot_that_wrote_last(telegram: TelegramServer, bot: Bot) -> None:
    """The FAQ's rule for general commands."""
    await telegram.add_person("Other", bot=True)
    await telegram.add_to_group("Ada", "Riverside", "Other")
    await telegram.say("Other", "Riverside", "hello all")
    await drain(bot)
    await telegram.say("Ben", "Riverside", "/ask theirs")
    assert await drain(bot) == []
    await bot.send_message(chat_id(telegram, "Riverside"), "me too")
    await telegram.say("Ben", "Riverside", "/ask ours")
    assert texts(await drain(bot)) == ["/ask ours"]


async def test_privacy_counts_from_when_the_bot_is_added(telegram: TelegramServer, bot: Bot) -> None:
    """Switching it off changes nothing where the bot already is."""
    await telegram.set_privacy(enabled=False)
    await telegram.say("Ben", "Riverside", "unheard")
    assert await drain(bot) == []
    await telegram.kick_bot("Ada", "Riverside")
    await telegram.add_bot_to_group("Ada", "Riverside")
    await telegram.say("Ben", "Riverside", "heard")
    kicked, added, joined, heard = await drain(bot)
    assert kicked.my_chat_member is not None
    assert kicked.my_chat_member.new_chat_member.status == "kicked"
    assert added.my_chat_member is not None
    assert added.my_chat_member.new_chat_member.status == "member"
    assert joined.message is not None
    assert [user.username for user in joined.message.new_chat_members] == ["sluice_bot"]
    assert texts([heard]) == ["heard"]


async def test_an_administrator_hears_everything(telegram: TelegramServer, bot: Bot) -> None:
    """Promotion shows as my_chat_member, and lifts privacy mode at once."""
    await telegram.promote_bot("Ada", "Riverside")
    await telegram.say("Ben", "Riverside", "just talking")
    promoted, heard = await drain(bot)
    assert promoted.my_chat_member is not None
    assert promoted.my_chat_member.new_chat_member.status == "administrator"
    assert texts([heard]) == ["just talking"]
    await telegram.demote_bot("Ada", "Riverside")
    await drain(bot)
    await telegram.say("Ben", "Riverside", "quietly")
    assert await drain(bot) == []


async def test_only_administrators_change_the_bots_standing(telegram: TelegramServer) -> None:
    """As clients offer it to nobody else."""
    with pytest.raises(PermissionError):
        await telegram.promote_bot("Ben", "Riverside")


async def test_edits_come_as_edited_message(telegram: TelegramServer, bot: Bot) -> None:
    """In private always; in a group when the message is meant for the bot."""
    private = await telegram.say("Ada", "Ada", "frist")
    await telegram.edit_own("Ada", "Ada", private, "first")
    aside = await telegram.say("Ada", "Riverside", "aside")
    await telegram.edit_own("Ada", "Riverside", aside, "still aside")
    _, edited = await drain(bot)
    assert edited.edited_message is not None
    assert (edited.edited_message.text, edited.edited_message.message_id) == ("first", int(private))
    assert edited.edited_message.edit_date is not None


async def test_topics_are_kept(telegram: TelegramServer, bot: Bot, telegram_clock: ManualClock) -> None:
    """Messages of a topic name it, and so must answers, unless they are replies."""
    workshop = chat_id(telegram, "Workshop")
    asked = await telegram.say("Ben", "Workshop", "/ask@sluice_bot in a topic", topic="Ideas")
    general = await telegram.say("Ben", "Workshop", "/ask@sluice_bot in General")
    in_topic, in_general = (u.message for u in await drain(bot))
    assert in_topic is not None
    assert in_general is not None
    assert in_topic.is_topic_message
    assert in_topic.chat.is_forum
    assert in_topic.reply_to_message is not None  # the Bot API server adds the topic's first message
    assert in_topic.reply_to_message.forum_topic_created is not None
    assert in_general.message_thread_id is None

    topic = in_topic.message_thread_id
    sent = await bot.send_message(workshop, "named", message_thread_id=topic)
    replied = await bot.send_message(workshop, "replied", reply_parameters=ReplyParameters(int(asked)))
    plain = await bot.send_message(workshop, "General", reply_parameters=ReplyParameters(int(general)))
    assert (sent.message_thread_id, replied.message_thread_id, plain.message_thread_id) == (
        topic,
        topic,
        None,
    )
    chats = [m["chat"] for m in telegram.snapshot()["messages"] if m["author"]["bot"]]
    assert chats == [f"{workshop}/{topic}", f"{workshop}/{topic}", f"{workshop}/1"]
    telegram_clock.now += 3.0
    for missing in (1, 999):
        with pytest.raises(BadRequest, match="Message thread not found"):
            await bot.send_message(workshop, "x", message_thread_id=missing)


async def test_a_new_topic_is_a_chat_of_its_own(telegram: TelegramServer, bot: Bot) -> None:
    """Its service message reaches the bot, the page hears of a chat."""
    events: list[str] = []
    telegram.subscribe(lambda event: events.append(event["type"]))
    chat = await telegram.create_topic("Ada", "Workshop", "Plans")
    await telegram.say("Ada", chat, "@sluice_bot plan it")
    created, asked = (u.message for u in await drain(bot))
    assert created is not None
    assert created.forum_topic_created is not None
    assert asked is not None
    assert (asked.message_thread_id, created.forum_topic_created.name) == (created.message_id, "Plans")
    assert "chat" in events
