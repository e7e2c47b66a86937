"""The peers' policies, each as its code has it, under the platform's usual library.

Two kinds. A *timer* looks at the newest text when its time has come. An *inline* one reads the model's
deltas one by one and awaits each edit before it reads the next, so that after a slow edit it goes on
with old text. Three things are better here than theirs, so that pacing alone is compared: the first text
waits as ours does, nothing is held back for formatting, and a long answer goes on in further messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Final

from benchmarks.libraries import DiscordLibrary, Library, TelegramLibrary
from benchmarks.scenarios import Scenario, Stream, text_of
from benchmarks.simulator import Request
from core.streaming.meters import NEVER
from core.streaming.operations import Delivered, OperationKind, Outcome
from core.streaming.text import ends_sentence
from core.streaming.wants import FIRST_CHARS, FIRST_WAIT_S

_PAGE: Final = {"discord": 2_000, "telegram": 4_096}


@dataclass(frozen=True, slots=True)
class Peer:
    """Edits when any of its triggers says so; `whose` code it was read in."""

    name: str
    whose: str
    after_s: float | None = None
    from_start: bool = False  # `after_s` counts from the last edit's start, not from its return
    telegram_after_s: tuple[float, float] | None = None  # in a private chat, in a group; else `after_s`
    characters: int | None = None
    deltas: int | None = None
    inline: bool = False
    one_clock: bool = False  # `after_s` is one clock for all streams

    def interval_s(self, stream: Stream) -> float | None:
        family = stream.ways[0][OperationKind.EDIT][-1].family
        if self.telegram_after_s is None or family not in {"chat", "group"}:
            return self.after_s
        return self.telegram_after_s[family == "group"]


PEERS: Final = (
    Peer("0.5 s after return", "vercel/chat", after_s=0.5, telegram_after_s=(1.1, 3.1)),
    Peer("1 s", "openclaw", after_s=1.0, from_start=True),
    Peer("0.8 s or 24 chars", "hermes-agent", after_s=0.8, characters=24),
    Peer("100 chars", "father-bot", characters=100, inline=True),
    Peer("20 deltas", "yym68686", deltas=20, inline=True),
    Peer("one 1 s clock", "llmcord", after_s=1.0, inline=True, one_clock=True),
)


@dataclass(slots=True)
class _Reader:
    """One answer: `arrived` from the model, `read` by the peer, and how much of it was `asked` to stand."""

    number: int
    stream: Stream
    interval_s: float | None
    arrived: int = 0  # deltas
    read: int = 0
    characters: int = 0  # of the deltas that were read
    asked: int = 0  # characters
    asked_deltas: int = 0
    page_start: int = 0
    message_id: str | None = None
    busy: bool = False
    ended: bool = False
    first_at: float = 0.0
    last_at: float = 0.0  # of the last edit, as `after_s` counts it
    final_at: float | None = None

    @property
    def all_read(self) -> bool:
        return self.read == self.arrived


class PeerPolicy:
    """All answers of one bot, under one peer's rule."""

    def __init__(self, scenario: Scenario, peer: Peer) -> None:
        self._peer = peer
        self._page = _PAGE[scenario.platform]
        self._library: Library = DiscordLibrary() if scenario.platform == "discord" else TelegramLibrary()
        self._readers = [
            _Reader(number, stream, peer.interval_s(stream)) for number, stream in enumerate(scenario.streams)
        ]
        self._clock_at = 0.0  # of `one_clock`
        self._timers: list[tuple[float, int, int, Outcome | None]] = []  # (when, order, stream, returned)
        self._order = count(1)
        self._upto: dict[int, int] = {}  # by request
        self._changes: list[tuple[int, int]] = []

    def arrived(self, stream: int, characters: int, now: float) -> None:
        reader = self._readers[stream]
        reader.first_at = reader.first_at or now
        reader.arrived += 1
        self._go_on(reader, now)

    def ended(self, stream: int, now: float) -> None:
        self._readers[stream].ended = True
        self._go_on(self._readers[stream], now)

    def requests(self, now: float) -> list[Request]:
        while self._timers and self._timers[0][0] <= now:
            _, _, number, returned = heappop(self._timers)
            reader = self._readers[number]
            if returned is not None:
                self._returned(reader, returned, now)
            self._go_on(reader, now)
        return self._library.requests(now)

    def next_deadline(self) -> float:
        return min(self._timers[0][0] if self._timers else NEVER, self._library.next_deadline())

    def performed(self, request: Request, outcome: Outcome, now: float) -> None:
        returns_at = self._library.answered(request, outcome, now)
        if isinstance(outcome, Delivered):
            self._changes.append((request.stream, self._upto[request.id]))
        if returns_at is not None:
            self._call_at(returns_at, self._readers[request.stream], outcome)

    def newly_visible(self) -> Sequence[tuple[int, int]]:
        changes = list(self._changes)
        self._changes.clear()
        return changes

    def _returned(self, reader: _Reader, outcome: Outcome, now: float) -> None:
        reader.busy = False
        if not self._peer.from_start:
            reader.last_at = now
        self._clock_at = now
        if isinstance(outcome, Delivered):
            reader.message_id = outcome.message_id
            if reader.asked == reader.page_start + self._page:
                reader.page_start, reader.message_id = reader.asked, None

    def _go_on(self, reader: _Reader, now: float) -> None:
        while not reader.busy and (not reader.all_read or self._is_due(reader, now)):
            if not reader.all_read:
                self._read(reader)
            if self._is_due(reader, now):
                self._call(reader, now)

    def _read(self, reader: _Reader) -> None:
        upto = reader.read + 1 if self._peer.inline else reader.arrived
        reader.characters += sum(length for _, length in reader.stream.timeline.deltas[reader.read : upto])
        reader.read = upto

    def _is_due(self, reader: _Reader, now: float) -> bool:
        """Whether to edit or send now; sets a timer where time alone will make it so."""
        hidden = reader.characters - reader.asked
        if hidden == 0:
            return False
        if reader.ended and reader.all_read:
            return self._may_finish(reader, now)
        if reader.message_id is None:
            return reader.page_start > 0 or self._is_enough(reader, now)
        counts = ((self._peer.characters, hidden), (self._peer.deltas, reader.read - reader.asked_deltas))
        if any(most is not None and found >= most for most, found in counts):
            return True
        return self._has_waited(reader, now)

    def _may_finish(self, reader: _Reader, now: float) -> bool:
        if self._peer.one_clock and reader.message_id is not None:
            reader.final_at = reader.final_at or max(now, self._clock_at + (reader.interval_s or 0.0))
            return self._reached(reader.final_at, reader, now)
        return True

    def _has_waited(self, reader: _Reader, now: float) -> bool:
        if reader.interval_s is None:
            return False
        due_at = (self._clock_at if self._peer.one_clock else reader.last_at) + reader.interval_s
        return now >= due_at if self._peer.inline else self._reached(due_at, reader, now)

    def _is_enough(self, reader: _Reader, now: float) -> bool:
        text = text_of(reader.characters).strip()
        if len(text) >= FIRST_CHARS or (text and ends_sentence(text)):
            return True
        return self._reached(reader.first_at + FIRST_WAIT_S, reader, now)

    def _reached(self, at: float, reader: _Reader, now: float) -> bool:
        if now < at:
            self._call_at(at, reader)
        return now >= at

    def _call(self, reader: _Reader, now: float) -> None:
        upto = min(reader.characters, reader.page_start + self._page)
        kind = OperationKind.SEND if reader.message_id is None else OperationKind.EDIT
        keys = reader.stream.ways[0][kind]  # none of them knows of a second way
        request = Request(next(self._order), reader.number, kind, keys, reader.message_id)
        self._upto[request.id] = upto
        reader.asked, reader.asked_deltas, reader.busy = upto, reader.read, True
        reader.last_at = now
        self._library.call(request, now)

    def _call_at(self, at: float, reader: _Reader, returned: Outcome | None = None) -> None:
        heappush(self._timers, (at, next(self._order), reader.number, returned))
