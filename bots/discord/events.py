"""From discord.py's events to what the core speaks. Pure: no request is made here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import discord

from bots.discord.commands import menu_command
from bots.discord.people import person_of, presser, roles_in, roles_of, untold_roles
from bots.discord.places import Interaction, place_of, place_of_interaction
from core.commands.registry import Registry
from core.messages import (
    Addressed,
    ButtonPress,
    FormSubmitted,
    IncomingCommand,
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    Place,
    PlaceKind,
    Quote,
    Suggesting,
)

_MENTION = re.compile(r"<(?P<kind>@!?|@&|#)(?P<id>[0-9]{1,20})>", re.ASCII)
_BELOW: Final = frozenset(
    {
        kind.value
        for kind in (discord.AppCommandOptionType.subcommand, discord.AppCommandOptionType.subcommand_group)
    }
)
_WRITTEN_BY_PEOPLE = frozenset({discord.MessageType.default, discord.MessageType.reply})


def message_event(
    message: discord.Message, me: discord.abc.User, *, content_granted: bool = True
) -> IncomingMessage | None:
    """A message as the core sees it; None for our own, and for what Discord itself says (joins, pins)."""
    if message.author.id == me.id or message.type not in _WRITTEN_BY_PEOPLE:
        return None
    place = place_of(message.channel, message.guild)
    return IncomingMessage(
        event_id=str(message.id),
        place=place,
        author=person_of(message),
        ref=MessageRef(place.chat_id, str(message.id)),
        text=readable(message, without=_our_mentions(message, me)),
        addressed=_addressed(message, me, place, content_granted=content_granted),
        quote=_quote(message, me),
        has_attachments=bool(message.attachments or message.stickers),
        mentions_others=_mentions_others(message, me),
    )


def edit_event(message: discord.Message, me: discord.abc.User) -> MessageEdited | None:
    """A change of somebody's own words; None for what Discord itself changes, such as a link's preview."""
    if message.author.id == me.id or message.edited_at is None or not message.content:
        return None
    place = place_of(message.channel, message.guild)
    return MessageEdited(
        event_id=f"{message.id} {message.edited_at.isoformat()}",
        place=place,
        author=person_of(message),
        ref=MessageRef(place.chat_id, str(message.id)),
        text=readable(message, without=_our_mentions(message, me)),
    )


def deletion_event(
    message_id: int, channel: object, channel_id: int, guild: discord.Guild | None
) -> MessageDeleted:
    """`channel`: as far as the library knows it: it may be gone itself."""
    place = replace(place_of(channel, guild), chat_id=str(channel_id))
    return MessageDeleted(f"{message_id} deleted", place, MessageRef(place.chat_id, str(message_id)))


def command_event(interaction: Interaction, registry: Registry) -> IncomingCommand:
    """A command as the core sees it: a slash command, one of a group, or one from a message's menu."""
    data: dict[str, Any] = dict(interaction.data or {})
    place = place_of_interaction(interaction)
    author = presser(interaction)
    if data.get("type") == discord.AppCommandType.message.value:
        name, target = menu_command(registry, str(data.get("name", ""))), _target(data, place, interaction)
        return IncomingCommand(str(interaction.id), place, author, name, target=target)
    name, options = _invoked(data)
    arguments = {str(option["name"]): str(option["value"]) for option in options if "value" in option}
    return IncomingCommand(str(interaction.id), place, author, name, arguments)


def suggesting_event(interaction: Interaction) -> Suggesting | None:
    """An argument that somebody is typing; None where none is."""
    name, options = _invoked(dict(interaction.data or {}))
    focused = next((option for option in options if option.get("focused")), None)
    if focused is None:
        return None
    place = place_of_interaction(interaction)
    return Suggesting(place, presser(interaction), name, str(focused["name"]), str(focused.get("value", "")))


def form_event(interaction: Interaction) -> FormSubmitted:
    """A form that somebody filled in, as the core sees it."""
    data: dict[str, Any] = dict(interaction.data or {})
    place = place_of_interaction(interaction)
    inputs = [
        one
        for component in data.get("components") or ()
        for one in (
            component.get("component"),
            *component.get("components", ()),
        )
        if one is not None
    ]
    message = interaction.message
    return FormSubmitted(
        event_id=str(interaction.id),
        place=place,
        author=presser(interaction),
        data=str(data.get("custom_id", "")),
        fields={str(one["custom_id"]): str(one.get("value", "")) for one in inputs},
        ref=None if message is None else MessageRef(place.chat_id, str(message.id)),
    )


def press_event(interaction: Interaction, message: discord.Message) -> ButtonPress:
    """A press on a button, or a choice from a select, under one of our messages as the core sees it."""
    data: dict[str, Any] = dict(interaction.data or {})
    place = place_of_interaction(interaction)
    return ButtonPress(
        event_id=str(interaction.id),
        place=place,
        author=presser(interaction),
        ref=MessageRef(place.chat_id, str(message.id)),
        data=str(data.get("custom_id", "")),
        values=tuple(map(str, data.get("values") or ())),
        stands=_has(message, str(data.get("custom_id", "")), set(map(str, data.get("values") or ()))),
    )


