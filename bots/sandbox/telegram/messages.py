"""The Bot API's methods that put messages into chats, change them and take them away."""

from __future__ import annotations

from typing import Any

from bots.sandbox.telegram import access, keyboards, objects, page
from bots.sandbox.telegram.errors import bad_request
from bots.sandbox.telegram.hub import Draft, Hub
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.text import MAX_TEXT, Entity, formatted
from bots.sandbox.telegram.world import Chat, Document, Message

DELETABLE_S = 48 * 3600.0  # core.telegram.org/bots/api#deletemessage
TYPING_S = 5.0  # core.telegram.org/bots/api#sendchataction
DRAFT_S = 30.0  # core.telegram.org/bots/api#sendmessagedraft

_ACTIONS = frozenset(
    [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ]
)
# core.telegram.org/bots/api#reactiontypeemoji
_EMOJI = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔"
    " 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘"
    " 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ 😡"
)
_REACTIONS = frozenset(_EMOJI.split())


class Messages:
    """Methods on messages; each takes Params and returns the `result` of the answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def send_message(self, params: Params) -> Any:
        """sendMessage."""
        chat = access.open_chat(self._hub.world, params)
        text, entities = _text(params)
        return self.send(chat, params, text=text, entities=entities)

    def send_message_draft(self, params: Params) -> bool:
        """sendMessageDraft: a preview in a private chat, gone with the next message.

        10.3's `can_stop` shows a button; without `keep_on_stop` the draft goes with the press on it.
        """
        chat = access.open_chat(self._hub.world, params)
        if chat.kind != "private":
            raise bad_request("TEXTDRAFT_PEER_INVALID")
        draft = params.integer("draft_id")
        if not draft:
            raise bad_request("draft identifier must be non-zero")
        text, entities = formatted(
            params.text("text") or "", given_entities(params, "entities"), limit=MAX_TEXT
        )
        topic, can_stop = params.integer("message_thread_id"), params.flag("can_stop")
        until = self._hub.clock() + DRAFT_S
        self._hub.drafts[chat.id] = Draft(draft, topic, can_stop, params.flag("keep_on_stop"), until)
        self._hub.emit(
            "draft",
            chat=page.chat_key(chat, None),
            draft=str(draft),
            text=text,
            entities=entities,
            can_stop=can_stop,
            for_s=DRAFT_S,
        )
        return True

    def send_chat_action(self, params: Params) -> bool:
        """sendChatAction."""
        chat = access.open_chat(self._hub.world, params)
        topic = params.integer("message_thread_id")
        if topic is not None and topic not in chat.topics:
            raise bad_request("message thread not found")
        if params.text("action") not in _ACTIONS:
            raise bad_request("wrong parameter action in request")
        self._hub.emit(
            "typing",
            chat=page.chat_key(chat, topic),
            person=str(self._hub.bot.id),
            for_s=TYPING_S,
        )
        return True

    def edit_message_text(self, params: Params) -> Any:
        """editMessageText: a missing keyboard takes the old one away."""
        message = self.own_message(params)
        if message.document is not None:
            raise bad_request("there is no text in the message to edit")
        text, entities = _text(params)
        return self.edit(message, text, entities, keyboards.under_edited_message(params))

    def edit_message_reply_markup(self, params: Params) -> Any:
        """editMessageReplyMarkup."""
        message = self.own_message(params)
        return self.edit(message, message.text, message.entities, keyboards.under_edited_message(params))

    def delete_message(self, params: Params) -> bool:
        """deleteMessage."""
        chat = access.open_chat(self._hub.world, params)
        message = chat.messages.get(params.integer("message_id") or 0)
        if message is None:
            raise bad_request("message to delete not found")
        if not self._deletable(message):
            raise bad_request("message can't be deleted")
        self._delete(message)
        return True

    def delete_messages(self, params: Params) -> bool:
        """deleteMessages: what is gone or may not be deleted is passed over."""
        chat = access.open_chat(self._hub.world, params)
        wanted = params.json("message_ids")
        if not isinstance(wanted, list) or not wanted:
            raise bad_request("message identifiers are not specified")
        if len(wanted) > 100:
            raise bad_request("too many message identifiers specified")
        for message_id in wanted:
            message = chat.messages.get(message_id)
            if message is not None and self._deletable(message):
                self._delete(message)
        return True

    def set_message_reaction(self, params: Params) -> bool:
        """setMessageReaction: one emoji at most, as for every account without Premium."""
        chat = access.open_chat(self._hub.world, params)
        message = chat.messages.get(params.integer("message_id") or 0)
        if message is None:
            raise bad_request("message to react not found")
        reaction = params.json("reaction") or []
        if not isinstance(reaction, list) or not all(isinstance(item, dict) for item in reaction):
            raise bad_request("can't parse reaction types JSON object")
        chosen = [str(item.get("emoji", "")) for item in reaction]
        if len(chosen) > 1:
            raise bad_request("REACTIONS_TOO_MANY")
        if not all(emoji.replace("\ufe0f", "") in _REACTIONS for emoji in chosen):
            raise bad_request("REACTION_INVALID")
        message.reactions.pop(self._hub.bot.id, None)
        if chosen:
            message.reactions[self._hub.bot.id] = chosen
        self._hub.show("edit", message)
        return True

    def send(self, chat: Chat, params: Params, **fields: Any) -> Any:
        """Put a message of the bot into a chat, as `params` say and with these fields."""
        reply_to = access.target_of_reply(chat, params)
        topic = access.topic_of_send(chat, params, reply_to)
        access.right_to_write(self._hub.world, chat)
        access.open_topic(self._hub.world, chat, topic)
        markup, force_reply = keyboards.under_new_message(params)
        self._hub.drafts.pop(chat.id, None)
        message = self._hub.world.add_message(
            chat,
            self._hub.bot,
            self._hub.unix_time(),
            topic=topic,
            reply_to=reply_to,
            markup=markup,
            force_reply=force_reply,
            silent=params.flag("disable_notification"),
            **fields,
        )
        self._hub.written("message", message)
        return objects.message(message)

    def own_message(self, params: Params) -> Message:
        """The message to be edited: one of the bot, or one that came from its inline results."""
        if (inline_id := params.text("inline_message_id")) is not None:
            message = self._hub.inline_messages.get(inline_id)
            if message is None or message.id not in message.chat.messages:
                raise bad_request("MESSAGE_ID_INVALID")
            return message
        chat = access.open_chat(self._hub.world, params)
        return access.own_message(chat, params, self._hub.bot.id)

    def edit(
        self,
        message: Message,
        text: str,
        entities: list[Entity],
        markup: dict[str, Any] | None,
        document: Document | None = None,
    ) -> Any:
        """Change a message; the Bot API tells nothing of one that is known by its inline id."""
        document = document or message.document
        shown = (message.text, message.entities, message.document)
        if (text, entities, document) == shown and markup == message.markup:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are"
                " exactly the same as a current content and reply markup of the message"
            )
        if (text, entities, document) != shown:  # buttons alone leave no "edited" mark
            message.edits += 1
            message.edited_at = self._hub.unix_time()
        message.text, message.entities, message.markup = text, entities, markup
        message.document = document
        self._hub.written("edit", message)
        return True if message.inline_id else objects.message(message)

    def _deletable(self, message: Message) -> bool:
        bot, chat = self._hub.bot.id, message.chat
        if "can_delete_messages" in chat.rights.get(bot, ()):
            return True
        recent = self._hub.unix_time() - message.date < DELETABLE_S
        return recent and (message.author.id == bot or chat.kind == "private")

    def _delete(self, message: Message) -> None:
        del message.chat.messages[message.id]
        self._hub.show("delete", message)


def given_entities(params: Params, name: str) -> Any:
    """The entities given; the sandbox parses no Markdown or HTML, and says so."""
    if params.text("parse_mode") is not None:
        raise bad_request("the sandbox takes entities, no parse_mode")
    return params.json(name)


def _text(params: Params) -> tuple[str, list[Entity]]:
    text, entities = formatted(params.text("text") or "", given_entities(params, "entities"), limit=MAX_TEXT)
    if not text:
        raise bad_request("message text is empty")
    return text, entities
