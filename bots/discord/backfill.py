"""What was written while nobody listened: after a start, and after a connection that could not be resumed.

Fetched over REST, a few requests a second so that live answers have room, and handed on as if it came live.
Bounded: channels with a cursor (cursors.py), the newest first; who asked longer ago has gone away by now, by
Discord's own time. What an earlier process kept and did not come to is found there as well.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import aiohttp
import discord

from bots.discord.cursors import Cursors
from bots.discord.kept import LONGEST_GAP_S
from bots.discord.server_time import ServerTime
from core.ports.clock import Clock

_log = logging.getLogger(__name__)

MOST_CHANNELS: Final = 200
REQUESTS_PER_S: Final = 4.0
_PAGE: Final = 100  # messages; docs: "Get Channel Messages"
_MOST_PAGES: Final = 5  # of one channel
_GONE: Final = (discord.Forbidden, discord.NotFound)
_FAILURES: Final = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)

Hear: TypeAlias = Callable[[discord.Message], "asyncio.Task[bool] | None"]
Readable: TypeAlias = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class Backfill:
    """For one client. `begin` at each new session, then `run` once what is cached is complete."""

    def __init__(
        self,
        client: discord.Client,
        cursors: Cursors,
        clock: Clock,
        server_time: ServerTime,
        hear: Hear,
    ) -> None:
        """`hear`: hands a message on; a task that ends when it was taken, with whether it was new, and None
        where nobody takes it."""
        self._client = client
        self._cursors = cursors
        self._clock = clock
        self._server_time = server_time
        self._hear = hear
        self._next_request = 0.0

    def begin(self) -> None:
        """From here on cursors stay where they are, until what came before was fetched."""
        self._cursors.hold()

    async def run(self) -> None:
        """Hand on what each channel missed, once it is known what that is. Says in one line what of people's
        messages came meanwhile, and what of them was left out."""
        await self._cursors.loaded.wait()
        gap = self._cursors.held
        oldest = _snowflake(self._server_time.now() - LONGEST_GAP_S)
        channels, too_old = await self._passed(gap, oldest)
        heard = unread = 0
        for channel_id in channels[:MOST_CHANNELS]:
            try:
                messages, older = await self._missed(channel_id, gap[channel_id], oldest)
            except _GONE:
                self._cursors.forget(channel_id)
                await self._cursors.let_go(channel_id)
                continue
            except _FAILURES as problem:  # its cursor stays: the next start tries again
                _log.debug("discord: channel %s is not read: %s", channel_id, type(problem).__name__)
                unread += 1
                continue
            too_old += older
            heard += await self._hand_on(messages)
            await self._release(channel_id)
        for channel_id in channels[MOST_CHANNELS:]:
            await self._release(channel_id)
        left_out = max(0, len(channels) - MOST_CHANNELS)
        minutes = LONGEST_GAP_S / 60
        told = (
            f"{heard} messages were fetched that came meanwhile" if heard else "",
            f"in {too_old} channels something is older than {minutes:.0f} minutes, and not answered"
            if too_old
            else "",
            f"{left_out} further channels are not looked at" if left_out else "",
            f"{unread} channels cannot be read now" if unread else "",
        )
        if any(told):
            _log.info("discord: %s", "; ".join(filter(None, told)))

    async def _hand_on(self, messages: Iterable[discord.Message]) -> int:
        """Returns how many were people's, and no earlier process had dealt with."""
        heard = [(message, task) for message in messages if (task := self._hear(message)) is not None]
        if heard:
            await asyncio.wait([task for _, task in heard])
        return sum(
            _is_by_a_person(message) and not task.cancelled() and task.result() for message, task in heard
        )

    async def _release(self, channel_id: str) -> None:
        self._cursors.release(channel_id)
        await self._cursors.let_go(channel_id)

    async def _passed(self, gap: Mapping[str, int], oldest: int) -> tuple[list[str], int]:
        """Channels in which something may have come, the newest first; in how many that is too old."""
        newest: dict[str, int] = {}
        too_old = 0
        for channel_id, cursor in gap.items():
            channel = self._client.get_channel(int(channel_id))
            last = channel.last_message_id if isinstance(channel, Readable) else None
            if last is None or last > max(cursor, oldest):  # of a direct message it is not known
                newest[channel_id] = last or cursor
            else:
                too_old += last > cursor
                await self._release(channel_id)
        return sorted(newest, key=lambda channel_id: newest[channel_id], reverse=True), too_old

    async def _missed(self, channel_id: str, cursor: int, oldest: int) -> tuple[list[discord.Message], bool]:
        """What came after the cursor and is not too old, in order; whether people wrote older."""
        channel = self._client.get_channel(int(channel_id))
        if channel is None:
            await self._pace()
            channel = await self._client.fetch_channel(int(channel_id))
        if not isinstance(channel, (Readable, discord.DMChannel)):
            return [], False
        found: list[discord.Message] = []
        for _ in range(_MOST_PAGES):
            await self._pace()
            before = found[-1] if found else None
            page = [message async for message in channel.history(limit=_PAGE, before=before)]
            found += page
            if len(page) < _PAGE or page[-1].id <= max(cursor, oldest):
                break
        missed = [message for message in reversed(found) if message.id > cursor]
        fresh = [message for message in missed if message.id > oldest]
        await self._complete(fresh)
        return fresh, any(_is_by_a_person(message) for message in missed if message.id <= oldest)

    async def _complete(self, messages: list[discord.Message]) -> None:
        """Add who their authors are on the server: over REST a message comes without their roles."""
        guild = messages[0].guild if messages else None
        people = {message.author.id for message in messages if not message.author.bot}
        if guild is None or not people:
            return
        ids = sorted(people)
        members: dict[int, discord.Member] = {}
        for start in range(0, len(ids), _PAGE):
            asked = ids[start : start + _PAGE]
            found = await guild.query_members(user_ids=asked, limit=_PAGE, cache=False)
            members |= {member.id: member for member in found}
        for message in messages:
            message.author = members.get(message.author.id, message.author)

    async def _pace(self) -> None:
        await self._clock.sleep_until(self._next_request)
        self._next_request = self._clock.monotonic() + 1.0 / REQUESTS_PER_S


def _is_by_a_person(message: discord.Message) -> bool:
    return not (message.author.bot or message.is_system())


def _snowflake(at_s: float) -> int:
    """The first id that a message could have had then. Before Discord's own time there is none."""
    then = datetime.fromtimestamp(max(at_s, 0.0), UTC)
    first = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=1)
    return discord.utils.time_snowflake(max(then, first))
