"""Who is next: one turn at a time in each conversation, in order; conversations run side by side.

Nothing that was taken is dropped: a question that there is no room for is refused with `QueueFullError`
before anybody relies on it.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Awaitable, Callable

from core.service.door import unanswered
from core.service.tasks import Tasks
from core.service.turn import Turn

STREAMS = 500
"""How many answers grow at once; the rest waits."""


class QueueFullError(Exception):
    """There is no room for this question now; the asker should try again in a moment."""


class TurnQueue:
    """`run` does one turn and returns when it is over. The head of each line is the one that runs."""

    def __init__(
        self,
        run: Callable[[Turn], Awaitable[None]],
        tasks: Tasks,
        *,
        waiting_each: int = 20,
        waiting_in_all: int = 500,
        each_person: int = 20,
    ) -> None:
        self._run = run
        self._tasks = tasks
        self._waiting_each = waiting_each
        self._waiting_in_all = waiting_in_all
        self._each_person = each_person
        self._lines: dict[str, deque[Turn]] = {}  # by conversation
        self._turns: dict[str, Turn] = {}
        self._of_person: Counter[str] = Counter()

    @property
    def running(self) -> tuple[Turn, ...]:
        """The turns that were begun and are not over."""
        return tuple(line[0] for line in self._lines.values())

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All that are not over, in the order in which they came."""
        return tuple(self._turns.values())

    def find(self, turn_id: str) -> Turn | None:
        return self._turns.get(turn_id)

    def add(self, turn: Turn) -> int:
        """Take a turn and return how many answers its conversation still has to show before it.

        Raises QueueFullError, but never for one that another process had taken.
        """
        line = self._lines.get(turn.conversation_id, ())
        waiting = len(self._turns) - min(len(self._lines), STREAMS)
        must_wait = bool(line) or len(self._lines) >= STREAMS
        if turn.known is None and (
            self._of_person[_payer(turn)] >= self._each_person
            or len(line) > self._waiting_each
            or (must_wait and waiting >= self._waiting_in_all)
        ):
            raise QueueFullError
        before = sum(not turn.is_shown for turn in line)
        self._turns[turn.id] = turn
        self._of_person[_payer(turn)] += 1
        if line:
            self._lines[turn.conversation_id].append(turn)
        else:
            self._lines[turn.conversation_id] = deque([turn])
            self._tasks.start(self._serve(turn.conversation_id), f"conversation in {turn.question.place}")
        return before

    def waits(self, turn: Turn) -> bool:
        """Whether it was not begun."""
        return turn in itertools.islice(self._lines.get(turn.conversation_id, ()), 1, None)

    def drop_waiting(self, person: str = "") -> tuple[Turn, ...]:
        """Let go of every turn that was not begun, or of a person's, and return them."""
        waiting = [turn for line in self._lines.values() for turn in list(line)[1:]]
        dropped = [turn for turn in waiting if not person or str(turn.question.asker) == person]
        for turn in dropped:
            self.drop(turn)
        return tuple(dropped)

    def drop(self, turn: Turn) -> bool:
        """Let go of a turn; False when it was begun, or is over."""
        if not self.waits(turn):
            return False
        line = self._lines[turn.conversation_id]
        line.remove(turn)
        for waiting in line:
            if waiting.parent_id == turn.id:
                waiting.parent_id = turn.parent_id
        self._forget(turn)
        return True

    async def _serve(self, conversation_id: str) -> None:
        line, place_gone = self._lines[conversation_id], False
        try:
            while line:
                await self._run(line[0])
                self._forget(turn := line.popleft())
                for waiting in line:
                    waiting.follow(turn)
                if place_gone := turn.place_gone:
                    break
        finally:
            for turn in line:  # the place is gone, or the bot ends
                unanswered("not_reached", turn.question.event_id, turn.question.place, turn.question.asker)
                self._forget(turn)
                if place_gone:
                    turn.finish()
            del self._lines[conversation_id]

    def _forget(self, turn: Turn) -> None:
        del self._turns[turn.id]
        self._of_person[_payer(turn)] -= 1
        if not self._of_person[_payer(turn)]:
            del self._of_person[_payer(turn)]


def _payer(turn: Turn) -> str:
    return str(turn.question.payer)
