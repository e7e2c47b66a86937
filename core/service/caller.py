"""Who wants something done with an exchange that was had, and from where."""

from __future__ import annotations

from dataclasses import dataclass

from core.messages import Person, Place
from core.ports.store import Message
from core.ports.surface import Surface


@dataclass(frozen=True, slots=True)
class Caller:
    """`surface`: where an answer to the event belongs; `pressed`: it is a press on a button, which needs no
    answer that everybody sees."""

    place: Place
    person: Person
    surface: Surface
    event_id: str
    pressed: bool = False

    @property
    def channel(self) -> Surface:
        """Where messages can be edited that stand there already: an interaction edits its own alone."""
        return self.surface.alternate or self.surface

    def may_change(self, message: Message) -> bool:
        """Only who asked may, or who manages messages there."""
        return message.asker == str(self.person) or self.person.manages_messages

    def asker_of(self, message: Message) -> Person:
        """Whoever asked. Of somebody else neither roles nor the language that they read are kept: the
        caller's language stands for theirs."""
        if message.asker == str(self.person):
            return self.person
        user_id = message.asker.partition(":")[2]
        return Person(self.place.platform, user_id, message.name, locale=self.person.locale)
