"""What came in, kept and handed over once: the same for updates that are asked for and that are brought."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from bots.telegram import inline
from bots.telegram.drafts import STOPPED
from bots.telegram.kept import Shelf, event_id
from core.policy.repeats import Repeats

_PRESSES: Final = frozenset({"callback_query", STOPPED})
_PASSING: Final = frozenset({inline.KIND})
"""Not kept: one comes with every letter typed, and is of no use to anybody some seconds later."""


class Handover:
    """`take` gets each update as JSON, in order, once."""

    def __init__(self, take: Callable[[dict[str, Any]], None], shelf: Shelf) -> None:
        self._take = take
        self._shelf = shelf
        self._repeats = Repeats()
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
        wanted = new is None or event_id(update) in new or bool(_PASSING & update.keys())
        if not self._is_repeat(update) and wanted:
            if not self.wants(update):
                return False
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
            if not self._is_repeat(update):
                self._hand(update)
        return left is not None

    def _hand(self, update: dict[str, Any]) -> None:
        self._repeats.add(event_id(update))
        self._take(update)

    def _is_repeat(self, update: dict[str, Any]) -> bool:
        """Whether it was handed over. It may come for as long as it is not confirmed or dealt with."""
        known = event_id(update) in self._repeats
        if known:
            self._repeats.add(event_id(update))
        return known