def _has(message: discord.Message, custom_id: str, values: set[str]) -> bool:
    """Whether there is such a control under it, with such values: a client may send any."""
    for row in message.components:
        for one in row.children if isinstance(row, discord.ActionRow) else ():
            if isinstance(one, discord.Button) and one.custom_id == custom_id:
                return not values
            if isinstance(one, discord.SelectMenu) and one.custom_id == custom_id:
                return values <= {option.value for option in one.options}
    return False


def _invoked(data: Mapping[str, Any]) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The name and the options of what was invoked; of a group, of its subcommand."""
    options: Sequence[Mapping[str, Any]] = data.get("options") or ()
    if len(options) == 1 and options[0].get("type") in _BELOW:
        return _invoked(options[0])
    return str(data.get("name", "")), options


def _target(data: Mapping[str, Any], place: Place, interaction: Interaction) -> Quote | None:
    """The message whose menu was used: it comes with its text, whatever the bot may read otherwise."""
    target_id = str(data.get("target_id", ""))
    message = data.get("resolved", {}).get("messages", {}).get(target_id)
    if message is None:
        return None
    author = message.get("author", {})
    names = {f"@{user['id']}": f"@{_name(user)}" for user in message.get("mentions", ())}
    return Quote(
        ref=MessageRef(place.chat_id, target_id),
        author_name=_name(author),
        text=_spoken(message.get("content", ""), names, frozenset()),
        by_us=interaction.client.user is not None
        and str(author.get("id")) == str(interaction.client.user.id),
        author_id=str(author.get("id", "")),
        author_roles=roles_in(interaction.guild),
        replies_to=_replied_to_in(message, place),
    )


def _replied_to_in(message: Mapping[str, Any], place: Place) -> MessageRef | None:
    """The same as `replied_to`, of a message that is no object of the library's."""
    reference = message.get("message_reference") or {}
    is_reply = message.get("type") == discord.MessageType.reply.value
    if not is_reply or str(reference.get("channel_id")) != place.chat_id or "message_id" not in reference:
        return None
    return MessageRef(place.chat_id, str(reference["message_id"]))


def _name(user: Mapping[str, Any]) -> str:
    return str(user.get("global_name") or user.get("username") or "")


def readable(message: discord.Message, *, without: frozenset[str]) -> str:
    """The message's text with mentions as `@name` and `#name`, and those in `without` left out."""
    names = {f"@{user.id}": f"@{user.display_name}" for user in message.mentions}
    names |= {f"@&{role.id}": f"@{role.name}" for role in message.role_mentions}
    names |= {f"#{channel.id}": f"#{channel.name}" for channel in message.channel_mentions}

    return _spoken(message.content, names, without)


def _spoken(text: str, names: Mapping[str, str], without: frozenset[str]) -> str:
    def spoken(mention: re.Match[str]) -> str:
        key = mention["kind"].replace("!", "") + mention["id"]
        return "" if key in without else names.get(key, mention[0])

    return _MENTION.sub(spoken, text).strip()


def _our_mentions(message: discord.Message, me: discord.abc.User) -> frozenset[str]:
    """How a text can mention us: as a user, or by the role that Discord made for the bot."""
    role = message.guild.self_role if message.guild else None
    return frozenset({f"@{me.id}"} | ({f"@&{role.id}"} if role else set()))


def _addressed(
    message: discord.Message, me: discord.abc.User, place: Place, *, content_granted: bool
) -> Addressed:
    if place.kind is PlaceKind.PRIVATE:
        return Addressed.PRIVATE
    ours = _our_mentions(message, me)
    mentioned = {f"@{user.id}" for user in message.mentions}
    mentioned |= {f"@&{role.id}" for role in message.role_mentions}
    written = {match["kind"].replace("!", "") + match["id"] for match in _MENTION.finditer(message.content)}
    if ours & mentioned & written:
        return Addressed.MENTION
    quote = _quote(message, me)
    # A reply that does not ping us comes without its text when the Message Content intent is off.
    if quote is not None and quote.by_us and (message.content or content_granted):
        return Addressed.REPLY
    return Addressed.NO


def _mentions_others(message: discord.Message, me: discord.abc.User) -> bool:
    """Also of a reply that pings whom it answers: it speaks to them."""
    role = message.guild.self_role if message.guild else None
    people = any(user.id != me.id for user in message.mentions)
    return people or message.mention_everyone or any(one != role for one in message.role_mentions)


def _quote(message: discord.Message, me: discord.abc.User) -> Quote | None:
    reference = message.reference
    if reference is None or reference.type is not discord.MessageReferenceType.reply:
        return None
    quoted = reference.resolved
    if not isinstance(quoted, discord.Message):  # deleted, or not in the event
        return None
    if quoted.channel.id != message.channel.id:  # of another place nothing is told here
        return None
    return Quote(
        ref=MessageRef(str(quoted.channel.id), str(quoted.id)),
        author_name=quoted.author.display_name,
        text=readable(quoted, without=frozenset()),
        by_us=quoted.author.id == me.id,
        author_id=str(quoted.author.id),
        author_roles=roles_of(quoted.author) or untold_roles(quoted.author, message.guild),
        replies_to=replied_to(quoted),
    )


def replied_to(message: discord.Message) -> MessageRef | None:
    """The message of the same channel that a message is a reply to."""
    reference = message.reference
    if reference is None or reference.type is not discord.MessageReferenceType.reply:
        return None
    if reference.message_id is None or reference.channel_id != message.channel.id:
        return None
    return MessageRef(str(reference.channel_id), str(reference.message_id))
