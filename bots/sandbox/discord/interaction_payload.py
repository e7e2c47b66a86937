"""What the gateway tells the bot when a person uses the application."""

from __future__ import annotations

from bots.sandbox.discord.commands import context_of
from bots.sandbox.discord.models import Interaction, InteractionType, Json
from bots.sandbox.discord.payloads import Payloads, user
from bots.sandbox.discord.world import Permission, World

_MAX_ATTACHMENT = 10 * 1024 * 1024


def interaction_payload(world: World, payloads: Payloads, one: Interaction, data: Json) -> Json:
    """An INTERACTION_CREATE: who did it where, in which language, and what the bot may do there."""
    permissions = str(world.permissions(one.user, one.channel))
    payload: Json = {
        "id": str(one.id),
        "application_id": str(world.application_id),
        "type": one.type,
        "token": one.token,
        "version": 1,
        "data": data,
        "channel": payloads.channel(one.channel) | {"permissions": permissions},
        "channel_id": str(one.channel.id),
        "locale": world.locale(one.user),
        "app_permissions": str(_permissions_of_app(world, one)),
        "entitlements": [],
        "authorizing_integration_owners": payloads.integration_owners(one),
        "context": context_of(one.channel),
        "attachment_size_limit": _MAX_ATTACHMENT,
    }
    if not one.channel.in_guild:
        payload["user"] = user(one.user)
    else:
        guild_id = str(world.guild_id)
        payload |= {
            "guild_id": guild_id,
            "guild_locale": world.guild_locale,
            "guild": {"id": guild_id, "locale": world.guild_locale, "features": []},
            "member": payloads.member_with_user(one.user) | {"permissions": permissions},
        }
    if one.source is not None and one.type in (InteractionType.COMPONENT, InteractionType.MODAL):
        payload["message"] = payloads.message(one.source)
    return payload


def _permissions_of_app(world: World, one: Interaction) -> int:
    """What the answers may do; where the bot is no member there is a fixed set (docs: "Interactions")."""
    if one.channel.kind != "friends":
        return world.permissions(world.bot, one.channel)
    return int(Permission.ATTACH_FILES | Permission.EMBED_LINKS | Permission.MENTION_EVERYONE)
