"""The poll loop: asks for updates, hands each over, confirms it by asking from behind it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bots.telegram.connection import Connection, describe
from bots.telegram.drafts import STOPPED
from bots.telegram.outcomes import seconds
from core.ports.clock import Clock

_CONFLICT_PAUSE_S: Final = 5.0
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_PRESSES: Final = frozenset({"callback_query", STOPPED})
_COMPLAINT_S: Final = 60.0  # two programs with one token end each other's polls all the time

logger = logging.getLogger(__name__)


class Poller:
    """`take` gets each update as JSON, in order. When it returns, the update counts as taken over."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        take: Callable[[dict[str, Any]], None],
        *,
        also: tuple[str, ...] = (),
    ) -> None:
        """`also`: kinds of updates to get beside the usual ones."""
        self._also = also
        self._connection = connection
        self._clock = clock
        self._take = take
        self._offset = 0
        self._confirmed = 0
        self._failures = 0
        self._complained_at = float("-inf")
        self._complaining = False
        self.wants_questions = True

    async def run(self) -> None:
        """Poll until cancelled, or until a question comes that is not wanted: it stays unconfirmed.

        Raises PlatformError when the token is refused.
        """
        while True:
            asked = self._offset
            try:
                updates = await self._connection.updates(asked, also=self._also)
            except TelegramError as error:
                await self._wait_after(error)
                continue
            self._confirmed = asked
            self._recovered()
            for update in updates:
                if not self.wants_questions and not _PRESSES & update.keys():
                    return
                self._take(update)
                self._offset = update["update_id"] + 1

    async def confirm(self) -> None:
        """Let Telegram forget what was taken over: call after `run`, else the next start gets it again."""
        if self._offset != self._confirmed:
            with suppress(TelegramError):
                await self._connection.updates(self._offset, timeout_s=0, also=self._also)

    async def _wait_after(self, error: TelegramError) -> None:
        # 404 has the same type, and is what a proxy in front of a Bot API says while that one restarts.
        if isinstance(error, InvalidToken) and "unauthorized" in str(error).lower():
            raise self._connection.unusable(error) from None
        now = self._clock.monotonic()
        if self._failures == 0 and now - self._complained_at >= _COMPLAINT_S:
            self._complained_at, self._complaining = now, True
            logger.warning("Telegram: %s. Trying again until it works.", _words(error))
        pause = min(_FIRST_PAUSE_S * 2 ** min(self._failures, 10), _LONGEST_PAUSE_S)
        if isinstance(error, RetryAfter):
            pause = seconds(error.retry_after)
        elif isinstance(error, Conflict):
            pause = _CONFLICT_PAUSE_S
        self._failures += 1
        await self._clock.sleep_until(now + pause)

    def _recovered(self) -> None:
        if self._complaining:
            logger.info("Telegram: updates come in again after %d failures", self._failures)
        self._failures, self._complaining = 0, False


def _words(error: TelegramError) -> str:
    if isinstance(error, Conflict):
        return "another program takes this bot's updates; stop it, or give each a token of its own"
    return f"cannot ask for updates ({describe(error)})"
