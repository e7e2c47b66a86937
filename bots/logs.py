"""How the program logs: one line per record, libraries only when something is wrong, no secrets."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from core.adapters.redaction import redact_everything
from core.settings import Settings

_TALKATIVE = (
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
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


class _GoingOn(logging.StreamHandler[TextIO]):
    """What cannot be written is left out, as on a full disk: nothing ends for it, and none could be told."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def set_up_logging(settings: Settings, output: TextIO, *, least: str = "DEBUG") -> None:
    """Log to `output` at the settings' level, but nothing below `least`."""
    handler = _GoingOn(output)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = max(logging.getLevelName(settings.log_level), logging.getLevelName(least))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    redact_everything(settings.secrets)
