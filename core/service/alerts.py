"""Operator alerts: what is wrong goes to the log and, where it is configured, to a channel or chat.

The law: of each cause one line when it begins and one when it is over, and no more of either in a period,
however often it comes and goes; what came meanwhile is summed up at the period's end. An alert about a
platform is not sent there. One that cannot be sent is in the log, and nothing more is made of it: there are
no alerts about alerts.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.catalogue import say
from core.messages import Place, PlaceKind
from core.ports.alerts import Cause
from core.ports.clock import Clock, Timer
from core.ports.platform import Platform
from core.ports.surface import Surface
from core.service.driver import Driver
from core.service.showing import Showing
from core.service.tasks import Tasks
from core.streaming.answer import Answer, Ending

log = logging.getLogger(__name__)

PERIOD_S: Final = 900.0
_MOMENTS: Final = frozenset(
    {Cause.PLATFORM, Cause.CLOCK, Cause.LOOP, Cause.GIVEN_UP, Cause.UNREADABLE, Cause.MODERATION}
)
"""What happens, and is not over later."""
_OF_PLATFORMS: Final = frozenset({Cause.PLATFORM, Cause.POLLER, Cause.BANNED})
_MOST: Final = 200  # causes that are told apart
_ON_THEIR_WAY: Final = 20  # lines; a platform that takes none must not fill the memory
_LONGEST: Final = 500  # characters of what is said about a cause


@dataclass(slots=True)
class _Raised:
    """`times`: since it began; `told_times` of them have been told. `period`: the one that runs, in which
    `told` and `told_over` lines were told."""

    since: float
    values: Mapping[str, str | float]
    times: int = 0
    told_times: int = 0
    on: bool = True
    period: Timer | None = None
    told: bool = False
    told_over: bool = False


class OperatorAlerts:
    """The port `core.ports.alerts.Alerts`.

    `to`: where alerts go, as `discord:<channel>` or `telegram:<chat>`, asked anew each time; `locale`: in
    which language. `redact`: takes secrets out of a text, should one be there after all.
    """

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        *,
        to: Callable[[], Sequence[str]] = tuple,
        locale: Callable[[], str | None] = lambda: None,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._to = to
        self._locale = locale
        self._redact = redact
        self._platforms: Mapping[str, Platform] = {}
        self._raised: dict[tuple[Cause, str], _Raised] = {}
        self._tasks = Tasks()
        self._on_their_way = 0

    def reaches(self, platforms: Sequence[Platform]) -> None:
        """Send over these from now on: those that were started."""
        self._platforms = {platform.name.lower(): platform for platform in platforms}

    def raise_(self, cause: Cause, *, about: str = "", why: str | float = "") -> None:
        """Something is wrong; see the port."""
        key = (cause, about)
        raised = self._raised.get(key)
        values = {"about": about, "why": why}
        if raised is None:
            if len(self._raised) >= _MOST:
                log.error("%s", self._words(cause, values, None))
                return
            raised = self._raised[key] = _Raised(self._clock.monotonic(), values)
        raised.on, raised.values = True, values
        raised.times += 1
        if not raised.told:
            self._tell_raised(key, raised)

    def clear(self, cause: Cause, *, about: str = "") -> None:
        """It is well (again); see the port."""
        key = (cause, about)
        raised = self._raised.get(key)
        if raised is None or not raised.on:
            return
        raised.on = False
        if not raised.told_over:
            self._tell_over(key, raised)

    async def close(self) -> None:
        """Tell nothing more."""
        for raised in self._raised.values():
            if raised.period is not None:
                raised.period.cancel()
        self._raised.clear()
        self._platforms = {}
        await self._tasks.close()

    def _period_ends(self, key: tuple[Cause, str]) -> None:
        raised = self._raised[key]
        raised.period, raised.told, raised.told_over = None, False, False
        if raised.times > raised.told_times:
            if raised.on:
                self._tell_raised(key, raised)
            else:
                self._tell_over(key, raised)
        elif not raised.on or key[0] in _MOMENTS:
            del self._raised[key]

    def _tell_raised(self, key: tuple[Cause, str], raised: _Raised) -> None:
        again, raised.told_times = raised.times - raised.told_times, raised.times
        raised.told = True
        if raised.times == 1:
            self._tell(key, raised, lambda locale: self._words(key[0], raised.values, locale))
        else:
            self._tell(
                key,
                raised,
                lambda locale: say(
                    "alert.again", locale, what=self._words(key[0], raised.values, locale), times=again
                ),
            )

    def _tell_over(self, key: tuple[Cause, str], raised: _Raised) -> None:
        raised.told_times, raised.told_over = raised.times, True
        lasted = _duration(self._clock.monotonic() - raised.since)
        self._tell(
            key,
            raised,
            lambda locale: say(
                "alert.over",
                locale,
                what=self._words(key[0], raised.values, locale),
                time=lasted,
                times=raised.times,
            ),
        )

    def _tell(self, key: tuple[Cause, str], raised: _Raised, words: Callable[[str | None], str]) -> None:
        if raised.period is None:
            ends = self._clock.monotonic() + PERIOD_S
            raised.period = self._clock.call_at(ends, lambda: self._period_ends(key))
        log.log(logging.ERROR if raised.on else logging.WARNING, "%s", words(None))
        try:
            for to in self._to():
                self._send(key, to, words)
        except Exception:
            # Whoever raised it has troubles enough.
            log.exception("an alert cannot be sent")

    def _send(self, key: tuple[Cause, str], to: str, words: Callable[[str | None], str]) -> None:
        cause, about = key
        name, _, chat_id = to.partition(":")
        platform = self._platforms.get(name)
        if platform is None or (cause in _OF_PLATFORMS and about.lower() == name):
            return
        if self._on_their_way >= _ON_THEIR_WAY:
            log.warning("an alert does not go to %s: %d wait already", to, self._on_their_way)
            return
        surface = platform.reopen(Place(name, chat_id, PlaceKind.SHARED), "")
        if surface is None:
            log.warning("an alert does not go to %s: it cannot be reached", to)
            return
        self._on_their_way += 1
        locale = self._locale()
        self._tasks.start(self._sent(self._show(surface, words(locale), locale), to), f"alert to {to}")

    def _show(self, surface: Surface, text: str, locale: str | None) -> Showing:
        now = self._clock.monotonic()
        alert = Answer()
        alert.append(text, now)
        alert.end(Ending.COMPLETE, now)
        nonce = secrets.token_hex(8)
        return self._driver.show(alert, surface, notice=True, nonce=nonce, locale=locale)

    async def _sent(self, showing: Showing, to: str) -> None:
        try:
            shown = await showing.finished()
            if not shown.complete:
                log.warning("an alert did not reach %s: %s", to, shown.reason)
        finally:
            self._on_their_way -= 1

    def _words(self, cause: Cause, values: Mapping[str, str | float], locale: str | None) -> str:
        short = {name: _short(value) for name, value in values.items()}
        return self._redact(say(f"alert.{cause}", locale, **short))


def _short(value: str | float) -> str | float:
    """On one line, so that no line of the log is another's."""
    if not isinstance(value, str):
        return value
    return " ".join(value.split())[:_LONGEST]


def _duration(seconds: float) -> str:
    """As both `en` and the others write it."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
