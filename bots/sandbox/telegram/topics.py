"""The Bot API's methods on the topics of a forum."""

from __future__ import annotations

from typing import Any

from bots.sandbox.telegram import access
from bots.sandbox.telegram.errors import bad_request
from bots.sandbox.telegram.hub import Hub
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.world import GENERAL_TOPIC, TOPIC_COLOUR, Chat

MAX_NAME = 128  # characters; core.telegram.org/bots/api#createforumtopic


class Topics:
    """Methods on topics; each takes Params and returns the `result` of the answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def create_forum_topic(self, params: Params) -> Any:
        """createForumTopic, with the right to manage topics."""
        chat = self._forum(params)
        if not chat.runs_topics(self._hub.bot.id):
            raise bad_request("not enough rights to create a topic")
        name = _name(params)
        created = self._hub.world.add_topic(chat, name, self._hub.bot, self._hub.unix_time())
        self._hub.show_chat(chat)
        self._hub.show("message", created)
        return {"message_thread_id": created.id, "name": name, "icon_color": TOPIC_COLOUR}

    def edit_forum_topic(self, params: Params) -> bool:
        """editForumTopic: its name."""
        chat, topic = self._managed(params)
        name = _name(params)
        if name == chat.topics[topic]:
            raise bad_request("TOPIC_NOT_MODIFIED")
        chat.topics[topic] = name
        return self._changed(chat, topic, {"forum_topic_edited": {"name": name}})

    def close_forum_topic(self, params: Params) -> bool:
        """closeForumTopic: from then on only those who manage topics write there."""
        chat, topic = self._managed(params)
        if topic in chat.closed_topics:
            raise bad_request("TOPIC_NOT_MODIFIED")
        chat.closed_topics.add(topic)
        return self._changed(chat, topic, {"forum_topic_closed": {}})

    def reopen_forum_topic(self, params: Params) -> bool:
        """reopenForumTopic."""
        chat, topic = self._managed(params)
        if topic not in chat.closed_topics:
            raise bad_request("TOPIC_NOT_MODIFIED")
        chat.closed_topics.discard(topic)
        return self._changed(chat, topic, {"forum_topic_reopened": {}})

    def delete_forum_topic(self, params: Params) -> bool:
        """deleteForumTopic, with all that is in it."""
        chat, topic = self._named(params)
        if "can_delete_messages" not in chat.rights.get(self._hub.bot.id, ()):
            raise bad_request("not enough rights to delete the topic")
        self._hub.delete_topic(chat, topic)
        return True

    def _changed(self, chat: Chat, topic: int, content: dict[str, Any]) -> bool:
        line = self._hub.world.add_message(
            chat, self._hub.bot, self._hub.unix_time(), topic=topic, service=content
        )
        self._hub.show_chat(chat)
        self._hub.show("message", line)
        return True

    def _forum(self, params: Params) -> Chat:
        chat = access.open_chat(self._hub.world, params)
        if not chat.forum:
            raise bad_request("the chat is not a forum")
        return chat

    def _named(self, params: Params) -> tuple[Chat, int]:
        chat = self._forum(params)
        topic = params.integer("message_thread_id")
        if topic is None or topic == GENERAL_TOPIC or topic not in chat.topics:
            raise bad_request("TOPIC_ID_INVALID")
        return chat, topic

    def _managed(self, params: Params) -> tuple[Chat, int]:
        chat, topic = self._named(params)
        if not chat.runs_topics(self._hub.bot.id, topic):
            raise bad_request("not enough rights to manage the topic")
        return chat, topic


def _name(params: Params) -> str:
    name = (params.text("name") or "").strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise bad_request("topic name must be non-empty" if not name else "topic name is too long")
    return name
