"""What the bot says for itself: refusals, errors, places in a queue, help.

The law: private where the place is private or the surface can answer privately; else a reaction, and of each
kind at most one line per person, place and hour. Whatever a person sends, they get only so many notices a
minute: of what is beyond they are told once.

With its `event_id` a notice is the answer to an event: that one is not handled before the notice is out or
given up, so after a crash it comes again and is answered. Without, as where something was done that must not
be done twice, a crash may take the notice along.
"""

from __future__ import annotations

import logging
import secrets

from core.catalogue import say
from core.messages import MessageRef, Person, PlaceKind
from core.policy.frequency import Frequency
from core.ports.clock import Clock
from core.ports.surface import Surface
from core.service.driver import Driver
from core.service.events import Events
from core.service.languages import language_of
from core.service.showing import Showing
from core.service.tasks import Tasks
from core.streaming.answer import Answer, Ending
from core.streaming.view_settings import BARE, Foot

log = logging.getLogger(__name__)

_A_MINUTE_EACH = 6  # notices and reactions, per person
_AT_ONCE_S = 1.0
_BETWEEN_REACTIONS_S = 0.3  # in one place; Discord was observed to take one in 0.25 s
_REACTION_MAY_WAIT_S = 10.0  # later than that it tells nobody anything
_ON_THEIR_WAY = 5_000
"""In all, as when a platform takes nothing; what is beyond is not told. At the 30 a second that Telegram
takes of a bot, whoever comes in a rush is told within three minutes; each takes less than 10 kB meanwhile."""
_PRIVATE_A_MINUTE_EACH = 30  # where nobody else sees it, and each press or command waits for an answer
_SILENT_S = 60.0  # how long nobody is told again that they ask too often


