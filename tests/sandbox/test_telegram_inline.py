"""Inline mode of the local Telegram, by the real python-telegram-bot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import telegram as ptb
from telegram.error import BadRequest

from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import chat_id, shown


@pytest.fixture(autouse=True)
def _own_form_of_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """PTB 22 warns at each RetryAfter unless this asks for its coming form."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


def article(result_id: str, text: str, keyboard: ptb.InlineKeyboardMarkup | None = None) -> Any:
    content = ptb.InputTextMessageContent(text)
    return ptb.InlineQueryResultArticle(
        result_id, f"Title {result_id}", content, reply_markup=keyboard, description="about"
    )


STOP = ptb.InlineKeyboardMarkup([[ptb.InlineKeyboardButton("Stop", callback_data="stop")]])


async def asked(
    telegram: TelegramServer, bot: ptb.Bot, chat: str
) -> tuple[asyncio.Task[Any], ptb.InlineQuery]:
    """Ben types a query; what waits for the results, and what the bot hears."""
    waiting = asyncio.create_task(telegram.inline("Ben", chat, "tides"))
    updates = await bot.get_updates(timeout=5)
    query = updates[-1].inline_query
    assert query is not None
    await bot.get_updates(offset=updates[-1].update_id + 1)
    return waiting, query


async def test_it_is_off_until_it_is_switched_on(telegram: TelegramServer, bot: ptb.Bot) -> None:
    assert bot.supports_inline_queries is False
    with pytest.raises(ValueError, match="no inline mode"):
        await telegram.inline("Ben", "Riverside", "tides")
    await telegram.set_inline(enabled=True)
    assert (await bot.get_me()).supports_inline_queries


async def test_a_result_becomes_a_message_that_the_bot_may_edit(
    telegram: TelegramServer, bot: ptb.Bot
) -> None:
    """Where the bot is no member too: by its inline id, while it has a keyboard."""
    await telegram.set_inline(enabled=True, feedback=True)
    group = await telegram.create_group("Harbour", ["Ben", "Cleo"])
    waiting, query = await asked(telegram, bot, group)
    assert (query.query, query.from_user.first_name, query.chat_type, query.offset) == (
        "tides",
        "Ben",
        "group",
        "",
    )
    await query.answer([article("1", "Thinking…", STOP), article("2", "Plain")], cache_time=0)
    offered = await waiting
    assert [(one["id"], one["title"], one["about"]) for one in offered["results"]] == [
        ("1", "Title 1", "about"),
        ("2", "Title 2", "about"),
    ]
    message = await telegram.choose_inline("Ben", group, offered["query"], "1")
    [update] = await bot.get_updates(timeout=5)
    chosen = update.chosen_inline_result
    assert chosen is not None
    assert (chosen.result_id, chosen.query) == ("1", "tides")
    assert chosen.inline_message_id is not None
    entry = shown(telegram, int(group), int(message))
    assert (entry["text"], entry["author"]["name"], entry["via_bot"]) == ("Thinking…", "Ben", "Sluice")

    edit: dict[str, Any] = {"inline_message_id": chosen.inline_message_id, "reply_markup": STOP}
    assert await bot.edit_message_text("High at noon", **edit) is True
    assert shown(telegram, int(group), int(message))["text"] == "High at noon"
    with pytest.raises(BadRequest, match=r"(?i)not modified"):
        await bot.edit_message_text("High at noon", **edit)
    await telegram.press("Cleo", group, message, "stop")
    [update] = await bot.get_updates(offset=update.update_id + 1, timeout=5)
    pressed = update.callback_query
    assert pressed is not None
    assert (pressed.inline_message_id, pressed.message) == (chosen.inline_message_id, None)
    await pressed.answer()
    with pytest.raises(BadRequest, match=r"(?i)MESSAGE_ID_INVALID"):
        await bot.edit_message_text("x", inline_message_id="unknown")
    with pytest.raises(PermissionError):
        await telegram.edit_own("Ben", group, message, "mine")


async def test_edits_by_inline_id_draw_from_the_chat(telegram: TelegramServer, bot: ptb.Bot) -> None:
    """The limit of a group holds for them like for any edit there."""
    await telegram.set_inline(enabled=True)
    waiting, query = await asked(telegram, bot, "Riverside")
    await query.answer([article("1", "0", STOP)])
    message = await telegram.choose_inline("Ben", "Riverside", (await waiting)["query"], "1")
    [inline_id] = telegram._hub.inline_messages
    statuses = []
    for number in range(1, 5):
        try:
            await bot.edit_message_text(str(number), inline_message_id=inline_id, reply_markup=STOP)
            statuses.append(200)
        except ptb.error.RetryAfter:
            statuses.append(429)
    assert statuses == [200, 200, 200, 429]
    assert shown(telegram, chat_id(telegram, "Riverside"), int(message))["text"] == "3"


async def test_a_message_via_the_bot_reaches_it_where_it_is_a_member(
    telegram: TelegramServer, bot: ptb.Bot
) -> None:
    """Privacy mode counts it as meant for the bot; its own private chat too."""
    await telegram.set_inline(enabled=True)
    for chat in ("Riverside", "Ben"):
        waiting, query = await asked(telegram, bot, chat)
        await query.answer([article("1", "Plain")])
        await telegram.choose_inline("Ben", chat, (await waiting)["query"], "1")
        [update] = await bot.get_updates(timeout=5)
        assert update.message is not None
        assert update.message.via_bot is not None
        assert (update.message.text, update.message.via_bot.id) == ("Plain", bot.id)
        await bot.get_updates(offset=update.update_id + 1)


async def test_results_that_telegram_refuses(telegram: TelegramServer, bot: ptb.Bot) -> None:
    await telegram.set_inline(enabled=True)
    waiting, query = await asked(telegram, bot, "Riverside")
    for results, words in (
        ([article("1", "x"), article("1", "y")], "RESULT_ID_DUPLICATE"),
        ([article("i" * 65, "x")], "RESULT_ID_INVALID"),
        ([article(str(n), "x") for n in range(51)], "RESULTS_TOO_MUCH"),
        ([article("1", " ")], "message text is empty"),
    ):
        with pytest.raises(BadRequest, match=f"(?i){words}"):
            await query.answer(results)
    assert not waiting.done()
    await query.answer([])
    assert (await waiting)["results"] == []
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await query.answer([])
