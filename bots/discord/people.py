"""Who did something: by id, with their roles and with what they may do there."""

from __future__ import annotations

from dataclasses import replace

import discord

from bots.discord.places import PLATFORM, Interaction
from core.messages import Person


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


def presser(interaction: Interaction) -> Person:
    """Who used a command or a control, with what they may do there."""
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
        role_ids=roles_of(user),
        may_have=untold_roles(user, guild),
        manages_messages=manages,
        locale=locale,
    )


def roles_of(user: discord.abc.User) -> frozenset[str]:
    """By id, as they came: the library's own list leaves out what it does not know, and adds everyone's."""
    return frozenset(map(str, user._roles)) if isinstance(user, discord.Member) else frozenset()  # noqa: SLF001


def untold_roles(user: discord.abc.User, guild: discord.Guild | None) -> frozenset[str] | None:
    """The roles that they may have besides: Discord tells those of who acts, and not of whom they quote."""
    return frozenset() if isinstance(user, discord.Member) else roles_in(guild)


def roles_in(guild: discord.Guild | None) -> frozenset[str] | None:
    """All that there are; None where the bot is no member and is not told."""
    if guild is None:
        return frozenset()
    return frozenset(str(role.id) for role in guild.roles) or None
