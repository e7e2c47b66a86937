"""The store in memory: bounded, and gone with its process. For the sandbox and for tests.

The conversations used last are kept. The one that was used longest ago goes first, whole; the only one there
is loses its oldest messages.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Final, TypeVar

from core.adapters.memory_journal import MemoryJournal
from core.ports.store import (
    GoneError,
    KeptPersona,
    Lane,
    LaneKey,
    Message,
    Outlined,
    Overheard,
    Role,
    Shown,
    Summary,
    Used,
    moved_scopes,
)

MESSAGES: Final = 20_000
CHARS: Final = 20_000_000
"""Of their text; with a single emoji in a text each of its characters takes four bytes."""
_OVERHEARD_EACH: Final = 1_000  # messages of one place
_CHOICES: Final = 20_000  # scopes
_PERSONAS: Final = 5_000
_USED: Final = 50_000  # rows
_K = TypeVar("_K")
_V = TypeVar("_V")


class MemoryStore:
    """The port `core.ports.store.Store`. `messages`: how many questions and answers are kept in all; `chars`:
    how much text of them.

    `partial`: it remembers a part of what another store holds, so that a parent may be there and not here.
    `journal`: forgets whom the store forgets.
    """

    def __init__(
        self,
        *,
        messages: int = MESSAGES,
        chars: int = CHARS,
        partial: bool = False,
        journal: MemoryJournal | None = None,
    ) -> None:
        self._most = messages
        self._most_chars = chars
        self._chars = 0
        self._journal = journal
        self._partial = partial
        self._messages: dict[str, Message] = {}
        self._conversations: OrderedDict[str, dict[str, None]] = OrderedDict()  # message ids, oldest first
        self._children: dict[str, dict[str, None]] = {}
        self._lanes: OrderedDict[LaneKey, Lane] = OrderedDict()
        self._stands_for: dict[Shown, str] = {}
        self._shows: dict[str, tuple[Shown, ...]] = {}
        self._summaries: dict[str, Summary] = {}  # by the message up to which they reach
        self._choices: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._personas: OrderedDict[tuple[str, str], KeptPersona] = OrderedDict()
        self._used: OrderedDict[tuple[int, str, str, str], Used] = OrderedDict()
        self._overheard: OrderedDict[str, deque[Overheard]] = OrderedDict()

    # conversations

    async def lane(self, key: LaneKey) -> Lane | None:
        lane = self._lanes.get(key)
        if lane is None or lane.leaf_id is None or lane.leaf_id in self._messages:
            return lane
        return replace(lane, leaf_id=None)  # its conversation was dropped

    async def set_lane(self, key: LaneKey, lane: Lane) -> None:
        _remember(self._lanes, key, lane, self._most)

    async def message(self, message_id: str) -> Message | None:
        return self._messages.get(message_id)

    async def shown(self, shown: Shown) -> Message | None:
        return self._messages.get(self._stands_for.get(shown, ""))

    async def add(self, message: Message, shown: tuple[Shown, ...] = ()) -> None:
        if not self._partial and message.parent_id is not None and message.parent_id not in self._messages:
            raise GoneError("The message that this one follows was taken out meanwhile.")
        known = self._messages.get(message.id)
        if known is not None and known.parent_id != message.parent_id:
            self._children.get(known.parent_id or "", {}).pop(known.id, None)
        if known is not None and (known.text, known.quote) != (message.text, message.quote):
            self._drop_summaries(known.id)
        self._chars += _length(message) - (_length(known) if known is not None else 0)
        self._messages[message.id] = message
        if message.parent_id is not None:
            self._children.setdefault(message.parent_id, {})[message.id] = None
        self._conversations.setdefault(message.conversation_id, {})[message.id] = None
        self._conversations.move_to_end(message.conversation_id)
        for one in self._shows.pop(message.id, ()):
            self._stands_for.pop(one, None)
        for one in dict.fromkeys(shown):
            if (before := self._stands_for.get(one)) is not None:
                self._shows[before] = tuple(kept for kept in self._shows[before] if kept != one)
            self._stands_for[one] = message.id
        if shown:
            self._shows[message.id] = tuple(dict.fromkeys(shown))
        self._keep_within()

    async def path(self, message_id: str, *, limit: int = 400) -> tuple[Message, ...]:
        return tuple(reversed(tuple(itertools.islice(self._upwards(message_id), limit))))

    async def outline(self, message_id: str, *, limit: int = 400) -> tuple[Outlined, ...]:
        path = await self.path(message_id, limit=limit)
        return tuple(Outlined(one.id, one.parent_id, one.asker) for one in path)

    async def answers(self, question_id: str) -> tuple[Message, ...]:
        found = (self._messages[child] for child in self._children.get(question_id, ()))
        answers = (message for message in found if message.role is Role.ASSISTANT)
        return tuple(sorted(answers, key=lambda message: message.at))

    async def last_question(
        self, conversation_id: str, parent_id: str | None, asker: str = ""
    ) -> Message | None:
        newest: Message | None = None
        for message_id in self._conversations.get(conversation_id, ()):
            one = self._messages[message_id]
            if one.role is Role.USER and one.parent_id == parent_id and asker in {"", one.asker}:
                newest = one if newest is None or one.at >= newest.at else newest
        return newest

    async def shows(self, message_id: str) -> tuple[Shown, ...]:
        return self._shows.get(message_id, ())

    async def remove(self, message_id: str) -> None:
        if message_id not in self._messages:
            return
        self._drop_summaries(message_id)
        for answer in await self.answers(message_id):
            self._take_from_between(answer.id)
        self._take_from_between(message_id)

    async def summary(self, message_ids: tuple[str, ...]) -> Summary | None:
        found = (self._summaries.get(message_id) for message_id in reversed(message_ids))
        return next((summary for summary in found if summary is not None), None)

    async def set_summary(self, summary: Summary) -> None:
        if summary.until_id in self._messages:
            self._summaries[summary.until_id] = summary

    # what people have chosen

    async def choices(self, scopes: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]:
        return {scope: dict(self._choices[scope]) for scope in scopes if scope in self._choices}

    async def choose(self, scope: str, name: str, value: str | None) -> None:
        chosen = {kept: word for kept, word in self._choices.get(scope, {}).items() if kept != name}
        if value is not None:
            chosen[name] = value
        if chosen:
            _remember(self._choices, scope, chosen, _CHOICES)
        else:
            self._choices.pop(scope, None)

    async def personas(self, scopes: tuple[str, ...]) -> tuple[KeptPersona, ...]:
        found = (persona for persona in self._personas.values() if persona.scope in scopes)
        return tuple(sorted(found, key=lambda persona: (persona.scope, persona.name)))

    async def set_persona(self, persona: KeptPersona) -> None:
        _remember(self._personas, (persona.scope, persona.name), persona, _PERSONAS)

    async def remove_persona(self, scope: str, name: str) -> bool:
        return self._personas.pop((scope, name), None) is not None

    async def move_place(self, old: str, new: str) -> None:
        for key in [key for key in self._lanes if key.place == old]:
            self._lanes.setdefault(replace(key, place=new), self._lanes.pop(key))
        for before, scope in moved_scopes(old, new):
            chosen = {**self._choices.pop(before, {}), **self._choices.get(scope, {})}
            if chosen:
                self._choices[scope] = chosen
            for name in [name for of, name in self._personas if of == before]:
                persona = replace(self._personas.pop((before, name)), scope=scope)
                self._personas.setdefault((scope, name), persona)

    # usage

    async def use(self, used: Used) -> None:
        key = (used.day, used.person, used.place, used.model)
        before = self._used.get(key)
        if before is not None:
            used = _sum(before, used)
        _remember(self._used, key, used, _USED)

    async def used(self, *, since_day: int, person: str = "", place: str = "") -> tuple[Used, ...]:
        sums: dict[tuple[int, str], Used] = {}
        for row in self._used.values():
            if row.day < since_day or (person and row.person != person) or (place and row.place != place):
                continue
            asked = replace(row, person=person, place=place)
            before = sums.get((row.day, row.model))
            sums[row.day, row.model] = asked if before is None else _sum(before, asked)
        return tuple(sums[key] for key in sorted(sums))

    # overheard

    async def overhear(self, heard: Overheard) -> None:
        before = {one.message_id: one for one in self._overheard.get(heard.place, ())}
        before[heard.message_id] = heard  # a new state stays where the message was said
        kept = deque(sorted(before.values(), key=lambda one: one.at), maxlen=_OVERHEARD_EACH)
        _remember(self._overheard, heard.place, kept, _OVERHEARD_EACH)

    async def overheard(self, place: str, *, since: float, limit: int) -> tuple[Overheard, ...]:
        kept = [heard for heard in self._overheard.get(place, ()) if heard.at >= since]
        return tuple(kept[-limit:]) if limit > 0 else ()

    async def unhear(self, author: str) -> None:
        for place, kept in self._overheard.items():
            others = (one for one in kept if one.author != author)
            self._overheard[place] = deque(others, maxlen=_OVERHEARD_EACH)

    # what is somebody's own

    async def export(self, person: str) -> Mapping[str, object]:
        heard = (one for kept in self._overheard.values() for one in kept)
        return {
            "messages": [asdict(message) for message in self._messages.values() if message.asker == person],
            "choices": dict(self._choices.get(f"person:{person}", {})),
            "personas": [
                asdict(persona)
                for persona in self._personas.values()
                if person in (persona.scope, persona.made_by)
            ],
            "usage": [asdict(row) for row in self._used.values() if row.person == person],
            "overheard": [asdict(one) for one in heard if one.author == person],
        }

    async def forget(self, person: str) -> int:
        theirs = [message for message in self._messages.values() if message.asker == person]
        spoken_in = {message.conversation_id for message in theirs}
        for until_id, summary in tuple(self._summaries.items()):
            if summary.conversation_id in spoken_in:
                del self._summaries[until_id]
        for message in theirs:
            self._take_from_between(message.id)
        for message in [one for one in self._messages.values() if person in one.quotes]:
            self._chars -= len(message.quote)
            self._messages[message.id] = replace(message, quote="", quotes=())
        rows = len(theirs)
        for key in [key for key in self._lanes if key.person == person]:
            del self._lanes[key]
        chosen = self._choices.pop(f"person:{person}", {})
        if "apart" in chosen:
            self._choices[f"person:{person}"] = {"apart": chosen.pop("apart")}
        rows += bool(chosen)
        for name in [name for name, kept in self._personas.items() if person in (kept.scope, kept.made_by)]:
            del self._personas[name]
            rows += 1
        rows += sum(one.author == person for kept in self._overheard.values() for one in kept)
        await self.unhear(person)
        if self._journal is not None:
            await self._journal.forget(person)
        return rows

    async def expire(self, *, before: float, overheard_before: float) -> int:
        gone = 0
        for ids in [tuple(ids) for ids in self._conversations.values()]:
            if max(self._messages[one].at for one in ids) < before:
                gone += len(ids)
                for message_id in ids:
                    self._drop(message_id)
        for key in [key for key, lane in self._lanes.items() if lane.at < before]:
            del self._lanes[key]
        for place, kept in self._overheard.items():
            newer = (one for one in kept if one.at >= overheard_before)
            self._overheard[place] = deque(newer, maxlen=_OVERHEARD_EACH)
        return gone

    async def aclose(self) -> None:
        return None

    def _upwards(self, message_id: str | None) -> Iterator[Message]:
        while message_id is not None and (message := self._messages.get(message_id)) is not None:
            yield message
            message_id = message.parent_id

    def _below(self, message_id: str) -> list[str]:
        """The message itself and everything below it."""
        found = [message_id]
        for one in found:
            found.extend(self._children.get(one, ()))
        return found

    def _drop_summaries(self, message_id: str) -> None:
        """Those that tell of a message."""
        for one in self._below(message_id):
            self._summaries.pop(one, None)

    def _take_from_between(self, message_id: str) -> None:
        """What was said below it stays, and goes on from what was above it."""
        message = self._messages[message_id]
        for child in tuple(self._children.get(message_id, ())):
            self._messages[child] = replace(self._messages[child], parent_id=message.parent_id)
            if message.parent_id is not None:
                self._children.setdefault(message.parent_id, {})[child] = None
        for key, lane in self._lanes.items():
            if lane.leaf_id == message_id:
                self._lanes[key] = replace(lane, leaf_id=message.parent_id)
        self._drop(message_id)

    def _keep_within(self) -> None:
        while len(self._messages) > self._most or (
            self._chars > self._most_chars and len(self._messages) > 1
        ):
            ids = next(iter(self._conversations.values()))
            for message_id in tuple(ids) if len(self._conversations) > 1 else (next(iter(ids)),):
                self._drop(message_id)

    def _drop(self, message_id: str) -> None:
        message = self._messages.pop(message_id)
        self._chars -= _length(message)
        siblings = self._children.get(message.parent_id or "")
        if siblings is not None:
            siblings.pop(message_id, None)
            if not siblings:
                del self._children[message.parent_id or ""]
        self._children.pop(message_id, None)
        self._summaries.pop(message_id, None)
        for one in self._shows.pop(message_id, ()):
            self._stands_for.pop(one, None)
        ids = self._conversations[message.conversation_id]
        del ids[message_id]
        if not ids:
            del self._conversations[message.conversation_id]


def _length(message: Message) -> int:
    return len(message.text) + len(message.quote)


def _sum(one: Used, other: Used) -> Used:
    return replace(
        one,
        requests=one.requests + other.requests,
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        cost=one.cost + other.cost,
    )


def _remember(index: OrderedDict[_K, _V], key: _K, value: _V, most: int) -> None:
    index[key] = value
    index.move_to_end(key)
    while len(index) > most:
        index.popitem(last=False)
