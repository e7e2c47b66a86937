"""Flood control as python-telegram-bot meets it: RetryAfter, and what it takes to get rid of it."""

from __future__ import annotations

import datetime as dtm
from collections.abc import Awaitable

import pytest
from telegram import Bot
from telegram.error import BadRequest, RetryAfter

from bots.sandbox.limits import load_profile
from bots.sandbox.telegram.limits import FloodControl
from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import ManualClock, chat_id, connected_bot, local_telegram


@pytest.fixture(autouse=True)
def _retry_after_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """PTB 22 warns at each RetryAfter unless this asks for its coming form."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


async def refused(call: Awaitable[object]) -> float:
    """The `retry_after` of a call that must be refused, in seconds."""
    with pytest.raises(RetryAfter) as refusal:
        await call
    pause = refusal.value.retry_after
    assert isinstance(pause, dtm.timedelta)
    return pause.total_seconds()


async def test_a_chat_takes_three_at_once_then_one_a_second(
    telegram: TelegramServer, bot: Bot, telegram_clock: ManualClock
) -> None:
    """Sends and edits draw from the same bucket, other chats from their own."""
    limited: list[dict[str, object]] = []
    telegram.subscribe(lambda event: limited.append(event) if event["type"] == "limited" else None)
    ada = chat_id(telegram, "Ada")
    sent = await bot.send_message(ada, "0")
    for number in (1, 2):
        await bot.edit_message_text(str(number), ada, sent.message_id)
    assert await refused(bot.edit_message_text("3", ada, sent.message_id)) == 1.0
    assert limited == [{"type": "limited", "route": "editMessageText", "retry_after": 1, "chat": str(ada)}]
    await bot.send_chat_action(ada, "typing")
    await bot.send_message(chat_id(telegram, "Ben"), "elsewhere")
    telegram_clock.now += 1.0
    await bot.edit_message_text("3", ada, sent.message_id)
    assert await refused(bot.edit_message_text("4", ada, sent.message_id)) == 1.0


async def test_hammering_during_the_pause_lengthens_it(
    telegram: TelegramServer, bot: Bot, telegram_clock: ManualClock
) -> None:
    """Each request made during a pause adds a second in the `documented` profile."""
    ada = chat_id(telegram, "Ada")
    for number in range(3):
        await bot.send_message(ada, str(number))
    waits = [await refused(bot.send_message(ada, "again")) for _ in range(4)]
    assert waits == [1.0, 2.0, 3.0, 4.0]
    telegram_clock.now += 4.0
    await bot.send_message(ada, "patient")


async def test_a_group_takes_twenty_a_minute(
    telegram: TelegramServer, bot: Bot, telegram_clock: ManualClock
) -> None:
    """A window of 60 s that opens with its first request, edits included."""
    group = chat_id(telegram, "Riverside")
    sent = await bot.send_message(group, "0")
    for number in range(1, 20):
        telegram_clock.now += 1.0
        await bot.edit_message_text(str(number), group, sent.message_id)
    telegram_clock.now += 1.0
    assert await refused(bot.edit_message_text("20", group, sent.message_id)) == 40.0
    telegram_clock.now += 40.0
    await bot.edit_message_text("20", group, sent.message_id)


async def test_drafts_have_a_bucket_of_their_own_and_private_chats_alone(
    telegram: TelegramServer, bot: Bot
) -> None:
    """A draft is seen at once, and costs the chat's messages nothing."""
    seen: list[str] = []
    telegram.subscribe(lambda event: seen.append(event["text"]) if event["type"] == "draft" else None)
    ada = chat_id(telegram, "Ada")
    for number in range(5):
        await bot.send_message_draft(ada, 7, f"draft {number}")
    assert await refused(bot.send_message_draft(ada, 7, "draft 5")) == 1.0
    await bot.send_message(ada, "the message")
    assert seen == [f"draft {number}" for number in range(5)]
    group = chat_id(telegram, "Riverside")
    with pytest.raises(BadRequest, match="Textdraft_peer_invalid"):
        await bot.send_message_draft(group, 7, "x")


async def test_a_scaled_profile_answers_in_fractions(telegram_clock: ManualClock) -> None:
    """Scale 0.1: PTB takes a `retry_after` that is no whole number."""
    async with local_telegram(telegram_clock, scale=0.1) as telegram, connected_bot(telegram) as bot:
        ada = chat_id(telegram, "Ada")
        for number in range(3):
            await bot.send_message(ada, str(number))
        assert await refused(bot.send_message(ada, "again")) == 0.1
        telegram_clock.now += 0.1
        await bot.send_message(ada, "again")


async def test_the_second_profile_has_other_numbers_and_no_penalty(telegram_clock: ManualClock) -> None:
    """Two at once, and the pause only runs out."""
    async with local_telegram(telegram_clock, "second") as telegram, connected_bot(telegram) as bot:
        ada = chat_id(telegram, "Ada")
        for number in range(2):
            await bot.send_message(ada, str(number))
        assert [await refused(bot.send_message(ada, "again")) for _ in range(3)] == [2.0, 2.0, 2.0]


async def test_a_planned_429_has_no_effect(telegram: TelegramServer, bot: Bot) -> None:
    """The `limited` fault refuses with the figure asked for."""
    fault = telegram.fault("limited", route="sendMessage", retry_after=33)
    assert await refused(bot.send_message(chat_id(telegram, "Ada"), "x")) == 33.0
    assert fault.times == 0
    assert [request.status for request in telegram.requests][-1] == 429


def test_the_bot_has_thirty_a_second_over_all_chats() -> None:
    """The bot's own bucket pauses everything, typing included; asking for updates is free."""
    flood = FloodControl(load_profile())
    waits = [flood.take("sendmessage", chat, group=False, now=0.0) for chat in range(31)]
    assert waits == [0.0] * 30 + [1]
    assert flood.take("sendchataction", 99, group=False, now=0.0) == 2
    assert flood.take("getupdates", None, group=False, now=0.0) == 0.0
    assert flood.take("sendmessage", 99, group=False, now=2.0) == 0.0
