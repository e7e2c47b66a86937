"""Somebody who sends faster than anybody can ask."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from enum import Enum
from typing import Final

from core.policy.frequency import Frequency

MOST: Final = 10
"""Questions of one person in one place within WITHIN_S: more than anybody asks by hand."""
WITHIN_S: Final = 5.0
QUIET_S: Final = 10.0
"""So long nothing may come until it is over."""
_REMEMBERED: Final = 10_000


class Flow(Enum):
    CALM = "calm"
    BEGINS = "begins"  # too much, from this one on
    GOES_ON = "goes on"


class Floods:
    """`key`: who and where. Those that were forgotten for too many others begin anew."""

    def __init__(self) -> None:
        self._came = Frequency(MOST, WITHIN_S, remembered=_REMEMBERED)
        self._flooding: OrderedDict[Hashable, float] = OrderedDict()  # when they last sent

    def came(self, key: Hashable, now: float) -> Flow:
        """What one more from them is. `now`: seconds on a monotonic clock."""
        last = self._flooding.pop(key, None)
        goes_on = last is not None and now - last < QUIET_S
        if not goes_on and self._came.take(key, now):
            return Flow.CALM
        self._flooding[key] = now
        if len(self._flooding) > _REMEMBERED:
            self._flooding.popitem(last=False)
        return Flow.GOES_ON if goes_on else Flow.BEGINS
