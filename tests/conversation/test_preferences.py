"""Whose choice holds where, and which messages are for the bot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.conversation.preferences import (
    LONGEST_PAUSE_MINUTES,
    NAMES,
    Busy,
    Preferences,
    Sees,
    When,
    answers,
    holders,
    read,
    resolve,
    scopes_of,
    server_of,
    written,
)
from core.messages import Addressed, Place, PlaceKind

THREAD = Place("discord", "31", PlaceKind.THREAD, guild_id="50", parent_id="30")
TOPIC = Place("telegram", "-100", PlaceKind.THREAD, topic_id="4")
DIRECT = Place("discord", "77", PlaceKind.PRIVATE)

words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10)
preferences = st.builds(
    Preferences,
    when=st.frozensets(st.sampled_from(When)),
    keywords=st.lists(words, max_size=5, unique=True).map(tuple),
    language=st.none() | st.sampled_from(["pt-BR", "en"]),
    streaming=st.booleans(),
    reasoning=st.booleans(),
    sees=st.sampled_from(Sees),
    auto_thread=st.booleans(),
    busy=st.sampled_from(Busy),
    pause_minutes=st.integers(0, LONGEST_PAUSE_MINUTES),
    pause_private_minutes=st.integers(0, LONGEST_PAUSE_MINUTES),
    model=st.none() | words,
    persona=st.none() | words,
    opened=st.booleans(),
)


def test_the_scopes_of_a_place_go_from_the_server_to_the_conversation() -> None:
    assert scopes_of(THREAD, "c1") == (
        "server:discord:50", "chat:discord:30", "chat:discord:31", "conversation:c1",
    )  # fmt: skip
    assert scopes_of(TOPIC) == ("server:telegram:-100", "chat:telegram:-100/4")
    assert scopes_of(DIRECT) == ("chat:discord:77",)
    assert server_of(TOPIC) == "server:telegram:-100"


@given(preferences)
def test_every_choice_is_read_back_as_it_was_written(chosen: Preferences) -> None:
    layer = {name: written(name, chosen) for name in NAMES}
    assert resolve(Preferences(), ["s"], {"s": layer}) == chosen


@given(preferences, preferences, st.sets(st.sampled_from(NAMES)))
def test_the_narrowest_choice_holds_and_leaves_the_others_alone(
    wide: Preferences, narrow: Preferences, chosen: set[str]
) -> None:
    layers = {
        "wide": {name: written(name, wide) for name in NAMES},
        "narrow": {name: written(name, narrow) for name in chosen if written(name, narrow)},
    }
    held = resolve(Preferences(), ["wide", "narrow"], layers)
    whose = holders(["wide", "narrow"], layers)
    for name in NAMES:
        source = narrow if name in layers["narrow"] else wide
        assert getattr(held, name) == getattr(source, name)
        if written(name, source):
            assert whose[name] == ("narrow" if source is narrow else "wide")
        else:
            assert getattr(held, name) in {None, ()}


@given(st.sampled_from([*NAMES, "unknown"]), st.text())
def test_what_cannot_be_read_is_as_if_it_was_not_chosen(name: str, text: str) -> None:
    held = resolve(Preferences(), ["s"], {"s": {name: text}})
    value = read(name, text)
    assert held == (Preferences() if value is None else replace(Preferences(), **{name: value}))  # type: ignore[arg-type]  # a name of a field


@pytest.mark.parametrize(
    ("when", "addressed", "text", "others", "answered"),
    [
        ({When.MENTION, When.REPLY}, Addressed.MENTION, "hi", True, True),
        ({When.MENTION}, Addressed.REPLY, "hi", False, False),
        ({When.REPLY}, Addressed.MENTION, "hi", False, False),
        (set(), Addressed.PRIVATE, "hi", False, True),
        (set(), Addressed.MENTION, "hi", False, False),
        ({When.ALWAYS}, Addressed.NO, "hi", False, True),
        ({When.ALWAYS}, Addressed.NO, "hi @ben", True, False),
        ({When.KEYWORDS}, Addressed.NO, "a CAT sat", False, True),
        ({When.KEYWORDS}, Addressed.NO, "concatenate", False, False),
        ({When.KEYWORDS}, Addressed.NO, "cat, @ben?", True, False),
    ],
)
def test_a_message_is_answered_as_its_place_chose(
    when: set[When], addressed: Addressed, text: str, others: bool, answered: bool
) -> None:
    chosen = Preferences(when=frozenset(when), keywords=("cat",))
    assert answers(chosen, addressed, text, mentions_others=others) is answered


def test_in_a_thread_that_chat_opened_every_message_is_for_the_bot_but_those_to_others() -> None:
    opened = Preferences(when=frozenset(), opened=True)
    assert answers(opened, Addressed.NO, "and then?", mentions_others=False)
    assert not answers(opened, Addressed.NO, "ben, look", mentions_others=True)
