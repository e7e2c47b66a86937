"""What was said around a question: asked of the platform where it tells, else what was overheard.

The law:
- It is only what stands in the question's own place, and only what its asker may read there at that moment.
- Who chose to be apart is in nobody's surroundings but their own, and is not overheard.
- It is shown to the model as quoted data. A transcript is for its turn alone and never kept; of a chain of
  replies the question's quote is kept, as any quote is.
- Overheard is only where a chat opted in; `core.service.retention` says for how long.
- What somebody wrote whom `deny` names is neither shown to the model nor kept: no quote, no transcript, no
  earlier turn of theirs, and no summary that may tell of one.
- A platform that does not answer in time leaves a question without it, and never without an answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from core.conversation.history import Question, goes_by_replies, lane_of, shown_in
from core.conversation.window import is_blank
from core.messages import (
    Incoming,
    IncomingCommand,
    IncomingMessage,
    MessageEdited,
    MessageRef,
    Person,
    Place,
    Quote,
)
from core.policy.access import Access
from core.policy.rules import Verdict
from core.ports.clock import Clock
from core.ports.reading import NotReadable, Reading, Seen
from core.ports.store import Message, Overheard, Store, StoreError
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

    def __init__(self, store: Store, choices: Choices, clock: Clock, access: Access) -> None:
        self._access = access
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
            return found or NotReadable.FAILED
        return await self._readable_by(found, reader, surface.place)

    async def hides(self, quote: Quote | None, reader: Person) -> bool:
        """Whether a message that somebody quotes is by another who chose to be apart."""
        if quote is None or quote.by_us or quote.author_id in {"", reader.id}:
            return False
        return bool(await self._choices.apart([f"{reader.platform}:{quote.author_id}"]))

    async def _readable_by(self, found: Sequence[Seen], reader: Person, place: Place) -> tuple[Seen, ...]:
        """Without what those wrote who are denied, and others who chose to be apart."""
        denies = self._access.rules.denies
        others = {str(one.author) for one in found if not one.by_us} - {str(reader)}
        apart = await self._choices.apart(others)
        return tuple(
            one for one in found if one.by_us or not (str(one.author) in apart or denies(one.author, place))
        )

    async def chain(self, question: Question, surface: Surface) -> tuple[Seen, ...]:
        """What the message that a question replies to was a reply to, and so on upwards; oldest first.
        Nothing where a turn knows the message: the conversation then says more."""
        if question.quote is None or question.quote.replies_to is None or surface.reading is None:
            return ()
        work = self._chain(question, question.quote.replies_to, surface.reading)
        seen = await in_time(self._clock, WITHIN_S, work) or ()
        return await self._readable_by(seen, question.asker, question.place)

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
            for one in await self._readable_by(found, question.asker, question.place)
            if one.ref not in own and await self._conversation_of(question, one.ref) != conversation_id
        ])  # fmt: skip

    def hears(self, message: IncomingMessage) -> bool:
        """Whether it is to be kept for `/catchup`: what people write in a chat that opted in, as long as no
        admin refused it."""
        told = not (message.author.is_bot or is_blank(message.text))
        denied = self._access.weigh(message.author, message.place) is Verdict.DENIED
        return told and not denied and self._choices.known(message.place).overhear

    def without_denied_quotes(self, incoming: Incoming) -> Incoming:
        """The event without the words of what it quotes, where somebody wrote them who is denied."""
        if isinstance(incoming, IncomingMessage | IncomingCommand) and incoming.quote is not None:
            incoming = replace(incoming, quote=self._withheld(incoming.quote, incoming.place))
        if isinstance(incoming, IncomingCommand) and incoming.target is not None:
            incoming = replace(incoming, target=self._withheld(incoming.target, incoming.place))
        return incoming

    def withholds(self, askers: Iterable[str], place: Place) -> bool:
        """Whether one of these, `str(Person)`, is denied by now."""
        return any(self._denies_asker(asker, place) for asker in askers)

    def of_the_served(self, messages: Sequence[Message], place: Place) -> tuple[Message, ...]:
        """Those whose askers are not denied by now. Roles are not kept: they counted when they asked."""
        return tuple(one for one in messages if not self._denies_asker(one.asker, place))

    async def withheld(self, people: Iterable[str], question: Question) -> frozenset[str]:
        """Those of them, `str(Person)`, of whose words this question may be shown no quote by now."""
        others = frozenset(people) - {str(question.asker)}
        denied = {person for person in others if self._denies_asker(person, question.place)}
        return await self._choices.apart(others) | denied

    def _denies_asker(self, asker: str, place: Place) -> bool:
        return self._access.rules.denies(Person(*_platform_and_id(asker), ""), place)

    def _withheld(self, quote: Quote, place: Place) -> Quote:
        author = Person(
            place.platform,
            quote.author_id,
            quote.author_name,
            may_have=quote.author_roles,
        )
        withheld = not quote.by_us and self._access.rules.denies(author, place)
        return replace(quote, text="", author_name="") if withheld else quote

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


def _platform_and_id(person: str) -> tuple[str, str]:
    platform, _, id_ = person.partition(":")
    return platform, id_


class _OverheardReading:
    """`core.ports.reading.Reading` of what was kept. Who is in the chat has read it there."""

    def __init__(
        self, store: Store, place: Place, link_of: Callable[[Place, MessageRef], str | None] | None
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
        link = self._link_of(self._place, ref) if self._link_of is not None else None
        return Seen(ref, author, heard.text, heard.at, link)
