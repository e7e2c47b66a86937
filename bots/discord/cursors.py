"""How far each channel was heard: Discord confirms nothing, and offers no message twice.

The law:
- A cursor says that everything up to it was handed to the core, and taken. It may lag behind, since an event
  seen twice is handled once; it is never ahead.
- Kept are only channels in which somebody spoke to the bot, or it spoke itself, within a day.
- Nothing is written for each message: what moved is gathered and written every few seconds, the second time
  around, since the core joins what a client split before it keeps a turn. Only where a channel begins to be
  heard is written at once.
- What came during a gap may be older than what is heard live: until it was fetched, a cursor is held.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.store import StoreError

_log = logging.getLogger(__name__)

ACTIVE_S: Final = 86_400.0
WRITE_EVERY_S: Final = 5.0


class Cursors:
    """Those of one bot account. `journal` None: nothing outlives the process."""

    def __init__(self, journal: Journal | None, clock: Clock, account: str) -> None:
        self._journal = journal
        self._clock = clock
        self._account = account
        self._spoken: dict[str, float] = {}  # by channel: when the bot or somebody to it last spoke
        self._at: dict[str, int] = {}
        self._held: dict[str, int] = {}  # by channel: how far it was heard live meanwhile
        self._moved: dict[str, int] = {}  # since the last write
        self._settled: dict[str, int] = {}  # before it: to be written
        self._failed = False
        self._beginning: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """What an earlier process kept."""
        if self._journal is None:
            return
        try:
            since = self._clock.wall() - ACTIVE_S
            kept = await self._journal.cursors(self._account, since=since)
        except StoreError as error:
            _log.warning("discord: what came while this bot was away is not fetched: %s", error)
            return
        now = self._clock.monotonic()
        for channel_id, message_id in kept.items():
            self._at.setdefault(channel_id, int(message_id))
            self._spoken.setdefault(channel_id, now)

    def spoken(self, channel_id: str, since: int) -> None:
        """The bot spoke there, or somebody to it. `since`: the id behind which the channel is heard from now
        on, if it was not before."""
        self._spoken[channel_id] = self._clock.monotonic()
        if channel_id not in self._at:
            self._at[channel_id] = self._settled[channel_id] = since
            task = asyncio.create_task(self._write_settled(), name="discord cursors")
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    def taken(self, channel_id: str, message_id: str) -> None:
        """The core has taken this message, and every one before it in its channel that was heard."""
        if channel_id not in self._spoken:
            return
        if channel_id in self._held:
            self._held[channel_id] = max(self._held[channel_id], int(message_id))
        else:
            self._move(channel_id, int(message_id))

    def hold(self) -> Mapping[str, int]:
        """There was a gap: where every channel stood. None moves until it is released."""
        for channel_id in self._at:
            self._held.setdefault(channel_id, 0)
        return dict(self._at)

    def release(self, channel_id: str) -> None:
        """What came there during the gap was taken, or is let go of."""
        if heard := self._held.pop(channel_id, 0):
            self._move(channel_id, heard)

    def forget(self, channel_id: str) -> None:
        """Nothing can be heard there any more."""
        for kept in (self._spoken, self._at, self._held, self._moved, self._settled):
            kept.pop(channel_id, None)

    async def keep_written(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + WRITE_EVERY_S)
            await self.write()

    async def write(self, *, last: bool = False) -> None:
        """Write what moved the time before. `last`: all, since nothing comes after it."""
        quiet_since = self._clock.monotonic() - ACTIVE_S
        for channel_id in [one for one, at in self._spoken.items() if at < quiet_since]:
            self.forget(channel_id)
        if last:
            self._settled |= self._moved
            self._moved = {}
        await self._write_settled()
        self._settled |= self._moved
        self._moved = {}

    async def _write_settled(self) -> None:
        due, self._settled = self._settled, {}
        if not due or self._journal is None:
            return
        written = {channel_id: str(message_id) for channel_id, message_id in due.items()}
        try:
            await self._journal.move_cursors(self._account, written, self._clock.wall())
        except StoreError as error:
            if not self._failed:
                _log.warning("discord: how far channels were heard is not written: %s", error)
            self._failed = True
            self._settled = {**due, **self._settled}
        else:
            self._failed = False

    def _move(self, channel_id: str, message_id: int) -> None:
        if message_id > self._at.get(channel_id, 0):
            self._at[channel_id] = self._moved[channel_id] = message_id
