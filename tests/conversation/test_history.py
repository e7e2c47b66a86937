"""Which conversation a question belongs to, after which message of it, and that no place sees another's."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.memory_store import MemoryStore
from core.conversation.history import Question, shown_in
from core.messages import MessageRef, Person, Place, PlaceKind, Quote
from core.ports.store import Lane, Role
from core.service.conversations import Conversations
from core.service.turn import Turn
from core.streaming.answer import Answer, Ending
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeSurface

CHANNEL = Place("discord", "30", PlaceKind.SHARED, guild_id="50")
THREAD = Place("discord", "31", PlaceKind.THREAD, guild_id="50", parent_id="30")
DIRECT = Place("discord", "77", PlaceKind.PRIVATE)
TOPIC = Place("telegram", "-100", PlaceKind.THREAD, topic_id="4")
ADA, BEN = Person("discord", "1", "Ada"), Person("discord", "2", "Ben")
_numbers = itertools.count(1_000)


def question(
    text: str = "why?",
    *,
    place: Place = CHANNEL,
    asker: Person = ADA,
    to: MessageRef | None = None,
    private: bool = False,
) -> Question:
    number = str(next(_numbers))
    quote = Quote(to, "somebody", "quoted") if to else None
    return Question(number, place, asker, text, MessageRef(place.chat_id, number), quote, private)


@dataclass
class Talk:
    """Turns over a store, without a model: what a question finds, and what its answer leaves."""

    private_pause_s: float | None = None
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.store = MemoryStore()
        self.conversations = Conversations(
            self.store,
            self.clock,
            lambda place: 3_600.0 if place.kind is PlaceKind.SHARED else self.private_pause_s,
        )

    async def turn(self, asked: Question, *live: Turn) -> Turn:
        joined = await self.conversations.join(asked, live)
        turn = Turn(asked, joined, FakeSurface(self.clock), Answer())
        await self.prepare(turn)
        return turn

    async def prepare(self, turn: Turn) -> None:
        await self.conversations.prepare(turn)
        await self.conversations.read(turn, 8_000)

    async def answered(self, asked: Question) -> Turn:
        return await self.end(await self.turn(asked))

    async def end(self, turn: Turn, text: str = "because") -> Turn:
        await self.conversations.keep_question(turn)
        turn.answer.append(f"{text} {turn.question.text}", 0.0)
        turn.close(Ending.COMPLETE, 0.0)
        await self.conversations.keep_answer(turn, tokens=0, model="m")
        return turn

    async def shown(self, turn: Turn) -> MessageRef:
        """A message that shows the answer, in the turn's own place."""
        number = str(next(_numbers))
        [answer] = (await self.store.path(turn.id))[-1:]
        await self.store.add(answer, shown_in(turn.joined.lane, [number]))
        return MessageRef(turn.question.place.chat_id, number)

    async def seen(self, asked: Question) -> list[str]:
        """The questions before it that the model is shown."""
        return texts(await self.turn(asked))


def texts(turn: Turn) -> list[str]:
    return [message.text for message in turn.path if message.role is Role.USER]


async def test_a_private_chat_thread_or_topic_is_one_conversation_of_everybody_there() -> None:
    for place in (DIRECT, TOPIC, THREAD):
        talk = Talk()
        first = await talk.answered(question("one", place=place))
        await talk.answered(question("two", place=place, asker=BEN))
        talk.clock.now += 1e6
        assert await talk.seen(question(place=place)) == ["one", "two"]
        assert await talk.seen(question(place=place, to=await talk.shown(first))) == ["one", "two"]


async def test_two_topics_of_one_chat_are_two_conversations() -> None:
    talk = Talk()
    await talk.answered(question("one", place=TOPIC))
    assert await talk.seen(question(place=replace(TOPIC, topic_id="5"))) == []


async def test_without_a_reply_it_is_the_askers_own_until_an_hours_silence() -> None:
    talk = Talk()
    await talk.answered(question("old"))
    talk.clock.now += 100.0
    await talk.answered(question("ben", asker=BEN))
    await talk.answered(question("new"))
    talk.clock.now += 3_550.0
    turn = await talk.turn(question())
    assert texts(turn) == ["old", "new"]
    assert turn.joined.paused is None
    talk.clock.now += 50.0
    assert await talk.seen(question(asker=BEN)) == []
    talk.clock.now += 3_600.0
    turn = await talk.turn(question())
    assert texts(turn) == []
    assert turn.joined.paused is not None


async def test_a_private_chat_pauses_only_where_that_is_wanted() -> None:
    for pause_s, seen in ((None, ["one"]), (60.0, [])):
        talk = Talk(private_pause_s=pause_s)
        await talk.answered(question("one", place=DIRECT))
        talk.clock.now += 61.0
        assert await talk.seen(question(place=DIRECT)) == seen


async def test_who_joins_a_chain_goes_on_there_without_replying() -> None:
    talk = Talk()
    ben = await talk.answered(question("ben", asker=BEN))
    await talk.answered(question("ada on ben", to=await talk.shown(ben)))
    assert await talk.seen(question()) == ["ben", "ada on ben"]
    assert await talk.seen(question(asker=BEN)) == ["ben"]


