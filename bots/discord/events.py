"""From discord.py's events to what the core speaks. Pure: no request is made here."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeAlias

import discord

from core.messages import (
    Addressed,
    ButtonPress,
    IncomingCommand,
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    Person,
    Place,
    PlaceKind,
    Quote,
)

PLATFORM = "discord"

Interaction: TypeAlias = discord.Interaction[discord.Client]

_MENTION = re.compile(r"<(?P<kind>@!?|@&|#)(?P<id>[0-9]{1,20})>", re.ASCII)
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


def command_event(interaction: Interaction) -> IncomingCommand:
    """A slash command as the core sees it."""
    data: dict[str, object] = dict(interaction.data or {})
    options = data.get("options")
    return IncomingCommand(
        event_id=str(interaction.id),
        place=place_of(interaction.channel, interaction.guild),
        author=_presser(interaction),
        name=str(data.get("name", "")),
        arguments={
            str(option["name"]): str(option["value"])
            for option in (options if isinstance(options, list) else [])
            if "value" in option
        },
    )


def press_event(interaction: Interaction, message: discord.Message) -> ButtonPress:
    """A press on a button under one of our messages as the core sees it."""
    place = place_of(interaction.channel, interaction.guild)
    return ButtonPress(
        event_id=str(interaction.id),
        place=place,
        author=_presser(interaction),
        ref=MessageRef(place.chat_id, str(message.id)),
        data=interaction.custom_id or "",
    )


def place_of(channel: object, guild: discord.Guild | None) -> Place:
    """`channel` is whatever the library gives as one; forum posts are threads."""
    guild_id = None if guild is None else str(guild.id)
    chat_id = str(getattr(channel, "id", ""))
    if isinstance(channel, discord.Thread):
        return Place(PLATFORM, chat_id, PlaceKind.THREAD, guild_id=guild_id, parent_id=str(channel.parent_id))
    kind = PlaceKind.PRIVATE if isinstance(channel, discord.DMChannel) else PlaceKind.SHARED
    return Place(PLATFORM, chat_id, kind, guild_id=guild_id)


def reach_of(interaction: Interaction) -> tuple[bool, bool]:
    """Whether the bot itself sees where an interaction came from, and whether it may write there.

    An app that somebody installed for themselves can be used where the bot is no member; the permissions
    that come with the interaction are then those of its answers alone.
    """
    if interaction.guild_id is None:
        own = interaction.context.dm_channel  # not somebody else's, nor a group's
        return own, own
    may = interaction.app_permissions
    if not (interaction.is_guild_integration() and may.view_channel):
        return False, False
    in_thread = isinstance(interaction.channel, discord.Thread)
    return True, may.send_messages_in_threads if in_thread else may.send_messages


def is_users_own(interaction: Interaction) -> bool:
    """Whether the app is there only because a person installed it for themselves."""
    return interaction.is_user_integration() and not interaction.is_guild_integration()


def readable(message: discord.Message, *, without: frozenset[str]) -> str:
    """The message's text with mentions as `@name` and `#name`, and those in `without` left out."""
    names = {f"@{user.id}": f"@{user.display_name}" for user in message.mentions}
    names |= {f"@&{role.id}": f"@{role.name}" for role in message.role_mentions}
    names |= {f"#{channel.id}": f"#{channel.name}" for channel in message.channel_mentions}

    def spoken(mention: re.Match[str]) -> str:
        key = mention["kind"].replace("!", "") + mention["id"]
        return "" if key in without else names.get(key, mention[0])

    return _MENTION.sub(spoken, message.content).strip()


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
    )


def person_of(message: discord.Message) -> Person:
    """Who wrote it, with what they may do there as far as the message says."""
    manages = False
    if isinstance(message.author, discord.Member):
        try:
            manages = message.channel.permissions_for(message.author).manage_messages
        except discord.ClientException:  # a thread whose channel is not known yet
            manages = message.author.guild_permissions.manage_messages
    is_bot = message.author.bot or message.webhook_id is not None
    return _person(message.author, manages, is_bot=is_bot, locale=_locale_of(message.guild))


def _presser(interaction: Interaction) -> Person:
    may = interaction.permissions
    manages = interaction.guild_id is not None and (may.manage_messages or may.administrator)
    return _person(interaction.user, manages, is_bot=interaction.user.bot, locale=interaction.locale.value)


def _locale_of(guild: discord.Guild | None) -> str | None:
    """The language that a server chose for itself: a message does not say its author's."""
    chosen = None if guild is None else guild.preferred_locale
    return None if chosen in (None, discord.Locale.american_english) else chosen.value


def _person(user: discord.abc.User, manages: bool, *, is_bot: bool, locale: str | None) -> Person:
    roles = user.roles if isinstance(user, discord.Member) else []
    return Person(
        PLATFORM,
        str(user.id),
        user.display_name,
        is_bot=is_bot,
        role_ids=frozenset(str(role.id) for role in roles if not role.is_default()),
        manages_messages=manages,
        locale=locale,
    )
