"""A local Telegram with the real python-telegram-bot on it, for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import ManualClock, connected_bot, local_telegram


@pytest.fixture
def telegram_clock() -> ManualClock:
    """The clock of `telegram`."""
    return ManualClock()


@pytest.fixture
async def telegram(telegram_clock: ManualClock) -> AsyncIterator[TelegramServer]:
    """A server with the `documented` profile at full scale."""
    async with local_telegram(telegram_clock) as server:
        yield server


@pytest.fixture
async def bot(telegram: TelegramServer) -> AsyncIterator[Bot]:
    """PTB's Bot on `telegram`."""
    async with connected_bot(telegram) as connected:
        yield connected
