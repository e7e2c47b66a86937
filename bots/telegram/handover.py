"""What came in, kept and handed over once: the same for updates that are asked for and that are brought."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from bots.telegram import inline
from bots.telegram.drafts import STOPPED
from bots.telegram.kept import Shelf, event_id

_PRESSES: Final = frozenset({"callback_query", STOPPED})
_PASSING: Final = frozenset({inline.KIND})
"""Not kept: one comes with every letter typed, and is of no use to anybody some seconds later."""
_REMEMBERED: Final = 10_000


class Handover:
    """`take` gets each update as JSON, in order, once."""

    def __init__(self, take: Callable[[dict[str, Any]], None], shelf: Shelf) -> None:
        self._take = take
        self._shelf = shelf
        self._handed: OrderedDict[str, None] = OrderedDict()
        self.wants_questions = True

    @property
    def watches(self) -> bool:
        """Other processes may leave something at any time, so `replay` is to be called again and again."""
        return self._shelf.watches

    async def keep(self, updates: Sequence[dict[str, Any]]) -> frozenset[str] | None:
        """Keep updates; the ids of those that nobody has dealt with, for `hand`. None: it is not certain that
        they are kept, so they must not be confirmed. Never raises."""
        kept = [update for update in updates if not _PASSING & update.keys()]
        return await self._shelf.keep(kept) if kept else frozenset()

    def hand(self, update: dict[str, Any], new: frozenset[str] | None) -> bool:
        """Hand an update over unless that was done before, or somebody has dealt with it. False: it is not
        wanted any more, and is to stay with Telegram. `new`: what `keep` returned."""
        known = event_id(update)
        fresh = known not in self._handed and (new is None or known in new or bool(_PASSING & update.keys()))
        if fresh and not self.wants(update):
            return False
        if fresh:
            self._hand(update)
        return True

    def wants(self, update: dict[str, Any]) -> bool:
        """Whether it may still be handed over: while we stop, a press is, and a question is not."""
        return self.wants_questions or bool(_PRESSES & update.keys())

    async def replay(self) -> bool:
        """Hand over what was kept and nobody has dealt with. False: that is not known, or not wanted, now."""
        if not self.wants_questions:
            return False
        left = await self._shelf.left()
        for update in left or ():
            if event_id(update) not in self._handed:
                self._hand(update)
        return left is not None

    def _hand(self, update: dict[str, Any]) -> None:
        self._handed[event_id(update)] = None
        if len(self._handed) > _REMEMBERED:
            self._handed.popitem(last=False)
        self._take(update)
