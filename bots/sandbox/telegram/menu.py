"""The bot's commands: kept per scope and language, and which of them a person is shown in a chat.

core.telegram.org/bots/api#determining-list-of-commands
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from bots.sandbox.telegram.errors import bad_request
from bots.sandbox.telegram.hub import Hub
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.world import Chat, Person

Scope: TypeAlias = tuple[str, int, int]  # its type, chat and user; 0 where it names none

_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")  # core.telegram.org/bots/api#botcommand
_MAX_COMMANDS: Final = 100
_MAX_DESCRIPTION: Final = 256
_EVERYWHERE: Final = frozenset({"default", "all_private_chats", "all_group_chats", "all_chat_administrators"})
_IN_GROUPS: Final = frozenset({"chat_administrators", "chat_member"})


class Menu:
    """setMyCommands and its kin; each takes Params and returns the `result` of the answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def set_my_commands(self, params: Params) -> bool:
        """setMyCommands: of exactly one scope and language; an empty list is none."""
        commands = params.json("commands")
        if not isinstance(commands, list) or len(commands) > _MAX_COMMANDS:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not isinstance(command, dict):
                raise bad_request("can't parse BotCommand: expected an Object")
            if not _COMMAND.fullmatch(str(command.get("command", ""))):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= _MAX_DESCRIPTION:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        kept = [{"command": one["command"], "description": one["description"]} for one in commands]
        key = self._key(params)
        if kept:
            self._hub.commands[key] = kept
        else:
            self._hub.commands.pop(key, None)
        self._tell()
        return True

    def get_my_commands(self, params: Params) -> Any:
        """getMyCommands of exactly one scope and language."""
        return self._hub.commands.get(self._key(params), [])

    def delete_my_commands(self, params: Params) -> bool:
        """deleteMyCommands of exactly one scope and language."""
        self._hub.commands.pop(self._key(params), None)
        self._tell()
        return True

    def _key(self, params: Params) -> tuple[str, int, int, str]:
        scope = params.json("scope") or {"type": "default"}
        kind = scope.get("type") if isinstance(scope, dict) else None
        language = params.text("language_code") or ""
        if language and not re.fullmatch(r"[a-z]{2}", language):
            raise bad_request("LANG_CODE_INVALID")
        if kind in _EVERYWHERE:
            return str(kind), 0, 0, language
        if kind not in _IN_GROUPS | {"chat"}:
            raise bad_request("can't parse BotCommandScope: unsupported type specified")
        chat = self._hub.world.chats.get(_integer(scope.get("chat_id")))
        if chat is None:
            raise bad_request("chat not found")
        if kind in _IN_GROUPS and chat.kind == "private":
            raise bad_request("can't use the scope in the private chat")
        user = _integer(scope.get("user_id")) if kind == "chat_member" else 0
        if user and user not in self._hub.world.people:
            raise bad_request("user not found")
        return str(kind), chat.id, user, language

    def _tell(self) -> None:
        self._hub.emit("commands", commands=self._hub.menu())


def shown_to(hub: Hub, person: Person, chat: Chat) -> list[dict[str, str]]:
    """The commands that a person's client offers in a chat: the first list there is, narrow scopes first."""
    language = person.language.partition("-")[0]
    for scope in _scopes(person, chat):
        for code in (language, ""):
            if found := hub.commands.get((*scope, code)):
                return found
    return []


def _scopes(person: Person, chat: Chat) -> Iterator[Scope]:
    admin = chat.is_admin(person.id)
    if chat.kind == "private":
        yield from (("chat", chat.id, 0), ("all_private_chats", 0, 0))
    else:
        yield ("chat_member", chat.id, person.id)
        if admin:
            yield ("chat_administrators", chat.id, 0)
        yield ("chat", chat.id, 0)
        if admin:
            yield ("all_chat_administrators", 0, 0)
        yield ("all_group_chats", 0, 0)
    yield ("default", 0, 0)


def _integer(raw: object) -> int:
    try:
        return int(str(raw))
    except ValueError:
        raise bad_request("chat not found") from None