async def test_a_reply_goes_on_with_the_chain_whoever_writes_it_and_an_older_one_forks_it() -> None:
    talk = Talk()
    first = await talk.answered(question("first"))
    second = await talk.answered(question("second", asker=BEN, to=await talk.shown(first)))
    assert second.conversation_id == first.conversation_id
    talk.clock.now += 1e6
    assert await talk.seen(question(to=await talk.shown(second))) == ["first", "second"]
    assert await talk.seen(question(to=first.question.ref)) == ["first"]
    assert await talk.seen(question(to=await talk.shown(first))) == ["first"]


async def test_a_reply_to_an_unknown_message_begins_a_conversation_with_the_quote() -> None:
    talk = Talk()
    await talk.answered(question("mine"))
    turn = await talk.turn(question(to=MessageRef("30", "5")))
    assert texts(turn) == []
    assert turn.asked is not None
    assert turn.asked.quote.endswith("> quoted")


async def test_what_was_just_said_is_not_quoted_unless_the_question_is_nothing_else() -> None:
    talk = Talk()
    shown = await talk.shown(await talk.answered(question("first")))
    for text, quoted in (("why?", False), ("", True)):
        turn = await talk.turn(question(text, to=shown))
        assert turn.asked is not None
        assert bool(turn.asked.quote) is quoted


async def test_a_reply_to_a_turn_that_is_not_over_belongs_to_it() -> None:
    talk = Talk()
    live = await talk.turn(question("first"))
    reply = await talk.turn(question("second", asker=BEN, to=live.question.ref), live)
    assert reply.conversation_id == live.conversation_id
    await talk.end(live)
    reply.follow(live)
    await talk.prepare(reply)
    assert texts(reply) == ["first"]


async def test_a_question_that_waits_goes_on_after_those_before_it_even_where_they_have_no_answer() -> None:
    talk = Talk()
    first = await talk.turn(question("first"))
    second = await talk.turn(question("second"), first)
    await talk.end(first)
    second.follow(first)
    assert second.parent_id == first.id
    third = await talk.turn(question("third"), second)
    second.close(Ending.FAILED, 0.0)
    third.follow(second)
    await talk.prepare(third)
    assert texts(third) == ["first"]


async def test_people_who_ask_side_by_side_have_their_own_conversations() -> None:
    talk = Talk()
    asked = [question(asker=Person("discord", str(number), "")) for number in range(8)]
    assert len({(await talk.turn(one)).conversation_id for one in asked}) == 8
    assert (await talk.turn(question())).conversation_id == (await talk.turn(question())).conversation_id


async def test_a_private_answer_has_a_lane_of_its_own() -> None:
    for place in (CHANNEL, THREAD):
        talk = Talk()
        await talk.answered(question("public", place=place))
        private = await talk.answered(question("private", place=place, private=True))
        shown = await talk.shown(private)
        assert await talk.seen(question(place=place)) == ["public"]
        assert await talk.seen(question(place=place, to=shown)) == (["public"] if place is THREAD else [])
        assert await talk.seen(question(place=place, private=True)) == ["private"]
        assert await talk.seen(question(place=place, private=True, asker=BEN)) == []


async def test_a_lane_that_began_anew_is_not_moved_by_an_answer_from_before() -> None:
    talk = Talk()
    turn = await talk.turn(question("old"))
    await talk.store.set_lane(turn.joined.lane, Lane("fresh", None, talk.clock.wall()))
    await talk.end(turn)
    assert await talk.seen(question()) == []


PLACES = [
    CHANNEL, replace(CHANNEL, chat_id="32"), THREAD, DIRECT, replace(DIRECT, chat_id="78"), TOPIC,
    replace(TOPIC, topic_id="5"), replace(TOPIC, topic_id=None, kind=PlaceKind.SHARED),
    Place("telegram", "30", PlaceKind.SHARED), Place("telegram", "77", PlaceKind.PRIVATE),
]  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PLACES),
            st.sampled_from([ADA, BEN]),
            st.booleans(),
            st.integers(0, 30) | st.none(),
            st.integers(0, 2_000),
        ),
        max_size=25,
    )
)
def test_nothing_said_in_one_place_is_ever_found_from_another(
    story: list[tuple[Place, Person, bool, int | None, int]],
) -> None:
    """Also when a message of another place is replied to, which a forged or forwarded event may claim."""

    async def tell() -> None:
        talk, shown = Talk(), [MessageRef("30", "1")]
        spoken: dict[str, tuple[str, bool, Person]] = {}
        for place, asker, private, reply, gap in story:
            talk.clock.now += gap
            to = None if reply is None else shown[reply % len(shown)]
            text = str(next(_numbers))
            asked = question(text, place=place, asker=asker, to=to, private=private)
            turn = await talk.turn(asked)
            hidden = private and place.kind is not PlaceKind.PRIVATE
            for said in turn.path:
                where, was_hidden, who = spoken[said.text.split()[-1]]
                assert where == str(place)
                assert was_hidden == hidden
                assert not hidden or who == asker
            spoken[text] = str(place), hidden, asker
            await talk.end(turn)
            shown += [await talk.shown(turn), *asked.refs]

    asyncio.run(tell())
