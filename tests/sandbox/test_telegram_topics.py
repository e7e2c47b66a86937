"""Topics, rights, photos and deletions on the local Telegram, by the real python-telegram-bot."""

from __future__ import annotations

import pytest
import telegram as ptb
from telegram.error import BadRequest

from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import ManualClock, chat_id, png, shown


@pytest.fixture(autouse=True)
def _own_form_of_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """PTB 22 warns at each RetryAfter unless this asks for its coming form."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


TOPICS = ("can_manage_chat", "can_manage_topics")


async def test_a_topic_is_made_used_closed_and_deleted(
    telegram: TelegramServer, bot: ptb.Bot, telegram_clock: ManualClock
) -> None:
    """It takes the right to manage topics, except for those that are the bot's own."""
    forum = chat_id(telegram, "Workshop")
    with pytest.raises(BadRequest, match=r"(?i)not enough rights to create a topic"):
        await bot.create_forum_topic(forum, "Tides")
    with pytest.raises(BadRequest, match=r"(?i)not a forum"):
        await bot.create_forum_topic(chat_id(telegram, "Riverside"), "Tides")
    await telegram.promote_bot("Ada", "Workshop", TOPICS)
    topic = await bot.create_forum_topic(forum, "Tides")
    thread = topic.message_thread_id
    assert (topic.name, f"{forum}/{thread}") == (
        "Tides",
        next(chat["id"] for chat in telegram.snapshot()["chats"] if chat["name"] == "Tides"),
    )
    await bot.send_message(forum, "here", message_thread_id=thread)
    telegram_clock.now += 60
    await telegram.demote_bot("Ada", "Workshop")
    await bot.edit_forum_topic(forum, thread, name="High tides")
    await bot.close_forum_topic(forum, thread)
    with pytest.raises(BadRequest, match=r"(?i)TOPIC_NOT_MODIFIED"):
        await bot.close_forum_topic(forum, thread)
    telegram_clock.now += 60
    closed = next(chat for chat in telegram.snapshot()["chats"] if chat["name"] == "High tides")
    assert closed["closed"]
    with pytest.raises(PermissionError, match="closed"):
        await telegram.say("Ben", f"{forum}/{thread}", "one more")
    await bot.reopen_forum_topic(forum, thread)
    await telegram.say("Ben", f"{forum}/{thread}", "one more")
    with pytest.raises(BadRequest, match=r"(?i)not enough rights to delete"):
        await bot.delete_forum_topic(forum, thread)
    await telegram.promote_bot("Ada", "Workshop", (*TOPICS, "can_delete_messages"))
    await bot.delete_forum_topic(forum, thread)
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(forum, "gone?", message_thread_id=thread)


async def test_a_topic_that_somebody_closed(telegram: TelegramServer, bot: ptb.Bot) -> None:
    """The bot hears of it and may no longer write there."""
    forum = chat_id(telegram, "Workshop")
    ideas = next(chat["id"] for chat in telegram.snapshot()["chats"] if chat["name"] == "Ideas")
    with pytest.raises(PermissionError):
        await telegram.close_topic("Ben", ideas)
    await telegram.close_topic("Ada", ideas)
    [update] = await bot.get_updates()
    assert update.message is not None
    assert update.message.forum_topic_closed is not None
    thread = update.message.message_thread_id
    with pytest.raises(BadRequest, match=r"(?i)TOPIC_CLOSED"):
        await bot.send_message(forum, "x", message_thread_id=thread)
    await telegram.close_topic("Ada", ideas, closed=False)
    await bot.send_message(forum, "x", message_thread_id=thread)


