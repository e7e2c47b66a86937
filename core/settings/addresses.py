"""What is wrong with an address, and what to do. Nothing here shows one: it may hold a password."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urlsplit

EXAMPLE = "http://127.0.0.1:11434/v1"  # of an API for models
_METHOD = "/chat/completions"  # what the openai library adds to a base address
_WEBHOOK_PORTS = (443, 80, 88, 8443)  # core.telegram.org/bots/api#setwebhook; the first is that of https
_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})
_DATABASE_OPTIONS = frozenset({"sslmode", "ssl"})
_DATABASE_URL = (
    "DATABASE_URL is not the address of a PostgreSQL database. It must look like "
    "postgresql://user:password@host:5432/sluice; leave it out for SQLite in the data folder."
)


def problem_with_address(address: str, example: str = EXAMPLE) -> tuple[str, str] | None:
    """Why no API can be at this address, which should look like the example, and what to do; None where one
    can."""
    try:
        parts = urlsplit(address)
        valid = parts.scheme in {"http", "https"} and is_host(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or not address.isprintable() or " " in address or "?" in address or "#" in address:
        return "is not a web address", f"It must look like {example}."
    if "@" in parts.netloc:
        return "holds a user name or a password", "Take all before the @ out."
    if parts.path.rstrip("/").endswith(_METHOD):
        return "goes too far", f"Leave {_METHOD} out."
    return None


def problem_with_database(address: str) -> str | None:
    """Why `DATABASE_URL` cannot be used, in one line; None where it can."""
    try:
        parts = urlsplit(address)
        options = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        named = is_host(parts.hostname) and len(parts.path) > 1 and (parts.port or 1) > 0
    except ValueError:
        return _DATABASE_URL
    if parts.scheme not in _POSTGRESQL or not named or not address.isprintable() or " " in address:
        return _DATABASE_URL
    if options - _DATABASE_OPTIONS:
        unknown = ", ".join(sorted(options - _DATABASE_OPTIONS))
        return f"DATABASE_URL has options that are not known: {unknown[:60]}. Leave them out."
    return None


def problem_with_webhook(address: str, *, token: str | None, own_server: bool) -> str:
    """Why Telegram cannot bring updates to this address, and what to do; "" where it can. A Bot API server of
    one's own may bring them without TLS, to any port and within a network."""
    parts, port = urlsplit(""), None
    with suppress(ValueError):
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    ports = ", ".join(map(str, _WEBHOOK_PORTS))
    example = "It must look like https://bot.example.org/telegram."
    findings = (
        (
            bool(token and token in unquote(address)),
            "holds the bot's token, which proxies would write down. Use another path, such as /telegram.",
        ),
        (port is None or bool(problem_with_address(address)), f"is not a plain web address. {example}"),
        (own_server, ""),
        (parts.scheme != "https", f"must begin with https://, which Telegram insists on. {example}"),
        (port not in _WEBHOOK_PORTS, f"names a port that Telegram does not use. Take one of {ports}."),
        (not _is_public(parts.hostname or ""), f"cannot be reached from the internet. {example}"),
    )
    return next((words for found, words in findings if found), "")


def is_host(host: str | None) -> bool:
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
