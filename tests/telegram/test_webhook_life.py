"""A webhook that is set, taken away, exchanged for polling and checked; a start that fails, and the next."""

from __future__ import annotations

import asyncio

import pytest
from telegram import Bot as LibraryBot

from bots.sandbox.telegram.server import TelegramServer
from core.messages import Incoming, IncomingMessage
from core.ports.alerts import Cause
from core.ports.platform import CheckState, PlatformError
from core.ports.surface import Surface
from core.settings import TelegramWebhook
from tests.fakes.alerts import NotedAlerts
from tests.telegram.brittle import Process, confirmed, deal_with, texts, until
from tests.telegram.harness import SECRET, Bot, calls, online, started, webhook_info


async def ignore(event: Incoming, surface: Surface) -> None:
    """A core that answers nothing."""


async def test_from_polling_to_a_webhook_and_back_nothing_is_lost_or_doubled(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Also what was kept and not confirmed, and what was said while neither was there."""
    process = Process()
    async with process.bot(server) as bot:
        await online(server)
        lost = server.fault("drop_before", route="getUpdates", times=10_000)
        await server.say("Ada", "Ada", "one")
        event, _ = await bot.next(IncomingMessage)
        await deal_with(bot, process, event.event_id)
    lost.times = 0
    await server.say("Ada", "Ada", "two")
    async with process.next_bot(server, webhook) as bot:
        event, _ = await bot.next(IncomingMessage)
        assert event.text == "two"
        await confirmed(server)
        await deal_with(bot, process, event.event_id)
        assert bot.idle
    await server.say("Ada", "Ada", "three")
    async with process.next_bot(server) as bot:
        assert await texts(bot, 1) == ["three"]
        assert bot.idle
    assert (await webhook_info(server))["url"] == ""
    assert not any("drop_pending_updates" in call for call in calls(server, "deleteWebhook"))


async def test_a_webhook_that_somebody_took_away_is_set_again_with_an_alert(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Nothing comes in that could say so."""
    alerts = NotedAlerts()
    async with (
        LibraryBot(server.token, base_url=f"{server.url}/bot") as somebody,
        started(server, webhook=webhook, alerts=alerts) as bot,
    ):
        await somebody.delete_webhook()
        await server.say("Ada", "Ada", "hello")
        assert await bot.clock.pass_next_sleep() == 60.0
        assert await texts(bot, 1) == ["hello"]
        assert (Cause.POLLER, "Telegram") in alerts.raised
        assert await bot.clock.pass_next_sleep() == 60.0
        await until(lambda: not alerts.raised)


async def test_a_poller_deletes_a_webhook_that_stays(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """After a minute of 409: until then it may be that of a Sluice that ends."""
    async with (
        LibraryBot(server.token, base_url=f"{server.url}/bot") as somebody,
        started(server) as bot,
    ):
        await online(server)
        await somebody.set_webhook(webhook.url)
        await server.say("Ada", "Ada", "hello")
        assert [await bot.clock.pass_next_sleep() for _ in range(12)] == [5.0] * 12
        assert await texts(bot, 1) == ["hello"]


async def test_a_token_revoked_while_running_ends_the_platform(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    async with started(server, webhook=webhook) as bot:
        server.token = "7000000001:" + "x" * 35
        assert await bot.clock.pass_next_sleep() == 60.0
        with pytest.raises(PlatformError, match="refused the token"):
            await asyncio.wait_for(bot.platform.wait_closed(), 10)


async def test_a_start_right_after_another_one_waits_for_its_turn(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Telegram takes one setWebhook a second."""
    server.fault("limited", route="setWebhook", times=2, retry_after=1)
    bot = Bot(server, webhook=webhook)
    starting = asyncio.create_task(bot.platform.start(bot.handle))
    assert [await bot.clock.pass_next_sleep() for _ in range(2)] == [1.0, 1.0]
    await starting
    await server.say("Ada", "Ada", "hello")
    assert await texts(bot, 1) == ["hello"]
    await bot.platform.close()


@pytest.mark.parametrize(
    ("status", "description", "words"),
    [
        (400, "Bad Request: bad webhook: failed to resolve host", "TELEGRAM_WEBHOOK_URL: .*resolve host"),
        (502, "Bad Gateway", "cannot be used"),
    ],
)
async def test_a_webhook_that_cannot_be_set_is_one_clear_line(
    server: TelegramServer, webhook: TelegramWebhook, status: int, description: str, words: str
) -> None:
    """And the address is free again."""
    server.fault("status", route="setWebhook", status=status, description=description)
    with pytest.raises(PlatformError, match=words) as caught:
        await Bot(server, webhook=webhook).platform.start(ignore)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    async with started(server, webhook=webhook):
        pass


async def test_an_address_in_use_is_one_clear_line(server: TelegramServer, webhook: TelegramWebhook) -> None:
    async with started(server, webhook=webhook):
        with pytest.raises(PlatformError, match=rf"TELEGRAM_WEBHOOK_LISTEN: 127\.0\.0\.1:{webhook.port}"):
            await Bot(server, webhook=webhook).platform.start(ignore)


async def test_a_stop_right_after_the_start_frees_the_address(
    server: TelegramServer, webhook: TelegramWebhook
) -> None:
    """Before anything has begun to take updates in."""
    bot = Bot(server, webhook=webhook)
    await bot.platform.start(bot.handle)
    await bot.platform.close()
    async with started(server, webhook=webhook) as bot:
        await server.say("Ada", "Ada", "hello")
        assert await texts(bot, 1) == ["hello"]


async def test_the_doctor_says_how_telegram_fares(server: TelegramServer, webhook: TelegramWebhook) -> None:
    """Not set, set by another, well, failing with what waits, and how to mend that."""
    process = Process()
    idle = Bot(server, webhook=webhook).platform
    assert [check.detail for check in await idle.check()][-1] == "not set yet"
    async with LibraryBot(server.token, base_url=f"{server.url}/bot") as somebody:
        await somebody.set_webhook("https://elsewhere.example.org/1234567:their-own-token")
        *_, check = await idle.check()
        assert (check.state, check.detail) == (
            CheckState.NOTE,
            "another one is set, at elsewhere.example.org",
        )
        assert "another program uses this token" in check.remedy
        await somebody.delete_webhook()
    async with process.bot(server, webhook) as bot:
        *_, check = await bot.platform.check()
        assert (check.state, check.detail) == (CheckState.GOOD, "set, at 127.0.0.1")
    process.clock.wall_ahead_s = server._hub.unix_time() - process.clock.wall() + 120
    await server.say("Ada", "Ada", "hello")
    await until(lambda: len(server.webhook.posts) >= 2)
    *_, check = await Bot(server, clock=process.clock, webhook=webhook).platform.check()
    assert check.state is CheckState.BAD
    assert check.detail == "set, at 127.0.0.1; Telegram failed 2 min ago: Connection refused; 1 update waits"
    assert "See that the proxy runs" in check.remedy