async def test_who_runs_a_group(telegram: TelegramServer, bot: ptb.Bot) -> None:
    """Standing as the bot sees it, and word of a change to a bot that runs the group and asked for it."""
    riverside, ben = chat_id(telegram, "Riverside"), chat_id(telegram, "Ben")
    assert (await bot.get_chat_member(riverside, ben)).status == "member"
    await telegram.promote_bot("Ada", "Riverside")
    await bot.get_updates(allowed_updates=["chat_member"], timeout=0)
    await telegram.promote("Ada", "Riverside", "Ben", ("can_delete_messages",))
    member = await bot.get_chat_member(riverside, ben)
    assert isinstance(member, ptb.ChatMemberAdministrator)
    assert member.can_delete_messages
    people = [admin.user.first_name for admin in await bot.get_chat_administrators(riverside)]
    assert sorted(people) == ["Ada", "Ben", "Sluice"]
    update = (await bot.get_updates(timeout=5))[-1]
    assert update.chat_member is not None
    assert update.chat_member.new_chat_member.status == "administrator"
    await telegram.promote("Ada", "Riverside", "Ben", ())
    assert (await bot.get_chat_member(riverside, ben)).status == "member"


async def test_deleting_what_others_wrote(telegram: TelegramServer, bot: ptb.Bot) -> None:
    """In a private chat, or as administrator with the right; people delete as their clients let them."""
    private = await telegram.say("Ben", "Ben", "take it back")
    assert await bot.delete_messages(chat_id(telegram, "Ben"), [int(private)])
    riverside = chat_id(telegram, "Riverside")
    said = await telegram.say("Ben", "Riverside", "/ask x")
    with pytest.raises(BadRequest, match=r"(?i)can't be deleted"):
        await bot.delete_message(riverside, int(said))
    with pytest.raises(PermissionError):
        await telegram.delete("Cleo", "Riverside", said)
    await telegram.promote_bot("Ada", "Riverside")
    assert await bot.delete_message(riverside, int(said))
    own = await bot.send_message(chat_id(telegram, "Ben"), "mine")
    await telegram.delete("Ben", "Ben", str(own.message_id))
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await bot.edit_message_text("x", own.chat_id, own.message_id)


async def test_photos_both_ways(telegram: TelegramServer, bot: ptb.Bot, telegram_clock: ManualClock) -> None:
    """A chart goes out as a picture with a caption, a person's picture comes in."""
    ada = chat_id(telegram, "Ada")
    chart = png(320, 180)
    sent = await bot.send_photo(ada, chart, caption="1,200 tokens today", filename="usage.png")
    assert [(size.width, size.height) for size in sent.photo] == [(320, 180)]
    entry = shown(telegram, ada, sent.message_id)
    [file] = entry["files"]
    assert (entry["text"], file["picture"], telegram.file(file["id"])) == ("1,200 tokens today", True, chart)
    await bot.edit_message_caption(ada, sent.message_id, caption="1,300 tokens today")
    assert shown(telegram, ada, sent.message_id)["text"] == "1,300 tokens today"
    other = png(64, 64)
    await bot.edit_message_media(ptb.InputMediaPhoto(other, filename="x.png"), ada, sent.message_id)
    [file] = shown(telegram, ada, sent.message_id)["files"]
    assert telegram.file(file["id"]) == other
    telegram_clock.now += 60
    for content, words in ((b"no picture", "IMAGE_PROCESS_FAILED"), (png(2, 50), "PHOTO_INVALID_DIMENSIONS")):
        with pytest.raises(BadRequest, match=f"(?i){words}"):
            await bot.send_photo(ada, content)
    await telegram.send_file("Ada", "Ada", "cat.png", chart, caption="what is this?", photo=True)
    await telegram.send_file("Ada", "Ada", "notes.txt", b"notes")
    first, second = await bot.get_updates()
    assert first.message is not None
    assert second.message is not None
    assert (first.message.caption, first.message.photo[-1].width) == ("what is this?", 320)
    received = await (await first.message.photo[-1].get_file()).download_as_bytearray()
    assert (bytes(received), second.message.document is not None) == (chart, True)


async def test_a_topic_counts_as_a_message_of_its_group(telegram: TelegramServer, bot: ptb.Bot) -> None:
    """Making topics draws from the same limit as writing."""
    await telegram.promote_bot("Ada", "Workshop", TOPICS)
    forum = chat_id(telegram, "Workshop")
    for number in range(3):
        await bot.create_forum_topic(forum, f"Topic {number}")
    with pytest.raises(ptb.error.RetryAfter):
        await bot.create_forum_topic(forum, "One too many")
