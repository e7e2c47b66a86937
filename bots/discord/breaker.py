"""When no request may go to Discord at all, so that a ban is not made longer, nor brought about.

Cloudflare, before Discord, bans an address for 10,000 answers 401, 403 or 429 in ten minutes (docs: "Rate
Limits", "Invalid Request Limit"). It answers in Discord's place then and often does not say for how long. So
the circuit opens when it does, and well before it would. After minutes one request may go, as a probe: an
answer of Discord's own closes the circuit, another ban opens it for twice as long.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from core.ports.alerts import Alerts, Cause, LoggedAlerts

_DISCORD: Final = "Discord"
_log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 120.0
LONGEST_PAUSE_S: Final = 1_920.0
LONGEST_TOLD_S: Final = 3_600.0
"""Of a time that was told so much counts: bans of an hour are usual, a wrong figure must not silence us for
good, and a request in an hour makes no ban longer."""
PROBE_S: Final = 20.0
"""So long the answer to a probe is waited for: a request gives up after 15 s."""

WINDOW_S: Final = 600.0
MOST_INVALID: Final = 5_000
"""In a window; at 10,000 it is a ban, and others may ask from the same address."""

_INVALID: Final = frozenset({401, 403, 429})


class Breaker:
    """One for a bot account in a process."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        most: int = MOST_INVALID,
        alerts: Alerts | None = None,
    ) -> None:
        """`most`: so many invalid answers in a window open the circuit. `alerts`: who is told of it."""
        self._alerts = alerts or LoggedAlerts()
        self._now = monotonic
        self._invalid: deque[float] = deque(maxlen=most)
        self._open_until = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._probing = False

    def wait_s(self) -> float:
        """Ask before each request. 0.0: it may go; else seconds until one may."""
        now = self._now()
        if now < self._open_until:
            return self._open_until - now
        if self._open_until:
            self._probing, self._open_until = True, now + PROBE_S
        return 0.0

    def banned(self, retry_after_s: float | None = None) -> None:
        """Cloudflare answered that this address is banned, perhaps for how long (seconds)."""
        if self._is_open and not self._probing:
            return  # this one was on its way when the circuit opened
        if self._probing:
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._open(max(min(retry_after_s or 0.0, LONGEST_TOLD_S), self._pause_s))
        _log.warning("discord: Cloudflare has banned this address")
        self._alerts.raise_(Cause.BANNED, about=_DISCORD, why=round(self._left_s))

    def answered(self, status: int, *, own: bool = True, shared: bool = False) -> None:
        """It was no ban. `own`: Discord itself answered, and nothing before it, which may not have asked it.
        `shared`: the 429 was of a limit that others drew from too, which does not count."""
        if self._probing and own:
            self._probing, self._open_until, self._pause_s = False, 0.0, FIRST_PAUSE_S
            self._alerts.clear(Cause.BANNED, about=_DISCORD)
        if status not in _INVALID or shared:
            return
        now = self._now()
        self._invalid.append(now)
        if len(self._invalid) == self._invalid.maxlen and now - self._invalid[0] < WINDOW_S:
            counted = len(self._invalid)
            self._invalid.clear()
            self._open(WINDOW_S)
            _log.warning("discord: %d requests were refused (401, 403, 429) within 10 minutes", counted)
            self._alerts.raise_(Cause.BANNED, about=_DISCORD, why=round(self._left_s))

    @property
    def _is_open(self) -> bool:
        return self._now() < self._open_until

    @property
    def _left_s(self) -> float:
        return self._open_until - self._now()

    def _open(self, pause_s: float) -> None:
        self._probing, self._open_until = False, self._now() + pause_s
