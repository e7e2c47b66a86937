"""The platforms that a token is set for. Only their libraries are loaded."""

from __future__ import annotations

from bots.bootstrap.configuration import commands_of
from core.configuration import Configuration
from core.ports.alerts import Alerts
from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.platform import Platform
from core.settings import Settings


def live_platforms(
    settings: Settings,
    clock: Clock,
    configuration: Configuration,
    journal: Journal,
    alerts: Alerts | None = None,
) -> tuple[Platform, ...]:
    """One for each token that is set."""
    commands = commands_of(configuration)
    platforms: list[Platform] = []
    if settings.discord_token:
        from bots.discord.client import DiscordPlatform

        platforms.append(
            DiscordPlatform(
                settings.discord_token,
                clock=clock,
                journal=journal,
                alerts=alerts,
                api_base_url=settings.discord_api_base_url,
                commands=commands,
            )
        )
    if settings.telegram_token:
        from bots.telegram.client import TelegramPlatform

        platforms.append(
            TelegramPlatform(
                settings.telegram_token,
                clock=clock,
                journal=journal,
                alerts=alerts,
                base_url=settings.telegram_api_base_url,
                webhook=settings.telegram_webhook,
                drafts=settings.telegram_drafts,
                commands=commands,
                inline_mode=configuration.defaults.telegram_inline,
            )
        )
    return tuple(platforms)
