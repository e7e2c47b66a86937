"""Questions on their way to the queue: in order within a lane, and what a client has split is joined again.

A message that is nearly as long as a client lets one be may have a rest, in a message of its own and without
a mention. So it waits a second for it; who asks behind it in the same lane waits as long.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from core.conversation.history import Question, lane_of
from core.messages import IncomingMessage, MessageRef, Place
from core.ports.clock import Clock, Timer
from core.ports.store import LaneKey
from core.ports.surface import Surface
from core.service.events import Events
from core.service.tasks import Tasks

log = logging.getLogger(__name__)

REST_WITHIN_S: Final = 1.0
LONGEST_QUESTION: Final = 12_000
"""Characters: twice a Discord command's longest argument, three times Telegram's longest message."""
IN_LINE: Final = 20  # questions in one lane; they wait here while the store is slow
IN_ALL: Final = 1_000
NEARLY: Final = 0.9  # of a client's limit: it cuts at a good place, and a mention is taken out


Now = Callable[[Question], Question | None]
"""What was made of the question, as it is by now: with its text, without quotes of who was forgotten. None:
it was let go of."""


@dataclass(slots=True, eq=False)
class _Held:
    question: Question
    surface: Surface
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    timer: Timer | None = None
    forgotten: set[str] = field(default_factory=set)  # others, `str(Person)`, since it came


class Intake:
    """`admit` takes each question when its turn has come. Until it returns, the question can be changed and
    let go of: it asks `Now` once nothing more is awaited."""

    def __init__(
        self,
        clock: Clock,
        tasks: Tasks,
        events: Events,
        admit: Callable[[Question, Surface, Now], Awaitable[None]],
    ) -> None:
        self._events = events
        self._clock = clock
        self._tasks = tasks
        self._admit = admit
        self._closing = False
        self._lines: dict[LaneKey, deque[_Held]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def take(self, question: Question, surface: Surface) -> bool:
        """Admit it as soon as those before it are, and its rest cannot come any more. False: there is no room
        for it."""
        key = lane_of(question.place, question.asker, private=question.private)
        line = self._lines.get(key, ())
        if len(line) >= IN_LINE or sum(map(len, self._lines.values())) >= IN_ALL:
            return False
        held = _Held(question, surface)
        self._events.hold(surface, question.event_id)
        self._wait_for_rest(held, question.text if question.ref is not None else "")
        if line:
            self._lines[key].append(held)
            return True
        self._lines[key] = deque([held])
        self._idle.clear()
        self._tasks.start(self._serve(key), f"questions in {question.place}")
        return True

    def waits_for(self, message: IncomingMessage) -> bool:
        """Whether this may be the rest of a message that came just before."""
        return self._begun(message) is not None

    def join(self, message: IncomingMessage) -> None:
        """Take it as the rest that is waited for."""
        held = self._begun(message)
        if held is not None:
            asked = held.question
            self._events.hold(held.surface, message.event_id)
            held.question = replace(
                asked,
                text=f"{asked.text}\n{message.text}",
                more=(*asked.more, message.ref),
                more_events=(*asked.more_events, message.event_id),
            )
            self._wait_for_rest(held, message.text)

    def edit(self, place: Place, ref: MessageRef, text: str) -> bool:
        """Change a question that is still here. One of several messages stays as it was."""
        _, held = self._find(place, ref)
        if held is not None and not held.question.more:
            held.question = replace(held.question, text=text)
        return held is not None

    def drop(self, place: Place, ref: MessageRef) -> Question | None:
        """Let go of a question that is still here."""
        line, held = self._find(place, ref)
        if held is None:
            return None
        self._let_go(line, held)
        return held.question

    def drop_all(self, person: str, place: str, *, but_first: bool) -> tuple[Question, ...]:
        """Let go of what somebody, `str(Person)`, has on its way here from one place, and return it."""
        gone = []
        for key, line in self._lines.items():
            theirs = [one for one in line if str(one.question.asker) == person] if key.place == place else []
            for held in theirs[but_first:]:
                self._let_go(line, held)
                gone.append(held.question)
        return tuple(gone)

    def forget(self, person: str) -> tuple[Question, ...]:
        """Let go of all that somebody, `str(Person)`, has on its way here, and return it; also of their words
        in what others have."""
        gone = []
        for line in self._lines.values():
            for held in line:
                held.forgotten.add(person)
            for held in [one for one in line if str(one.question.asker) == person]:
                self._let_go(line, held)
                gone.append(held.question)
        return tuple(gone)

    def close(self) -> asyncio.Event:
        """Wait for no rest any more. The event: all that came has been admitted."""
        self._closing = True
        for line in self._lines.values():
            for held in line:
                held.ready.set()
        return self._idle

    async def _serve(self, key: LaneKey) -> None:
        line = self._lines[key]
        try:
            while line:
                held = line[0]
                await held.ready.wait()
                if not line or line[0] is not held:
                    continue

                def now(asked: Question, held: _Held = held) -> Question | None:
                    asked = replace(asked, text=held.question.text)
                    return asked.without_quotes_of(held.forgotten) if held in line else None

                try:
                    await self._admit(held.question, held.surface, now)
                except Exception:
                    # One question must not keep those behind it from being asked.
                    log.exception("event %s in %s failed", held.question.event_id, held.question.place)
                if held in line:
                    self._let_go(line, held)
        finally:
            del self._lines[key]
            if not self._lines:
                self._idle.set()

    def _let_go(self, line: deque[_Held], held: _Held) -> None:
        line.remove(held)
        held.ready.set()
        for event_id in held.question.event_ids:
            self._events.release(held.surface, event_id)

    def _wait_for_rest(self, held: _Held, text: str) -> None:
        if held.timer is not None:
            held.timer.cancel()
        limits = held.surface.capabilities.client_text_limits
        too_long = len(held.question.text) > LONGEST_QUESTION
        if self._closing or too_long or not _is_nearly_full(text, limits):
            held.ready.set()
            return
        held.timer = self._clock.call_at(self._clock.monotonic() + REST_WITHIN_S, held.ready.set)

    def _begun(self, message: IncomingMessage) -> _Held | None:
        for key in {
            lane_of(message.place, message.author, private=private) for private in (False, True)
        } & self._lines.keys():
            for held in self._lines[key]:
                if not held.ready.is_set() and held.question.asker.id == message.author.id:
                    return held
        return None

    def _find(self, place: Place, ref: MessageRef) -> tuple[deque[_Held], _Held | None]:
        for key, line in self._lines.items():
            for held in line if key.place == str(place) else ():
                if ref in held.question.refs:
                    return line, held
        return deque(), None


def _is_nearly_full(text: str, limits: tuple[int, ...]) -> bool:
    """In code points or in UTF-16 units, whichever the client counts."""
    sizes = (len(text), len(text.encode("utf-16-le", "surrogatepass")) // 2)
    return any(NEARLY * limit <= size <= limit for limit in limits for size in sizes)
