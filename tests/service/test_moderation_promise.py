"""For any deltas, verdict times and hits: what is withheld nobody sees, and the promise goes on to hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, chain, repeat

from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalogue import say
from core.configuration import Check, ModerationRules
from core.ports.moderation import OVERLAP
from core.service.moderating import CHECK_S
from tests.fakes.clock import FakeClock
from tests.fakes.judge import BAD, FakeJudge
from tests.fakes.surface import FakeSurface
from tests.promise import broken_promise
from tests.service.conftest import Bot, shut
from tests.service.test_moderation import HIDES, MARKS, QUESTION, WITHHELD, seen

DELTAS = st.lists(
    st.tuples(st.integers(1, 700), st.sampled_from([0.0, 0.01, 0.3, 2.0])), min_size=1, max_size=25
)
"""Their lengths, and the seconds before each."""
TAKES = st.lists(st.sampled_from([0.0, 0.05, 0.7, 3.0, 8.0]), max_size=12)


def tale(length: int) -> str:
    """A text in which each place is another."""
    return "".join(f"Word {number} is here. " for number in range(length // 16 + 1))[:length]


def drawn(deltas: Sequence[tuple[int, float]], data: st.DataObject) -> tuple[str, str, int]:
    """A tale of so many characters, a passage in it that is flagged as a whole, and where that starts."""
    length = sum(length for length, _ in deltas)
    start = data.draw(st.integers(0, length - 1), label="start")
    passage = "#" * data.draw(
        st.integers(min(OVERLAP, length - start) // 2 + 1, min(OVERLAP, length - start))
    )
    text = tale(length)
    return text[:start] + passage + text[start + len(passage) :], passage, start


async def told(
    rules: ModerationRules,
    text: str,
    deltas: Sequence[tuple[int, float]],
    takes_s: Sequence[float],
    bad: str = BAD,
) -> tuple[FakeJudge, FakeSurface]:
    clock = FakeClock()
    judge = FakeJudge(clock, bad=bad, takes_s=chain(takes_s, repeat(0.0)))
    bot = Bot(fake_clock=clock, moderation=judge, rules=rules)
    surface = bot.surface()
    await bot.say(surface, QUESTION)
    await bot.clock.advance(CHECK_S)
    stream = await bot.model.opened()
    at = 0
    for length, wait_s in deltas:
        await bot.clock.advance(wait_s)
        stream.say(text[at : at + length])
        at += length
    stream.finish()
    await bot.clock.advance(200.0)
    await shut(bot)
    assert judge.most_at_once <= 1
    assert sum(len(one) for one in judge.judged if one != QUESTION) <= 1.5 * len(text) + OVERLAP
    return judge, surface


def promise_held(surface: FakeSurface, text: str, ending: str) -> None:
    """Each state that was ever visible showed a beginning; the last ones are one, with this one mark."""
    shown = [message.content.body.text for message in surface.messages.values()]
    for message, page in zip(surface.messages.values(), shown, strict=True):
        assert all(page.startswith(state.removesuffix(f"*{ending}*").strip()) for state in message.history)
    renderer = surface.capabilities.renderer
    letters = sum(not char.isspace() for page in shown for char in page.removesuffix(f"*{ending}*"))
    ends = accumulate((not char.isspace() for char in text), initial=0)
    untils = [end for end, before in enumerate(ends) if before == letters] if ending else ()
    assert untils or not ending
    assert broken_promise(text, shown, renderer, mark=ending, until=untils) is None
    assert sum(page.count("⚠") for page in shown) == bool(ending)


@settings(max_examples=60, deadline=None)
@given(DELTAS, TAKES, st.data())
def test_hidden_text_is_never_seen_whatever_comes_when(
    deltas: list[tuple[int, float]], takes_s: list[float], data: st.DataObject
) -> None:
    text, passage, start = drawn(deltas, data)

    async def check() -> None:
        _, surface = await told(HIDES, text, deltas, takes_s, passage)
        assert not any("#" in state for state in seen(surface))
        assert surface.texts[-1].endswith(WITHHELD)
        promise_held(surface, text[:start], say("ending.withheld"))

    asyncio.run(check())


@settings(max_examples=40, deadline=None)
@given(DELTAS, TAKES, st.data())
def test_beside_a_hit_leaves_a_beginning_and_one_mark(
    deltas: list[tuple[int, float]], takes_s: list[float], data: st.DataObject
) -> None:
    text, passage, _ = drawn(deltas, data)

    async def check() -> None:
        judge, surface = await told(MARKS, text, deltas, takes_s, passage)
        assert passage in judge.judged[-1]
        promise_held(surface, text, say("ending.withheld"))

    asyncio.run(check())


@settings(max_examples=40, deadline=None)
@given(DELTAS, TAKES, st.sampled_from([HIDES, MARKS]), st.sampled_from(Check))
def test_without_a_hit_the_text_is_as_it_would_have_been(
    deltas: list[tuple[int, float]], takes_s: list[float], rules: ModerationRules, input_: Check
) -> None:
    text = tale(sum(length for length, _ in deltas))

    async def check() -> None:
        _, surface = await told(replace(rules, input=input_), text, deltas, takes_s)
        promise_held(surface, text, "")
        assert "".join(surface.texts).replace(" ", "").replace("\n", "") == text.replace(" ", "")

    asyncio.run(check())
