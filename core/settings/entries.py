"""The platforms, and how people and places of each are written down by id: `discord:123`.

The one table of them in the core; `core.policy.rules` says what each entry names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_ID: Final = "[0-9]{1,20}"
_SIGNED: Final = "-?[0-9]{1,20}"  # of Telegram's groups


@dataclass(frozen=True, slots=True)
class Ids:
    """What can be named on a platform: each kind with the pattern of its ids. `place`: the kind that messages
    are sent to, and that a place in no server is approved as; `topics`: such a place may have them."""

    kinds: Mapping[str, str]
    place: str
    topics: bool = False

    @property
    def bare(self) -> str:
        """The pattern of an id without its kind, which names any."""
        return f"(?:{'|'.join(sorted(set(self.kinds.values())))})"


PLATFORMS: Final[Mapping[str, Ids]] = MappingProxyType(
    {
        "discord": Ids(
            dict.fromkeys(("user", "role", "server", "channel", "category", "private"), _ID), place="channel"
        ),
        "telegram": Ids({"user": _ID, "chat": _SIGNED, "private": _ID}, place="chat", topics=True),
    }
)
"""By the name that `Place.platform` and `Person.platform` have."""


def _any_of(forms: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(forms), re.ASCII)


_ENTRY: Final = _any_of(
    f"{name}:{form}"
    for name, ids in PLATFORMS.items()
    for form in (
        ids.bare,
        *(f"{kind}:{id_}" for kind, id_ in ids.kinds.items()),
        *([f"{ids.kinds[ids.place]}/{_ID}"] if ids.topics else []),
    )
)
_ADMIN: Final = _any_of(f"{name}:(?:user:)?{ids.bare}" for name, ids in PLATFORMS.items())
_PLACE: Final = _any_of(f"{name}:{ids.kinds[ids.place]}" for name, ids in PLATFORMS.items())
_ROLE: Final = _any_of(
    f"{name}:(?:role:)?{ids.kinds['role']}" for name, ids in PLATFORMS.items() if "role" in ids.kinds
)


_FORMS: Final = (
    'Write ids as "discord:123" or "telegram:456", with a kind as "discord:role:123" or '
    '"discord:server:123", or a topic as "telegram:-100123/4"'
)
_NO_NAMES: Final = "; names are never accepted."
ENTRY_REMEDY: Final = _FORMS + _NO_NAMES
STAR_REMEDY: Final = f"{_FORMS}, or * for everybody{_NO_NAMES}"
"""Where `*` counts, too."""
ADMIN_REMEDY: Final = f'Write ids of people as "discord:123" or "telegram:456"{_NO_NAMES}'


def entry_is_valid(entry: str) -> bool:
    """Whether it names somebody or some place by id, as `core.policy.rules` describes."""
    return _ENTRY.fullmatch(entry) is not None


def admin_is_valid(entry: str) -> bool:
    """Whether it names a person by id, as `admins` takes it."""
    return _ADMIN.fullmatch(entry) is not None


def place_is_valid(entry: str) -> bool:
    """Whether it names a channel or chat by id, as something can be sent to."""
    return _PLACE.fullmatch(entry) is not None


def role_in(entry: str) -> str | None:
    """The role that it names by id, without its kind; None for anything else."""
    return entry.replace(":role:", ":", 1) if _ROLE.fullmatch(entry) else None


def person_in(entry: str) -> str | None:
    """The person that it may name by id, without its kind; None for anything else."""
    return entry.replace(":user:", ":", 1) if admin_is_valid(entry) else None


def kind_of_places(platform: str) -> str:
    """The kind of a place in no server, as an entry names it."""
    ids = PLATFORMS.get(platform)
    return ids.place if ids else "channel"
