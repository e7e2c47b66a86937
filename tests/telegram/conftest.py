"""A local Telegram with the adapter on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bots.sandbox.telegram.server import TelegramServer
from core.settings import TelegramWebhook
from tests.telegram.harness import Bot, local_telegram, local_webhook, started


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with local_telegram() as running:
        yield running


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with started(server) as running:
        yield running


@pytest.fixture
def webhook() -> TelegramWebhook:
    return local_webhook()
