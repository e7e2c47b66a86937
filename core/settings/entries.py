"""People and places by id, as whoever runs the bot writes them down: `discord:123`."""

from __future__ import annotations

import re

_ENTRY = re.compile(  # core.policy.rules says what each names
    r"discord:(?:(?:user|role|server|channel|category|private):)?[0-9]{1,20}"
    r"|telegram:(?:(?:user|private):)?[0-9]{1,20}"
    r"|telegram:(?:chat:)?-?[0-9]{1,20}"
    r"|telegram:-?[0-9]{1,20}/[0-9]{1,20}",
    re.ASCII,
)
_ADMIN = re.compile(r"(?:discord|telegram):(?:user:)?-?[0-9]{1,20}", re.ASCII)
_PLACE = re.compile(r"discord:[0-9]{1,20}|telegram:-?[0-9]{1,20}", re.ASCII)


_FORMS = (
    'Write ids as "discord:123" or "telegram:456", with a kind as "discord:role:123" or '
    '"discord:server:123", or a topic as "telegram:-100123/4"'
)
_NO_NAMES = "; names are never accepted."
ENTRY_REMEDY = _FORMS + _NO_NAMES
STAR_REMEDY = f"{_FORMS}, or * for everybody{_NO_NAMES}"
"""Where `*` counts, too."""
ADMIN_REMEDY = f'Write ids of people as "discord:123" or "telegram:456"{_NO_NAMES}'


def entry_is_valid(entry: str) -> bool:
    """Whether it names somebody or some place by id, as `core.policy.rules` describes."""
    return _ENTRY.fullmatch(entry) is not None


def admin_is_valid(entry: str) -> bool:
    """Whether it names a person by id, as `admins` takes it."""
    return _ADMIN.fullmatch(entry) is not None


def place_is_valid(entry: str) -> bool:
    """Whether it names a channel or chat by id, as something can be sent to."""
    return _PLACE.fullmatch(entry) is not None
