"""Every setting, read in one pass that finds each problem and tells it in one line that says what to do.

Nothing here ever shows a value that may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from pathlib import Path

from core.settings.addresses import (
    EXAMPLE,
    is_host,
    problem_with_address,
    problem_with_database,
    problem_with_webhook,
)
from core.settings.entries import ADMIN_REMEDY, STAR_REMEDY, admin_is_valid, entry_is_valid
from core.settings.names import NAMES, names_any, near_misses, variable_of
from core.settings.telling import shown_entry, shown_name
from core.settings.values import (
    CONFIG_FILE,
    EMBEDDED_MODEL,
    HTTP_PORT,
    LOOPBACK,
    WEBHOOK_PORT,
    ModelSettings,
    Settings,
    TelegramWebhook,
)
from core.streaming.answer import DEFAULT_MAX_CHARS
from core.variables import (
    ALIASES,
    ENV_FILE,
    SECRETS,
    SettingsError,
    all_values,
    problem_with_key,
    secret_in,
)

NO_MODEL_NAMED = (
    "OPENAI_MODEL is not set. Name the model to use, such as OPENAI_MODEL=gpt-5-mini, "
    "or OPENAI_MODEL=embedded for the small demo model."
)
NO_KEY = "OPENAI_API_KEY is not set. Set it, or set OPENAI_BASE_URL to a server that needs none."
PLATFORM_SECRETS = frozenset({"DISCORD_TOKEN", "TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET", *ALIASES})
"""What no provider of a model may ever be sent."""
_DISCORD_TOKEN = re.compile(r"[A-Za-z0-9_-]{18,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{25,}", re.ASCII)
_TELEGRAM_TOKEN = re.compile(r"[0-9]{5,}:[A-Za-z0-9_-]{30,}(?:/test)?", re.ASCII)
"""Both a little wider than what is known of them: the platform has the last word. `/test` leads to Telegram's
test environment (core.telegram.org/bots/webapps#using-bots-in-the-test-environment)."""
_DISCORD_REMEDY = (
    "It looks like MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.…, three parts with a dot between each: a number is the "
    "application's id, and what has no dots its public key or client secret. Make one at "
    "discord.com/developers/applications → your application → Bot → Reset Token."
)
_TELEGRAM_REMEDY = (
    "It looks like 123456789:AAabc…, a number, a colon and 35 characters. "
    "Copy all of it again from @BotFather."
)
_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}", re.ASCII)
"""What Telegram takes (core.telegram.org/bots/api#setwebhook, `secret_token`), but for short ones: 16 of
these are too many to guess."""
_MAKE_ONE = "Make one with `openssl rand -hex 32`."


def read_settings(
    environment: Mapping[str, str] | None = None,
    env_file: Path | None = ENV_FILE,
    *,
    needed: Set[str] | None = None,
) -> Settings:
    """Settings from `.env` with the environment on top.

    Raises SettingsError with every problem found; with those of the `needed` variables alone, for whoever
    uses no others.
    """
    settings, problems = settings_and_problems(environment, env_file)
    warnings = settings.warnings
    if needed is not None:
        others = frozenset(NAMES) - needed
        problems = tuple(line for line in problems if variable_of(line) in needed)
        warnings = tuple(line for line in warnings if names_any(line, needed) or not names_any(line, others))
    if problems:
        raise SettingsError((*problems, *warnings))
    return settings


def settings_and_problems(
    environment: Mapping[str, str] | None = None, env_file: Path | None = ENV_FILE
) -> tuple[Settings, tuple[str, ...]]:
    """Settings as far as they can be read, and a line for all that keeps them from being used; each begins
    with the name of its variable. Raises SettingsError where the file cannot be read at all."""
    values, warnings = all_values(environment, env_file)
    return _Reader(values, warnings).settings()


def where_settings_stand() -> str:
    """For people: the whole path of the `.env` that is read, or that there is none, and where."""
    return str(ENV_FILE.absolute()) if ENV_FILE.is_file() else f"no .env in {ENV_FILE.absolute().parent}"


