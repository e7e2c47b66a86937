"""Updates as the real python-telegram-bot gets them: polling, confirming, two pollers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from telegram import Bot, Update
from telegram.error import Conflict
from telegram.ext import Application, ApplicationBuilder, ContextTypes, MessageHandler, filters

from bots.sandbox.telegram.server import TelegramServer
from bots.sandbox.telegram.updates import UpdateQueue
from tests.sandbox.telegram_harness import chat_id, connected_bot, shown


async def test_an_application_polls_answers_and_edits(telegram: TelegramServer) -> None:
    """PTB's own loop: getMe, deleteWebhook, getUpdates, then a reply that grows."""
    done: asyncio.Queue[int] = asyncio.Queue()

    async def answer(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.effective_message is not None
        sent = await update.effective_message.reply_text("It", do_quote=True)
        await sent.edit_text("It grows")
        done.put_nowait(sent.message_id)

    app: Application[Any, Any, Any, Any, Any, Any] = (
        ApplicationBuilder().token(telegram.token).base_url(telegram.url + "/bot").build()
    )
    app.add_handler(MessageHandler(filters.TEXT, answer))
    async with app:
        await app.start()
        assert app.updater is not None
        await app.updater.start_polling()
        asked = await telegram.say("Ada", "Ada", "hello")
        answered = await asyncio.wait_for(done.get(), 10)
        await app.updater.stop()
        await app.stop()
    entry = shown(telegram, chat_id(telegram, "Ada"), answered)
    assert (entry["text"], entry["edited"], entry["reply_to"]) == ("It grows", 1, asked)
    routes = [request.route for request in telegram.requests]
    assert routes[:3] == ["getMe", "deleteWebhook", "getUpdates"]
    assert telegram.token not in json.dumps([vars(request) for request in telegram.requests])


async def test_get_me_names_what_the_bot_may_hear(telegram: TelegramServer, bot: Bot) -> None:
    """Privacy mode shows in can_read_all_group_messages."""
    me = await bot.get_me()
    assert (me.username, me.can_join_groups, me.can_read_all_group_messages) == ("sluice_bot", True, False)
    await telegram.set_privacy(enabled=False)
    assert (await bot.get_me()).can_read_all_group_messages is True


async def test_updates_stay_until_an_offset_confirms_them(telegram: TelegramServer, bot: Bot) -> None:
    """The same updates come again until one asks for a later one."""
    for text in ("one", "two", "three"):
        await telegram.say("Ada", "Ada", text)
    first = await bot.get_updates(limit=2)
    again = await bot.get_updates()
    assert [u.update_id for u in again][:2] == [u.update_id for u in first]
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [u.message.text for u in rest if u.message] == ["three"]
    assert [u.update_id for u in await bot.get_updates(offset=-1)] == [rest[0].update_id]
    assert (await bot.get_webhook_info()).pending_update_count == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_a_waiting_poll_wakes_for_an_update(telegram: TelegramServer, bot: Bot) -> None:
    """Long polling answers when something happens."""
    online = asyncio.Event()
    telegram.subscribe(lambda event: online.set() if event["type"] == "online" else None)
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await asyncio.wait_for(online.wait(), 10)
    assert not poll.done()
    await telegram.say("Ada", "Ada", "wake up")
    (update,) = await asyncio.wait_for(poll, 10)
    assert update.message is not None
    assert update.message.text == "wake up"


async def test_a_second_poller_ends_the_first(telegram: TelegramServer, bot: Bot) -> None:
    """409, as when a bot runs twice."""
    online = asyncio.Event()
    telegram.subscribe(lambda event: online.set() if event["type"] == "online" else None)
    first = asyncio.create_task(bot.get_updates(timeout=30))
    await asyncio.wait_for(online.wait(), 10)
    async with connected_bot(telegram) as other:
        await other.get_updates(timeout=0)
    with pytest.raises(Conflict, match="terminated by other getUpdates"):
        await asyncio.wait_for(first, 10)


async def test_a_bot_that_stops_polling_goes_offline(
    telegram: TelegramServer, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page hears of it once nobody has come back for updates."""
    monkeypatch.setattr(UpdateQueue, "ABSENT_AFTER_S", 0.0)
    changes: asyncio.Queue[bool] = asyncio.Queue()
    telegram.subscribe(
        lambda event: changes.put_nowait(event["online"]) if event["type"] == "online" else None
    )
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    assert await asyncio.wait_for(changes.get(), 10) is True
    poll.cancel()
    assert await asyncio.wait_for(changes.get(), 10) is False


async def test_only_the_kinds_asked_for_are_queued(telegram: TelegramServer, bot: Bot) -> None:
    """allowed_updates holds from the call on, and reactions come only when they are named."""
    await bot.get_updates(allowed_updates=["message_reaction"])
    message = await telegram.say("Ada", "Ada", "not asked for")
    await telegram.react("Ada", "Ada", message, "👍")
    (update,) = await bot.get_updates()
    assert update.message_reaction is not None
    assert update.message_reaction.message_id == int(message)
