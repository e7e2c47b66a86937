"""The Bot API's methods on the bot itself: who it is, its updates, commands, chats and members."""

from __future__ import annotations

import re
from typing import Any

from bots.sandbox.telegram import access, objects
from bots.sandbox.telegram.errors import bad_request
from bots.sandbox.telegram.hub import Hub
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.updates import MAX_UPDATES

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")  # core.telegram.org/bots/api#botcommand
_SCOPES = frozenset(
    [
        "default",
        "all_private_chats",
        "all_group_chats",
        "all_chat_administrators",
        "chat",
        "chat_administrators",
        "chat_member",
    ]
)
MAX_ALERT = 200  # characters; core.telegram.org/bots/api#answercallbackquery


class Account:
    """Methods on the account; each takes Params and returns the `result` of the answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def get_me(self, _: Params) -> Any:
        """getMe."""
        return {
            **objects.user(self._hub.bot),
            "can_join_groups": True,
            "can_read_all_group_messages": not self._hub.privacy_mode,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
            "has_topics_enabled": False,
        }

    async def get_updates(self, params: Params) -> Any:
        """getUpdates, by long polling."""
        self._allow(params)
        limit = params.integer("limit") or MAX_UPDATES
        timeout_s = params.integer("timeout") or 0
        return await self._hub.updates.poll(
            params.integer("offset") or 0, min(max(limit, 1), MAX_UPDATES), timeout_s
        )

    def set_webhook(self, params: Params) -> bool:
        """setWebhook: only to switch it off, since the sandbox delivers by polling alone."""
        if params.text("url") is not None:
            raise bad_request("bad webhook: the sandbox delivers updates by getUpdates only")
        return self.delete_webhook(params)

    def delete_webhook(self, params: Params) -> bool:
        """deleteWebhook."""
        if params.flag("drop_pending_updates"):
            self._hub.updates.drop_pending()
        return True

    def get_webhook_info(self, _: Params) -> Any:
        """getWebhookInfo."""
        info = {
            "url": "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._hub.updates),
        }
        allowed = self._hub.updates.allowed
        return info if allowed is None else {**info, "allowed_updates": allowed}

    def answer_callback_query(self, params: Params) -> bool:
        """answerCallbackQuery: each query takes one answer."""
        text = params.text("text") or ""
        if len(text) > MAX_ALERT:
            raise bad_request("MESSAGE_TOO_LONG")
        person = self._hub.callback_queries.pop(params.text("callback_query_id") or "", None)
        if person is None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if text:
            self._hub.emit("answer", to=str(person.id), text=text)
        return True

    def set_my_commands(self, params: Params) -> bool:
        """setMyCommands."""
        commands = params.json("commands")
        if not isinstance(commands, list) or len(commands) > 100:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not isinstance(command, dict):
                raise bad_request("can't parse BotCommand: expected an Object")
            if not _COMMAND.fullmatch(str(command.get("command", ""))):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= 256:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        self._hub.commands[self._scope(params)] = [
            {"command": command["command"], "description": command["description"]} for command in commands
        ]
        self._hub.emit("commands", commands=self._hub.menu())
        return True

    def get_my_commands(self, params: Params) -> Any:
        """getMyCommands of exactly one scope and language."""
        return self._hub.commands.get(self._scope(params), [])

    def delete_my_commands(self, params: Params) -> bool:
        """deleteMyCommands of exactly one scope and language."""
        self._hub.commands.pop(self._scope(params), None)
        self._hub.emit("commands", commands=self._hub.menu())
        return True

    def get_chat(self, params: Params) -> Any:
        """getChat."""
        return objects.chat_full_info(access.open_chat(self._hub.world, params))

    def get_chat_member(self, params: Params) -> Any:
        """getChatMember."""
        chat = access.open_chat(self._hub.world, params)
        person = self._hub.world.people.get(params.integer("user_id") or 0)
        if person is None:
            raise bad_request("PARTICIPANT_ID_INVALID")
        return objects.chat_member(chat, person)

    def get_chat_administrators(self, params: Params) -> Any:
        """getChatAdministrators: other bots are left out."""
        chat = access.open_chat(self._hub.world, params)
        if chat.kind == "private":
            raise bad_request("there are no administrators in the private chat")
        people = [self._hub.world.people[person] for person in chat.status if chat.is_admin(person)]
        return [
            objects.chat_member(chat, person)
            for person in people
            if not person.bot or person.id == self._hub.bot.id
        ]

    def get_chat_member_count(self, params: Params) -> int:
        """getChatMemberCount."""
        chat = access.open_chat(self._hub.world, params)
        return sum(chat.is_member(person) for person in chat.status)

    def leave_chat(self, params: Params) -> bool:
        """leaveChat."""
        chat = access.open_chat(self._hub.world, params)
        if chat.kind == "private":
            raise bad_request("can't leave a private chat")
        self._hub.set_status(chat, self._hub.bot, "left")
        return True

    def _allow(self, params: Params) -> None:
        kinds = params.json("allowed_updates")
        if kinds is None:
            return
        if not isinstance(kinds, list):
            raise bad_request("can't parse allowed_updates: expected an Array of String")
        self._hub.updates.allow([str(kind) for kind in kinds])

    def _scope(self, params: Params) -> tuple[str, int, int, str]:
        scope = params.json("scope") or {"type": "default"}
        if not isinstance(scope, dict) or scope.get("type") not in _SCOPES:
            raise bad_request("can't parse BotCommandScope: unsupported type specified")
        chat_id, user_id = scope.get("chat_id", 0), scope.get("user_id", 0)
        if not isinstance(chat_id, int) or not isinstance(user_id, int):
            raise bad_request("chat not found")
        if chat_id and chat_id not in self._hub.world.chats:
            raise bad_request("chat not found")
        return scope["type"], chat_id, user_id, params.text("language_code") or ""
