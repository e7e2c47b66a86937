"""Which conversation a question belongs to, and after which message of it: the law. The store keeps the rest.

1. A private chat, thread or topic is one conversation as a whole: one lane for all who write there. A reply
   there goes on with it too, and quotes what it is about.
2. In a channel or group a reply goes on after the message replied to, whoever writes it: the newest goes on
   with the chain, an older one forks it. A reply to a message that no turn knows begins a new conversation,
   with the quote.
3. Without a reply each person there has a lane: it goes on where they asked last, until a silence (of an
   hour, unless chosen otherwise).
4. What only one person can see has a lane of its own, in every place where others could see the rest. It
   knows nothing of what is public, and what is public knows nothing of it.
5. Lanes and messages are found by their place alone, so nothing said in one place is found from another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.messages import MessageRef, Person, Place, PlaceKind, Quote
from core.ports.reading import Seen
from core.ports.store import Lane, LaneKey, Message, Role, Shown

_FOR: Final = " for "  # in no id of a place


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know, however they asked it."""

    event_id: str
    place: Place
    asker: Person
    text: str
    ref: MessageRef | None = None  # the message that carried it, where there is one
    quote: Quote | None = None
    private: bool = False  # the answer is for the asker's eyes alone
    model: str = ""  # asked for by name, for this question alone
    persona: str = ""  # the same
    about: tuple[Seen, ...] = ()  # what was said in the place, for this turn alone: it is never kept
    more: tuple[MessageRef, ...] = ()  # further messages that carried it: clients split what is long
    more_events: tuple[str, ...] = ()  # the events in which those came
    by: Person | None = None  # who wants it answered again, where that is not who asked it

    @property
    def payer(self) -> Person:
        """Whose budgets it draws from."""
        return self.by or self.asker

    @property
    def quotes(self) -> str:
        """Whose words it quotes, as `str(Person)`; "" for nobody's but the asker's own."""
        if self.quote is None:
            return ""
        author = f"{self.place.platform}:{self.quote.author_id}" if self.quote.author_id else ""
        whose = self.quote.whose if self.quote.by_us else author
        return "" if whose == str(self.asker) else whose

    @property
    def without_quote(self) -> Question:
        """Of the quote it is left where that stands."""
        if self.quote is None:
            return self
        return replace(self, quote=replace(self.quote, text="", author_name=""))

    def without_quotes_of(self, people: Collection[str]) -> Question:
        """Of what some of these, each `str(Person)`, wrote it quotes nothing; nor an answer of ours of which
        nobody knows whose it is, as it may be one of theirs."""
        unknown = self.quote is not None and self.quote.by_us and not self.quote.whose
        return self.without_quote if people and (unknown or self.quotes in people) else self

    @property
    def reply_to(self) -> MessageRef | None:
        """The message that an answer can be a reply to: not where it is given elsewhere, as in a thread."""
        return self.ref if self.ref and self.ref.chat_id == self.place.chat_id else None

    @property
    def to_keep(self) -> Question:
        """Without what is other people's."""
        return replace(self, about=())

    @property
    def event_ids(self) -> tuple[str, ...]:
        """All events that it came in, in order."""
        return (self.event_id, *self.more_events)

    @property
    def refs(self) -> tuple[MessageRef, ...]:
        """All messages that carried it, in order."""
        return (self.ref, *self.more) if self.ref else self.more


def lane_of(place: Place, person: Person, *, private: bool = False) -> LaneKey:
    """Where this person goes on in this place without replying."""
    private = private and place.kind is not PlaceKind.PRIVATE
    shared = place.kind is PlaceKind.SHARED
    return LaneKey(str(place), str(person) if shared or private else "", private)


def shown_in(lane: LaneKey, message_ids: Sequence[str]) -> tuple[Shown, ...]:
    """What stands for a message of this lane. What only one person sees is not found by what all may say."""
    place = f"{lane.place}{_FOR}{lane.person}" if lane.private else lane.place
    return tuple(Shown(place, message_id) for message_id in message_ids)


def stands_in(shown: Shown, place: Place) -> bool:
    """Whether it is a message of that place: a question can have been asked above the thread."""
    return shown.place.partition(_FOR)[0] == str(place)


def was_private(shown: Shown) -> bool:
    """Whether it stands for what only one person sees."""
    return _FOR in shown.place


def goes_by_replies(place: Place, *, private: bool) -> bool:
    """Whether a reply there says what it goes on with."""
    return place.kind is PlaceKind.SHARED and not private


def is_paused(lane: Lane, place: Place, now: float, *, after_s: float | None) -> bool:
    """Whether a new conversation begins here. Times are seconds since the epoch; `after_s`: the silence after
    which a conversation there pauses, None for never."""
    if place.kind is PlaceKind.THREAD:
        return False
    return lane.leaf_id is not None and after_s is not None and lane.at <= now - after_s


def goes_on_after(replied_to: Message, answers: Sequence[Message]) -> str:
    """The message that a reply goes on after. `answers`: those to it, where it is a question itself."""
    return answers[-1].id if replied_to.role is Role.USER and answers else replied_to.id


@dataclass(frozen=True, slots=True)
class Joined:
    """Where a question belongs. `follows`: it goes on wherever its lane ends when its turn comes.

    `paused`: the message at which a conversation ended by silence, where this one begins because of it.
    """

    conversation_id: str
    parent_id: str | None
    lane: LaneKey
    follows: bool = False
    paused: str | None = None
