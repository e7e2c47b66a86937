"""Addresses read strictly, and which of them may be fetched.

Two programs that read one address differently are how a check is passed and another host reached. So what has
more than one reading is refused: passwords, backslashes, numbers as hosts, letters that look like digits.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, Self
from urllib.parse import quote

from core.ports.fetching import Why

PLATFORM_HOSTS: Final = frozenset({"cdn.discordapp.com", "media.discordapp.net", "api.telegram.org"})
"""Where Discord and Telegram keep the files that people send."""

_PORTS: Final = {"http": 80, "https": 443}
_LONGEST: Final = 4096  # characters; a signed address of Discord has about 300
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?#].*)?",
    re.ASCII | re.IGNORECASE,
)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_LOCAL: Final = frozenset(  # never of the public internet; some are shouted into the network when asked for
    {
        "alt", "arpa", "corp", "domain", "example", "home", "internal", "intranet", "invalid", "lan", "local",
        "localdomain", "localhost", "mail", "onion", "private", "test",
    }
)  # fmt: skip


class RefusedError(Exception):
    """This is not fetched."""

    def __init__(self, why: Why, status: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


@dataclass(frozen=True, slots=True)
class Origin:
    """`host`: a name or an IP address without brackets, in lower case."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises RefusedError."""
        origin = read(url).origin
        return cls(origin.scheme, origin.host, origin.port)

    @property
    def authority(self) -> str:
        """As the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to fetch. `path` with its query, in ASCII."""

    origin: Origin
    path: str

    def __str__(self) -> str:
        return f"{self.origin.scheme}://{self.origin.authority}{self.path}"


def read(url: str) -> Target:
    """Raises RefusedError where it is no address of http or https that has exactly one reading."""
    if len(url) > _LONGEST or not url.isprintable() or " " in url or "\\" in url:
        raise RefusedError(Why.ADDRESS)
    if not (found := _URL.fullmatch(url)):
        raise RefusedError(Why.ADDRESS)
    scheme = found["scheme"].lower()
    port = int(found["port"]) if found["port"] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise RefusedError(Why.ADDRESS)
    path = (found["rest"] or "").partition("#")[0]
    path = quote(path if path.startswith("/") else f"/{path}", safe=string.punctuation)
    return Target(Origin(scheme, _host(found["host"].lower()), port), path)


def _host(written: str) -> str:
    labels = written.split(".")
    try:
        if written.startswith("["):
            return str(IPv6Address(written[1:-1]))
        if _NUMBER.fullmatch(labels[-1]):  # what C libraries and browsers take for an IPv4 address
            return str(IPv4Address(written))
    except AddressValueError:
        raise RefusedError(Why.ADDRESS) from None
    if len(written) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedError(Why.ADDRESS)
    return written


def _is_public_name(host: str) -> bool:
    """Whether it can be one: of several labels, none that stays at home. IP addresses are judged later."""
    *before, last = host.split(".")
    return ":" in host or (bool(before) and last not in _LOCAL)


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be fetched; whoever only names links has rules of their own, with nothing configured.

    `hosts` by exact name. `configured` comes from whoever runs the bot: there any scheme, port and IP address
    will do, but no redirect of another origin leads there. Raises ValueError for rules by which a stranger's
    link could reach what is configured.
    """

    hosts: frozenset[str] = frozenset()
    any_public_host: bool = False
    plain_http: bool = False
    configured: frozenset[Origin] = frozenset()

    def __post_init__(self) -> None:
        if self.any_public_host and self.configured:
            raise ValueError("rules for any host must have no configured origin")

    def target(self, url: str, *, after: Target | None = None) -> Target:
        """What `url` names, asked for at first, or because `after` led there. Raises RefusedError."""
        target = read(url)
        origin = target.origin
        if after and (after.origin.scheme, origin.scheme) == ("https", "http"):
            raise RefusedError(Why.REDIRECT)
        if origin in self.configured:
            if after and after.origin != origin:
                raise RefusedError(Why.REDIRECT)
            return target
        if origin.port != _PORTS[origin.scheme] or (origin.scheme == "http" and not self.plain_http):
            raise RefusedError(Why.ADDRESS)
        if not _is_public_name(origin.host):
            raise RefusedError(Why.PRIVATE)
        if origin.host not in self.hosts and not self.any_public_host:
            raise RefusedError(Why.HOST)
        return target


def platform_rules(telegram_api_base_url: str | None) -> Rules:
    """For the files that people send. Raises RefusedError for a base address that cannot be read strictly."""
    local = frozenset({Origin.of(telegram_api_base_url)}) if telegram_api_base_url else frozenset[Origin]()
    return Rules(hosts=PLATFORM_HOSTS, configured=local)
