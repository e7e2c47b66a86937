"""Where something happened: a channel, thread or direct message as a place, and what the bot may do there."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import discord

from core.messages import Place, PlaceKind

PLATFORM = "discord"

Interaction: TypeAlias = discord.Interaction[discord.Client]


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
