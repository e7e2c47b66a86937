"""What becomes of a question whose message is edited or deleted.

The law: while it waits, an edit changes it and a deletion drops it. While it is answered, or its answer goes
on, a deletion ends that. From then on both change only the history: what was deleted is not seen by the model
again, nor what its answer went on to, and Retry asks what was edited.
"""

from __future__ import annotations

from dataclasses import replace

from core.conversation.history import lane_of, shown_in
from core.conversation.window import is_blank
from core.messages import MessageDeleted, MessageEdited, MessageRef, Person, Place
from core.ports.store import Message, Role, Shown, Store
from core.service.continuing import goes_on_from
from core.service.door import unanswered
from core.service.endings import Endings
from core.service.exchange_lookup import ExchangeLookup
from core.service.intake import Intake
from core.service.queue import TurnQueue
from core.service.turn import Turn


class Changes:
    """Edits and deletions of questions, wherever these are."""

    def __init__(
        self, intake: Intake, queue: TurnQueue, endings: Endings, lookup: ExchangeLookup, store: Store
    ) -> None:
        self._intake = intake
        self._queue = queue
        self._endings = endings
        self._lookup = lookup
        self._store = store

    async def edited(self, edit: MessageEdited) -> None:
        """Of a question that several messages carried nothing changes: what one of them said is not known."""
        if is_blank(edit.text) or self._intake.edit(edit.place, edit.ref, edit.text):
            return
        for turn in self._of(edit.place, edit.ref):
            if turn.asked is None:
                if not turn.question.more:
                    turn.question = replace(turn.question, text=edit.text)
                return
        question, shows = await self._kept(edit.place, edit.ref)
        if question is not None and question.asker == str(edit.author) and len(shows) == 1:
            await self._store.add(replace(question, text=edit.text), shows)

    async def deleted(self, deletion: MessageDeleted) -> None:
        place, ref = deletion.place, deletion.ref
        dropped = self._intake.drop(place, ref)
        if dropped is not None:
            unanswered("deleted", deletion.event_id, place, dropped.asker)
            return
        for turn in self._of(place, ref):
            self._end(turn, deletion)
        question, _ = await self._kept(place, ref)
        if question is None:
            return
        async with self._lookup.changing(question.id):  # who was about to have it answered has, or sees this
            withdrawn = replace(question, text="", quote="", tokens=0)  # what comes after stays
            await self._store.add(withdrawn, ())
            for turn in (*self._of(place, ref), *await self._going_on_from(question)):
                self._end(turn, deletion)

    def _end(self, turn: Turn, deletion: MessageDeleted) -> None:
        if self._queue.drop(turn):
            turn.finish()
            unanswered("deleted", deletion.event_id, deletion.place, turn.question.asker)
        else:
            self._endings.withdrawn(turn)

    async def _going_on_from(self, question: Message) -> list[Turn]:
        """Those that have an answer to the question go on."""
        found = []
        for turn in self._queue.turns:
            if answer := goes_on_from(turn):
                above = await self._lookup.exchange_of(await self._store.message(answer))
                if question.id in [one.id for one in above]:
                    found.append(turn)
        return found

    def _of(self, place: Place, ref: MessageRef) -> list[Turn]:
        return [
            turn
            for turn in self._queue.turns
            if ref in turn.question.refs and turn.question.place.platform == place.platform
        ]

    async def _kept(self, place: Place, ref: MessageRef) -> tuple[Message | None, tuple[Shown, ...]]:
        [shown] = shown_in(lane_of(place, Person("", "", "")), [ref.message_id])
        found = await self._store.shown(shown)
        if found is None or found.role is not Role.USER:
            return None, ()
        return found, await self._store.shows(found.id)