class _Reader:
    def __init__(self, values: Mapping[str, str], warnings: list[str]) -> None:
        self._values = dict(values)
        self._problems: list[str] = []
        self._warnings = warnings
        self._unusable: list[str] = []
        self._config_file = CONFIG_FILE

    def settings(self) -> tuple[Settings, tuple[str, ...]]:
        self._warnings.extend(near_misses(self._values))
        self._take_in_files()
        for alias, name in ALIASES.items():
            if (
                alias in self._values
                and self._values.setdefault(name, self._values[alias]) != self._values[alias]
            ):
                self._warnings.append(f"{name} and {alias} differ; {name} is used.")
        self._config_file = self._path("SLUICE_CONFIG") or CONFIG_FILE
        if self._config_file != CONFIG_FILE and not self._config_file.is_file():
            named = shown_name(str(self._config_file))
            self._problems.append(f"SLUICE_CONFIG names {named}, which is no file. Name one, or take it out.")
        allow = self._entries("SLUICE_ALLOW", star=True)
        host, port = self._listen("SLUICE_HTTP", HTTP_PORT)
        settings = Settings(
            discord_token=self._token("Discord", _DISCORD_TOKEN, _DISCORD_REMEDY),
            telegram_token=self._token("Telegram", _TELEGRAM_TOKEN, _TELEGRAM_REMEDY),
            discord_api_base_url=self._url("DISCORD_API_BASE_URL", "http://127.0.0.1:9000/api/v10"),
            telegram_api_base_url=self._url("TELEGRAM_API_BASE_URL", "http://127.0.0.1:8081"),
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
        return settings, tuple(self._problems)

    def _take_in_files(self) -> None:
        for name in SECRETS:
            secret, problem = secret_in(self._values, name)
            if problem:
                self._problems.append(problem)
            elif secret:
                self._values[name] = secret

    def _token(self, platform: str, shape: re.Pattern[str], remedy: str) -> str | None:
        """The token, or None with a line that says what is wrong with it: the other platform may be fine."""
        name = f"{platform.upper()}_TOKEN"
        token = self._values.get(name)
        if not token or shape.fullmatch(token):
            return token
        if re.match(r"Bot\s", token, re.IGNORECASE):  # as it stands in the header that carries it
            wrong = f"{name} begins with the word Bot. Leave out `Bot` and the space after it."
        elif re.search(r"\s", token):
            wrong = f"{name} has white space inside. Copy the token again."
        elif _DISCORD_TOKEN.fullmatch(token) or _TELEGRAM_TOKEN.fullmatch(token):
            other = "DISCORD_TOKEN" if platform == "Telegram" else "TELEGRAM_TOKEN"
            wrong = f"{name} holds a token of the other platform. Move it to {other}."
        else:
            wrong = f"{name} does not look like a token of {platform}. {remedy}"
        self._unusable.append(wrong)
        return None

    def _model(self) -> ModelSettings:
        name = self._values.get("OPENAI_MODEL")
        key, base_url = self._values.get("OPENAI_API_KEY"), self._url("OPENAI_BASE_URL")
        if wrong := problem_with_key(key or ""):
            self._problems.append(f"OPENAI_API_KEY {wrong}. Copy the key again.")
        if not self._config_file.is_file():  # which may say both
            if name is None and (key or base_url):
                self._problems.append(NO_MODEL_NAMED)
            told = "OPENAI_API_KEY" in map(variable_of, self._problems)  # of the file that was to hold it
            if name not in {None, EMBEDDED_MODEL} and not key and not base_url and not told:
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

    def _url(self, name: str, example: str = EXAMPLE) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if wrong := problem_with_address(value, example):
            found, remedy = wrong
            self._problems.append(f"{name} {found}. {remedy}")
        return value.rstrip("/")

    def _entries(self, name: str, *, star: bool) -> frozenset[str]:
        entries: set[str] = set()
        is_valid = entry_is_valid if star else admin_is_valid
        for part in re.split(r"[,;]", self._values.get(name, "")):
            good = {entry for entry in part.split() if (star and entry == "*") or is_valid(entry)}
            entries |= good
            # Told as one: it may be a name with a blank in it, or the halves of a secret.
            if wrong := " ".join(entry for entry in part.split() if entry not in good):
                remedy = STAR_REMEDY if star else ADMIN_REMEDY
                self._problems.append(f"{name}: {shown_entry(wrong)} is not understood. {remedy}")
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
        if problem := problem_with_database(value):
            self._problems.append(problem)
        return value

    def _webhook(self) -> TelegramWebhook | None:
        url, secret = self._values.get("TELEGRAM_WEBHOOK_URL"), self._values.get("TELEGRAM_WEBHOOK_SECRET")
        host, port = self._listen("TELEGRAM_WEBHOOK_LISTEN", WEBHOOK_PORT)
        if url is None:
            alone = [name for name in NAMES if name.startswith("TELEGRAM_WEBHOOK_") and name in self._values]
            if alone:
                self._warnings.append(
                    f"{alone[0]} is not used without TELEGRAM_WEBHOOK_URL: Telegram is asked for updates."
                )
            return None
        if "TELEGRAM_TOKEN" not in self._values:
            self._warnings.append("TELEGRAM_WEBHOOK_URL is not used without TELEGRAM_TOKEN.")
        token, own_server = self._values.get("TELEGRAM_TOKEN"), "TELEGRAM_API_BASE_URL" in self._values
        if wrong := problem_with_webhook(url, token=token, own_server=own_server):
            self._problems.append(f"TELEGRAM_WEBHOOK_URL {wrong}")
        if secret is None:
            self._problems.append(f"TELEGRAM_WEBHOOK_SECRET is not set. {_MAKE_ONE}")
        elif not _WEBHOOK_SECRET.fullmatch(secret):
            self._problems.append(
                "TELEGRAM_WEBHOOK_SECRET must be 16 to 256 characters, each of them A-Z, a-z, 0-9, _ or -. "
                f"{_MAKE_ONE}"
            )
        return TelegramWebhook(url, secret or "", host, port)

    def _listen(self, name: str, port: int) -> tuple[str, int]:
        """Its host and port; else loopback, and this port."""
        host, _, given = self._values.get(name, f"{LOOPBACK}:{port}").rpartition(":")
        if not is_host(host) or not re.fullmatch(r"[0-9]{1,5}", given, re.ASCII) or int(given) > 65535:
            self._problems.append(f"{name} must be HOST:PORT, such as {LOOPBACK}:{port}.")
            return LOOPBACK, port
        return host.strip("[]"), int(given)

    def _log_level(self) -> str:
        level = self._values.get("SLUICE_LOG_LEVEL", "INFO").upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            self._problems.append("SLUICE_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
            return "INFO"
        return level
