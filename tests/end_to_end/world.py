"""Both platforms and a scripted model on loopback, with what people see, and Sluice among them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import Profile
from bots.sandbox.model_server import ModelRequest, ModelServer, Reply, echo
from bots.sandbox.telegram.server import TelegramServer
from tests.end_to_end.screen import Screen
from tests.project.program import Running, running

ENDS_WITHIN_S = 8.0


@dataclass(frozen=True)
class World:
    """The servers, and a screen for each platform."""

    discord: DiscordServer
    telegram: TelegramServer
    model: ModelServer
    on_discord: Screen
    on_telegram: Screen

    @property
    def refusals(self) -> list[str]:
        """The route of every request that came too often for either platform."""
        return [
            request.route
            for requests in (self.discord.requests, self.telegram.requests)
            for request in requests
            if request.status == 429
        ]

    @property
    def settings(self) -> dict[str, str]:
        """What `sluice run` needs to work here, for everybody."""
        return settings_for(self.discord, self.telegram, self.model.base_url)

    @asynccontextmanager
    async def served(self, folder: Path) -> AsyncIterator[Running]:
        """`sluice run` in a process of its own, with both platforms ready and the model tried."""
        async with running(folder, "--live", settings=self.settings) as program:
            await program.says("Discord is ready")
            await program.says("Telegram is ready")
            await program.says("The model answers.")
            yield program


def settings_for(discord: DiscordServer, telegram: TelegramServer, model_url: str) -> dict[str, str]:
    """What `sluice run` needs to work with these, for everybody."""
    return {
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_BASE_URL": discord.url,
        "TELEGRAM_TOKEN": telegram.token,
        "TELEGRAM_API_BASE_URL": telegram.url,
        "OPENAI_BASE_URL": model_url,
        "OPENAI_MODEL": "scripted",
        "SLUICE_ALLOW": "*",
    }


@asynccontextmanager
async def opened(profile: Profile, reply: Callable[[ModelRequest], Reply] = echo) -> AsyncIterator[World]:
    """The servers, with the limits of a profile, and the model; Sluice is not there yet."""
    discord, telegram = DiscordServer(profile=profile), TelegramServer(profile=profile)
    on_discord, on_telegram = Screen(discord.snapshot()), Screen(telegram.snapshot())
    discord.subscribe(on_discord.take)
    telegram.subscribe(on_telegram.take)
    async with ModelServer(reply) as model:
        await discord.start()
        await telegram.start()
        try:
            yield World(discord, telegram, model, on_discord, on_telegram)
        finally:
            await telegram.stop()
            await discord.stop()
