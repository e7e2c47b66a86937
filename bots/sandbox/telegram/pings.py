"""Whom a message of the bot notifies, beyond the one it replies to.

Telegram tells everybody whom the text mentions, by @username (which it finds by itself) or by account, in a
group that they are in. No parameter of a send prevents it. Whether an edit tells them is not documented; the
sandbox counts it, since it judges the bot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bots.sandbox.telegram.text import utf16_slice
from bots.sandbox.telegram.world import Message, World

_ACCOUNT = re.compile(r"tg://user\?id=([0-9]+)")  # core.telegram.org/api/links#id-links


@dataclass(frozen=True)
class Ping:
    """One notification that a message caused."""

    message: int
    person: int
    by_edit: bool


def pings_of(world: World, message: Message, *, by_edit: bool) -> list[Ping]:
    """The notifications that `message`, as it now stands, causes."""
    named = [_named(message, entity) for entity in message.entities]
    return [
        Ping(message.id, person.id, by_edit)
        for person in world.people.values()
        if not person.bot
        and message.chat.is_member(person.id)
        and any(name in (str(person.id), person.username.lower()) for name in named)
    ]


def _named(message: Message, entity: dict[str, object]) -> str:
    """The @username, in lower case, or the account's id that an entity names; empty where it names nobody."""
    kind = entity["type"]
    if kind == "mention":
        offset, length = entity["offset"], entity["length"]
        assert isinstance(offset, int)  # noqa: S101 - `formatted` has checked it
        assert isinstance(length, int)  # noqa: S101 - the same
        return utf16_slice(message.text, offset, length)[1:].lower()
    if kind == "text_mention":
        user = entity["user"]
        return str(user["id"]) if isinstance(user, dict) else ""
    account = _ACCOUNT.fullmatch(str(entity.get("url", "")))
    return account[1] if account else ""
