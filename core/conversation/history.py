"""Which conversation a question belongs to, and what was said in it; in memory, bounded.

The law of scopes:
- A private chat, thread or topic is one conversation as a whole.
- In a channel or group it is the reply chain: the conversation of the message replied to. A reply to a
  message that no turn knows begins a new one.
- Without a reply it is the asker's own turns of the last 60 minutes in that place.
- Every key and every index begins with the place, so nothing said in one place is found from another.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final, TypeVar

from core.messages import MessageRef, Person, Place, PlaceKind, Quote

OWN_TURNS_LAST_S: Final = 3_600.0
_K = TypeVar("_K")
_V = TypeVar("_V")


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


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question with its answer and the messages that show it. `at`: seconds on the monotonic clock."""

    question: Question
    answer: str
    messages: tuple[MessageRef, ...]
    at: float

    @property
    def size(self) -> int:
        """Characters."""
        quote = self.question.quote
        return len(self.question.text) + len(self.answer) + (len(quote.text) if quote else 0)


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """One conversation of one place. `scope` is empty where the place is one conversation as a whole."""

    place: str
    scope: str = ""

    @property
    def id(self) -> str | None:
        """For what is chosen for this conversation; None where the place is the conversation."""
        return f"{self.place} {self.scope}" if self.scope else None


class History:
    """The conversations used last are kept, and of each the newest exchanges; the oldest are dropped.

    `chars_each`: characters of one conversation, several times of what a model is shown.
    """

    def __init__(
        self,
        *,
        conversations: int = 2_000,
        exchanges_each: int = 200,
        chars_each: int = 100_000,
        messages: int = 50_000,
    ) -> None:
        self._exchanges: OrderedDict[ConversationKey, deque[Exchange]] = OrderedDict()
        self._own: OrderedDict[tuple[str, str], deque[Exchange]] = OrderedDict()  # by place and person
        self._lanes: OrderedDict[tuple[str, str], tuple[ConversationKey, float]] = OrderedDict()
        self._by_message: OrderedDict[tuple[str, MessageRef], ConversationKey] = OrderedDict()
        self._conversations = conversations
        self._exchanges_each = exchanges_each
        self._chars_each = chars_each
        self._messages = messages
        self._numbers = itertools.count(1)

    def conversation_of(self, question: Question, now: float) -> ConversationKey:
        """The conversation that the question goes on with or begins; `now` keeps the asker's own alive."""
        place = str(question.place)
        if question.place.kind is not PlaceKind.SHARED:
            return ConversationKey(place)
        if question.quote:
            known = self._by_message.get((place, question.quote.ref))
            key = known or ConversationKey(place, f"reply {next(self._numbers)}")
        else:
            key = self.own(question.place, question.asker, now)
        if question.ref:
            self.link(question.place, question.ref, key)
        return key

    def own(self, place: Place, person: Person, now: float) -> ConversationKey:
        """The conversation that the person goes on with, or begins, by writing there without a reply."""
        if place.kind is not PlaceKind.SHARED:
            return ConversationKey(str(place))
        return self._lane(str(place), person.id, now)

    def before(self, question: Question, key: ConversationKey, now: float) -> tuple[Exchange, ...]:
        """What the model should know from before, oldest first."""
        if question.place.kind is PlaceKind.SHARED and question.quote is None:
            own = self._own.get((str(question.place), question.asker.id), ())
            return tuple(exchange for exchange in own if exchange.at > now - OWN_TURNS_LAST_S)
        return tuple(self._exchanges.get(key, ()))

    def link(self, place: Place, ref: MessageRef, key: ConversationKey) -> None:
        """From now on a reply to this message, in this place, goes on with the conversation."""
        _remember(self._by_message, (str(place), ref), key, self._messages)

    def record(self, key: ConversationKey, exchange: Exchange) -> None:
        """Keep an exchange that is over."""
        question = exchange.question
        self._append(self._exchanges, key, exchange)
        if question.place.kind is PlaceKind.SHARED:
            self._append(self._own, (str(question.place), question.asker.id), exchange)
            for ref in exchange.messages:
                self.link(question.place, ref, key)

    def forget(self, person: str) -> None:
        """Let go of what a person asked, `str(Person)`, and of the answers to it."""
        _forget(self._exchanges, person)
        _forget(self._own, person)

    def _lane(self, place: str, person_id: str, now: float) -> ConversationKey:
        lane = (place, person_id)
        key, last_used = self._lanes.get(lane, (None, 0.0))
        if key is None or last_used <= now - OWN_TURNS_LAST_S:
            key = ConversationKey(place, f"{person_id} {next(self._numbers)}")
        _remember(self._lanes, lane, (key, now), self._conversations)
        return key

    def _append(self, index: OrderedDict[_K, deque[Exchange]], key: _K, exchange: Exchange) -> None:
        exchanges = index.get(key, deque(maxlen=self._exchanges_each))
        exchanges.append(exchange)
        while len(exchanges) > 1 and sum(kept.size for kept in exchanges) > self._chars_each:
            exchanges.popleft()
        _remember(index, key, exchanges, self._conversations)


def _remember(index: OrderedDict[_K, _V], key: _K, value: _V, most: int) -> None:
    index[key] = value
    index.move_to_end(key)
    while len(index) > most:
        index.popitem(last=False)


def _forget(index: OrderedDict[_K, deque[Exchange]], person: str) -> None:
    for key, exchanges in tuple(index.items()):
        kept = [one for one in exchanges if str(one.question.asker) != person]
        exchanges.clear()
        exchanges.extend(kept)
        if not kept:
            del index[key]
