"""Threads that the bot opens: for `/chat`, and for an answer where a channel wants each in one of its own.

Opening one is a request of its own kind, so no pacer counts it: they are opened one after the other for an
account, few for a person and few in a place, and one that came too early is tried once more.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final
from weakref import WeakValueDictionary

from core.catalogue import say
from core.conversation.history import Question
from core.conversation.preferences import here_of
from core.conversation.thread_names import thread_name
from core.conversation.window import harmless_name
from core.messages import MessageRef, Person, Place, PlaceKind
from core.policy.frequency import Frequency
from core.ports.clock import Clock
from core.ports.store import StoreError
from core.ports.surface import NoThread, NotOpened, Opened, Surface
from core.service.choosing import Choices
from core.service.languages import language_of
from core.service.notices import Notices

log = logging.getLogger(__name__)

_A_MINUTE_EACH: Final = 5  # threads, per person
_A_MINUTE_HERE: Final = 15  # per channel
_WAITS_AT_MOST_S: Final = 5.0  # for another try


class Threads:
    """One for the whole bot."""

    def __init__(self, choices: Choices, notices: Notices, clock: Clock) -> None:
        self._choices = choices
        self._notices = notices
        self._clock = clock
        self._each = Frequency(_A_MINUTE_EACH, 60.0)
        self._here = Frequency(_A_MINUTE_HERE, 60.0)
        self._accounts: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def open(
        self, surface: Surface, person: Person, about: str, on: MessageRef | None = None
    ) -> Opened | NotOpened:
        """Open a thread below the place of this surface, called by the first words of what it is `about`."""
        if surface.open_thread is None:
            return NotOpened(NoThread.NONE)
        now = self._clock.monotonic()
        if not (self._each.take(str(person), now) and self._here.take(str(surface.place), now)):
            return NotOpened(NoThread.FAILED)
        locale = language_of(person, surface.place)
        name = thread_name(about, say("chat.name", locale, name=harmless_name(person.name)))
        lock = self._accounts.setdefault(surface.account, asyncio.Lock())
        async with lock:
            opened = await surface.open_thread(name, on)
            if isinstance(opened, NotOpened) and 0.0 < opened.retry_after_s <= _WAITS_AT_MOST_S:
                await self._clock.sleep_until(self._clock.monotonic() + opened.retry_after_s)
                opened = await surface.open_thread(name, on)
        if isinstance(opened, NotOpened):
            log.info("%s: no thread for %s: %s %s", surface.place, person, opened.why, opened.permission)
        return opened

    async def answer_all(self, place: Place) -> bool:
        """From now on every message there is for the bot; False: that could not be kept."""
        try:
            await self._choices.choose(here_of(place), "opened", "on")
        except StoreError as error:
            log.error("%s: that every message is answered cannot be kept: %s", place, error)
            return False
        return True

    async def moved(self, question: Question, surface: Surface) -> tuple[Question, Surface]:
        """The question as it is asked in a thread of its own, where its channel wants that and it can be
        opened; else both as they were."""
        place = question.place
        of_server = place.kind is PlaceKind.SHARED and place.guild_id is not None
        can_be = of_server and surface.open_thread is not None
        if question.private or not can_be or not (await self._choices.at(place)).auto_thread:
            return question, surface
        about = question.text or (question.quote.text if question.quote else "")
        opened = await self.open(surface, question.asker, about, question.ref)
        if isinstance(opened, NotOpened):
            return question, surface
        there = opened.surface.place
        await self._choices.at(there)  # so that it is known
        if question.ref is None:  # else people see the thread below the message
            words = say("thread.answers_in", language_of(question.asker, place), link=opened.link)
            self._notices.reply(surface, question.asker, words, ref=None)
        return replace(question, place=there), opened.surface
