"""The gateway's event for each change of the world."""

from __future__ import annotations

from bots.sandbox.discord.gateway import MEMBERS, MESSAGES, REACTIONS, TYPING, Gateway
from bots.sandbox.discord.models import Change, Json, Message, User
from bots.sandbox.discord.payloads import Payloads
from bots.sandbox.discord.world import World

_GUILDS = (1, 1)


def dispatch(world: World, payloads: Payloads, gateway: Gateway, change: Change) -> None:
    """Send what the bot's sessions hear of `change`; ephemeral messages stay with their addressee."""
    if change.message is not None:
        if change.message.only_for is None:
            _of_message(world, payloads, gateway, change, change.message)
    elif change.kind in ("typing", "role", "member_update") and change.user is not None:
        _of_person(world, payloads, gateway, change, change.user)
    else:
        _of_channel(world, payloads, gateway, change)


def _of_message(world: World, payloads: Payloads, gateway: Gateway, change: Change, message: Message) -> None:
    channel = change.channel
    match change.kind:
        case "message" | "edit" | "thread_on_message":
            event = "MESSAGE_CREATE" if change.kind == "message" else "MESSAGE_UPDATE"
            gateway.dispatch(
                event,
                channel,
                MESSAGES,
                lambda content: payloads.message_event(message, content_intent=content),
            )
        case "delete":
            gone = _place(world, change) | {"id": str(message.id)}
            gateway.dispatch("MESSAGE_DELETE", channel, MESSAGES, lambda _: gone)
        case "reaction" | "unreaction" if change.user is not None:
            event = "MESSAGE_REACTION_ADD" if change.kind == "reaction" else "MESSAGE_REACTION_REMOVE"
            data = _place(world, change) | _reaction(payloads, message, change.user, change.emoji)
            gateway.dispatch(event, channel, REACTIONS, lambda _: data)


def _of_person(world: World, payloads: Payloads, gateway: Gateway, change: Change, who: User) -> None:
    guild = {"guild_id": str(world.guild_id)}
    match change.kind:
        case "typing":
            data = _place(world, change) | {"user_id": str(who.id), "timestamp": int(world.now())}
            if change.channel.in_guild:
                data["member"] = payloads.member_with_user(who)
            gateway.dispatch("TYPING_START", change.channel, TYPING, lambda _: data)
        case "role":
            created = guild | {"role": payloads.role(list(world.roles.values())[-1])}
            gateway.dispatch("GUILD_ROLE_CREATE", None, _GUILDS, lambda _: created)
        case "member_update":
            member = payloads.member_with_user(who) | guild
            gateway.dispatch("GUILD_MEMBER_UPDATE", None, MEMBERS, lambda _: member)


def _of_channel(world: World, payloads: Payloads, gateway: Gateway, change: Change) -> None:
    channel = change.channel
    match change.kind:
        case "delete_bulk":
            ids = [str(gone.id) for gone in change.messages if gone.only_for is None]
            data = _place(world, change) | {"ids": ids}
            gateway.dispatch("MESSAGE_DELETE_BULK", channel, MESSAGES, lambda _: data)
        case "thread":
            new = payloads.channel(channel) | {"newly_created": True}
            gateway.dispatch("THREAD_CREATE", channel, _GUILDS, lambda _: new)
        case "thread_update":
            gateway.dispatch("THREAD_UPDATE", channel, _GUILDS, lambda _: payloads.channel(channel))
        case "thread_delete":
            parent = str(channel.parent.id) if channel.parent else None
            gone = {"id": str(channel.id), "guild_id": str(world.guild_id), "parent_id": parent, "type": 11}
            gateway.dispatch("THREAD_DELETE", channel, _GUILDS, lambda _: gone)
        case "channel_create":
            gateway.dispatch("CHANNEL_CREATE", channel, _GUILDS, lambda _: payloads.channel(channel))
        case "channel_delete":
            gateway.dispatch("CHANNEL_DELETE", None, _GUILDS, lambda _: payloads.channel(channel))
        case "channel_update":
            # Sent whether or not the bot still sees the channel.
            gateway.dispatch("CHANNEL_UPDATE", None, _GUILDS, lambda _: payloads.channel(channel))


def _place(world: World, change: Change) -> Json:
    place: Json = {"channel_id": str(change.channel.id)}
    return place | {"guild_id": str(world.guild_id)} if change.channel.in_guild else place


def _reaction(payloads: Payloads, message: Message, by: User, emoji: str | None) -> Json:
    data: Json = {
        "message_id": str(message.id),
        "user_id": str(by.id),
        "emoji": {"id": None, "name": emoji},
        "message_author_id": str(message.author.id),
        "burst": False,
        "type": 0,
    }
    if message.channel.in_guild:
        data["member"] = payloads.member_with_user(by)
    return data
