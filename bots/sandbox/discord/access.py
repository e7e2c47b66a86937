"""Where a REST call leads, and whether the bot may go there."""

from __future__ import annotations

from bots.sandbox.discord.errors import ApiError, Refusal
from bots.sandbox.discord.http import Call
from bots.sandbox.discord.models import Channel, Message
from bots.sandbox.discord.world import Permission, World


class Access:
    """Finds what a call names, or refuses as Discord does; the bot's own rights decide."""

    def __init__(self, world: World) -> None:
        self._world = world

    def guild(self, call: Call) -> None:
        """Want the one guild that there is."""
        if call.id("guild_id") != self._world.guild_id:
            raise ApiError(Refusal.UNKNOWN_GUILD)

    def channel(self, call: Call) -> Channel:
        """The channel that the path names and the bot sees."""
        channel = self._world.channels.get(call.id("channel_id"))
        if channel is None:
            raise ApiError(Refusal.UNKNOWN_CHANNEL)
        if not self.may(channel, Permission.VIEW_CHANNEL):
            raise ApiError(Refusal.MISSING_ACCESS)
        return channel

    def text_channel(self, call: Call) -> Channel:
        """The same, where messages may stand: not in a forum itself."""
        channel = self.channel(call)
        if channel.kind == "forum":
            raise ApiError(Refusal.NO_TEXT_CHANNEL)
        return channel

    def message(self, call: Call) -> Message:
        """The message that the path names; an ephemeral one is none."""
        message = self.channel(call).messages.get(call.id("message_id"))
        if message is None or message.only_for is not None:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return message

    def may(self, channel: Channel, permission: Permission) -> bool:
        """Whether the bot holds a permission in a channel."""
        return bool(self._world.permissions(self._world.bot, channel) & permission)

    def need(self, channel: Channel, permission: Permission) -> None:
        """Want a permission in a channel."""
        if not self.may(channel, permission):
            raise ApiError(Refusal.MISSING_PERMISSIONS)

    def need_sending(self, channel: Channel) -> None:
        """Want that the bot may write in a channel as it stands now."""
        self.need(channel, sending(channel))
        if channel.locked and not self.may(channel, Permission.MANAGE_THREADS):
            raise ApiError(Refusal.THREAD_ARCHIVED if channel.archived else Refusal.THREAD_LOCKED)


def sending(channel: Channel) -> Permission:
    """What it takes to write in a channel."""
    return Permission.SEND_MESSAGES_IN_THREADS if channel.kind == "thread" else Permission.SEND_MESSAGES
