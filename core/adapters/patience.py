"""The watchdog over a model that may fall silent."""

from __future__ import annotations

import asyncio
from types import TracebackType

from core.ports.clock import Clock, Timer
from core.ports.completions import ModelError, ModelErrorKind


class Patience:
    """How long may still be waited, in seconds: `with patience:` around each wait, and only around that.

    It raises ModelError (STALLED) when `left` is used up, which only the waiting itself does; set `left`
    anew whenever there is reason for new patience, and call `close` at the end.

    This is `asyncio.timeout`, but its timer outlives the single wait: a stream waits for each of its deltas,
    and a timer for each costs about as much as the delta. So a timer that fires looks whether the time
    really is up, and is set again where it is not.
    """

    def __init__(self, left: float, clock: Clock) -> None:
        self.left = left
        self._clock = clock
        self._task: asyncio.Task[object] | None = None  # that waits now
        self._cancelling = 0  # how often that task had been cancelled when it began to wait
        self._since = 0.0
        self._timer: Timer | None = None
        self._fires_at = 0.0
        self._over = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        assert self._task is not None  # noqa: S101 - a coroutine waits in a task
        self._cancelling = self._task.cancelling()
        self._since = self._clock.monotonic()
        if self._timer is None or self._fires_at > self._since + self.left:
            self._arm()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        self.left -= self._clock.monotonic() - self._since
        if not self._over:
            return
        self._over = False
        if task is not None and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise ModelError(ModelErrorKind.STALLED, "no new text within the time allowed") from None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fires_at = self._since + self.left
        self._timer = self._clock.call_at(self._fires_at, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._task is None:  # nobody waits: whoever does next sets it again
            return
        if self._clock.monotonic() < self._since + self.left:
            self._arm()
            return
        self._over = True
        self._task.cancel()
