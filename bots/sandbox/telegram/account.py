"""The Bot API's methods on the bot itself: who it is, its updates, chats and members."""

from __future__ import annotations

from typing import Any

from bots.sandbox.telegram import access, objects
from bots.sandbox.telegram.errors import bad_request, conflict
from bots.sandbox.telegram.hub import Hub
from bots.sandbox.telegram.links import deep_link
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.updates import MAX_UPDATES
from bots.sandbox.telegram.webhook import MAX_CONNECTIONS, Target, Webhook

MAX_ALERT = 200  # characters; core.telegram.org/bots/api#answercallbackquery


class Account:
    """Methods on the account; each takes Params and returns the `result` of the answer."""

    def __init__(self, hub: Hub, webhook: Webhook) -> None:
        self._hub = hub
        self._webhook = webhook

    def get_me(self, _: Params) -> Any:
        """getMe."""
        return {
            **objects.user(self._hub.bot),
            "can_join_groups": True,
            "can_read_all_group_messages": not self._hub.privacy_mode,
            "supports_inline_queries": self._hub.inline_mode,
            "can_connect_to_business": False,
            "has_main_web_app": False,
            "has_topics_enabled": False,
        }

    async def get_updates(self, params: Params) -> Any:
        """getUpdates, by long polling, where no webhook is set."""
        if self._webhook.target is not None:
            raise conflict(
                "can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first"
            )
        self._allow(params)
        limit = params.integer("limit") or MAX_UPDATES
        timeout_s = params.integer("timeout") or 0
        return await self._hub.updates.poll(
            params.integer("offset") or 0, min(max(limit, 1), MAX_UPDATES), timeout_s
        )

    def set_webhook(self, params: Params) -> bool:
        """setWebhook; without an address it is deleteWebhook."""
        url = params.text("url")
        if url is None:
            return self.delete_webhook(params)
        limit = params.integer("max_connections") or MAX_CONNECTIONS
        target = Target(url, params.text("secret_token") or "", min(max(limit, 1), 100))
        self._webhook.check(target)
        self._hub.updates.end_poll("terminated by setWebhook request")
        self._allow(params)
        if params.flag("drop_pending_updates"):
            self._hub.updates.drop_pending()
        self._webhook.set(target)
        return True

    def delete_webhook(self, params: Params) -> bool:
        """deleteWebhook."""
        self._webhook.set(None)
        if params.flag("drop_pending_updates"):
            self._hub.updates.drop_pending()
        return True

    def get_webhook_info(self, _: Params) -> Any:
        """getWebhookInfo."""
        info = {**self._webhook.info(), "pending_update_count": len(self._hub.updates)}
        allowed = self._hub.updates.allowed
        return info if allowed is None else {**info, "allowed_updates": allowed}

    def answer_callback_query(self, params: Params) -> bool:
        """answerCallbackQuery: each query takes one answer, a passing line or (`show_alert`) a box."""
        text, url = params.text("text") or "", params.text("url")
        if len(text) > MAX_ALERT:
            raise bad_request("MESSAGE_TOO_LONG")
        if url is not None and deep_link(url, self._hub.bot) is None:
            raise bad_request("URL_INVALID")
        person = self._hub.callback_queries.pop(params.text("callback_query_id") or "", None)
        if person is None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if text:
            alert = {"alert": True} if params.flag("show_alert") else {}
            self._hub.emit("answer", to=str(person.id), text=text, **alert)
        if url is not None:
            self._hub.emit("open", to=str(person.id), url=url)
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
