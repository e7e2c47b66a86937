"""The world's things as the Bot API's objects."""

from __future__ import annotations

from typing import Any

from bots.sandbox.telegram.world import Chat, Document, Message, Person

Json = dict[str, Any]

BUTTON_KINDS = (
    "callback_data",
    "url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "copy_text",
)

ADMIN_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
    "can_manage_topics",
)


def user(person: Person) -> Json:
    """A User object."""
    return {
        "id": person.id,
        "is_bot": person.bot,
        "first_name": person.name,
        "username": person.username,
        **({} if person.bot else {"language_code": person.language}),
    }


def chat(place: Chat) -> Json:
    """A Chat object."""
    if place.kind == "private":
        return {
            "id": place.id,
            "type": "private",
            "first_name": place.name,
            "username": place.name.lower(),
        }
    found: Json = {"id": place.id, "type": place.kind, "title": place.name}
    if place.kind == "group":
        found["all_members_are_administrators"] = False
    if place.forum:
        found["is_forum"] = True
    return found


def chat_full_info(place: Chat) -> Json:
    """A ChatFullInfo object."""
    return {
        **chat(place),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            False,
        ),
    }


def chat_member(place: Chat, person: Person) -> Json:
    """A ChatMember object of the kind that the person's status asks for."""
    status = place.status.get(person.id, "left")
    member: Json = {"user": user(person), "status": status}
    if status == "creator":
        member["is_anonymous"] = False
    elif status == "administrator":
        held = place.rights.get(person.id, frozenset())
        member |= {right: right in held for right in ADMIN_RIGHTS}
        member |= {"can_be_edited": False, "is_anonymous": False}
    elif status == "kicked":
        member["until_date"] = 0
    return member


def document(file: Document) -> Json:
    """A Document object."""
    return {
        "file_id": file.id,
        "file_unique_id": file.id[-16:],
        "file_name": file.name,
        "mime_type": file.mime_type,
        "file_size": len(file.content),
    }


def photo(file: Document) -> list[Json]:
    """A photo's sizes: there is one here."""
    size = {"width": file.picture.width, "height": file.picture.height} if file.picture else {}
    found = document(file)
    return [{key: found[key] for key in ("file_id", "file_unique_id", "file_size")} | size]


def message(item: Message, *, nested: bool = False) -> Json:
    """A Message object; a replied-to message stands in it without its own reply."""
    found: Json = {
        "message_id": item.id,
        "from": user(item.author),
        "chat": chat(item.chat),
        "date": int(item.date),
    }
    if item.topic is not None:
        found |= {"message_thread_id": item.topic, "is_topic_message": True}
    if item.edits:
        found["edit_date"] = int(item.edited_at)
    if item.document and item.document.picture:
        found["photo"] = photo(item.document)
    elif item.document:
        found["document"] = document(item.document)
    if item.text:
        words, marks = ("caption", "caption_entities") if item.document else ("text", "entities")
        found[words] = item.text
        if item.entities:
            found[marks] = item.entities
    if item.service:
        found |= item.service
    if item.via_bot:
        found["via_bot"] = user(item.via_bot)
    if item.markup:
        found["reply_markup"] = item.markup
    target = _shown_reply(item)
    if target is not None and not nested:
        found["reply_to_message"] = message(target, nested=True)
    return found


def _shown_reply(item: Message) -> Message | None:
    """What a message answers: in a topic, the Bot API server adds the topic's first message."""
    if item.reply_to is not None:
        return item.reply_to if item.reply_to.id in item.chat.messages else None
    if item.topic is None or item.topic == item.id:
        return None
    return item.chat.messages.get(item.topic)
