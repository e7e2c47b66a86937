"""Alerts reach a channel and a chat with the real libraries, and ping nobody there."""

from __future__ import annotations

import asyncio

from core.adapters.clock import SystemClock
from core.ports.alerts import Cause
from core.ports.platform import Platform
from core.service.alerts import OperatorAlerts
from core.service.driver import Driver
from tests.discord.support import started as discord
from tests.telegram.harness import calls, local_telegram
from tests.telegram.harness import started as telegram

PATIENCE_S = 10.0


async def told(platform: Platform, to: str) -> None:
    clock = SystemClock()
    driver = Driver(clock)
    alerts = OperatorAlerts(driver, clock, to=lambda: (to,))
    alerts.reaches([platform])
    alerts.raise_(Cause.FILE, about="/data/@everyone", why="No space left on device")
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*alerts._tasks._running)
    await driver.close(clock.monotonic())
    await alerts.close()


async def test_on_discord() -> None:
    async with discord() as bot:
        channel = bot.server.world.chat("#general").id
        await told(bot.platform, f"discord:{channel}")
        [(_, text)] = bot.shown("#general")
        assert text == "/data/@everyone cannot be written (No space left on device)."
        [sent] = [
            one.body for one in bot.server.requests if isinstance(one.body, dict) and "nonce" in one.body
        ]
        assert sent["allowed_mentions"]["parse"] == []


async def test_on_telegram() -> None:
    async with local_telegram() as server, telegram(server) as bot:
        chat = next(chat for chat in server._world.chats if chat < 0)
        await told(bot.platform, f"telegram:{chat}")
        [sent] = calls(server, "sendMessage")
        assert sent["text"].startswith("/data/@")
        assert "No space left on device" in sent["text"]
