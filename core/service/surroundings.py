"""What was said around a question: asked of the platform where it tells, else what was overheard.

The law:
- It is only what stands in the question's own place, and only what its asker may read there at that moment.
- Who chose to be apart is in nobody's surroundings but their own, and is not overheard.
- It is shown to the model as quoted data. A transcript is for its turn alone and never kept; of a chain of
  replies the question's quote is kept, as any quote is.
- Overheard is only where a chat opted in; `core.service.retention` says for how long.
- A platform that does not answer in time leaves a question without it, and never without an answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from core.conversation.history import Question, goes_by_replies, lane_of, shown_in
from core.conversation.window import is_blank
from core.messages import IncomingMessage, MessageEdited, MessageRef, Person, Place, Quote
from core.ports.clock import Clock
from core.ports.reading import NotReadable, Reading, Seen
from core.ports.store import Overheard, Store, StoreError
from core.ports.surface import Surface
from core.service.choosing import Choices
from core.service.in_time import in_time

log = logging.getLogger(__name__)

LONGEST_CHAIN: Final = 10  # messages
LATELY: Final = 20  # messages
WITHIN_S: Final = 3.0
FETCHED_WITHIN_S: Final = 10.0  # where somebody asked for just that
_LATELY_S: Final = 86_400.0
_SEARCHED: Final = 1_000  # overheard messages among which an edited one is looked for


class Surroundings:
    """One for the whole bot."""

    def __init__(self, store: Store, choices: Choices, clock: Clock) -> None:
        self._store = store
        self._choices = choices
        self._clock = clock

    def of(self, surface: Surface) -> Reading | None:
        """What can be read of a surface's place; None: nothing can, or nobody opted in there."""
        if surface.reading is not None:
            return surface.reading
        if not self._choices.known(surface.place).overhear:
            return None
        return _OverheardReading(self._store, surface.place, surface.capabilities.link_of)

    async def fetch(
        self, surface: Surface, reader: Person, *, since: float, before: MessageRef | None, limit: int
    ) -> tuple[Seen, ...] | NotReadable | None:
        """The newest messages there that this person may read; None where nothing is to be read from."""
        reading = self.of(surface)
        if reading is None:
            return None
        work = reading.recent(reader, since=since, before=before, limit=limit)
        found = await in_time(self._clock, FETCHED_WITHIN_S, work)
        if found is None or isinstance(found, NotReadable):
            return NotReadable.FAILED if found is None else found
        return await self._without_apart(found, reader)

    async def hides(self, quote: Quote | None, reader: Person) -> bool:
        """Whether a message that somebody quotes is by another who chose to be apart."""
        if quote is None or quote.by_us or quote.author_id in {"", reader.id}:
            return False
        return bool(await self._choices.apart([f"{reader.platform}:{quote.author_id}"]))

    async def _without_apart(self, found: Sequence[Seen], reader: Person) -> tuple[Seen, ...]:
        others = {str(one.author) for one in found if not one.by_us} - {str(reader)}
        apart = await self._choices.apart(others)
        return tuple(one for one in found if one.by_us or str(one.author) not in apart)

    async def chain(self, question: Question, surface: Surface) -> tuple[Seen, ...]:
        """What the message that a question replies to was a reply to, and so on upwards; oldest first.
        Nothing where a turn knows the message: the conversation then says more."""
        if question.quote is None or question.quote.replies_to is None or surface.reading is None:
            return ()
        work = self._chain(question, question.quote.replies_to, surface.reading)
        return await self._without_apart(await in_time(self._clock, WITHIN_S, work) or (), question.asker)

    async def lately(self, question: Question, conversation_id: str, surface: Surface) -> tuple[Seen, ...]:
        """What others said there before the question, as far as the conversation does not hold it."""
        reading = self.of(surface)
        if reading is None:
            return ()
        since = self._clock.wall() - _LATELY_S
        work = reading.recent(question.asker, since=since, before=question.reply_to, limit=LATELY)
        found = await in_time(self._clock, WITHIN_S, work)
        if found is None or isinstance(found, NotReadable):
            log.info("%s: what was said there is not shown to the model: %s", question.place, found)
            return ()
        own = set(question.refs)
        return tuple([
            one
            for one in await self._without_apart(found, question.asker)
            if one.ref not in own and await self._conversation_of(question, one.ref) != conversation_id
        ])  # fmt: skip

    def hears(self, message: IncomingMessage) -> bool:
        """Whether it is to be kept for `/catchup`: what people write in a chat that opted in."""
        told = not (message.author.is_bot or is_blank(message.text))
        return told and self._choices.known(message.place).overhear

    async def overhear(self, message: IncomingMessage) -> None:
        """Keep it, unless its author is apart, also where they chose so just now."""
        person, now = message.author, self._clock.wall()
        if await self._choices.apart([str(person)]):
            return
        await self._keep(
            Overheard(str(message.place), message.ref.message_id, str(person), person.name, message.text, now)
        )
        if await self._choices.apart([str(person)]):
            await self._store.unhear(str(person))

    async def edited(self, edit: MessageEdited) -> None:
        """Keep what a message says now that was overheard before."""
        if not self._choices.known(edit.place).overhear:
            return
        try:
            kept = await self._store.overheard(str(edit.place), since=0.0, limit=_SEARCHED)
        except StoreError as error:
            log.error("an edit in %s is not followed: %s", edit.place, error)
            return
        for heard in kept:
            if heard.message_id == edit.ref.message_id and heard.author == str(edit.author):
                await self._keep(replace(heard, text=edit.text))

    async def _keep(self, heard: Overheard) -> None:
        try:
            await self._store.overhear(heard)
        except StoreError as error:
            log.error("a message in %s is not kept: %s", heard.place, error)

    async def _chain(self, question: Question, ref: MessageRef | None, reading: Reading) -> tuple[Seen, ...]:
        if question.quote is None or await self._conversation_of(question, question.quote.ref):
            return ()
        if await reading.refused(question.asker) is not None:
            return ()
        found: list[Seen] = []
        known = {question.quote.ref}
        while ref is not None and ref not in known and len(found) < LONGEST_CHAIN:
            told = not goes_by_replies(question.place, private=question.private)
            if told and await self._conversation_of(question, ref):  # it stands above the question anyway
                break
            seen = await reading.message(ref)
            if seen is None:
                break
            found.append(seen)
            known.add(ref)
            ref = seen.reply_to
        return tuple(reversed(found))

    async def _conversation_of(self, question: Question, ref: MessageRef) -> str:
        [shown] = shown_in(replace(lane_of(question.place, question.asker), private=False), [ref.message_id])
        found = await self._store.shown(shown)
        return found.conversation_id if found is not None else ""


class _OverheardReading:
    """`core.ports.reading.Reading` of what was kept. Who is in the chat has read it there."""

    def __init__(
        self, store: Store, place: Place, link_of: Callable[[MessageRef], str | None] | None
    ) -> None:
        self._store = store
        self._place = place
        self._link_of = link_of

    async def refused(self, reader: Person) -> NotReadable | None:
        return None

    async def message(self, ref: MessageRef) -> Seen | None:
        return None

    async def recent(
        self, reader: Person, *, since: float = 0.0, before: MessageRef | None = None, limit: int
    ) -> tuple[Seen, ...] | NotReadable:
        try:
            kept = await self._store.overheard(str(self._place), since=since, limit=limit)
        except StoreError as error:
            log.error("what was overheard in %s cannot be read: %s", self._place, error)
            return NotReadable.FAILED
        return tuple(
            self._seen(heard) for heard in kept if before is None or heard.message_id != before.message_id
        )

    def _seen(self, heard: Overheard) -> Seen:
        ref = MessageRef(self._place.chat_id, heard.message_id)
        author = Person(self._place.platform, heard.author.partition(":")[2], heard.name)
        link = self._link_of(ref) if self._link_of is not None else None
        return Seen(ref, author, heard.text, heard.at, link)
