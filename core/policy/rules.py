"""The law of access: who may use the bot where. Ids alone decide, never names.

In this order; the first that fits decides:
1. Whoever or wherever is not known, because an id is missing or of another platform: no.
2. Whom `deny` names by their own id: no, admin or not. So a stolen account is shut out with one line.
3. An admin: yes, everywhere.
4. Whom `deny` names by a role, or where it names the server, category, channel, chat or topic: no. What the
   platform did not tell (roles, the category) counts as named, where `deny` names any that may be it.
5. A bot or webhook: only when `allow` or `admins` names its own id. Whether it mentioned us, and how often it
   may ask, is `core.service`'s to see to.
6. A place that an admin refused by a button or command: no; nor any, while that cannot be read.
7. Whom or where `allow` names, or everybody where that is set: yes.
8. A place that an admin approved: yes.
9. Any other place is new: `open`, `closed`, or on `approval`, which means no until an admin approves.

So deny goes before allow, and an admin before every deny but the one of their own id. What the managers of a
server chose for it narrows this further and never widens it: `core.service.door`.

An entry is one of
    discord:ID                       a user, role, server, channel, or the channel that a thread hangs in
    discord:KIND:ID                  KIND: user, role, server, channel, category, private
    telegram:ID                      a user or a chat
    telegram:KIND:ID                 KIND: user, chat, private
    telegram:CHAT/TOPIC              a topic of a group
where `private` is the private chat with that user, and not what they do elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from core.messages import Person, Place, PlaceKind
from core.settings.entries import kind_of_places


class Verdict(Enum):
    """What the law says of somebody somewhere. All but SERVED mean no."""

    SERVED = "served"
    DENIED = "denied"  # by an entry of `deny`, or by an admin's refusal of the place
    NOT_ALLOWED = "refused"  # nobody allowed it, and asking for it is of no use
    UNKNOWN = "unknown"  # what admins decided cannot be read now
    NARROWED = "narrowed"  # by those who manage the server or group
    NEW = "new"  # nobody allowed it yet, and an admin may be asked to


class NewPlaces(StrEnum):
    """The kinds of place that are told apart while nobody allowed them."""

    SERVER = "server"  # a Discord server
    GROUP = "group"  # a Telegram group; on Discord, a talk of people into which somebody took the bot
    PRIVATE = "private"  # a private chat


class Standing(StrEnum):
    """What a new place is."""

    OPEN = "open"
    CLOSED = "closed"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Rules:
    """All that the law looks at. `approved`, `refused`: entries of places, as `entry_of` names them.

    `readable` False: what admins decided is not known. `new`: what a new place of each kind is;
    a kind that is not in it is CLOSED.
    """

    admins: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    everybody: bool = False
    approved: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    readable: bool = True
    new: Mapping[NewPlaces, Standing] = field(default_factory=lambda: MappingProxyType({}))

    def is_admin(self, person: Person) -> bool:
        return not self.admins.isdisjoint(own_names(person)) and not self._names(person)

    def weigh(self, person: Person, place: Place) -> Verdict:
        """The law, as the module says it."""
        if not _is_known(person, place):
            return Verdict.NOT_ALLOWED
        if self.denies(person, place):
            return Verdict.DENIED
        if self.is_admin(person):
            return Verdict.SERVED
        if person.is_bot:
            own = own_names(person)
            return Verdict.NOT_ALLOWED if self._allow.isdisjoint(own) else Verdict.SERVED
        return self._weigh_place(person, place)

    def denies(self, person: Person, place: Place) -> bool:
        """Whether `deny` names this person, also in this place: what they wrote is then no context either."""
        if not self.deny:
            return False
        if not _is_known(person, place) or self._names(person):
            return True
        if self.is_admin(person):
            return False
        return not self.deny.isdisjoint(names_of(person, place)) or self._may_name(person, place)

    def _weigh_place(self, person: Person, place: Place) -> Verdict:
        entry = entry_of(person, place)
        if entry in self.refused:
            return Verdict.DENIED
        allowed = not self._allow.isdisjoint(names_of(person, place))
        if not self.readable:
            return Verdict.UNKNOWN
        if self.everybody or allowed or entry in self.approved:
            return Verdict.SERVED
        return _OF_NEW[self.new.get(kind_of(place), Standing.CLOSED)]

    @property
    def _allow(self) -> frozenset[str]:
        return self.allow | self.admins

    def _names(self, person: Person) -> bool:
        return not self.deny.isdisjoint(own_names(person))

    def _may_name(self, person: Person, place: Place) -> bool:
        """Whether an entry could name what the platform did not tell."""
        category = f"{place.platform}:category:"
        if place.guild_id and place.category_id is None and any(e.startswith(category) for e in self.deny):
            return True
        if person.may_have is not None and not person.may_have:
            return False
        roles = {role for entry in self.deny if (role := _role_in(entry, place.platform))}
        return bool(roles if person.may_have is None else roles & person.may_have)


_OF_NEW: Final = {
    Standing.OPEN: Verdict.SERVED,
    Standing.CLOSED: Verdict.NOT_ALLOWED,
    Standing.APPROVAL: Verdict.NEW,
}


def own_names(person: Person) -> frozenset[str]:
    """The entries that name a person by their own id, wherever they are."""
    return frozenset({f"{person.platform}:{person.id}", f"{person.platform}:user:{person.id}"})


def names_of(person: Person, place: Place) -> frozenset[str]:
    """Every entry that names this person or this place."""
    channels = [place.chat_id, place.parent_id]
    kinds = [
        *(("role", id_) for id_ in person.role_ids),
        ("server", place.guild_id),
        *((kind, id_) for kind in ("channel", "chat") for id_ in channels),
    ]
    names = {f"{kind}:{id_}" for kind, id_ in kinds if id_}
    names |= {id_ for _, id_ in kinds if id_}
    if place.category_id:  # only by its kind: what entries of ids alone name does not change
        names.add(f"category:{place.category_id}")
    if place.topic_id:
        names.add(f"{place.chat_id}/{place.topic_id}")
    if place.kind is PlaceKind.PRIVATE:
        names.add(f"private:{person.id}")
    return own_names(person) | {f"{place.platform}:{name}" for name in names}


def kind_of(place: Place) -> NewPlaces:
    if place.kind is PlaceKind.PRIVATE:
        return NewPlaces.PRIVATE
    return NewPlaces.SERVER if place.guild_id else NewPlaces.GROUP


def entry_of(person: Person, place: Place) -> str:
    """What an admin approves or refuses when this person asks here: the whole server or group, or the private
    chat."""
    match kind_of(place):
        case NewPlaces.PRIVATE:
            return f"{place.platform}:private:{person.id}"
        case NewPlaces.SERVER:
            return f"{place.platform}:server:{place.guild_id}"
    return f"{place.platform}:{kind_of_places(place.platform)}:{place.chat_id}"


def _role_in(entry: str, platform: str) -> str:
    """The id of the role that an entry may name; "" where it names none."""
    of, _, rest = entry.partition(":")
    role = rest.removeprefix("role:")
    return role if of == platform and role.isdecimal() else ""


def _is_known(person: Person, place: Place) -> bool:
    return bool(person.id and place.chat_id and person.platform and person.platform == place.platform)
