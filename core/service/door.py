"""The door: whose events come in at all. One log line, ids and a reason, for each that does not."""

from __future__ import annotations

import logging
from collections import OrderedDict

from core.catalogue import say
from core.messages import MessageRef, Person, Place, Wish
from core.policy.access import Access
from core.policy.frequency import Frequency
from core.ports.clock import Clock
from core.ports.surface import Surface
from core.service.events import Events
from core.service.languages import language_of
from core.service.notices import Notices

log = logging.getLogger(__name__)

_REMEMBERED_EVENTS = 10_000
_BOT_MAY_ASK = (3, 60.0)  # times, in seconds: two bots that answer each other stop soon


class Door:
    """Asked before anything is done for an event."""

    def __init__(self, access: Access, notices: Notices, clock: Clock, events: Events) -> None:
        self.closing = False
        """What is refused from now on is for the next process."""
        self._access = access
        self._notices = notices
        self._clock = clock
        self._events = events
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._bots = Frequency(*_BOT_MAY_ASK)

    def is_new(self, incoming: Wish) -> bool:
        """Whether this event is seen for the first time; platforms repeat what they are unsure of."""
        event = (incoming.place.platform, incoming.event_id)
        if event in self._seen:
            unanswered("duplicate", incoming.event_id, incoming.place, incoming.author)
            return False
        self._seen[event] = None
        if len(self._seen) > _REMEMBERED_EVENTS:
            self._seen.popitem(last=False)
        return True

    def admits(
        self,
        incoming: Wish,
        surface: Surface,
        *,
        ref: MessageRef | None,
        mentioned: bool = False,
        tells: bool = True,
    ) -> bool:
        """Whether the author is served. A person who is not is told how that can change, unless `tells` is
        False."""
        author, place = incoming.author, incoming.place
        reason = self._refusal(author, place, mentioned=mentioned)
        if reason is None:
            return True
        unanswered(reason, incoming.event_id, place, author)
        if reason == "closing":
            self._events.leave(surface, incoming.event_id)
        if reason == "refused" and tells:
            self._notices.tell(
                surface,
                author,
                self._refusal_words(incoming),
                ref=ref,
                reaction="reaction.refused",
                event_id=incoming.event_id,
            )
        return False

    def _refusal(self, author: Person, place: Place, *, mentioned: bool) -> str | None:
        if self.closing:
            return "closing"
        allowed = self._access.allows(author, place)
        if not author.is_bot:
            return None if allowed else "refused"
        if not (allowed and mentioned):
            return "bot_author"
        fresh = self._bots.take((str(author), str(place)), self._clock.monotonic())
        return None if fresh else "bot_too_often"

    def _refusal_words(self, incoming: Wish) -> str:
        entries = " / ".join(self._access.entries_to_paste(incoming.author, incoming.place))
        locale = language_of(incoming.author, incoming.place)
        return say("refused.unclaimed" if self._access.unclaimed else "refused", locale, entries=entries)


def unanswered(
    reason: str, event_id: str, place: Place, person: Person, *, level: int = logging.INFO
) -> None:
    """The one line about an event that could address the bot and gets no answer from the model."""
    log.log(level, "not answered: %s event=%s place=%s person=%s", reason, event_id, place, person)
