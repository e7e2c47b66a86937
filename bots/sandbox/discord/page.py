"""The world as a person sees it: the dicts that the web page and the tests read."""

from __future__ import annotations

from bots.sandbox.discord.payloads import LOADING, SILENT
from bots.sandbox.discord.world import Change, Channel, Json, Message, User, World

_TYPING_LASTS_S = 10.0


def chat_entry(world: World, channel: Channel) -> Json:
    """A chat."""
    return {
        "platform": "discord",
        "id": str(channel.id),
        "name": channel.name,
        "kind": channel.kind,
        "group": None if channel.kind == "dm" else world.guild_name,
        "parent": str(channel.parent.id) if channel.parent else None,
    }


def person_entry(world: World, account: User) -> Json:
    """A person or a bot."""
    return {
        "id": str(account.id),
        "name": account.name,
        "bot": account.bot,
        "admin": account == world.owner,
    }


def message_entry(world: World, message: Message) -> Json:
    """A message; `text` is Markdown with `<@id>` mentions, as Discord's clients get it."""
    command = message.interaction if message.type == 20 else None
    return {
        "id": str(message.id),
        "chat": str(message.channel.id),
        "author": person_entry(world, message.author),
        "text": message.content,
        "entities": None,
        "buttons": [_button(child) for row in message.components for child in row["components"]],
        "reply_to": str(message.reply_to.id) if message.reply_to else None,
        "edited": message.edits,
        "silent": bool(message.flags & SILENT),
        "only_for": str(message.only_for.id) if message.only_for else None,
        "thinking": bool(message.flags & LOADING),
        "command": command.shown_as if command else None,
        "command_by": str(command.user.id) if command else None,
        "reactions": [
            {"emoji": emoji, "by": str(account.id)}
            for emoji, by in message.reactions.items()
            for account in by
        ],
        "at": message.at,
        "files": [
            {"id": str(file.id), "name": file.name, "size": len(file.content)} for file in message.files
        ],
    }


def event_entry(world: World, change: Change) -> Json:
    """The page's event for a change of the world."""
    match change.kind:
        case "message" | "edit" | "delete" if change.message is not None:
            return {"type": change.kind, "message": message_entry(world, change.message)}
        case "reaction" | "unreaction" if change.message is not None:
            # Seen as a message that looks different, but not as an edit of it.
            return {"type": "edit", "message": message_entry(world, change.message)}
        case "typing" if change.user is not None:
            return {
                "type": "typing",
                "chat": str(change.channel.id),
                "person": str(change.user.id),
                "for_s": _TYPING_LASTS_S,
            }
        case _:
            return {"type": "chat", "chat": chat_entry(world, change.channel)}


def _button(child: Json) -> Json:
    return {
        "id": child.get("custom_id"),
        "label": child.get("label") or (child.get("emoji") or {}).get("name"),
        "style": child.get("style"),
        "disabled": bool(child.get("disabled")),
    }
