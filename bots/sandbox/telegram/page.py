"""The world as a person sees it: the dicts that the web page and the tests read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bots.sandbox.telegram.objects import BUTTON_KINDS, Json
from bots.sandbox.telegram.text import utf16_slice
from bots.sandbox.telegram.world import GENERAL_TOPIC, Chat, Document, Message, Person


def person_entry(person: Person, place: Chat | None = None) -> Json:
    """A person as the page draws them; `admin` holds for `place`."""
    return {
        "id": str(person.id),
        "name": person.name,
        "username": person.username,
        "bot": person.bot,
        "admin": place is not None and place.is_admin(person.id),
        "language": person.language,
    }


def chat_key(place: Chat, topic: int | None) -> str:
    """The page's id of a chat, or of one topic of a forum."""
    return f"{place.id}/{topic or GENERAL_TOPIC}" if place.forum else str(place.id)


def chat_entries(place: Chat) -> list[Json]:
    """A chat as the page draws it; a forum is one entry per topic."""
    if place.forum:
        return [
            {
                "platform": "telegram",
                "id": chat_key(place, topic),
                "name": name,
                "kind": "topic",
                "group": place.name,
                "closed": topic in place.closed_topics,
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


def message_entry(item: Message) -> Json:
    """A message as the page draws it."""
    return {
        "id": str(item.id),
        "chat": chat_key(item.chat, item.topic),
        "author": person_entry(item.author, item.chat),
        "text": item.text or _service_line(item),
        "service": item.service is not None,
        "entities": item.entities or None,
        "buttons": [drawn for row in _keyboard(item) for drawn in map(_plain, row)],
        "rows": _keyboard(item),
        "force_reply": _forced(item),
        "via_bot": item.via_bot.name if item.via_bot else None,
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
        "files": [_file(item.document)] if item.document else [],
    }


def _keyboard(item: Message) -> list[list[Json]]:
    """The rows of the inline keyboard; `does` says what a press is: call back, open a link, and so on."""
    return [[_button(button) for button in row] for row in (item.markup or {}).get("inline_keyboard", [])]


def _button(button: Json) -> Json:
    does = next(kind for kind in BUTTON_KINDS if kind in button)
    value = button[does]["text"] if does == "copy_text" else button[does]
    style = "link" if does == "url" else button.get("style", "secondary")
    return {"kind": "button", "does": does, "id": value, "label": button["text"], "style": style}


def _plain(button: Json) -> Json:
    return {key: button[key] for key in ("id", "label", "style")}


def _forced(item: Message) -> Json | None:
    """Who must reply: None stands for everybody, else those mentioned and the one replied to."""
    if item.force_reply is None:
        return None
    chosen: list[str] | None = None
    if item.force_reply.get("selective"):
        names = {
            utf16_slice(item.text, mark["offset"], mark["length"])[1:].lower()
            for mark in item.entities
            if mark["type"] == "mention"
        }
        chosen = ["@" + name for name in sorted(names)]
        chosen += [str(mark["user"]["id"]) for mark in item.entities if mark["type"] == "text_mention"]
        chosen += [str(item.reply_to.author.id)] if item.reply_to else []
    return {"placeholder": item.force_reply.get("input_field_placeholder") or "", "of": chosen}


def _file(file: Document) -> Json:
    size = len(file.content)
    return {"id": file.id, "name": file.name, "size": size, "picture": file.picture is not None}


def _service_line(item: Message) -> str:
    """The line that a client shows for a service message, "" when it is none."""
    who = item.author.name
    lines: dict[str, Callable[[Any], str]] = {
        "new_chat_members": lambda members: f"{who} added {', '.join(m['first_name'] for m in members)}",
        "left_chat_member": lambda member: f"{who} removed {member['first_name']}",
        "forum_topic_created": lambda topic: f"{who} created the topic {topic['name']}",
        "forum_topic_edited": lambda topic: f"{who} renamed the topic to {topic['name']}",
        "forum_topic_closed": lambda _: f"{who} closed the topic",
        "forum_topic_reopened": lambda _: f"{who} reopened the topic",
        "migrate_to_chat_id": lambda _: "The group became a supergroup",
        "migrate_from_chat_id": lambda _: "The group became a supergroup",
    }
    return "".join(lines[kind](value) for kind, value in (item.service or {}).items() if kind in lines)
