"""Both local platforms and a scripted model, for a program that is told where they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from bots.sandbox.model_server import ModelServer
from bots.sandbox.telegram.server import TelegramServer
from tests.project.program import PATIENCE_S

OTHER_DISCORD_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.a-token-that-is-well-formed-and-unknown"


@dataclass
class Local:
    """Both platforms and a model on loopback, and the settings that lead there."""

    discord: DiscordServer
    telegram: TelegramServer
    model: ModelServer
    settings: dict[str, str]

    async def bot_says(self, words: str) -> str:
        """The text of the first message of the bot in Telegram that holds `words`; waits for it."""
        seen: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        unsubscribe = self.telegram.subscribe(seen.put_nowait)
        try:
            messages = self.telegram.snapshot()["messages"]
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    for message in messages:
                        if message["author"]["bot"] and words in message["text"]:
                            return str(message["text"])
                    event = await seen.get()
                    messages = [event["message"]] if event["type"] in {"message", "edit"} else []
        finally:
            unsubscribe()

    async def ask(self, text: str) -> None:
        """Ada writes to the bot in private, in Telegram."""
        await self.telegram.say("Ada", self.private_chat("Ada"), text)

    def private_chat(self, person: str) -> str:
        """Telegram's private chat of a person with the bot."""
        people = {p["name"]: p["id"] for p in self.telegram.snapshot()["people"]}
        return str(people[person])


@pytest.fixture
async def local() -> AsyncIterator[Local]:
    profile = load_profile(scale=0.1)
    discord, telegram = DiscordServer(profile=profile), TelegramServer(profile=profile)
    async with ModelServer(models={"scripted"}) as model:
        await discord.start()
        await telegram.start()
        yield Local(
            discord,
            telegram,
            model,
            {
                "DISCORD_TOKEN": discord.token,
                "DISCORD_API_BASE_URL": discord.url,
                "TELEGRAM_TOKEN": telegram.token,
                "TELEGRAM_API_BASE_URL": telegram.url,
                "OPENAI_BASE_URL": model.base_url,
                "OPENAI_MODEL": "scripted",
                "SLUICE_ALLOW": "*",
            },
        )
        await telegram.stop()
        await discord.stop()
