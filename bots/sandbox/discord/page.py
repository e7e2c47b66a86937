"""The world as a person sees it: the dicts that the web page and the tests read."""

from __future__ import annotations

from bots.sandbox.discord.components import drawn_buttons, drawn_rows
from bots.sandbox.discord.models import Change, Channel, Json, Message, User
from bots.sandbox.discord.payloads import COMMAND_ANSWERS, LOADING, SILENT, THREAD_CREATED, THREAD_STARTER
from bots.sandbox.discord.world import World
from bots.sandbox.images import picture

_TYPING_LASTS_S = 10.0


def chat_entry(world: World, channel: Channel) -> Json:
    """A chat."""
    return {
        "platform": "discord",
        "id": str(channel.id),
        "name": channel.name,
        "kind": channel.kind,
        "group": world.guild_name if channel.in_guild else None,
        "parent": str(channel.parent.id) if channel.parent else None,
        "archived": channel.archived,
        "locked": channel.locked,
        "readers": _readers(world, channel),
    }


def person_entry(world: World, account: User) -> Json:
    """A person or a bot."""
    return {
        "id": str(account.id),
        "name": account.name,
        "bot": account.bot,
        "admin": account == world.owner,
        "language": world.locale(account),
    }


def message_entry(world: World, message: Message) -> Json:
    """A message; `text` is Markdown with `<@id>` mentions, as Discord's clients get it."""
    command = message.interaction if message.type in COMMAND_ANSWERS else None
    shown = message.reply_to if message.type == THREAD_STARTER and message.reply_to else message
    created = message.type == THREAD_CREATED
    return {
        "id": str(message.id),
        "chat": str(message.channel.id),
        "author": person_entry(world, message.author),
        "text": f"{message.author.name} started a thread: {message.content}" if created else shown.content,
        "service": created,
        "entities": None,
        "buttons": drawn_buttons(message),
        "rows": drawn_rows(message),
        "reply_to": str(message.reply_to.id) if message.reply_to and shown is message else None,
        "thread": str(message.thread.id) if message.thread else None,
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
            {
                "id": str(file.id),
                "name": file.name,
                "size": len(file.content),
                "picture": picture(file.content) is not None,
            }
            for file in shown.files
        ],
    }


def event_entry(world: World, change: Change) -> Json:
    """The page's event for a change of the world."""
    if change.message is not None:
        # A reaction or a thread makes a message look different, but is no edit of it.
        kind = change.kind if change.kind in ("message", "delete") else "edit"
        return {"type": kind, "message": message_entry(world, change.message)}
    if change.kind == "delete_bulk":
        deleted = [message_entry(world, message) for message in change.messages]
        return {"type": "delete_bulk", "messages": deleted}
    if change.user is not None and change.kind == "typing":
        chat, person = str(change.channel.id), str(change.user.id)
        return {"type": "typing", "chat": chat, "person": person, "for_s": _TYPING_LASTS_S}
    if change.user is not None:
        return {"type": "person", "person": person_entry(world, change.user)}
    gone = change.kind in ("thread_delete", "channel_delete")
    return {"type": "chat_gone" if gone else "chat", "chat": chat_entry(world, change.channel)}


def _readers(world: World, channel: Channel) -> list[str] | None:
    """Who sees a channel, None when everybody does."""
    if not channel.in_guild:
        return [str(one.id) for one in (channel.recipient, *channel.friends) if one is not None]
    people = world.people
    readers = [str(person.id) for person in people if world.permissions(person, channel)]
    return None if len(readers) == len(people) else readers
