"""From a typed line to values of their kinds."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.commands.arguments import EXTRA, Mistake, parse, read
from core.commands.command import Argument, Command, Kind

from core.commands.declared import access, ask, chat, help as help_, settings, usage  # isort: skip


async def run(call: object) -> None: ...


CATCHUP = Command(
    "catchup",
    run,
    (
        Argument("n", Kind.INTEGER, minimum=1, maximum=500),
        Argument("order", Kind.CHOICE, choices=("newest", "oldest")),
        Argument("since"),
    ),
)
MOVE = Command(
    "move",
    run,
    (
        Argument("from", required=True, max_length=20),
        Argument("share", Kind.NUMBER, required=True),
        Argument("quiet", Kind.BOOLEAN),
    ),
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("what is a sluice?", {"prompt": "what is a sluice?"}),
        ("why\nso low?", {"prompt": "why\nso low?"}),
        ("private=yes model=a/b what is x=1?", {"private": "yes", "model": "a/b", "prompt": "what is x=1?"}),
        ('persona="The Miller" who?', {"persona": "The Miller", "prompt": "who?"}),
        ("persona=“The Miller” who?", {"persona": "The Miller", "prompt": "who?"}),
        ("x=1 is what?", {"prompt": "x=1 is what?"}),
        ('"quoted" words', {"prompt": '"quoted" words'}),
        ("private=yes", {"private": "yes"}),
        ("", {}),
    ],
)
def test_a_question_takes_the_rest_and_its_options_by_name(line: str, expected: dict[str, str]) -> None:
    assert parse(ask.COMMAND, line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("50", {"n": "50"}),
        ("oldest", {"order": "oldest"}),
        ("50 Newest yesterday at noon", {"n": "50", "order": "Newest", "since": "yesterday at noon"}),
        ("yesterday", {"since": "yesterday"}),
        ("since=monday 20", {"since": "monday", "n": "20"}),
        ("since=monday 20 surplus words", {"since": "monday", "n": "20", EXTRA: "surplus words"}),
    ],
)
def test_where_nothing_is_required_each_takes_what_it_could_be(line: str, expected: dict[str, str]) -> None:
    assert parse(CATCHUP, line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('"River Thames" 0,5', {"from": "River Thames", "share": 0.5}),
        ("quiet=on Thames 1", {"from": "Thames", "share": 1.0, "quiet": True}),
    ],
)
def test_values_have_their_kinds(line: str, expected: dict[str, object]) -> None:
    assert read(MOVE, parse(MOVE, line)) == expected


@pytest.mark.parametrize(
    ("command", "line", "key"),
    [
        (MOVE, "Thames", "mistake.missing"),
        (MOVE, "Thames much", "mistake.number"),
        (MOVE, "Thames nan", "mistake.number"),
        (MOVE, f"{'x' * 21} 1", "mistake.long"),
        (MOVE, "quiet=perhaps Thames 1", "mistake.boolean"),
        (MOVE, "Thames 1 and more", "mistake.extra"),
        (CATCHUP, "n=1.5", "mistake.integer"),
        (CATCHUP, "n=0", "mistake.least"),
        (CATCHUP, "n=501", "mistake.most"),
        (CATCHUP, "order=random", "mistake.choice"),
    ],
)
def test_each_mistake_has_its_word(command: Command, line: str, key: str) -> None:
    with pytest.raises(Mistake) as caught:
        read(command, parse(command, line))
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("how do boats float?", {"question": "how do boats float?"}),
        ("topic=Boats", {"topic": "Boats"}),
        ('topic="All boats" how do they float?', {"topic": "All boats", "question": "how do they float?"}),
        ("", {}),
    ],
)
def test_what_goes_by_name_takes_nothing_of_the_rest(line: str, expected: dict[str, str]) -> None:
    assert parse(chat.COMMAND, line) == expected


@pytest.mark.parametrize(
    ("command", "line", "told"),
    [
        (usage.COMMAND, "chart", {"after": "/usage", "choices": "me, server, everything"}),
        (
            access.COMMAND,
            "telegram:chat:-1 perhaps",
            {"after": "/access telegram:chat:-1", "choices": "approve, refuse, revoke"},
        ),
    ],
)
def test_a_word_that_is_no_choice_is_told_which_there_are(
    command: Command, line: str, told: dict[str, str]
) -> None:
    with pytest.raises(Mistake) as caught:
        read(command, parse(command, line))
    assert (caught.value.key, caught.value.values) == ("mistake.choice", told)


def test_a_choice_is_taken_as_it_was_declared() -> None:
    assert read(CATCHUP, parse(CATCHUP, "NEWEST"))["order"] == "newest"


def test_a_command_without_arguments_takes_no_notice_of_any() -> None:
    assert parse(help_.COMMAND, "me, please") == {}


def test_one_that_has_a_panel_says_what_it_does_not_understand() -> None:
    assert parse(settings.COMMAND, " ") == {}
    with pytest.raises(Mistake) as caught:
        read(settings.COMMAND, parse(settings.COMMAND, "when always"))
    assert (caught.value.key, caught.value.values) == ("mistake.extra", {"text": "when always"})


@given(st.text())
def test_no_question_is_lost_or_changed(line: str) -> None:
    """What is no option is the question, to the letter, but for white space around it."""
    given_ = parse(ask.COMMAND, line)
    assert given_.get("prompt", "") == line.strip() or given_.keys() - {"prompt"}
    assert given_.get("prompt", "") in line


@given(st.lists(st.sampled_from(["n=3", "order=oldest", "7", "newest", '"a b', "=", "x=", "“", "”", "word"])))
def test_every_word_ends_up_somewhere_and_reading_never_breaks(words: list[str]) -> None:
    line = " ".join(words)
    given_ = parse(CATCHUP, line)
    assert bool(given_) == bool(line)
    with suppress(Mistake):
        assert read(CATCHUP, given_).keys() == given_.keys()
