"""The world's things in their two outward forms: Bot API objects, and the page's entries."""

from __future__ import annotations

from typing import Any

from bots.sandbox.telegram.world import GENERAL_TOPIC, Chat, Document, Message, Person

Json = dict[str, Any]

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
    if item.document:
        found["document"] = document(item.document)
    if item.text:
        words, marks = ("caption", "caption_entities") if item.document else ("text", "entities")
        found[words] = item.text
        if item.entities:
            found[marks] = item.entities
    if item.service:
        found |= item.service
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


def page_person(person: Person, place: Chat | None = None) -> Json:
    """A person as the page draws them; `admin` holds for `place`."""
    return {
        "id": str(person.id),
        "name": person.name,
        "username": person.username,
        "bot": person.bot,
        "admin": place is not None and place.is_admin(person.id),
    }


def page_chat_id(place: Chat, topic: int | None) -> str:
    """The page's id of a chat, or of one topic of a forum."""
    return f"{place.id}/{topic or GENERAL_TOPIC}" if place.forum else str(place.id)


def page_chats(place: Chat) -> list[Json]:
    """A chat as the page draws it; a forum is one entry per topic."""
    if place.forum:
        return [
            {
                "platform": "telegram",
                "id": page_chat_id(place, topic),
                "name": name,
                "kind": "topic",
                "group": place.name,
            }
            for topic, name in place.topics.items()
        ]
    return [
        {
            "platform": "telegram",
            "id": str(place.id),
            "name": place.name,
            "kind": "private" if place.kind == "private" else "group",
            "group": None,
        }
    ]


def page_message(item: Message) -> Json:
    """A message as the page draws it."""
    return {
        "id": str(item.id),
        "chat": page_chat_id(item.chat, item.topic),
        "author": page_person(item.author, item.chat),
        "text": item.text or _service_line(item),
        "service": item.service is not None,
        "entities": item.entities or None,
        "buttons": [
            {
                "id": button.get("callback_data") or button["url"],
                "label": button["text"],
                "style": "link" if "url" in button else button.get("style", "secondary"),
            }
            for row in (item.markup or {}).get("inline_keyboard", [])
            for button in row
        ],
        "reply_to": str(item.reply_to.id) if item.reply_to else None,
        "edited": item.edits,
        "silent": item.silent,
        "only_for": None,
        "thinking": False,
        "command": None,
        "reactions": [
            {"emoji": emoji, "by": str(person)}
            for person, several in item.reactions.items()
            for emoji in several
        ],
        "at": item.date,
        "files": (
            [{"id": item.document.id, "name": item.document.name, "size": len(item.document.content)}]
            if item.document
            else []
        ),
    }


def _service_line(item: Message) -> str:
    """The line that a client shows for a service message, "" when it is none."""
    match item.service:
        case {"new_chat_members": members}:
            return f"{item.author.name} added {', '.join(m['first_name'] for m in members)}"
        case {"left_chat_member": member}:
            return f"{item.author.name} removed {member['first_name']}"
        case {"forum_topic_created": topic}:
            return f"{item.author.name} created the topic {topic['name']}"
        case {"migrate_to_chat_id": _} | {"migrate_from_chat_id": _}:
            return "The group became a supergroup"
        case _:
            return ""
