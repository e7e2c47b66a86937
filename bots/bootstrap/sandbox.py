"""Both platforms on this machine, and the page that shows them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bots.bootstrap.configuration import commands_of
from bots.discord.client import DiscordPlatform
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from bots.sandbox.page import SandboxPage
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.configuration import Configuration
from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.platform import Platform
from core.service.driver import Driver
from core.service.showing import Progress
from core.settings import Settings

FIGURES_EVERY_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Both local platforms, and the page that shows them."""

    discord: DiscordServer
    telegram: TelegramServer
    page: SandboxPage
    drafts: bool  # answers in Telegram's private chats grow as drafts

    async def watch(self, driver: Driver) -> None:
        """Keep the page's figures moving while text waits to be shown. Until cancelled."""
        while True:
            await asyncio.sleep(FIGURES_EVERY_S)
            for progress in driver.progress():
                self.show(progress)

    def show(self, progress: Progress) -> None:
        """An answer's figures on the page."""
        place, figures = progress.place, progress.figures
        self.page.figures(
            {
                "platform": place.platform,
                "chat": f"{place.chat_id}/{place.topic_id}" if place.topic_id else place.chat_id,
                "message": progress.messages[0].message_id,
                "edits": figures.edits,
                "age_s": figures.age_s,
                "mean_age_s": figures.mean_age_s,
                "first_text_s": figures.first_text_s,
                "final_lag_s": figures.final_lag_s,
                "limited": figures.rate_limited,
                "done": figures.done,
            }
        )

    def platforms(self, clock: Clock, configuration: Configuration, journal: Journal) -> tuple[Platform, ...]:
        """The real adapters, pointed at the local servers."""
        commands = commands_of(configuration)
        return (
            DiscordPlatform(
                self.discord.token,
                clock=clock,
                journal=journal,
                api_base_url=self.discord.url,
                commands=commands,
            ),
            TelegramPlatform(
                self.telegram.token,
                clock=clock,
                journal=journal,
                base_url=self.telegram.url,
                drafts=self.drafts,
                commands=commands,
                inline_mode=configuration.defaults.telegram_inline,
            ),
        )


@asynccontextmanager
async def open_sandbox(settings: Settings, note: str) -> AsyncIterator[Sandbox]:
    """The local servers and the page with its note, listening. Raises OSError when its address is taken."""
    profile = load_profile()
    discord, telegram = DiscordServer(profile=profile), TelegramServer(profile=profile)
    page = SandboxPage(
        discord,
        telegram,
        note=note,
        host=settings.http_host,
        port=settings.http_port,
        key=secrets.token_urlsafe(16) if settings.page_is_open else None,
    )
    async with AsyncExitStack() as stack:
        for part in (discord, telegram, page):
            await part.start()
            stack.push_async_callback(part.stop)
        yield Sandbox(discord, telegram, page, settings.telegram_drafts)
