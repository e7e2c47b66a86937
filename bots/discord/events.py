"""From discord.py's events to what the core speaks. Pure: no request is made here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

import discord

from bots.discord.commands import menu_command
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
    Person,
    Place,
    PlaceKind,
    Quote,
    Suggesting,
)

PLATFORM = "discord"

Interaction: TypeAlias = discord.Interaction[discord.Client]

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
    author = _presser(interaction)
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
    return Suggesting(place, _presser(interaction), name, str(focused["name"]), str(focused.get("value", "")))


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
        author=_presser(interaction),
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
        author=_presser(interaction),
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
        author_roles=_roles_in(interaction.guild),
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


def place_of(channel: object, guild: discord.Guild | None) -> Place:
    """`channel` is whatever the library gives as one; forum posts are threads."""
    guild_id = None if guild is None else str(guild.id)
    chat_id, name = str(getattr(channel, "id", "")), "" if guild is None else guild.name or ""
    kind = PlaceKind.THREAD if isinstance(channel, discord.Thread) else PlaceKind.SHARED
    if isinstance(channel, discord.DMChannel):
        kind = PlaceKind.PRIVATE
    return Place(
        PLATFORM,
        chat_id,
        kind,
        guild_id=guild_id,
        parent_id=str(channel.parent_id) if isinstance(channel, discord.Thread) else None,
        category_id=_category_of(channel.parent if isinstance(channel, discord.Thread) else channel),
        name=name,
    )


def _category_of(channel: object) -> str | None:
    """ "" for none; None where the library does not know the channel."""
    if not isinstance(channel, discord.abc.GuildChannel):
        return None
    return str(channel.category_id or "")


def place_of_interaction(interaction: Interaction) -> Place:
    """Where a command or a control was used. Whoever installed the app for themselves takes it along into
    direct messages with others, which the library cannot tell from those with the bot."""
    place = place_of(interaction.channel, interaction.guild)
    return replace(place, kind=PlaceKind.SHARED) if interaction.context.private_channel else place


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
        author_roles=_roles_of(quoted.author) or _untold(quoted.author, message.guild),
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


def person_of(message: discord.Message) -> Person:
    """Who wrote it, with what they may do there as far as the message says."""
    manages = False
    if isinstance(message.author, discord.Member):
        try:
            manages = message.channel.permissions_for(message.author).manage_messages
        except discord.ClientException:  # a thread whose channel is not known yet
            manages = message.author.guild_permissions.manage_messages
    is_bot = message.author.bot or message.webhook_id is not None
    person = _person(
        message.author, manages, is_bot=is_bot, locale=_locale_of(message.guild), guild=message.guild
    )
    may = message.author.guild_permissions if isinstance(message.author, discord.Member) else None
    return replace(person, manages_place=may is not None and (may.manage_guild or may.administrator))


def _presser(interaction: Interaction) -> Person:
    may = interaction.permissions
    in_guild = interaction.guild_id is not None
    in_thread = isinstance(interaction.channel, discord.Thread)
    manages_channel = may.manage_threads if in_thread else may.manage_channels
    return replace(
        _person(
            interaction.user,
            in_guild and (may.manage_messages or may.administrator),
            is_bot=interaction.user.bot,
            locale=interaction.locale.value,
            guild=interaction.guild,
        ),
        manages_place=in_guild and (may.manage_guild or may.administrator),
        manages_channel=in_guild and (manages_channel or may.manage_guild or may.administrator),
    )


def _locale_of(guild: discord.Guild | None) -> str | None:
    """The language that a server chose for itself: a message does not say its author's."""
    chosen = None if guild is None else guild.preferred_locale
    return None if chosen in (None, discord.Locale.american_english) else chosen.value


def _person(
    user: discord.abc.User, manages: bool, *, is_bot: bool, locale: str | None, guild: discord.Guild | None
) -> Person:
    return Person(
        PLATFORM,
        str(user.id),
        user.display_name,
        is_bot=is_bot,
        role_ids=_roles_of(user),
        may_have=_untold(user, guild),
        manages_messages=manages,
        locale=locale,
    )


def _roles_of(user: discord.abc.User) -> frozenset[str]:
    """By id, as they came: the library's own list leaves out what it does not know, and adds everyone's."""
    return frozenset(map(str, user._roles)) if isinstance(user, discord.Member) else frozenset()  # noqa: SLF001


def _untold(user: discord.abc.User, guild: discord.Guild | None) -> frozenset[str] | None:
    """The roles that they may have besides: Discord tells those of who acts, and not of whom they quote."""
    return frozenset() if isinstance(user, discord.Member) else _roles_in(guild)


def _roles_in(guild: discord.Guild | None) -> frozenset[str] | None:
    """All that there are; None where the bot is no member and is not told."""
    if guild is None:
        return frozenset()
    return frozenset(str(role.id) for role in guild.roles) or None
