"""Where a call leads: its chat, topic, replied-to message and keyboard, or Telegram's refusal."""

from __future__ import annotations

from typing import Any

from bots.sandbox.telegram.errors import ApiError, bad_request, forbidden
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.world import GENERAL_TOPIC, Chat, Message, World

MAX_CALLBACK_DATA = 64  # bytes; core.telegram.org/bots/api#inlinekeyboardbutton
MAX_BUTTONS = 100


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


def own_message(chat: Chat, params: Params, bot: int) -> Message:
    """The message of the bot that `message_id` names, to be edited."""
    message_id = params.integer("message_id")
    if message_id is None:
        raise bad_request("message identifier is not specified")
    message = chat.messages.get(message_id)
    if message is None:
        raise bad_request("message to edit not found")
    if message.author.id != bot or message.service is not None:
        raise bad_request("message can't be edited")
    return message


def inline_keyboard(params: Params) -> dict[str, Any] | None:
    """The inline keyboard in `reply_markup`; the sandbox draws no other kind."""
    markup = params.json("reply_markup")
    if not markup:
        return None
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("the sandbox takes no reply markup but an inline keyboard")
    drawn = [[_button(button) for button in row] for row in rows if row]
    if sum(len(row) for row in drawn) > MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    return {"inline_keyboard": drawn} if drawn else None


def _button(button: object) -> dict[str, str]:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request('can\'t parse inline keyboard button: field "text" must be a String')
    drawn = {"text": button["text"]}
    if not drawn["text"].strip():
        raise bad_request("inline keyboard button text must be non-empty")
    if button.get("url"):
        drawn["url"] = str(button["url"])
    elif "callback_data" in button:
        data = str(button["callback_data"])
        if not 1 <= len(data.encode()) <= MAX_CALLBACK_DATA:
            raise bad_request("BUTTON_DATA_INVALID")
        drawn["callback_data"] = data
    else:
        raise bad_request("text buttons are unallowed in the inline keyboard")
    if button.get("style"):
        drawn["style"] = str(button["style"])
    return drawn
