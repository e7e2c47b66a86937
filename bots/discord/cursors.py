"""How far each channel was heard: Discord confirms nothing, and offers no message twice.

The law:
- A cursor that is written says of everything up to it that it is kept by the journal (kept.py), or was dealt
  with, or is nothing for the core. It may lag behind, since an event seen twice is handled once; it is never
  ahead of what has come.
- Kept are only channels in which somebody spoke to the bot, or it spoke itself, within a day.
- Cursors are gathered and written every few seconds, the second time around, since nobody promises that
  messages come in the order of their ids. Only where a channel begins to be heard is written at once.
- What came during a gap may be older than what is heard live: until it was fetched, a cursor is held. Until
  it is known where an earlier process stood, none is written: it would hide the gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bots.discord.kept import Shelf
from core.messages import IncomingMessage
from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.store import StoreError

_log = logging.getLogger(__name__)

ACTIVE_S: Final = 86_400.0
WRITE_EVERY_S: Final = 5.0
_AGAIN_S: Final = 0.5
"""After which a journal that cannot be read is asked again, then after twice as long, and so on."""
_AGAIN_AT_MOST_S: Final = 15.0


@dataclass(slots=True)
class _Channel:
    """`spoken`: when the bot or somebody to it last spoke, by the monotonic clock; the others are ids."""

    spoken: float
    at: int  # the cursor
    heard: int  # the newest message that was taken, or is nothing for the core
    settled: int  # the cursor as it was at the last write
    written: int = 0
    held: bool = False
    coming: set[int] = field(default_factory=set)  # came, and not taken yet

    def move(self) -> None:
        if not self.held:
            self.at = min((self.heard, *(one - 1 for one in self.coming)))

    @property
    def due(self) -> int:
        """What is to be written: it goes back where something older came late."""
        return min(self.settled, self.at)


class Cursors:
    """Those of one bot account."""

    def __init__(self, shelf: Shelf, journal: Journal | None, clock: Clock, account: str) -> None:
        """`journal` None: nothing outlives the process."""
        self._shelf = shelf
        self._journal = journal
        self._clock = clock
        self._account = account
        self._channels: dict[str, _Channel] = {}
        self._perhaps: set[str] = set()  # channels of which an earlier process may have kept something
        self._failed = False
        self._writing = asyncio.Lock()
        self._beginning: set[asyncio.Task[None]] = set()
        self.loaded = asyncio.Event()
        """It is known what an earlier process kept."""

    async def load(self) -> None:
        """Ask what an earlier process kept, until the journal says."""
        again_s = _AGAIN_S
        while self._journal is not None:
            try:
                since = self._clock.wall() - ACTIVE_S
                kept = await self._journal.cursors(self._account, since=since)
                left = await self._shelf.left()
                break
            except StoreError as error:
                if again_s == _AGAIN_S:
                    _log.warning(
                        "discord: what came while this bot was away is fetched once the store works: %s",
                        error,
                    )
                await self._clock.sleep_until(self._clock.monotonic() + again_s)
                again_s = min(2.0 * again_s, _AGAIN_AT_MOST_S)
        else:
            kept, left = {}, {}
        for channel_id, message_id in kept.items():
            self._stood(channel_id, int(message_id)).written = int(message_id)
        for channel_id, ids in left.items():
            self._stood(channel_id, min(map(int, ids)) - 1)
        for channel_id in self._perhaps:
            self.forget(channel_id)
        self._perhaps.clear()
        self.loaded.set()

    def _stood(self, channel_id: str, at: int) -> _Channel:
        """An earlier process: what came there since is to be fetched, whatever was heard live meanwhile."""
        self._perhaps.discard(channel_id)
        channel = self._channels.setdefault(channel_id, _Channel(self._clock.monotonic(), at, at, at))
        channel.at = channel.settled = min(channel.at, at)
        channel.held = True
        return channel

    def spoken(self, channel_id: str, since: int) -> None:
        """The bot spoke there, or somebody to it. `since`: the id behind which the channel is heard from now
        on, if it was not before."""
        now = self._clock.monotonic()
        self._perhaps.discard(channel_id)
        if channel_id in self._channels:
            self._channels[channel_id].spoken = now
            return
        self._channels[channel_id] = _Channel(now, since, since, since)
        task = asyncio.create_task(self._write_due(), name="discord cursors")
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    def coming(self, message: IncomingMessage) -> bool:
        """It came, and is to be `taken`. Whether the journal keeps it: not where its channel is not heard."""
        channel_id, message_id = message.place.chat_id, int(message.ref.message_id)
        if channel_id not in self._channels:
            if self.loaded.is_set():
                return False
            since = message_id - 1
            self._channels[channel_id] = _Channel(self._clock.monotonic(), since, since, since)
            self._perhaps.add(channel_id)
        channel = self._channels[channel_id]
        channel.coming.add(message_id)
        channel.move()
        self._shelf.coming(message)
        return self._shelf.keeps

    def taken(self, channel_id: str, message_id: str) -> None:
        """The message is kept, or somebody has dealt with it."""
        channel = self._channels.get(channel_id)
        if channel is not None and int(message_id) in channel.coming:
            channel.coming.remove(int(message_id))
            self.passed(channel_id, int(message_id))

    def passed(self, channel_id: str, message_id: int) -> None:
        """It came, and is nothing for the core: such as what the bot itself said."""
        channel = self._channels.get(channel_id)
        if channel is not None:
            channel.heard = max(channel.heard, message_id)
            channel.move()

    def hold(self) -> None:
        """There was a gap: no cursor moves until it is released. What is a little older than the newest may
        not have come before it."""
        for channel in self._channels.values():
            channel.held = True
            channel.at = channel.due

    @property
    def held(self) -> Mapping[str, int]:
        """Where every channel stands in which there was a gap."""
        return {channel_id: one.at for channel_id, one in self._channels.items() if one.held}

    def release(self, channel_id: str) -> None:
        """What came there during the gap was handed on, or is let go of."""
        if channel := self._channels.get(channel_id):
            channel.held = False
            channel.move()

    async def let_go(self, channel_id: str) -> None:
        """What an earlier process kept of it is no more to be found there, or too old."""
        await self._shelf.let_go(channel_id)

    def forget(self, channel_id: str) -> None:
        """Nothing can be heard there any more."""
        self._channels.pop(channel_id, None)

    async def keep_written(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + WRITE_EVERY_S)
            await self.write()

    async def write(self, *, last: bool = False) -> None:
        """Write where cursors stood the time before. `last`: where they stand: nothing comes after it."""
        for channel_id, message_id in await self._shelf.keep_rest():
            self.taken(channel_id, message_id)
        quiet_since = self._clock.monotonic() - ACTIVE_S
        for channel_id in [one for one, channel in self._channels.items() if channel.spoken < quiet_since]:
            self.forget(channel_id)
        if last:
            self._settle()
        await self._write_due()
        self._settle()

    def _settle(self) -> None:
        for channel in self._channels.values():
            channel.settled = channel.at

    async def _write_due(self) -> None:
        async with self._writing:
            due = {
                one: channel.due for one, channel in self._channels.items() if channel.due != channel.written
            }
            if not due or self._journal is None or not self.loaded.is_set():
                return
            written = {channel_id: str(message_id) for channel_id, message_id in due.items()}
            try:
                await self._journal.move_cursors(self._account, written, self._clock.wall())
            except StoreError as error:
                if not self._failed:
                    _log.warning("discord: how far channels were heard is not written: %s", error)
                self._failed = True
                return
            self._failed = False
            for channel_id in due.keys() & self._channels.keys():
                self._channels[channel_id].written = due[channel_id]