class Notices:
    """Every notice is a tiny answer, so that its send is paced like any other."""

    def __init__(self, driver: Driver, clock: Clock, tasks: Tasks, events: Events) -> None:
        self._driver = driver
        self._events = events
        self._clock = clock
        self._tasks = tasks
        self._few = Frequency(_A_MINUTE_EACH, 60.0)
        self._private = Frequency(_PRIVATE_A_MINUTE_EACH, 60.0)
        self._silent = Frequency(1, _SILENT_S)
        self._hourly = Frequency(1, 3_600.0)
        self._at_once = Frequency(1, _AT_ONCE_S)
        self._on_their_way = 0
        self._next_reaction: dict[str, float] = {}  # by place: from when on one may go there

    def tell(
        self,
        surface: Surface,
        person: Person,
        text: str,
        *,
        ref: MessageRef | None,
        reaction: str,
        event_id: str = "",
        kind: str = "",
    ) -> Showing | None:
        """A refusal, an error or a place in a queue; None where it is no line that others see. `ref`: the
        message it is about, where there is one. `kind`: the reaction's, unless given.

        Several of one kind at once are one, unless each is waited for: who sends many messages in a second
        has seen the first.
        """
        now = self._clock.monotonic()
        one = (str(person), str(surface.place), kind or reaction)
        if not (surface.capabilities.private_answers or self._at_once.take(one, now)):
            return None
        if unseen_by_others(surface):
            told = self.reply(surface, person, text, ref=ref, event_id=event_id)
            return None if surface.capabilities.private_answers else told
        if not self._few.take(str(person), now):
            return None
        if self._hourly.take(one, now):
            return self._show(surface, person, text, ref, event_id=event_id)
        if ref and surface.capabilities.reactions:
            self.react(surface, ref, reaction, event_id=event_id)
        return None

    def take_back(self, told: Showing) -> None:
        """Delete a line that holds no more, once it stands there."""
        told.when_over(
            lambda: self._driver.delete(told.surface, tuple(one.message_id for one in told.messages))
        )

    def reply(
        self,
        surface: Surface,
        person: Person,
        text: str,
        *,
        ref: MessageRef | None,
        foot: Foot = BARE,
        private: bool = True,
        event_id: str = "",
    ) -> Showing | None:
        """Help, or another answer to what somebody asked of the bot itself; None when they ask too often.

        `private`: for their eyes alone, where that is possible.
        """
        often = self._private if unseen_by_others(surface) else self._few
        if not often.take(str(person), self._clock.monotonic()):
            self._fall_silent(surface, person, ref, event_id)
            return None
        return self._show(surface, person, text, ref, foot=foot, private=private, event_id=event_id)

    def update(
        self, surface: Surface, person: Person, message: MessageRef, text: str, *, foot: Foot = BARE
    ) -> Showing | None:
        """Make a notice of ours say this from now on; None when they ask too often.

        `surface`: of a press on one of its controls, by which alone what only one person sees can be edited.
        """
        if not self._private.take(str(person), self._clock.monotonic()):
            return None
        return self._show(surface, person, text, None, foot=foot, over=(message.message_id,))

    def may_fail_aloud(self, surface: Surface, person: Person) -> bool:
        """Whether a turn that failed before any text may say so in a line of its own; it counts as one."""
        one = (str(person), str(surface.place), "reaction.sorry")
        return unseen_by_others(surface) or self._hourly.take(one, self._clock.monotonic())

    def react(self, surface: Surface, ref: MessageRef, reaction: str, *, event_id: str = "") -> None:
        """Soon; left out where too many wait already."""
        place, now = str(surface.place), self._clock.monotonic()
        self._next_reaction = {known: at for known, at in self._next_reaction.items() if at > now}
        at = self._next_reaction.get(place, now)
        if at - now > _REACTION_MAY_WAIT_S:
            return
        self._next_reaction[place] = at + _BETWEEN_REACTIONS_S
        emoji = say(reaction, None)  # everybody sees it, and it is no word
        release = self._events.hold_on(surface, event_id)

        async def react() -> None:
            try:
                if at > self._clock.monotonic():
                    await self._clock.sleep_until(at)
                await surface.react(ref, emoji)
            finally:
                release()

        self._tasks.start(react(), f"reaction in {place}")

    def _fall_silent(self, surface: Surface, person: Person, ref: MessageRef | None, event_id: str) -> None:
        """Say once that they ask too often."""
        alone = unseen_by_others(surface)
        can_be_told = alone or (ref is not None and surface.capabilities.reactions)
        if not self._silent.take((str(person), can_be_told), self._clock.monotonic()):
            return
        log.warning("%s in %s asks too often, and is not answered for now", person, surface.place)
        if alone:
            words = say("notices.silent", language_of(person, surface.place))
            self._show(surface, person, words, ref, event_id=event_id)
        elif ref and can_be_told:
            self.react(surface, ref, "reaction.refused", event_id=event_id)

    def _show(
        self,
        surface: Surface,
        person: Person,
        text: str,
        ref: MessageRef | None,
        *,
        foot: Foot = BARE,
        private: bool = True,
        over: tuple[str, ...] = (),
        event_id: str = "",
    ) -> Showing | None:
        if self._on_their_way >= _ON_THEIR_WAY:
            log.info("%s in %s is not told: too much waits to be", person, surface.place)
            return None
        now = self._clock.monotonic()
        notice = Answer()
        notice.append(text, now)
        notice.end(Ending.COMPLETE, now)
        showing = self._driver.show(
            notice,
            surface,
            reply_to=ref,
            private=private,
            notice=True,
            nonce=secrets.token_hex(8),
            locale=language_of(person, surface.place),
            foot=foot,
            over=over,
        )
        self._on_their_way += 1
        showing.when_over(self._one_less)
        showing.when_over(self._events.hold_on(surface, event_id))
        return showing

    def _one_less(self) -> None:
        self._on_their_way -= 1


def unseen_by_others(surface: Surface) -> bool:
    """Whether what is said on this surface reaches the asker alone."""
    return surface.place.kind is PlaceKind.PRIVATE or surface.capabilities.private_answers
