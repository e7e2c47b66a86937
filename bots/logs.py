"""How the program logs: one line per record, libraries only when something is wrong, no secrets."""

from __future__ import annotations

import logging
from typing import TextIO

from core.adapters.redaction import redact_all_logging
from core.settings import Settings

_TALKATIVE = (
    "httpx",
    "httpcore",
    "httpx2",
    "discord",
    "telegram",
    "openai",
    "aiohttp.access",
    "asyncio",
    "aiosqlite",
    "alembic",
    "sqlalchemy",
)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # What comes from outside must not begin a line of its own.
        return "\\n".join(super().format(record).splitlines())


def set_up_logging(settings: Settings, output: TextIO, *, least: str = "DEBUG") -> None:
    """Log to `output` at the settings' level, but nothing below `least`."""
    handler = logging.StreamHandler(output)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = max(logging.getLevelName(settings.log_level), logging.getLevelName(least))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    webhook = settings.telegram_webhook
    secrets = (
        settings.discord_token,
        settings.telegram_token,
        webhook.secret if webhook else None,
        settings.model.api_key,
        settings.database_password,
    )
    redact_all_logging(secrets)
