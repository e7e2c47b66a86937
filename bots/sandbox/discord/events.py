"""The gateway's event for each change of the world."""

from __future__ import annotations

from bots.sandbox.discord.gateway import MESSAGES, REACTIONS, TYPING, Gateway
from bots.sandbox.discord.payloads import Payloads
from bots.sandbox.discord.world import Change, Json, Message, User, World

_GUILDS = (1, 1)


def dispatch(world: World, payloads: Payloads, gateway: Gateway, change: Change) -> None:
    """Send what the bot's sessions hear of `change`; ephemeral messages stay with their addressee."""
    channel, message = change.channel, change.message
    if message is not None and message.only_for is not None:
        return
    place: Json = {"channel_id": str(channel.id)}
    if channel.kind != "dm":
        place["guild_id"] = str(world.guild_id)
    match change.kind:
        case "message" | "edit" if message is not None:
            event = "MESSAGE_CREATE" if change.kind == "message" else "MESSAGE_UPDATE"
            gateway.dispatch(
                event,
                channel,
                MESSAGES,
                lambda content: payloads.message_event(message, content_intent=content),
            )
        case "delete" if message is not None:
            gateway.dispatch("MESSAGE_DELETE", channel, MESSAGES, lambda _: place | {"id": str(message.id)})
        case "reaction" | "unreaction" if message is not None and change.user is not None:
            event = "MESSAGE_REACTION_ADD" if change.kind == "reaction" else "MESSAGE_REACTION_REMOVE"
            data = place | _reaction(payloads, message, change.user, change.emoji)
            gateway.dispatch(event, channel, REACTIONS, lambda _: data)
        case "typing" if change.user is not None:
            data = place | {"user_id": str(change.user.id), "timestamp": int(world.now())}
            if channel.kind != "dm":
                data["member"] = payloads.member_with_user(change.user)
            gateway.dispatch("TYPING_START", channel, TYPING, lambda _: data)
        case "thread":
            new = payloads.channel(channel) | {"newly_created": True}
            gateway.dispatch("THREAD_CREATE", channel, _GUILDS, lambda _: new)
        case "thread_update":
            gateway.dispatch("THREAD_UPDATE", channel, _GUILDS, lambda _: payloads.channel(channel))
        case "channel_update":
            # Sent whether or not the bot still sees the channel.
            gateway.dispatch("CHANNEL_UPDATE", None, _GUILDS, lambda _: payloads.channel(channel))


def _reaction(payloads: Payloads, message: Message, by: User, emoji: str | None) -> Json:
    data: Json = {
        "message_id": str(message.id),
        "user_id": str(by.id),
        "emoji": {"id": None, "name": emoji},
        "message_author_id": str(message.author.id),
        "burst": False,
        "type": 0,
    }
    if message.channel.kind != "dm":
        data["member"] = payloads.member_with_user(by)
    return data
