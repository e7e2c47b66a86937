"""Conversations over the store: where a question goes on, what was said before it, and what is kept of it.

The law is in `core.conversation.history`; here it is awaited. A question is kept before its turn begins, and
its answer with the messages that show it when the turn ends, so that a restart finds the conversation.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final

from core.conversation.history import (
    Joined,
    Question,
    goes_by_replies,
    goes_on_after,
    is_paused,
    lane_of,
    shown_in,
)
from core.conversation.window import fills, is_blank, quoted
from core.messages import MessageRef, Person, Place, PlaceKind
from core.policy.spending import estimate_tokens
from core.ports.clock import Clock
from core.ports.store import Lane, LaneKey, Message, Outlined, Role, Shown, Store
from core.service.lanes import Lanes
from core.service.turn import Turn

_AT_ONCE: Final = 32  # messages that are read together: in most places more than a model is shown
_ALL: Final = 1_000_000
_COMING: Final = 1_000
_HEARD: Final = 10_000  # lanes


def new_id() -> str:
    """An opaque id that cannot be guessed; 16 characters, so that it fits into a button."""
    return secrets.token_hex(8)


async def _nobody(_: Iterable[str]) -> frozenset[str]:
    return frozenset()


class Conversations:
    """`pause_s`: the silence in seconds after which a conversation in a place begins anew; None: never.
    `apart`: which of these people are no part of what others ask (`Choices.apart`)."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        pause_s: Callable[[Place], float | None],
        apart: Callable[[Iterable[str]], Awaitable[frozenset[str]]] = _nobody,
    ) -> None:
        self._apart = apart
        self.store = store
        self.lanes = Lanes(store)
        self._clock = clock
        self._pause_s = pause_s
        self._coming: dict[LaneKey, str] = {}  # after a pause: the conversation that the next question begins
        self._heard: OrderedDict[LaneKey, float] = OrderedDict()  # when somebody last asked there, monotonic

    def moved(self, before: Place, place: Place) -> None:
        """A place has another id from now on: what is under way there goes on here."""
        self.lanes.moved(before, place)
        for lane in [one for one in self._coming if one.place == str(before)]:
            self._coming.setdefault(self.lanes.now(lane), self._coming.pop(lane))

    async def own(self, place: Place, person: Person) -> str | None:
        """The conversation that somebody goes on with there without a reply, begun if there is none; None
        where the place is the conversation."""
        if place.kind is not PlaceKind.SHARED:
            return None
        key = lane_of(place, person)
        async with self.lanes.lock(key):
            joined = await self._go_on(place, key)
            if joined.paused is not None:  # which the next question is to tell
                self._coming[self.lanes.now(key)] = joined.conversation_id
                if len(self._coming) > _COMING:
                    del self._coming[next(iter(self._coming))]
                return joined.conversation_id
            await self.move(key, joined.conversation_id, joined.parent_id)
        return joined.conversation_id

    async def join(self, question: Question, live: Iterable[Turn]) -> Joined:
        """The conversation that the question goes on with or begins, under its lane's lock.

        `live`: the turns that are not over.
        """
        lane = lane_of(question.place, question.asker, private=question.private)
        if question.quote is not None and goes_by_replies(question.place, private=question.private):
            joined, leaf_id = await self._reply(question.quote.ref, question.place, lane, live)
        else:
            joined = await self._go_on(question.place, lane)
            leaf_id = joined.parent_id
            self._coming.pop(self.lanes.now(lane), None)
        await self.move(lane, joined.conversation_id, leaf_id)
        return joined

    async def attributed(self, question: Question, live: Iterable[Turn]) -> Question:
        """With whose an answer is that it quotes: who asked for it; and with its words, where the event was
        kept without them. `live`: as of `join`."""
        quote = question.quote
        if quote is None or not quote.by_us or quote.whose:
            return question
        for turn in live:
            if quote.ref in turn.messages:
                asker, text = str(turn.question.asker), quote.text or turn.answer.text
                return replace(question, quote=replace(quote, whose=asker, text=text))
        lane = replace(lane_of(question.place, question.asker), private=False)
        [shown] = shown_in(lane, [quote.ref.message_id])
        found = await self.store.shown(shown)
        if found is None:
            return question
        return replace(question, quote=replace(quote, whose=found.asker, text=quote.text or found.text))

    async def move(self, lane: LaneKey, conversation_id: str, leaf_id: str | None) -> None:
        """Somebody goes on there now, under the lane's lock."""
        self._heard[lane] = self._clock.monotonic()
        self._heard.move_to_end(lane)
        if len(self._heard) > _HEARD:
            self._heard.popitem(last=False)
        await self.lanes.set(lane, Lane(conversation_id, leaf_id, self._clock.wall()))

    async def _reply(
        self, ref: MessageRef, place: Place, lane: LaneKey, live: Iterable[Turn]
    ) -> tuple[Joined, str | None]:
        """And at what is in the tree already the lane ends by now."""
        for turn in live:
            theirs = turn.joined.lane
            public = self.lanes.now(theirs).place == self.lanes.now(lane).place and not theirs.private
            if public and ref in (*turn.question.refs, *turn.messages):
                return Joined(turn.conversation_id, turn.id, lane), turn.parent_id
        found = None
        stands = next((one for one in self.lanes.places(place) if one.chat_id == ref.chat_id), None)
        if stands is not None:
            [shown] = shown_in(replace(lane, place=str(stands), private=False), [ref.message_id])
            found = await self.store.shown(shown)
        if found is None:
            return Joined(new_id(), None, lane), None
        answers = await self.store.answers(found.id) if found.role is Role.USER else ()
        parent_id = goes_on_after(found, answers)
        return Joined(found.conversation_id, parent_id, lane), parent_id

    async def _go_on(self, place: Place, lane: LaneKey) -> Joined:
        kept = await self.lanes.end(lane)
        if kept is None:
            return Joined(new_id(), None, lane, follows=True)
        if is_paused(kept, place, self._now(lane, kept), after_s=self._pause_s(place)):
            coming = self._coming.get(self.lanes.now(lane)) or new_id()
            return Joined(coming, None, lane, follows=True, paused=kept.leaf_id)
        return Joined(kept.conversation_id, kept.leaf_id, lane, follows=True)

    def _now(self, key: LaneKey, kept: Lane) -> float:
        """What the wall clock said when somebody last asked there, and how long that is ago: a clock that is
        set meanwhile ends no conversation."""
        heard = self._heard.get(key)
        return self._clock.wall() if heard is None else kept.at + self._clock.monotonic() - heard

    async def prepare(self, turn: Turn) -> None:
        """Find out what the question goes on after, and make it a message of the tree (not kept yet)."""
        if turn.known is not None and turn.again is None and turn.joined.follows:
            await self._follow_what_was_kept(turn)
        turn.outline = await self.store.outline(turn.parent_id) if turn.parent_id else ()
        above = await self._speakers_above(turn.outline)
        turn.speakers = above | {one.asker for one in turn.outline}
        turn.apart = await self._apart(turn.speakers - {str(turn.question.asker)})
        # A summary tells of all that stands above its end.
        seen = turn.outline if above.isdisjoint(turn.apart) else ()
        told = takewhile(lambda one: one.asker not in turn.apart, seen)
        turn.summary = await self.store.summary(tuple(one.id for one in told))
        if turn.asked is not None:
            return
        question = turn.question
        quote, quotes = await self._quote(turn)
        turn.asked = Message(
            turn.asked_id,
            turn.conversation_id,
            turn.outline[-1].id if turn.outline else None,
            Role.USER,
            str(question.asker),
            question.text,
            self._clock.wall(),
            name=question.asker.name,
            quote=quote,
            tokens=estimate_tokens(question.text),
            quotes=quotes,
        )

    async def _speakers_above(self, outline: Sequence[Outlined]) -> frozenset[str]:
        """Who asked further up than anybody looks back."""
        top = outline[0].parent_id if outline else None
        above = await self.store.outline(top, limit=_ALL) if top is not None else ()
        return frozenset(one.asker for one in above)

    async def read(self, turn: Turn, tokens: int) -> None:
        """What was said before the question: the newest turns, until one more is read than can be shown."""
        turn.path = ()  # read into the turn itself: who is forgotten meanwhile is taken out of it
        top, left = turn.parent_id, len(turn.outline)
        while top is not None and left > 0:
            above = await self.store.path(top, limit=min(_AT_ONCE, left))
            left -= len(above)
            turn.path = (*(one for one in above if one.asker not in turn.apart), *turn.path)
            if not above or fills(turn.path, tokens, named=turn.named):
                break
            top = above[0].parent_id

    async def _follow_what_was_kept(self, turn: Turn) -> None:
        """Another process had it wait: what it was behind there may have been answered since it joined."""
        kept = await self.lanes.end(turn.joined.lane)
        if kept is not None and kept.conversation_id == turn.conversation_id:
            turn.parent_id = kept.leaf_id

    async def find_question(self, turn: Turn) -> None:
        """Of a turn that another process had begun."""
        turn.asked = turn.asked or await self.store.message(turn.asked_id)
        if turn.asked is not None:
            turn.asked_kept = True
            return
        await self.prepare(turn)
        await self.keep_question(turn)

    async def keep_question(self, turn: Turn) -> None:
        """Before the turn begins."""
        if turn.asked is not None and turn.again is None:
            question, lane = turn.question, turn.joined.lane
            ids = [ref.message_id for ref in question.refs]
            if (
                question.ref != question.reply_to and question.ref is not None
            ):  # it was asked above the thread
                lane = replace(lane, place=f"{question.place.platform}:{question.ref.chat_id}")
            await self.store.add(turn.asked, shown_in(lane, ids))
            turn.asked_kept = True

    async def keep_answer(self, turn: Turn, *, tokens: int, model: str) -> None:
        """When the turn has ended. Without text there is none, and the next question goes on before it."""
        asked, text = turn.asked, turn.answer.text.strip()
        if asked is None or turn.forgotten:
            return
        if turn.withdrawn:
            if turn.again is None:  # else others may have gone on after it long ago
                await self.store.remove(asked.id)
                turn.asked_kept = False
        elif text and not turn.restored:
            answer = Message(
                turn.id,
                asked.conversation_id,
                asked.id,
                Role.ASSISTANT,
                asked.asker,
                text,
                self._clock.wall(),
                tokens=tokens,
                model=model,
                ending=str(turn.answer.ending or ""),
            )
            lane, shown = turn.joined.lane, self._shown(turn)
            if turn.again is None:
                await self.store.add(answer, shown)
            else:
                await self.show_variant(lane, answer, shown)
            turn.kept = True
            if turn.again is None:
                async with self.lanes.lock(lane):
                    await self._end_lane(turn, answer)

    def _shown(self, turn: Turn) -> tuple[Shown, ...]:
        """What shows its answer where it ends. A platform may show it in the new chat before it has told that
        the old one has moved."""
        here, lane = turn.question.place.chat_id, turn.joined.lane
        refs = [ref for ref in turn.messages if ref.chat_id != turn.left]
        if refs and refs[-1].chat_id != here:
            here = refs[-1].chat_id
            lane = replace(lane, place=f"{turn.question.place.platform}:{here}")
        return shown_in(lane, [ref.message_id for ref in refs if ref.chat_id == here])

    async def show_variant(self, lane: LaneKey, answer: Message, shown: tuple[Shown, ...]) -> None:
        """Keep that this variant is the one that is shown, and that the lane goes on after it."""
        others = await self.store.answers(answer.parent_id or "")
        # The newest is the last, whatever the clock says by now.
        answer = replace(answer, at=max((answer.at, *(other.at for other in others))))
        for other in others:
            if other.id != answer.id and await self.store.shows(other.id):
                await self.store.add(other, ())
        await self.store.add(answer, shown)
        async with self.lanes.lock(lane):
            await self._choose(lane, answer)

    async def _choose(self, lane: LaneKey, answer: Message) -> None:
        """If it has passed the question, or stands right before it for want of an answer."""
        kept = await self.lanes.end(lane)
        question = await self.store.message(answer.parent_id or "")
        if kept is None or question is None or kept.leaf_id == answer.id:
            return
        path = await self.store.outline(kept.leaf_id) if kept.leaf_id else ()
        passed = question.id in {message.id for message in path}
        waits = (kept.conversation_id, kept.leaf_id) == (question.conversation_id, question.parent_id)
        if passed or (waits and len(await self.store.answers(question.id)) == 1):
            await self.lanes.set(lane, Lane(answer.conversation_id, answer.id, kept.at))

    async def _end_lane(self, turn: Turn, answer: Message) -> None:
        lane = turn.joined.lane
        kept = await self.lanes.end(lane)
        if (
            kept is not None and kept.conversation_id == turn.conversation_id
        ):  # else they began anew meanwhile
            await self.lanes.set(lane, replace(kept, leaf_id=answer.id))

    async def _quote(self, turn: Turn) -> tuple[str, tuple[str, ...]]:
        """What the question quotes, and whose words that is. Not what stands right above it anyway, unless
        there is no other word in it."""
        question = turn.question
        if question.quote is None:
            return "", ()
        if question.quote.ref.chat_id == question.place.chat_id and not is_blank(question.text):
            [shown] = shown_in(turn.joined.lane, [question.quote.ref.message_id])
            for message in turn.outline[-2:]:
                if message.asker not in turn.apart and shown in await self.store.shows(message.id):
                    return "", ()
        quotes = (await self.attributed(question, ())).quotes
        whose = {quotes, *(str(one.author) for one in turn.earlier if not one.by_us)}
        # As the turn is now: what they wrote who were forgotten meanwhile was taken out of it.
        words = quoted(turn.question.quote, turn.earlier)
        return words, tuple(sorted(whose - {str(question.asker), ""}))
