"""What Sluice is told from outside, as values."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from core.streaming.answer import DEFAULT_MAX_CHARS

LOOPBACK, HTTP_PORT, WEBHOOK_PORT = "127.0.0.1", 8765, 8766
CONFIG_FILE = Path("sluice.toml")
"""In the folder that Sluice is started in, unless `SLUICE_CONFIG` names another one; read by
`core.configuration`."""
EMBEDDED_MODEL = "embedded"
"""The value of `OPENAI_MODEL` that asks for the embedded demo model."""
MODEL_ID: Final = re.compile(r"(?P<provider>[A-Za-z0-9_.-]{1,50})/(?P<model>\S{1,150})", re.ASCII)
"""How a model is named: by whom it is asked from, and as it is called there."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model, where. A value of None is not sent to the provider at all."""

    name: str = EMBEDDED_MODEL
    base_url: str | None = None  # None: the openai library's own default
    api_key: str | None = field(default=None, repr=False)
    temperature: float | None = None
    max_tokens: int | None = None
    system_prompt: str | None = None
    chosen: bool = True  # False: nobody named a model, and the embedded one stands in
    asked: bool = False  # somebody named it for once, by whatever `sluice.toml` calls it: it goes before all

    @property
    def embedded(self) -> bool:
        return self.name == EMBEDDED_MODEL


@dataclass(frozen=True, slots=True)
class TelegramWebhook:
    """Where Telegram brings updates, what it says in a header to prove itself, and where we listen."""

    url: str
    secret: str = field(repr=False)
    host: str = LOOPBACK  # a proxy with a certificate stands in front
    port: int = WEBHOOK_PORT


@dataclass(frozen=True, slots=True)
class Settings:
    """All that Sluice is told from outside. Entries of `admins` and `allow` look like `discord:123`."""

    discord_token: str | None = field(default=None, repr=False)
    telegram_token: str | None = field(default=None, repr=False)
    discord_api_base_url: str | None = None
    telegram_api_base_url: str | None = None
    telegram_webhook: TelegramWebhook | None = None  # None: Telegram is asked for updates
    model: ModelSettings = ModelSettings(chosen=False)
    max_answer_chars: int = DEFAULT_MAX_CHARS  # where an answer is cut, with a mark under it
    admins: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    allow_everybody: bool = False
    daily_tokens: int | None = None  # None: no limit
    show_reasoning: bool = False
    telegram_drafts: bool = False
    data_dir: Path = Path("data")
    config_file: Path = CONFIG_FILE  # need not be there
    database_url: str | None = field(
        default=None, repr=False
    )  # of PostgreSQL; None: SQLite in the data folder
    key_file: Path | None = None  # None: in the data folder
    http_host: str = LOOPBACK
    http_port: int = HTTP_PORT
    log_level: str = "INFO"
    warnings: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    """One line for each platform that cannot be used as configured, while another one can."""

    @property
    def platforms(self) -> str:
        """Those with a token that can be used, for people; "" for none."""
        tokens = (("Discord", self.discord_token), ("Telegram", self.telegram_token))
        return " and ".join(name for name, token in tokens if token)

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """All that must never be shown, as far as it is told here; None for what is not set."""
        return (
            self.discord_token,
            self.telegram_token,
            self.telegram_webhook.secret if self.telegram_webhook else None,
            self.model.api_key,
            self.database_url,
            self.database_password,
        )

    @property
    def database_password(self) -> str | None:
        """To be kept out of logs."""
        password = urlsplit(self.database_url).password if self.database_url else None
        return unquote(password) if password else None

    @property
    def page_is_open(self) -> bool:
        """Whether others than this machine may reach the sandbox's page."""
        try:
            return not (self.http_host == "localhost" or ipaddress.ip_address(self.http_host).is_loopback)
        except ValueError:
            return True
