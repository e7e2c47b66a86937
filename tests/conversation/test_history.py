"""Which conversation a question belongs to, and that no place ever sees another's."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.conversation.history import ConversationKey, Exchange, History, Question
from core.messages import MessageRef, Person, Place, PlaceKind, Quote

CHANNEL = Place("discord", "30", PlaceKind.SHARED, guild_id="50")
DIRECT = Place("discord", "77", PlaceKind.PRIVATE)
TOPIC = Place("telegram", "-100", PlaceKind.THREAD, topic_id="4")
ADA, BEN = Person("discord", "1", "Ada"), Person("discord", "2", "Ben")
_numbers = itertools.count(1_000)


def question(
    text: str = "why?", *, place: Place = CHANNEL, asker: Person = ADA, to: MessageRef | None = None
) -> Question:
    number = str(next(_numbers))
    quote = Quote(to, "somebody", "quoted") if to else None
    return Question(number, place, asker, text, MessageRef(place.chat_id, number), quote)


def answer(history: History, asked: Question, now: float = 0.0) -> tuple[ConversationKey, Exchange]:
    key = history.conversation_of(asked, now)
    shown = MessageRef(asked.place.chat_id, str(next(_numbers)))
    exchange = Exchange(asked, f"because {asked.text}", (shown,), now)
    history.record(key, exchange)
    return key, exchange


def texts(history: History, asked: Question, now: float = 0.0) -> list[str]:
    before = history.before(asked, history.conversation_of(asked, now), now)
    return [exchange.question.text for exchange in before]


def test_a_private_chat_thread_or_topic_is_one_conversation_of_everybody_there() -> None:
    for place in (DIRECT, TOPIC):
        history = History()
        answer(history, question("one", place=place))
        answer(history, question("two", place=place, asker=BEN))
        assert texts(history, question(place=place), now=1e6) == ["one", "two"]


def test_two_topics_of_one_chat_are_two_conversations() -> None:
    history = History()
    answer(history, question("one", place=TOPIC))
    assert texts(history, question(place=replace(TOPIC, topic_id="5"))) == []


def test_without_a_reply_it_is_the_askers_own_last_hour() -> None:
    history = History()
    answer(history, question("old"), now=0.0)
    answer(history, question("ben", asker=BEN), now=100.0)
    answer(history, question("new"), now=100.0)
    assert texts(history, question(), now=3_000.0) == ["old", "new"]
    assert texts(history, question(), now=3_650.0) == ["new"]
    assert texts(history, question(asker=BEN), now=3_650.0) == ["ben"]


def test_own_turns_in_somebody_elses_chain_count_as_own() -> None:
    history = History()
    _, ben = answer(history, question("ben", asker=BEN))
    answer(history, question("ada on ben", to=ben.messages[0]))
    assert texts(history, question()) == ["ada on ben"]


def test_a_reply_goes_on_with_the_chain_whoever_writes_it() -> None:
    history = History()
    key, first = answer(history, question("first"))
    again, second = answer(history, question("second", asker=BEN, to=first.messages[0]))
    assert again == key
    assert texts(history, question(to=second.messages[0]), now=1e6) == ["first", "second"]
    assert texts(history, question(to=first.question.ref), now=1e6) == ["first", "second"]


def test_a_reply_to_an_unknown_message_begins_a_conversation() -> None:
    history = History()
    answer(history, question("mine"))
    asked = question(to=MessageRef("30", "5"))
    assert texts(history, asked) == []
    assert texts(history, question(to=asked.ref)) == []
    assert history.conversation_of(asked, 0.0) != history.conversation_of(question(), 0.0)


def test_an_old_hour_is_no_part_of_a_new_chain() -> None:
    history = History()
    answer(history, question("yesterday"), now=0.0)
    _, today = answer(history, question("today"), now=90_000.0)
    assert texts(history, question(to=today.messages[0]), now=90_001.0) == ["today"]


def test_people_who_ask_side_by_side_have_their_own_conversations() -> None:
    history = History()
    keys = {history.conversation_of(question(asker=Person("discord", str(n), "")), 0.0) for n in range(8)}
    assert len(keys) == 8
    assert history.conversation_of(question(), 0.0) == history.conversation_of(question(), 1.0)


def test_memory_is_bounded() -> None:
    history = History(conversations=2, exchanges_each=3, chars_each=1_000)
    for place in ("a", "b", "c"):
        for number in range(5):
            answer(history, question(f"{place}{number}", place=replace(DIRECT, chat_id=place)))
    assert texts(history, question(place=replace(DIRECT, chat_id="a"))) == []
    assert texts(history, question(place=replace(DIRECT, chat_id="c"))) == ["c2", "c3", "c4"]
    answer(history, question("x" * 2_000, place=replace(DIRECT, chat_id="c")))
    assert texts(history, question(place=replace(DIRECT, chat_id="c"))) == ["x" * 2_000]


PLACES = st.sampled_from(
    [CHANNEL, replace(CHANNEL, chat_id="31"), DIRECT, replace(DIRECT, chat_id="78"), TOPIC,
     replace(TOPIC, topic_id="5"), replace(TOPIC, topic_id=None, kind=PlaceKind.SHARED),
     Place("telegram", "30", PlaceKind.SHARED), Place("telegram", "77", PlaceKind.PRIVATE)]
)  # fmt: skip


@given(
    st.lists(
        st.tuples(PLACES, st.sampled_from([ADA, BEN]), st.integers(0, 30) | st.none(), st.integers(0, 2_000)),
        max_size=25,
    )
)
def test_nothing_said_in_one_place_is_ever_found_from_another(
    story: list[tuple[Place, Person, int | None, int]],
) -> None:
    """Also when a message of another place is replied to, which a forged or forwarded event may claim."""
    history, now, shown = History(), 0.0, [MessageRef("30", "1")]
    for place, asker, reply, gap in story:
        now += gap
        asked = question(place=place, asker=asker, to=None if reply is None else shown[reply % len(shown)])
        key = history.conversation_of(asked, now)
        for exchange in history.before(asked, key, now):
            assert str(exchange.question.place) == str(place)
        exchange = Exchange(asked, "text", (MessageRef(place.chat_id, str(next(_numbers))),), now)
        history.record(key, exchange)
        shown += [*exchange.messages, MessageRef(place.chat_id, asked.event_id)]
