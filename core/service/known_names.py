"""How those who asked to use the bot, and the places they asked in, are called.

Names are hostile text and decide nothing; they are shown beside ids, for people to recognise. They are in
memory alone: after a restart a place has a name again once somebody asks there.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from core.conversation.window import harmless_name
from core.messages import Person, Place, PlaceKind
from core.policy.rules import entry_of
from core.streaming.inline import escaped

_REMEMBERED: Final = 1_000


class KnownNames:
    """By `str(Person)`, and by the entry of a place."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, str] = OrderedDict()

    def note(self, person: Person, place: Place | None = None) -> None:
        self._keep(str(person), person.name)
        if place is not None:
            called = person.name if place.kind is PlaceKind.PRIVATE else place.name
            self._keep(entry_of(person, place), called)

    def plain(self, key: str) -> str:
        """One line of letters, digits and a few signs; empty where none is known."""
        return self._names.get(key, "")

    def beside(self, key: str) -> str:
        """Markdown: the id, behind its name where that is known."""
        name = self.plain(key)
        return f"{escaped(name)} (`{key}`)" if name else f"`{key}`"

    def forget(self, person: str) -> None:
        """`person`: as `str(Person)`."""
        platform, _, id_ = person.partition(":")
        for key in (person, f"{platform}:private:{id_}"):
            self._names.pop(key, None)

    def _keep(self, key: str, name: str | None) -> None:
        if not name:
            return
        self._names[key] = harmless_name(name)
        self._names.move_to_end(key)
        while len(self._names) > _REMEMBERED:
            self._names.popitem(last=False)
