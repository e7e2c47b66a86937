"""Faults on demand, as python-telegram-bot meets them."""

from __future__ import annotations

import pytest
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, NetworkError, RetryAfter

from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import ManualClock, chat_id


@pytest.fixture(autouse=True)
def _retry_after_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """PTB 22 warns at each RetryAfter unless this asks for its coming form."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


async def test_a_refusal_in_any_words(telegram: TelegramServer, bot: Bot) -> None:
    """With parameters where there are any; without effect, and as often as it is asked for."""
    ada = chat_id(telegram, "Ada")
    telegram.fault(
        "status", route="send*", status=400, description="Bad Request: can't parse entities", times=2
    )
    telegram.fault(
        "status",
        status=400,
        description="Bad Request: group chat was upgraded",
        parameters={"migrate_to_chat_id": -100},
    )
    for _ in range(2):
        with pytest.raises(BadRequest, match="an't parse entities"):
            await bot.send_message(ada, "a")
    with pytest.raises(ChatMigrated):
        await bot.send_message(ada, "a")
    await bot.send_message(ada, "a")
    assert len([one for one in telegram.snapshot()["messages"] if one["chat"] == str(ada)]) == 1


async def test_a_429_need_not_say_for_how_long_and_a_web_server_speaks_html(
    telegram: TelegramServer, bot: Bot
) -> None:
    ada = chat_id(telegram, "Ada")
    telegram.fault("limited", retry_after=None)
    with pytest.raises(NetworkError, match="Too Many Requests"):
        await bot.send_message(ada, "a")
    telegram.fault("html", status=504)
    with pytest.raises(NetworkError, match="Gateway Timeout"):
        await bot.send_message(ada, "a")


async def test_a_fault_can_be_meant_for_one_chat_and_be_ended(telegram: TelegramServer, bot: Bot) -> None:
    ada, ben = chat_id(telegram, "Ada"), chat_id(telegram, "Ben")
    telegram.fault("status", chat=str(ada), times=9)
    await bot.send_message(ben, "a")
    with pytest.raises(NetworkError):
        await bot.send_message(ada, "a")
    telegram.end_faults()
    await bot.send_message(ada, "a")


@pytest.mark.parametrize(("kind", "others"), [("flood", True), ("flood_bot", False)])
async def test_a_flood_goes_on_for_its_time_and_for_longer_the_more_is_asked(
    telegram: TelegramServer, bot: Bot, telegram_clock: ManualClock, kind: str, others: bool
) -> None:
    ada, ben = chat_id(telegram, "Ada"), chat_id(telegram, "Ben")
    telegram.fault(kind, retry_after=10.0)  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(RetryAfter):
            await bot.send_message(ada, "a")
    telegram_clock.now += 11.0
    with pytest.raises(RetryAfter):
        await bot.send_message(ada, "a")
    if others:
        await bot.send_message(ben, "a")
    else:
        with pytest.raises(RetryAfter):
            await bot.send_message(ben, "a")
    telegram_clock.now += 20.0
    await bot.send_message(ada, "a")


async def test_what_people_do_to_a_chat(
    telegram: TelegramServer, bot: Bot, telegram_clock: ManualClock
) -> None:
    """A message that became too old, a right that was taken, a topic that was deleted."""
    group = chat_id(telegram, "Riverside")
    sent = await bot.send_message(group, "a")
    await telegram.let_age("Riverside", str(sent.message_id))
    with pytest.raises(BadRequest, match="can't be edited"):
        await sent.edit_text("b")
    await telegram.forbid_messages("Riverside")
    with pytest.raises(BadRequest, match="ot enough rights"):
        await bot.send_message(group, "b")
    await telegram.forbid_messages("Riverside", forbidden=False)
    telegram_clock.now += 10.0
    await bot.send_message(group, "b")
    topic = next(chat["id"] for chat in telegram.snapshot()["chats"] if chat["name"] == "Ideas")
    with pytest.raises(PermissionError):
        await telegram.delete_topic("Ben", topic)
    await telegram.delete_topic("Ada", topic)
    forum, _, thread = topic.partition("/")
    with pytest.raises(BadRequest, match="thread not found"):
        await bot.send_message(int(forum), "a", message_thread_id=int(thread))
