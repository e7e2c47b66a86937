"""What stands in a channel, thread or direct message of Discord, over its REST routes."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final

import discord

from bots.discord.events import readable, replied_to
from bots.discord.people import person_of
from core.messages import MessageRef, Person, Place, PlaceKind
from core.ports.reading import NotReadable, Seen

_log = logging.getLogger(__name__)

_FAILURES: Final = (discord.HTTPException, OSError, TimeoutError)


class DiscordReading:
    """See `core.ports.reading.Reading`. The library waits out the limits of these routes by itself."""

    def __init__(self, client: discord.Client, place: Place) -> None:
        self._client = client
        self._place = place

    async def refused(self, reader: Person) -> NotReadable | None:
        try:
            return await self._refused(reader)
        except _FAILURES as problem:
            _log.info("%s: who may read it is not known: %s", self._place, _told(problem))
            return NotReadable.FAILED

    async def message(self, ref: MessageRef) -> Seen | None:
        if ref.chat_id != self._place.chat_id:
            return None
        channel = self._channel()
        try:
            return self._seen(await channel.fetch_message(int(ref.message_id)))
        except _FAILURES as problem:
            _log.debug("%s: message %s is not read: %s", self._place, ref.message_id, _told(problem))
            return None

    async def recent(
        self,
        reader: Person,
        *,
        since: float = 0.0,
        before: MessageRef | None = None,
        limit: int,
    ) -> tuple[Seen, ...] | NotReadable:
        try:
            if (refused := await self._refused(reader)) is not None:
                return refused
            channel = self._channel()
            found = [
                self._seen(message)
                async for message in channel.history(
                    limit=limit,
                    after=datetime.fromtimestamp(since, UTC) if since else None,
                    before=discord.Object(int(before.message_id)) if before else None,
                    oldest_first=False,
                )
            ]
        except discord.Forbidden:
            return NotReadable.BOT
        except _FAILURES as problem:
            _log.info("%s: its messages are not read: %s", self._place, _told(problem))
            return NotReadable.FAILED
        return tuple(reversed(found))

    def _channel(self) -> discord.PartialMessageable:
        """With its guild, which stands in the links to its messages."""
        guild_id = None if self._place.guild_id is None else int(self._place.guild_id)
        return self._client.get_partial_messageable(int(self._place.chat_id), guild_id=guild_id)

    async def _refused(self, reader: Person) -> NotReadable | None:
        """Whether the bot or the reader may not read here: the reader's roles are asked for anew."""
        if self._place.kind is PlaceKind.PRIVATE:
            return None
        channel = self._client.get_channel(int(self._place.chat_id))
        if not isinstance(channel, (discord.abc.GuildChannel, discord.Thread)):
            return NotReadable.BOT
        if not _may_read(channel, channel.guild.me):
            return NotReadable.BOT
        try:
            member = await channel.guild.fetch_member(int(reader.id))
            readable_now = _may_read(channel, member) and await _is_let_in(channel, member)
        except discord.NotFound:  # left, or never was there
            return NotReadable.READER
        return None if readable_now else NotReadable.READER

    def _seen(self, message: discord.Message) -> Seen:
        me = self._client.user
        return Seen(
            MessageRef(self._place.chat_id, str(message.id)),
            person_of(message),
            readable(message, without=frozenset()),
            message.created_at.timestamp(),
            link=message.jump_url,
            reply_to=replied_to(message),
            by_us=me is not None and message.author.id == me.id,
        )


def _may_read(channel: discord.abc.GuildChannel | discord.Thread, member: discord.Member) -> bool:
    try:
        may = channel.permissions_for(member)
    except discord.ClientException:  # a thread whose channel is not known yet
        return False
    return may.view_channel and may.read_message_history


async def _is_let_in(channel: discord.abc.GuildChannel | discord.Thread, member: discord.Member) -> bool:
    """A private thread is read by its members and by those who manage threads. Raises NotFound for others."""
    if not (isinstance(channel, discord.Thread) and channel.is_private()):
        return True
    if not channel.permissions_for(member).manage_threads:
        await channel.fetch_member(member.id)
    return True


def _told(problem: Exception) -> str:
    return f"HTTP {problem.status}" if isinstance(problem, discord.HTTPException) else type(problem).__name__
