"""The sandbox's page in front of the real servers, for these tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Locator, Page

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from bots.sandbox.page import SandboxPage
from bots.sandbox.telegram.server import TelegramServer


@dataclass
class Sandbox:
    """Both servers and the page; `view` is the page in the browser, seen by Ada."""

    discord: DiscordServer
    telegram: TelegramServer
    page: SandboxPage
    view: Page

    @property
    def general(self) -> str:
        """The id of #general, where Discord's pane opens."""
        return str(self.discord.world.chat("#general").id)

    def messages(self, platform: str) -> Locator:
        """The messages of the open chat of a platform."""
        return self.view.locator(f'.message[data-platform="{platform}"]')

    def message(self, platform: str, message: object) -> Locator:
        """One message of the open chat of a platform."""
        return self.view.locator(f'.message[data-platform="{platform}"][data-message-id="{message}"]')

    def entry(self, label: str) -> Locator:
        """The entry box of a pane."""
        return self.view.get_by_label(f"Message in {label}", exact=True)


@asynccontextmanager
async def served(
    port: int = 0, key: str | None = None
) -> AsyncIterator[tuple[DiscordServer, TelegramServer, SandboxPage]]:
    """Both servers and the page, without a browser."""
    profile = load_profile(scale=0.02)
    servers = DiscordServer(profile=profile), TelegramServer(profile=profile)
    page = SandboxPage(*servers, note="a scripted bot", port=port, key=key)
    async with AsyncExitStack() as stack:
        for part in (*servers, page):
            await part.start()
            stack.push_async_callback(part.stop)
        yield *servers, page
