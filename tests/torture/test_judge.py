"""The judge of torture must be able to say no."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bots.discord.markdown import DiscordRenderer
from bots.telegram.markdown import TelegramRenderer
from core.catalogue import say
from core.streaming.operations import FileContent
from core.streaming.rendering import Renderer
from tests.torture.judge import Law, Shown, judged
from tests.torture.texts import Tale, end_of, numbers

MARK = say("ending.interrupted")
ON_DISCORD = DiscordRenderer()
TEXT = Tale("q7", "page", 2_000, 0).text
WORDS = len(numbers(TEXT))
FIRST, SECOND = TEXT.split("\n\n", 4)[:4], TEXT.split("\n\n", 4)[4]
PAGES = [Shown("1", "\n\n".join(FIRST)), Shown("2", SECOND)]
HALF = "\n\n".join(FIRST)
MARKED = [Shown("1", f"{HALF}\n\n*{MARK}*")]


def law(renderer: Renderer = ON_DISCORD, told: str = TEXT, least: int = 0, spare: int = 0) -> Law:
    return Law(told, TEXT, renderer, (MARK,), least=least, spare=spare)


def test_a_whole_answer_keeps_the_law() -> None:
    assert judged(PAGES, law()).ending == "whole"


def test_a_marked_part_keeps_the_law() -> None:
    assert judged(MARKED, law(told=HALF, least=len(numbers(HALF)))).ending == MARK
    cut = TEXT[: end_of(TEXT, 6) + 4]
    assert judged([Shown("1", f"{cut.strip()}\n\n*{MARK}*")], law()).ending == MARK
    renderer = TelegramRenderer()
    plain = renderer.render(HALF).text
    assert judged([Shown("1", f"{plain}\n\n{MARK}")], law(renderer)).ending == MARK


def test_a_mark_on_a_message_of_its_own_keeps_the_law() -> None:
    assert judged([Shown("1", HALF), Shown("2", f"*{MARK}*")], law()).ending == MARK


BROKEN = {
    "a doubled word": [Shown("1", PAGES[0].text.replace("q7w2z", "q7w2z q7w2z")), PAGES[1]],
    "a lost word": [Shown("1", PAGES[0].text.replace("q7w2z", "")), PAGES[1]],
    "a lost word without a number": [Shown("1", PAGES[0].text.replace("The tale", "The")), PAGES[1]],
    "a changed letter": [Shown("1", PAGES[0].text.replace("The tale", "The tail")), PAGES[1]],
    "a doubled page": [PAGES[0], PAGES[0], PAGES[1]],
    "pages out of order": PAGES[::-1],
    "the end is missing": PAGES[:1],
    "the last letters are missing": [PAGES[0], Shown("2", SECOND[:-5])],
    "a missing mark": [Shown("1", HALF)],
    "two marks": [Shown("1", f"{HALF}\n\n*{MARK}*\n\n*{MARK}*")],
    "a mark on each page": [Shown("1", f"{HALF}\n\n*{MARK}*"), Shown("2", f"{SECOND[:200]}\n\n*{MARK}*")],
    "a mark in the middle": [Shown("1", f"{HALF}\n\n*{MARK}*"), Shown("2", SECOND)],
    "a mark under the whole answer, twice": [*PAGES, Shown("3", f"*{MARK}*"), Shown("4", f"*{MARK}*")],
    "a mark alone": [Shown("1", f"*{MARK}*")],
    "a mark that is not set off": [Shown("1", f"{HALF} {MARK}")],
    "it still grows": [replace(MARKED[0], growing=True)],
    "a whole answer that still grows": [PAGES[0], replace(PAGES[1], growing=True)],
    "nothing": [],
}


@pytest.mark.parametrize("shown", BROKEN.values(), ids=BROKEN)
def test_anything_else_breaks_it(shown: list[Shown]) -> None:
    assert judged(shown, law()).ending is None


def test_what_was_visible_is_not_taken_back() -> None:
    assert judged(MARKED, law(least=len(numbers(HALF)) + 1)).ending is None


def test_what_the_model_never_said_is_not_shown() -> None:
    assert judged(MARKED, law(told=TEXT[: end_of(TEXT, 3)])).ending is None


def test_a_mark_alone_may_stand_where_nothing_was_ever_visible() -> None:
    bare = replace(law(), bare=True)
    assert judged([Shown("1", f"*{MARK}*")], bare).ending == MARK
    assert judged([Shown("1", f"*{MARK}*")], replace(bare, least=1)).ending is None


def test_one_copy_may_stand_where_the_platform_has_no_nonce() -> None:
    copy, answer = Shown("1", "\n\n".join(FIRST[:2])), Shown("2", f"{HALF}\n\n*{MARK}*")
    assert judged([copy, answer], law()).ending is None
    verdict = judged([copy, answer], law(spare=1))
    assert (verdict.ending, verdict.spared) == (MARK, ("1",))
    assert judged([copy, replace(copy, id="3"), answer], law(spare=1)).ending is None
    marked = replace(copy, text=f"{copy.text}\n\n*{MARK}*")
    assert judged([marked, answer], law(spare=1)).ending is None


@pytest.mark.parametrize(("word", "reopened"), [(2, ""), (6, "> ")])
def test_a_word_that_a_cut_goes_through_is_one(word: int, reopened: str) -> None:
    cut = end_of(TEXT, word) - 2
    shown = [Shown("1", TEXT[:cut]), Shown("2", reopened + TEXT[cut:])]
    assert judged(shown, law()).ending == "whole"
    assert judged([shown[0], Shown("2", reopened + TEXT[cut + 1 :])], law()).ending is None


def test_a_copy_may_say_that_a_file_is_to_come() -> None:
    file = Shown("2", "code.py", FileContent("code.py", IN_FILE.encode()))
    copy = Shown("9", say("file.code.grows", lines=12), growing=True)
    code = Law(CODE, CODE, ON_DISCORD, (MARK,))
    assert judged([CODE_PAGE, copy, file, Shown("4", f"*{MARK}*")], replace(code, spare=1)).spared == ("9",)
    assert judged([CODE_PAGE, copy, file, Shown("4", f"*{MARK}*")], code).ending is None
    assert judged([CODE_PAGE, copy], replace(code, spare=1)).ending is None


def test_where_an_answer_broke_off_a_file_that_was_to_come_need_not() -> None:
    """Two sends of what announced it were not heard of, and one of them was taken."""
    grows, broke_off = Shown("9", say("file.code.grows", lines=12)), say("ending.broken")
    code = Law(CODE, CODE, ON_DISCORD, (MARK, broke_off))
    shown = [CODE_PAGE, grows, Shown("4", f"*{broke_off}*")]
    assert judged(shown, replace(code, spare=1)).ending == broke_off
    assert judged(shown, code).ending is None
    assert judged([CODE_PAGE, grows, Shown("4", f"*{MARK}*")], replace(code, spare=1)).ending is None


def test_a_marked_copy_may_stand_where_nobody_was_killed() -> None:
    twice = [Shown(n, f"*{MARK}*") for n in "12"]
    chaotic = replace(law(spare=1), bare=True, marked_copies=True)
    assert judged(twice, chaotic).ending == MARK
    assert judged([*twice, Shown("3", f"*{MARK}*")], chaotic).ending is None
    assert judged(twice, replace(chaotic, marked_copies=False)).ending is None
    assert judged([twice[0], Shown("2", f"No. *{MARK}*")], chaotic).ending is None


CODE = Tale("q8", "code", 2_000, 0).text
CUT = end_of(CODE, 30) + 1
FILED = end_of(CODE, 60)
CODE_PAGE = Shown("1", CODE[:CUT].rpartition("\n")[0] + "\n```")
IN_FILE = CODE[len(CODE_PAGE.text) - 3 : FILED]


@pytest.mark.parametrize("beside", [True, False], ids=["mark beside the file", "mark after the file"])
def test_a_file_that_ends_early_has_its_mark_beside_it_or_after_it(beside: bool) -> None:
    file = FileContent("code.py", IN_FILE.encode())
    code = Law(CODE, CODE, ON_DISCORD, (MARK,))
    caption = f"code.py, 30 lines\n\n*{MARK}*" if beside else "code.py, 30 lines"
    shown = [CODE_PAGE, Shown("2", caption, file), *([] if beside else [Shown("3", f"*{MARK}*")])]
    assert judged(shown, code).ending == MARK
    less = replace(shown[1], file=FileContent("code.py", IN_FILE.replace("q8w40z", "").encode()))
    assert judged([shown[0], less, *shown[2:]], code).ending is None
    unmarked = replace(shown[1], text="code.py, 30 lines")
    assert judged([shown[0], unmarked], code).ending is None
