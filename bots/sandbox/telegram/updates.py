"""The queue of updates: kept until confirmed, by offset from one poller at a time or each by the webhook."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bots.sandbox.telegram.errors import conflict

MAX_UPDATES = 100  # in one answer; core.telegram.org/bots/api#getupdates
KEPT_S = 24 * 3600.0  # "will not be kept longer than 24 hours"
MAX_POLL_S = 50.0

# Given only to a bot that names them; core.telegram.org/bots/api#getupdates, allowed_updates.
_ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


@dataclass(frozen=True)
class _Queued:
    at: float
    update: dict[str, Any]


class UpdateQueue:
    """What the bot has not confirmed yet, in order.

    `on_online` hears True when a poller comes and False when none has come back for
    `ABSENT_AFTER_S`.
    """

    ABSENT_AFTER_S = 3.0

    def __init__(self, clock: Callable[[], float], on_online: Callable[[bool], None]) -> None:
        self._clock = clock
        self._on_online = on_online
        self._queue: deque[_Queued] = deque()
        self._next_id = 100_000_001
        self._allowed: frozenset[str] | None = None
        self._arrived = asyncio.Event()
        self._poller: asyncio.Future[str | None] | None = None  # resolves to a conflict
        self._absence: asyncio.TimerHandle | None = None
        self.online = False
        self.on_added: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def allowed(self) -> list[str] | None:
        """The kinds that the bot asked for, None for Telegram's default."""
        return None if self._allowed is None else sorted(self._allowed)

    def add(self, kind: str, content: dict[str, Any]) -> None:
        """Queue an update of `kind`, unless the bot did not ask for that kind."""
        wanted = kind not in _ON_REQUEST if self._allowed is None else kind in self._allowed
        if not wanted:
            return
        self._queue.append(_Queued(self._clock(), {"update_id": self._next_id, kind: content}))
        self._next_id += 1
        self._arrived.set()
        self.on_added()

    def allow(self, kinds: list[str]) -> None:
        """Take these kinds from now on; none means Telegram's default."""
        self._allowed = frozenset(kinds) or None

    def drop_pending(self) -> None:
        """Forget what is not confirmed."""
        self._queue.clear()

    async def poll(self, offset: int, limit: int, timeout_s: float) -> list[dict[str, Any]]:
        """The next updates from `offset` on; earlier ones are confirmed, and gone.

        Waits up to `timeout_s` for one. A second poller ends the first with 409.
        """
        self._confirm(offset)
        self.end_poll(
            "terminated by other getUpdates request; make sure that only one bot instance is running"
        )
        ended: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._poller = ended
        self._present()
        arrival = asyncio.ensure_future(self._arrival())
        try:
            either: set[asyncio.Future[Any]] = {ended, arrival}
            await asyncio.wait(
                either,
                timeout=min(max(timeout_s, 0.0), MAX_POLL_S),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if ended.done() and (reason := ended.result()) is not None:
                raise conflict(reason)
            return [queued.update for queued in list(self._queue)[:limit]]
        finally:
            arrival.cancel()
            if self._poller is ended:
                self._poller = None
                self._absent_soon()

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """What is not confirmed yet, in order."""
        return [queued.update for queued in self._queue]

    def forget(self, update_id: int) -> None:
        """The webhook took this one."""
        self._queue = deque(queued for queued in self._queue if queued.update["update_id"] != update_id)

    def is_expired(self, update_id: int) -> bool:
        """Whether nobody gets it any more."""
        oldest = self._clock() - KEPT_S
        return not any(one.update["update_id"] == update_id and one.at >= oldest for one in self._queue)

    def present(self, online: bool) -> None:
        """Say whether the bot takes what the webhook brings."""
        if online:
            self._present()
        elif self.online:
            self._absent()

    def end_poll(self, reason: str) -> None:
        """End the waiting poll, if there is one, with 409 and `reason`."""
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(reason)

    def close(self) -> None:
        """End the waiting poll without updates; call when the server stops."""
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(None)
        if self._absence is not None:
            self._absence.cancel()

    async def _arrival(self) -> None:
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            offset = self._next_id + offset
        oldest = self._clock() - KEPT_S
        while self._queue and (self._queue[0].update["update_id"] < offset or self._queue[0].at < oldest):
            self._queue.popleft()

    def _present(self) -> None:
        if self._absence is not None:
            self._absence.cancel()
            self._absence = None
        if not self.online:
            self.online = True
            self._on_online(True)

    def _absent_soon(self) -> None:
        loop = asyncio.get_running_loop()
        self._absence = loop.call_later(self.ABSENT_AFTER_S, self._absent)

    def _absent(self) -> None:
        self.online = False
        self._on_online(False)
