"""Settings: what the environment and `.env` (`core.variables`) say, checked.

Every problem is found in one pass and told
in one line that says what to do; nothing here ever shows a value that may be a secret.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from core.streaming.answer import DEFAULT_MAX_CHARS
from core.variables import ALIASES, ENV_FILE, FILE, SECRETS, SettingsError, all_values, secret_in

_MISTAKEN = {  # what people also call them, in spelling far from the name, or nearer to another
    "OPENAI_API_BASE": "OPENAI_BASE_URL",  # the openai library's older name
    "OPENAI_KEY": "OPENAI_API_KEY",
    "DISCORD_KEY": "DISCORD_TOKEN",
    "DISCORD_API_KEY": "DISCORD_TOKEN",
    "TELEGRAM_KEY": "TELEGRAM_TOKEN",
    "TELEGRAM_API_KEY": "TELEGRAM_TOKEN",
    "SLUICE_PORT": "SLUICE_HTTP",
    "SLUICE_HOST": "SLUICE_HTTP",
    "SLUICE_CONFIG_FILE": "SLUICE_CONFIG",
    "SLUICE_TOML": "SLUICE_CONFIG",
    "SLUICE_DATABASE_URL": "DATABASE_URL",
    "WEBHOOK_URL": "TELEGRAM_WEBHOOK_URL",
    "TELEGRAM_WEBHOOK": "TELEGRAM_WEBHOOK_URL",
    "WEBHOOK_SECRET": "TELEGRAM_WEBHOOK_SECRET",
    "TELEGRAM_SECRET_TOKEN": "TELEGRAM_WEBHOOK_SECRET",  # the Bot API's own word
    "TELEGRAM_WEBHOOK_SECRET_TOKEN": "TELEGRAM_WEBHOOK_SECRET",
    "TELEGRAM_WEBHOOK_HOST": "TELEGRAM_WEBHOOK_LISTEN",
    "TELEGRAM_WEBHOOK_PORT": "TELEGRAM_WEBHOOK_LISTEN",
}
_NAMES = (
    "DISCORD_TOKEN", "TELEGRAM_TOKEN", "DISCORD_API_BASE_URL", "TELEGRAM_API_BASE_URL",
    "TELEGRAM_WEBHOOK_URL", "TELEGRAM_WEBHOOK_SECRET", "TELEGRAM_WEBHOOK_LISTEN",
    "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_TEMPERATURE", "OPENAI_MAX_TOKENS",
    "SLUICE_MAX_ANSWER_CHARS", "SLUICE_SYSTEM_PROMPT", "SLUICE_ADMINS", "SLUICE_ALLOW",
    "SLUICE_DAILY_TOKENS", "SLUICE_DATA_DIR", "DATABASE_URL", "SLUICE_KEY_FILE",
    "SLUICE_SHOW_REASONING", "SLUICE_TELEGRAM_DRAFTS", "SLUICE_CONFIG", "SLUICE_HTTP", "SLUICE_LOG_LEVEL",
)  # fmt: skip
_ADDRESSES = {  # what each looks like
    "OPENAI_BASE_URL": "http://127.0.0.1:11434/v1",
    "DISCORD_API_BASE_URL": "http://127.0.0.1:9000/api/v10",
    "TELEGRAM_API_BASE_URL": "http://127.0.0.1:8081",
}
_OURS = re.compile(r"^(?:SLUICE|DISCORD|TELEGRAM|OPENAI)_", re.ASCII)
_KNOWN_ELSEWHERE = frozenset(  # read by the openai library itself or by other tools: never a near miss
    {
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_WEBHOOK_SECRET",
        "OPENAI_LOG",
        "OPENAI_ADMIN_KEY",
    }
)
_ENTRY = re.compile(  # core.policy.rules says what each names
    r"discord:(?:(?:user|role|server|channel|category|private):)?[0-9]{1,20}"
    r"|telegram:(?:(?:user|private):)?[0-9]{1,20}"
    r"|telegram:(?:chat:)?-?[0-9]{1,20}"
    r"|telegram:-?[0-9]{1,20}/[0-9]{1,20}",
    re.ASCII,
)
_ADMIN = re.compile(r"(?:discord|telegram):(?:user:)?-?[0-9]{1,20}", re.ASCII)
_PLACE = re.compile(r"discord:[0-9]{1,20}|telegram:-?[0-9]{1,20}", re.ASCII)
_TELEGRAM_TOKEN = re.compile(r"[0-9]{3,}:[A-Za-z0-9_-]{10,}", re.ASCII)
_DISCORD_TOKEN = re.compile(r"[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{10,}", re.ASCII)
_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}", re.ASCII)
"""What Telegram takes (core.telegram.org/bots/api#setwebhook, `secret_token`), but for short ones: 16 of
these are too many to guess."""
_LOOPBACK, _HTTP_PORT, _WEBHOOK_PORT = "127.0.0.1", 8765, 8766
_WEBHOOK_PORTS = (443, 80, 88, 8443)  # core.telegram.org/bots/api#setwebhook; the first is that of https
_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})
_DATABASE_OPTIONS = frozenset({"sslmode", "ssl"})
_METHOD = "/chat/completions"  # what the openai library adds to a base address
NO_MODEL_NAMED = (
    "OPENAI_MODEL is not set. Name the model to use, such as OPENAI_MODEL=gpt-5-mini, "
    "or OPENAI_MODEL=embedded for the small demo model."
)
NO_KEY = "OPENAI_API_KEY is not set. Set it, or set OPENAI_BASE_URL to a server that needs none."
PLATFORM_SECRETS = frozenset({"DISCORD_TOKEN", "TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET", *ALIASES})
"""What no provider of a model may ever be sent."""
_MAKE_ONE = "Make one with `openssl rand -hex 32`."
_DATABASE_URL = (
    "DATABASE_URL is not the address of a PostgreSQL database. It must look like "
    "postgresql://user:password@host:5432/sluice; leave it out for SQLite in the data folder."
)
CONFIG_FILE = Path("sluice.toml")
"""There too, unless `SLUICE_CONFIG` names another one; `core.configuration` reads it."""
EMBEDDED_MODEL = "embedded"
"""The value of `OPENAI_MODEL` that asks for the embedded demo model."""


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

    @property
    def embedded(self) -> bool:
        return self.name == EMBEDDED_MODEL


@dataclass(frozen=True, slots=True)
class TelegramWebhook:
    """Where Telegram brings updates, what it says in a header to prove itself, and where we listen."""

    url: str
    secret: str = field(repr=False)
    host: str = _LOOPBACK  # a proxy with a certificate stands in front
    port: int = _WEBHOOK_PORT


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
    http_host: str = _LOOPBACK
    http_port: int = _HTTP_PORT
    log_level: str = "INFO"
    warnings: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    """One line for each platform that cannot be used as configured, while another one can."""

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


def read_settings(environment: Mapping[str, str] | None = None, env_file: Path | None = ENV_FILE) -> Settings:
    """Settings from `.env` with the environment on top. Raises SettingsError with every problem found."""
    values, warnings = all_values(environment, env_file)
    return _Reader(values, warnings).settings()


def entry_is_valid(entry: str) -> bool:
    """Whether it names somebody or some place by id, as `core.policy.rules` describes."""
    return _ENTRY.fullmatch(entry) is not None


def admin_is_valid(entry: str) -> bool:
    """Whether it names a person by id, as `admins` takes it."""
    return _ADMIN.fullmatch(entry) is not None


def place_is_valid(entry: str) -> bool:
    """Whether it names a channel or chat by id, as something can be sent to."""
    return _PLACE.fullmatch(entry) is not None


def problem_with_address(address: str) -> tuple[str, str] | None:
    """Why a chat completions API cannot be at this address, and what to do; None where it can."""
    try:
        parts = urlsplit(address)
        valid = parts.scheme in {"http", "https"} and _is_host(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or not address.isprintable() or " " in address or "?" in address or "#" in address:
        return "is not a web address", f"It must look like {_ADDRESSES['OPENAI_BASE_URL']}."
    if "@" in parts.netloc:
        return "holds a user name or a password", "Take all before the @ out."
    if parts.path.rstrip("/").endswith(_METHOD):
        return "goes too far", f"Leave {_METHOD} out."
    return None


def where_settings_stand() -> str:
    """For people: the whole path of the `.env` that is read, or that there is none, and where."""
    return str(ENV_FILE.absolute()) if ENV_FILE.is_file() else f"no .env in {ENV_FILE.absolute().parent}"


def _is_host(host: str | None) -> bool:
    """Whether a resolver can be asked for it: Python raises UnicodeError for `a..b`."""
    try:
        return bool(host and host.encode("idna"))
    except UnicodeError:
        return False


def _is_public(host: str) -> bool:
    """Whether the internet may find it: no address of this machine or of a network within."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return host != "localhost" and "." in host


class _Reader:
    def __init__(self, values: Mapping[str, str], warnings: list[str]) -> None:
        self._values = dict(values)
        self._problems: list[str] = []
        self._warnings = warnings
        self._unusable: list[str] = []
        self._config_file = CONFIG_FILE

    def settings(self) -> Settings:
        self._warn_of_near_misses()
        self._take_in_files()
        for alias, name in ALIASES.items():
            if (
                alias in self._values
                and self._values.setdefault(name, self._values[alias]) != self._values[alias]
            ):
                self._warnings.append(f"{name} and {alias} differ; {name} is used.")
        self._config_file = self._path("SLUICE_CONFIG") or CONFIG_FILE
        if self._config_file != CONFIG_FILE and not self._config_file.is_file():
            self._problems.append("SLUICE_CONFIG names no file that is there. Name one, or take it out.")
        allow = self._entries("SLUICE_ALLOW", star=True)
        host, port = self._listen("SLUICE_HTTP", _HTTP_PORT)
        settings = Settings(
            discord_token=self._token("DISCORD_TOKEN", wrong=_TELEGRAM_TOKEN, other="TELEGRAM_TOKEN"),
            telegram_token=self._token("TELEGRAM_TOKEN", wrong=_DISCORD_TOKEN, other="DISCORD_TOKEN"),
            discord_api_base_url=self._url("DISCORD_API_BASE_URL"),
            telegram_api_base_url=self._url("TELEGRAM_API_BASE_URL"),
            telegram_webhook=self._webhook(),
            model=self._model(),
            max_answer_chars=self._whole_number("SLUICE_MAX_ANSWER_CHARS", least=1) or DEFAULT_MAX_CHARS,
            admins=self._entries("SLUICE_ADMINS", star=False),
            allow=allow - {"*"},
            allow_everybody="*" in allow,
            daily_tokens=self._whole_number("SLUICE_DAILY_TOKENS", least=0),
            show_reasoning=self._switch("SLUICE_SHOW_REASONING"),
            telegram_drafts=self._switch("SLUICE_TELEGRAM_DRAFTS"),
            data_dir=self._path("SLUICE_DATA_DIR") or Path("data"),
            config_file=self._config_file,
            database_url=self._database_url(),
            key_file=self._path("SLUICE_KEY_FILE"),
            http_host=host,
            http_port=port,
            log_level=self._log_level(),
            warnings=tuple(self._warnings),
            unusable=tuple(self._unusable),
        )
        if self._unusable and not (settings.discord_token or settings.telegram_token):
            self._problems += self._unusable
        if self._problems:
            raise SettingsError((*self._problems, *self._warnings))
        return settings

    def _take_in_files(self) -> None:
        for name in SECRETS:
            secret, problem = secret_in(self._values, name)
            if problem:
                self._problems.append(problem)
            elif secret:
                self._values[name] = secret

    def _warn_of_near_misses(self) -> None:
        known = {*_NAMES, *ALIASES, *_KNOWN_ELSEWHERE, *(name + FILE for name in SECRETS)}
        for name in sorted(self._values):
            if name in known or len(name) > 60:
                continue
            near = difflib.get_close_matches(name.upper(), [*_NAMES, *ALIASES], n=1, cutoff=0.85)
            meant = _MISTAKEN.get(name.upper()) or next(iter(near), None)
            if meant and meant not in self._values:
                self._warnings.append(f"{name} is not read. Did you mean {meant}?")
            elif _OURS.match(name) and name.startswith("SLUICE_"):
                also = f" {meant} is, and counts." if meant else ""
                self._warnings.append(f"{name} is not a setting of Sluice; it is ignored.{also}")

    def _token(self, name: str, *, wrong: re.Pattern[str], other: str) -> str | None:
        """The token, or None with a line that says what is wrong with it: the other platform may be fine."""
        token = self._values.get(name)
        if token and wrong.fullmatch(token):
            self._unusable.append(f"{name} holds a token of the other platform. Move it to {other}.")
            return None
        if token and re.search(r"\s", token):
            self._unusable.append(f"{name} has white space inside. Copy the token again.")
            return None
        return token

    def _model(self) -> ModelSettings:
        name = self._values.get("OPENAI_MODEL")
        key, base_url = self._values.get("OPENAI_API_KEY"), self._url("OPENAI_BASE_URL")
        if not self._config_file.is_file():  # which may say both
            if name is None and (key or base_url):
                self._problems.append(NO_MODEL_NAMED)
            if name not in {None, EMBEDDED_MODEL} and not key and not base_url:
                self._problems.append(NO_KEY)
        return ModelSettings(
            name=name or EMBEDDED_MODEL,
            chosen=name is not None,
            base_url=base_url,
            api_key=key,
            temperature=self._number("OPENAI_TEMPERATURE", least=0.0, most=2.0),
            max_tokens=self._whole_number("OPENAI_MAX_TOKENS", least=1),
            system_prompt=self._values.get("SLUICE_SYSTEM_PROMPT"),
        )

    def _url(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if wrong := problem_with_address(value):
            found, remedy = wrong
            self._problems.append(
                f"{name} {found}. {remedy}".replace(_ADDRESSES["OPENAI_BASE_URL"], _ADDRESSES[name])
            )
        return value.rstrip("/")

    def _entries(self, name: str, *, star: bool) -> frozenset[str]:
        entries: set[str] = set()
        for entry in re.split(r"[,;\s]+", self._values.get(name, "")):
            if not entry:
                continue
            if (star and entry == "*") or (_ENTRY if star else _ADMIN).fullmatch(entry):
                entries.add(entry)
            else:
                everybody = ", or * for everybody" if star else ""
                self._problems.append(
                    f"{name}: {entry[:40]!r} is not understood. Write ids as discord:123 or telegram:456"
                    f"{everybody}; names are never accepted."
                )
        return frozenset(entries)

    def _whole_number(self, name: str, *, least: int) -> int | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,15}", value, re.ASCII) or int(value) < least:
            self._problems.append(f"{name} must be a whole number of at least {least}.")
            return None
        return int(value)

    def _number(self, name: str, *, least: float, most: float) -> float | None:
        value = self._values.get(name)
        if value is None:
            return None
        try:
            number = float(value)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            self._problems.append(f"{name} must be a number from {least:g} to {most:g}.")
            return None
        return number

    def _switch(self, name: str) -> bool:
        value = self._values.get(name, "off").lower()
        if value not in {"on", "off"}:
            self._problems.append(f"{name} must be on or off.")
        return value == "on"

    def _path(self, name: str) -> Path | None:
        if name not in self._values:
            return None
        path = Path(self._values[name])
        try:
            return path.expanduser()  # no shell does it for a line of `.env`
        except RuntimeError:
            self._problems.append(f"{name}: there is no such home folder. Write the whole path.")
            return path

    def _database_url(self) -> str | None:
        value = self._values.get("DATABASE_URL")
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            options = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
            named = _is_host(parts.hostname) and len(parts.path) > 1 and (parts.port or 1) > 0
        except ValueError:
            self._problems.append(_DATABASE_URL)
            return None
        if parts.scheme not in _POSTGRESQL or not named or not value.isprintable() or " " in value:
            self._problems.append(_DATABASE_URL)
        elif options - _DATABASE_OPTIONS:
            unknown = ", ".join(sorted(options - _DATABASE_OPTIONS))
            self._problems.append(
                f"DATABASE_URL has options that are not known: {unknown[:60]}. Leave them out."
            )
        return value

    def _webhook(self) -> TelegramWebhook | None:
        url, secret = self._values.get("TELEGRAM_WEBHOOK_URL"), self._values.get("TELEGRAM_WEBHOOK_SECRET")
        host, port = self._listen("TELEGRAM_WEBHOOK_LISTEN", _WEBHOOK_PORT)
        if url is None:
            alone = [name for name in _NAMES if name.startswith("TELEGRAM_WEBHOOK_") and name in self._values]
            if alone:
                self._warnings.append(
                    f"{alone[0]} is not used without TELEGRAM_WEBHOOK_URL: Telegram is asked for updates."
                )
            return None
        if "TELEGRAM_TOKEN" not in self._values:
            self._warnings.append("TELEGRAM_WEBHOOK_URL is not used without TELEGRAM_TOKEN.")
        wrong = self._wrong_with_webhook(url)
        if wrong:
            self._problems.append(f"TELEGRAM_WEBHOOK_URL {wrong}")
        if secret is None:
            self._problems.append(f"TELEGRAM_WEBHOOK_SECRET is not set. {_MAKE_ONE}")
        elif not _WEBHOOK_SECRET.fullmatch(secret):
            self._problems.append(
                "TELEGRAM_WEBHOOK_SECRET must be 16 to 256 characters, each of them A-Z, a-z, 0-9, _ or -. "
                f"{_MAKE_ONE}"
            )
        return TelegramWebhook(url, secret or "", host, port)

    def _wrong_with_webhook(self, url: str) -> str:
        """What is wrong with its address, and what to do; "" where nothing is. A Bot API server of one's own
        may bring updates without TLS, to any port and within a network."""
        parts, port = urlsplit(""), None
        with suppress(ValueError):
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        token = self._values.get("TELEGRAM_TOKEN")
        own_server = "TELEGRAM_API_BASE_URL" in self._values
        ports = ", ".join(map(str, _WEBHOOK_PORTS))
        example = "It must look like https://bot.example.org/telegram."
        findings = (
            (
                bool(token and token in unquote(url)),
                "holds the bot's token, which proxies would write down. Use another path, such as /telegram.",
            ),
            (port is None or bool(problem_with_address(url)), f"is not a plain web address. {example}"),
            (own_server, ""),
            (parts.scheme != "https", f"must begin with https://, which Telegram insists on. {example}"),
            (port not in _WEBHOOK_PORTS, f"names a port that Telegram does not use. Take one of {ports}."),
            (not _is_public(parts.hostname or ""), f"cannot be reached from the internet. {example}"),
        )
        return next((words for found, words in findings if found), "")

    def _listen(self, name: str, port: int) -> tuple[str, int]:
        """Its host and port; else loopback, and this port."""
        host, _, given = self._values.get(name, f"{_LOOPBACK}:{port}").rpartition(":")
        if not _is_host(host) or not re.fullmatch(r"[0-9]{1,5}", given, re.ASCII) or int(given) > 65535:
            self._problems.append(f"{name} must be HOST:PORT, such as {_LOOPBACK}:{port}.")
            return _LOOPBACK, port
        return host.strip("[]"), int(given)

    def _log_level(self) -> str:
        level = self._values.get("SLUICE_LOG_LEVEL", "INFO").upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            self._problems.append("SLUICE_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
            return "INFO"
        return level
