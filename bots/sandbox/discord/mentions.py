"""Whom a message addresses, and whom it really notifies.

Discord parses the text of every message and of every edit. `allowed_mentions` narrows that down;
without it everything counts.
"""

from __future__ import annotations

import re

from bots.sandbox.discord.errors import invalid
from bots.sandbox.discord.models import Json, Mentions, Message, Ping
from bots.sandbox.discord.world import Permission, World

_CODE = re.compile(r"```.*?```|``.+?``|`[^`\n]+`", re.DOTALL)
_USER = re.compile(r"(?<!\\)<@!?(\d+)>")
_ROLE = re.compile(r"(?<!\\)<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")
# Discord drops these, so one of them inside `@everyone` hides nothing.
_INVISIBLE = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def read_mentions(
    world: World, message: Message, content: str, allowed: Json | None, *, by_edit: bool
) -> tuple[Mentions, list[Ping]]:
    """The mentions that take effect and the notifications they cause; `allowed` None is the default.

    Raises `ApiError` (50035) when `allowed` contradicts itself.
    """
    rules: Json = {"parse": ["users", "roles", "everyone"], "replied_user": True}
    if allowed is not None:
        rules = allowed
    parse = set(rules.get("parse") or ())
    for kind in ("users", "roles"):
        if kind in parse and rules.get(kind):
            raise invalid(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
            )
    text = _INVISIBLE.sub("", _CODE.sub(" ", content))
    may_all = bool(world.permissions(message.author, message.channel) & Permission.MENTION_EVERYONE)

    named = [int(found) for found in _USER.findall(text)]
    users = [n for n in named if n in world.users and _allows(rules, "users", n)]
    roles = [
        role_id
        for role_id in (int(found) for found in _ROLE.findall(text))
        if role_id in world.roles
        and (world.roles[role_id].mentionable or may_all)
        and _allows(rules, "roles", role_id)
    ]
    everyone = "everyone" in parse and may_all and bool(_EVERYONE.search(text))
    pings = [Ping(message.id, "user", str(n), by_edit) for n in users if n != message.author.id]
    pings += [Ping(message.id, "role", str(role_id), by_edit) for role_id in roles]
    if everyone:
        pings.append(Ping(message.id, "everyone", "everyone", by_edit))
    replied = message.reply_to.author if message.reply_to else None
    if replied is not None and replied != message.author and rules.get("replied_user"):
        users.append(replied.id)
        pings.append(Ping(message.id, "reply", str(replied.id), by_edit))
    return Mentions(tuple(dict.fromkeys(users)), tuple(dict.fromkeys(roles)), everyone), pings


def _allows(rules: Json, kind: str, target: int) -> bool:
    return kind in (rules.get("parse") or ()) or target in map(int, rules.get(kind) or ())
