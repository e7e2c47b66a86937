"""The door: whose events come in at all. One log line, ids and a reason, for each that does not.

Owners come first: what `core.policy.rules` does not serve stays outside. Within that, those who manage a
server or group may narrow it to some channels, topics or roles, or to themselves; while their choice cannot
be read, only they are let in. They never widen anything, and shut out neither themselves nor any admin.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from core.catalogue import say
from core.conversation.preferences import opens_to
from core.messages import FromSomebody, MessageRef, Person, Place, PlaceKind
from core.policy.access import Access
from core.policy.frequency import Frequency
from core.policy.repeats import Repeats
from core.policy.rules import Verdict
from core.ports.clock import Clock
from core.ports.surface import Surface
from core.service.approvals import Approvals
from core.service.choosing import Choices
from core.service.events import Events
from core.service.languages import language_of
from core.service.notices import Notices

log = logging.getLogger(__name__)

_WORDS: Mapping[Verdict, str] = {
    Verdict.DENIED: "refused.denied",
    Verdict.UNKNOWN: "refused.unknown",
    Verdict.NARROWED: "refused.narrowed",
}
_BOT_MAY_ASK = (3, 60.0)  # times, in seconds: two bots that answer each other stop soon


class Door:
    """Asked before anything is done for an event."""

    def __init__(
        self,
        access: Access,
        approvals: Approvals,
        choices: Choices,
        *,
        notices: Notices,
        clock: Clock,
        events: Events,
    ) -> None:
        self.closing = False
        """What is refused from now on is for the next process."""
        self._access = access
        self._approvals = approvals
        self._choices = choices
        self._notices = notices
        self._clock = clock
        self._events = events
        self._repeats = Repeats()
        self._bots = Frequency(*_BOT_MAY_ASK)

    def is_new(self, incoming: FromSomebody) -> bool:
        """Whether this event is seen for the first time; platforms repeat what they are unsure of."""
        event = (incoming.place.platform, incoming.event_id)
        if self._repeats.is_new(event):
            return True
        unanswered("duplicate", incoming.event_id, incoming.place, incoming.author)
        return False

    def serves(self, person: Person, place: Place) -> bool:
        """Whether this person may use the bot in this place: what every entrance asks."""
        return self._why_not(person, place) is None

    def shuts_out(self, person: Person, place: Place) -> bool:
        """Whether whoever was let in before may not by now, by the law or by who manages the place; while
        that cannot be read, what it said then holds."""
        return self._why_not(person, place) not in {None, Verdict.UNKNOWN}

    def admits(
        self, incoming: FromSomebody, surface: Surface, *, ref: MessageRef | None, tells: bool = True
    ) -> bool:
        """The same of an event. A person who may not is told how that can change, unless `tells` is False."""
        author, place = incoming.author, incoming.place
        why_not = self._why_not(author, place)
        if why_not is None:
            return True
        if tells and self.is_new(incoming):
            unanswered(why_not.value, incoming.event_id, place, author)
            if not author.is_bot:
                self._notices.tell(
                    surface,
                    author,
                    self._words(why_not, incoming),
                    ref=ref,
                    reaction="reaction.refused",
                    event_id=incoming.event_id,
                    kind=why_not.value,
                )
        return False

    def takes(self, incoming: FromSomebody, surface: Surface, *, mentioned: bool = False) -> bool:
        """Whether what was admitted is done now: not while the bot stops, and of other bots only so much."""
        reason = ""
        if self.closing:
            reason = "closing"
            self._events.leave(surface, incoming.event_id)
        elif incoming.author.is_bot and not mentioned:
            reason = "bot_author"
        elif incoming.author.is_bot:
            key = (str(incoming.author), str(incoming.place))
            reason = "" if self._bots.take(key, self._clock.monotonic()) else "bot_too_often"
        if reason:
            unanswered(reason, incoming.event_id, incoming.place, incoming.author)
        return not reason

    def _why_not(self, person: Person, place: Place) -> Verdict | None:
        verdict = self._access.weigh(person, place)
        if verdict is not Verdict.SERVED:
            return verdict
        if place.kind is PlaceKind.PRIVATE or self._access.is_admin(person):
            return None
        if not self._choices.is_known(place):
            return None if person.manages_place else Verdict.UNKNOWN
        return None if opens_to(self._choices.known(place), person) else Verdict.NARROWED

    def _words(self, why_not: Verdict, incoming: FromSomebody) -> str:
        author, place = incoming.author, incoming.place
        locale = language_of(author, place)
        if why_not in _WORDS:
            return say(_WORDS[why_not], locale)
        if self._access.unclaimed:
            return say("refused.unclaimed", locale, entries=str(author))  # a place is no admin
        if why_not is Verdict.NEW and self._approvals.request(author, place):
            return say("refused.asked", locale)
        entries = " / ".join(self._access.entries_to_paste(author, place))
        return say("refused", locale, entries=entries)


def unanswered(
    reason: str, event_id: str, place: Place, person: Person, *, level: int = logging.INFO
) -> None:
    """The one line about an event that could address the bot and gets no answer from the model."""
    log.log(level, "not answered: %s event=%s place=%s person=%s", reason, event_id, place, person)
