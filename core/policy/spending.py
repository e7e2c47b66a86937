"""What the owner is willing to spend: tokens per UTC day, over everybody.

The law: what is settled and what is reserved together never exceed the limit, unless the provider
counts more than was reserved. A turn reserves before its stream starts, covers more while it grows,
and settles once with what was used. The file always holds settled plus reserved, so that a crash
can only count too much, never too little.
"""

from __future__ import annotations

import logging
from pathlib import Path

from core.policy import private_file
from core.ports.alerts import Alerts, Cause, LoggedAlerts
from core.ports.clock import Clock

log = logging.getLogger(__name__)

_DAY_S = 86_400
_LEAST_ANSWER = 50  # tokens: an answer that must end sooner helps nobody
_BLOCK = 256  # tokens: what a growing answer reserves at a time beyond its estimate
_BYTES_PER_TOKEN = 4  # of UTF-8: English has about four characters in a token, Chinese or emoji about one


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is."""
    return tokens_in(size_of(text))


def size_of(text: str) -> int:
    """Bytes of UTF-8, to be summed up and given to `tokens_in`."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def tokens_in(size: int) -> int:
    """About how many tokens so many bytes are."""
    return -(-size // _BYTES_PER_TOKEN)


def size_within(tokens: int) -> int:
    """The most bytes of which `tokens_in` makes no more than so many tokens."""
    return tokens * _BYTES_PER_TOKEN


class Spending:
    """`limit`: tokens a day, 0 for none at all, None for no limit. `file`: keeps the count over a restart.

    A file that cannot be read counts as a day that is used up: the owner's key is not spent on a guess.
    """

    def __init__(
        self, limit: int | None, *, clock: Clock, file: Path | None = None, alerts: Alerts | None = None
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._file = file if limit else None
        self._alerts = alerts or LoggedAlerts()
        self._day = self._calendar_day()
        self._counted = self._stored()  # settled and reserved, of `_day`

    @property
    def limit(self) -> int | None:
        """Tokens a day; None without a limit."""
        return self._limit

    @property
    def left(self) -> int | None:
        """Tokens that can still be reserved today; None without a limit."""
        self._turn_page()
        return None if self._limit is None else max(0, self._limit - self._counted)

    @property
    def counted(self) -> int:
        """Tokens settled and reserved today."""
        self._turn_page()
        return self._counted

    def reserve(self, *, prompt: int, answer: int) -> Reservation | None:
        """Set tokens aside for a turn, fewer for the answer when fewer are left; None: the day is used up."""
        left = self.left
        wanted = prompt + answer
        if left is not None:
            if left < prompt + min(answer, _LEAST_ANSWER) or left == 0:
                return None
            wanted = min(wanted, left)
        return Reservation(self, wanted)

    def resets_in_s(self) -> float:
        """Seconds until the next UTC day."""
        return _DAY_S - self._clock.wall() % _DAY_S

    def today(self) -> int:
        """The day that is counted, in whole UTC days since the epoch. A clock that is set back over midnight
        gives yesterday's tokens to nobody a second time."""
        self._turn_page()
        return self._day

    def _calendar_day(self) -> int:
        return int(self._clock.wall() // _DAY_S)

    def count(self, tokens: int) -> None:
        """Add to today's count, or take away; only a Reservation calls this."""
        self._turn_page()
        self._counted = max(0, self._counted + tokens)
        if self._file is None:
            return
        try:
            private_file.write(self._file, {"day": self._day, "tokens": self._counted})
        except OSError as error:
            # A restart would forget what was spent since.
            self._alerts.raise_(Cause.FILE, about=str(self._file), why=error.strerror or "")
        else:
            self._alerts.clear(Cause.FILE, about=str(self._file))

    def _turn_page(self) -> None:
        if (today := self._calendar_day()) not in {self._day, self._day - 1}:
            self._day, self._counted = today, 0

    def _stored(self) -> int:
        if self._file is None:
            return 0
        try:
            stored = private_file.read(self._file)
            if stored is None:
                return 0
            match stored:
                case {"day": int(day), "tokens": int(tokens)} if tokens >= 0:
                    if day == self._day + 1:  # the clock was set back over midnight
                        self._day = day
                    return tokens if day == self._day else 0
            raise private_file.UnreadableFileError(f"{self._file} does not hold a count")
        except private_file.UnreadableFileError as error:
            log.error("%s: today counts as used up. Delete it to start the count anew.", error)
            return self._limit or 0


class Reservation:
    """Tokens set aside for one turn. Call `settle` once at its end, however it ended.

    Past midnight what was reserved stays with its day, and what is needed beyond it is the new day's.
    """

    def __init__(self, spending: Spending, tokens: int) -> None:
        self._spending = spending
        self._day = spending.today()
        self._earlier = 0  # covered by days that are over
        self._held = tokens  # of `_day`
        self._settled = False
        spending.count(tokens)

    @property
    def tokens(self) -> int:
        """What `covers` is true for without reserving more."""
        return self._earlier + self._held

    def covers(self, tokens: int) -> bool:
        """Whether the turn may have used this many by now; reserves more where there is more."""
        if tokens <= self.tokens:
            return True
        self._turn_page()
        missing = tokens - self.tokens
        left = self._spending.left
        more = missing + _BLOCK if left is None else min(missing + _BLOCK, left)
        if more < missing:
            return False
        self._held += more
        self._spending.count(more)
        return True

    def settle(self, tokens: int) -> None:
        """Count what was used instead of what was reserved. A second call does nothing."""
        if self._settled:
            return
        self._settled = True
        self._turn_page()
        self._spending.count(max(0, tokens - self._earlier) - self._held)

    def _turn_page(self) -> None:
        if (today := self._spending.today()) != self._day:
            self._earlier += self._held
            self._day, self._held = today, 0
