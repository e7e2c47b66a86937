"""Where a call leads: its chat, topic and replied-to message, or Telegram's refusal."""

from __future__ import annotations

from bots.sandbox.telegram.errors import ApiError, bad_request, forbidden
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.world import GENERAL_TOPIC, Chat, Message, World


def known_chat(world: World, params: Params) -> Chat:
    """The chat that `chat_id` names, whether or not the bot may write there."""
    if params.text("chat_id") is None:
        raise bad_request("chat_id is empty")
    chat = world.chats.get(params.chat_id() or 0)
    if chat is None:
        raise bad_request("chat not found")
    return chat


def open_chat(world: World, params: Params) -> Chat:
    """The chat that `chat_id` names, when the bot may act in it."""
    chat = known_chat(world, params)
    standing = chat.status.get(world.bot.id, "left")
    if chat.migrated_to is not None:
        raise ApiError(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            {"migrate_to_chat_id": chat.migrated_to},
        )
    if chat.kind == "private":
        if not chat.started:
            raise forbidden("bot can't initiate conversation with a user")
        if standing == "kicked":
            raise forbidden("bot was blocked by the user")
    elif standing == "kicked":
        raise forbidden(f"bot was kicked from the {chat.kind} chat")
    elif standing == "left":
        raise forbidden(f"bot is not a member of the {chat.kind} chat")
    return chat


def target_of_reply(chat: Chat, params: Params) -> Message | None:
    """The message that `reply_parameters` names."""
    wanted = params.json("reply_parameters")
    if not wanted:
        return None
    if not isinstance(wanted, dict) or not isinstance(wanted.get("message_id"), int):
        raise bad_request("can't parse reply parameters: message_id is expected")
    elsewhere = wanted.get("chat_id") not in (None, chat.id, str(chat.id))
    message = None if elsewhere else chat.messages.get(wanted["message_id"])
    if message is None and not wanted.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    return message


def topic_of_send(chat: Chat, params: Params, reply_to: Message | None) -> int | None:
    """The topic that a message goes to: the one named, else that of the replied-to message."""
    topic = params.integer("message_thread_id")
    if topic is None:
        return reply_to.topic if reply_to is not None else None
    if topic == GENERAL_TOPIC or topic not in chat.topics:
        raise bad_request("message thread not found")
    return topic


def right_to_write(world: World, chat: Chat) -> None:
    """Want that the bot may send here at all."""
    if not chat.takes_messages and not chat.is_admin(world.bot.id):
        raise bad_request("not enough rights to send text messages to the chat")


def open_topic(world: World, chat: Chat, topic: int | None) -> None:
    """Want that the bot may write in a topic."""
    if topic in chat.closed_topics and not chat.runs_topics(world.bot.id):
        raise bad_request("TOPIC_CLOSED")


def own_message(chat: Chat, params: Params, bot: int) -> Message:
    """The message of the bot that `message_id` names, to be edited."""
    message_id = params.integer("message_id")
    if message_id is None:
        raise bad_request("message identifier is not specified")
    message = chat.messages.get(message_id)
    if message is None:
        raise bad_request("message to edit not found")
    if message.author.id != bot or message.service is not None or message.too_old:
        raise bad_request("message can't be edited")
    return message
