"""Whom the bot's messages notify, as Telegram would."""

from __future__ import annotations

from telegram import Bot, MessageEntity, User

from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import ManualClock, chat_id


async def test_a_username_notifies_members_on_send_and_edit(
    telegram: TelegramServer, bot: Bot, telegram_clock: ManualClock
) -> None:
    """Telegram finds it by itself, in any case, behind any sign; in code it is none."""
    group = chat_id(telegram, "Riverside")
    sent = await bot.send_message(group, "@@Cleo, see")
    await sent.edit_text("now (@cleo)")
    cleo = telegram._world.find_person("Cleo").id
    assert [(ping.person, ping.by_edit) for ping in telegram.pings] == [(cleo, False), (cleo, True)]
    telegram.pings.clear()
    telegram_clock.now += 60.0
    await bot.send_message(group, "@cleo", entities=[MessageEntity("code", 0, 5)])
    await bot.send_message(group, "a@cleo @cleo_x @nobody_here @\u2060cleo")
    await bot.send_message(chat_id(telegram, "Ben"), "@cleo")  # who is not there
    assert telegram.pings == []


async def test_an_account_that_is_named_is_notified(telegram: TelegramServer, bot: Bot) -> None:
    """By a mention without a username, and by a link to the account."""
    group, cleo = chat_id(telegram, "Riverside"), telegram._world.find_person("Cleo")
    user = User(cleo.id, cleo.name, is_bot=False)
    await bot.send_message(group, "you", entities=[MessageEntity("text_mention", 0, 3, user=user)])
    link = MessageEntity("text_link", 0, 3, url=f"tg://user?id={cleo.id}")
    await bot.send_message(group, "you", entities=[link])
    assert [ping.person for ping in telegram.pings] == [cleo.id, cleo.id]


async def test_a_caption_notifies_too(telegram: TelegramServer, bot: Bot) -> None:
    await bot.send_document(chat_id(telegram, "Riverside"), b"x", filename="@cleo.txt", caption="@cleo")
    assert len(telegram.pings) == 1
