"""Every name that is read, what people write in its place, and which of them a line for people is about."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Set

from core.settings.telling import name_may_be_secret, shown_name
from core.variables import ALIASES, FILE, SECRETS

NAMES = (
    "DISCORD_TOKEN", "TELEGRAM_TOKEN", "DISCORD_API_BASE_URL", "TELEGRAM_API_BASE_URL",
    "TELEGRAM_WEBHOOK_URL", "TELEGRAM_WEBHOOK_SECRET", "TELEGRAM_WEBHOOK_LISTEN",
    "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_TEMPERATURE", "OPENAI_MAX_TOKENS",
    "SLUICE_MAX_ANSWER_CHARS", "SLUICE_SYSTEM_PROMPT", "SLUICE_ADMINS", "SLUICE_ALLOW",
    "SLUICE_DAILY_TOKENS", "SLUICE_DATA_DIR", "DATABASE_URL", "SLUICE_KEY_FILE",
    "SLUICE_SHOW_REASONING", "SLUICE_TELEGRAM_DRAFTS", "SLUICE_CONFIG", "SLUICE_HTTP", "SLUICE_LOG_LEVEL",
)  # fmt: skip
_MISTAKEN = {  # what people also call them, in spelling far from the name, or nearer to another
    "OPENAI_API_BASE": "OPENAI_BASE_URL",  # the openai library's older name
    "OPENAI_URL": "OPENAI_BASE_URL",
    "OPENAI_API_URL": "OPENAI_BASE_URL",
    "OPENAI_ENDPOINT": "OPENAI_BASE_URL",
    "OPENAI_KEY": "OPENAI_API_KEY",
    "OPENAI_TOKEN": "OPENAI_API_KEY",
    "OPENAI_MODEL_NAME": "OPENAI_MODEL",
    "DISCORD_KEY": "DISCORD_TOKEN",
    "DISCORD_API_KEY": "DISCORD_TOKEN",
    "DISCORD_APIKEY": "DISCORD_TOKEN",
    "DISCORD_BOT": "DISCORD_TOKEN",
    "TELEGRAM_KEY": "TELEGRAM_TOKEN",
    "TELEGRAM_API_KEY": "TELEGRAM_TOKEN",
    "TELEGRAM_APIKEY": "TELEGRAM_TOKEN",
    "TELEGRAM_BOT": "TELEGRAM_TOKEN",
    "SLUICE_PORT": "SLUICE_HTTP",
    "SLUICE_HOST": "SLUICE_HTTP",
    "SLUICE_CONFIG_FILE": "SLUICE_CONFIG",
    "SLUICE_TOML": "SLUICE_CONFIG",
    "WEBHOOK_URL": "TELEGRAM_WEBHOOK_URL",
    "TELEGRAM_WEBHOOK": "TELEGRAM_WEBHOOK_URL",
    "WEBHOOK_SECRET": "TELEGRAM_WEBHOOK_SECRET",
    "TELEGRAM_SECRET_TOKEN": "TELEGRAM_WEBHOOK_SECRET",  # the Bot API's own word
    "TELEGRAM_WEBHOOK_SECRET_TOKEN": "TELEGRAM_WEBHOOK_SECRET",
    "TELEGRAM_WEBHOOK_HOST": "TELEGRAM_WEBHOOK_LISTEN",
    "TELEGRAM_WEBHOOK_PORT": "TELEGRAM_WEBHOOK_LISTEN",
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


def near_misses(values: Mapping[str, str]) -> Iterator[str]:
    """One line for each variable that is not read, where it may have been meant to be."""
    ours = (*NAMES, *ALIASES, *(name + FILE for name in SECRETS))
    known = {*ours, *_KNOWN_ELSEWHERE}
    for name in sorted(values):
        if name in known or len(name) > 60:
            continue
        written = name.upper()
        if (without := written.removeprefix("SLUICE_")) in ours:
            written = without
        near = difflib.get_close_matches(written, ours, n=1, cutoff=0.85)
        meant = _MISTAKEN.get(written) or next(iter(near), None)
        if meant and meant not in values:
            yield f"{_told(name)} is not read. Did you mean {meant}?"
        elif _OURS.match(name) and name.startswith("SLUICE_"):
            also = f" {meant} is, and counts." if meant else ""
            yield f"{_told(name)} is not a setting of Sluice; it is ignored.{also}"


def _told(name: str) -> str:
    """Without what comes after our prefix, as in `SLUICE_sk-…`, where that may be a secret."""
    ours = _OURS.match(name)
    prefix = ours[0] if ours else ""
    rest = name.removeprefix(prefix)
    return f"{prefix}({shown_name(rest)})" if name_may_be_secret(rest) else name


def variable_of(problem: str) -> str:
    """The variable that such a line is about, by its newer name, also where it is a file that holds it."""
    name = re.split(r"\W", problem, maxsplit=1, flags=re.ASCII)[0]
    if name.removesuffix(FILE) in SECRETS:
        name = name.removesuffix(FILE)
    return ALIASES.get(name, name)


def names_any(line: str, variables: Set[str]) -> bool:
    """Whether a line for people speaks of one of these variables."""
    return not variables.isdisjoint(re.findall(r"\w+", line, re.ASCII))
