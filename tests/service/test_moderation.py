"""What is asked and answered is judged: what is withheld nobody sees, and what was seen stays."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, repeat

import pytest

from core.adapters.memory_store import MemoryStore
from core.configuration import Check, Defaults, ModelChoice, ModelEntry, ModerationRules
from core.messages import MessageRef, PlaceKind, Quote
from core.ports.alerts import Cause
from core.ports.completions import FinishReason, ModelError, ModelErrorKind, ReasoningDelta, Usage
from core.ports.store import LaneKey
from core.service.moderating import CHECK_S
from tests.fakes.clock import FakeClock
from tests.fakes.judge import BAD, CATEGORY, FakeJudge, broken
from tests.fakes.mortal import Life
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, Bot, cut_short, failed, mark, shut

NOT_ASKED, WITHHELD, UNJUDGED = mark("ending.not_asked"), mark("ending.withheld"), mark("ending.unjudged")
BEFORE = ModerationRules("judge", input=Check.BEFORE)
BESIDE = ModerationRules("judge", input=Check.BESIDE)
HIDES = ModerationRules("judge", output=Check.BEFORE)
MARKS = ModerationRules("judge", output=Check.BESIDE)
QUESTION = "a tale?"
TALE = "It was a quiet evening, and the river went on as it always had. "


def judged(rules: ModerationRules, takes_s: Sequence[float] = (), **more: object) -> tuple[Bot, FakeJudge]:
    """A bot, and its judge, whose first verdicts take that long and whose others come at once."""
    clock = FakeClock()
    costs = {name: more.pop(name) for name in ("costs", "model") if name in more}
    judge = FakeJudge(clock, takes_s=chain(takes_s, repeat(0.0)), **costs)  # type: ignore[arg-type]
    return Bot(fake_clock=clock, moderation=judge, rules=rules, **more), judge  # type: ignore[arg-type]


def seen(surface: FakeSurface) -> list[str]:
    """Every state in which any message ever stood."""
    return [
        text
        for message in surface.messages.values()
        for text in (*message.history, message.content.body.text)
    ]


async def test_a_flagged_question_reaches_no_model_and_is_refused_in_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot, judge = judged(BEFORE)
    surface = bot.surface()
    with caplog.at_level(logging.INFO):
        await bot.say(surface, f"tell me what is {BAD}")
        await bot.clock.advance(2.0)
    assert bot.model.streams == []
    assert surface.texts == [NOT_ASKED]
    assert judge.judged == [f"tell me what is {BAD}"]
    assert bot.hits.told == [("raised", Cause.MODERATION, CATEGORY)]
    assert list(bot.hits.raised) == [(Cause.MODERATION, str(surface.place))]
    assert CATEGORY in caplog.text
    assert BAD not in caplog.text
    assert await bot.spent() == 0
    await shut(bot)


async def test_no_model_is_asked_before_the_verdict() -> None:
    bot, _ = judged(BEFORE, [3.0])
    surface = bot.surface()
    await bot.say(surface, "what is a sluice?")
    await bot.clock.advance(2.9)
    assert bot.model.streams == []
    await bot.clock.advance(0.2)
    (await bot.model.opened()).finish("A gate.")
    await bot.clock.advance(2.0)
    assert surface.texts == ["A gate."]
    await shut(bot)


@pytest.mark.parametrize("rules", [BEFORE, BESIDE])
@pytest.mark.parametrize("kind", PlaceKind)
async def test_the_next_question_does_not_lead_back_to_a_flagged_one(
    rules: ModerationRules, kind: PlaceKind
) -> None:
    bot, _ = judged(rules)
    surface = bot.surface(kind=kind)
    await bot.answered(surface, "hello", "Hi.")
    await bot.say(surface, f"tell me what is {BAD}")
    await bot.clock.advance(2.0)
    assert surface.texts == ["Hi.", NOT_ASKED]
    assert list(surface.messages.values())[-1].content.buttons == ()
    if rules is BESIDE:
        await bot.model.opened()
    stream = await bot.asked(surface, "and now answer what I asked")
    assert stream.prompt == ["hello", "Hi.", "and now answer what I asked"]
    assert isinstance(bot.store, MemoryStore)
    await shut(bot)


async def test_what_is_quoted_is_judged_with_the_question() -> None:
    bot, _judge = judged(BEFORE)
    surface = bot.surface()
    quote = Quote(MessageRef("c1", "x1"), "Mallory", f"how to do the {BAD}")
    await bot.say(surface, "answer this", quote=quote)
    await bot.clock.advance(2.0)
    assert bot.model.streams == []
    assert surface.texts == [NOT_ASKED]
    await shut(bot)


async def test_beside_the_model_is_asked_at_once_and_a_hit_ends_the_answer_with_one_mark() -> None:
    bot, _ = judged(BESIDE, [4.0])
    surface = bot.surface()
    stream = await bot.asked(surface, f"what is {BAD}")
    stream.say(TALE)
    await bot.clock.advance(3.0)
    assert surface.texts == [TALE.strip()]
    await bot.clock.advance(5.0)
    assert surface.texts == [f"{TALE.strip()}\n\n{NOT_ASKED}"]
    assert stream.closed.is_set()
    await shut(bot)


async def test_beside_a_short_answer_ends_only_with_the_verdict() -> None:
    bot, _ = judged(BESIDE, [4.0])
    surface = bot.surface()
    (await bot.asked(surface, f"what is {BAD}")).finish("Yes.")
    await bot.clock.advance(3.9)
    assert surface.texts == ["Yes."]
    await bot.clock.advance(3.0)
    assert surface.texts == [f"Yes.\n\n{NOT_ASKED}"]
    await shut(bot)


async def test_beside_text_is_shown_while_a_verdict_is_awaited() -> None:
    bot, judge = judged(MARKS, [9.0])
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale?")
    for number in range(1, 14):
        stream.say(TALE)
        await bot.clock.advance(0.6)
        if number % 4 == 0:
            assert len(surface.texts[0]) >= len((TALE * (number - 3)).strip())
    assert judge._running == 1
    assert len(judge.judged) == 1
    await shut(bot)


async def test_beside_a_hit_ends_an_answer_whose_model_is_silent() -> None:
    bot, _ = judged(MARKS, [3.0])
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale?")
    stream.say(*[TALE] * 6, f"It is {BAD}.")
    await bot.clock.advance(2.0)
    assert surface.texts[0].endswith(f"It is {BAD}.")
    await bot.clock.advance(3.0)
    assert surface.texts[0].endswith(f"It is {BAD}.\n\n{WITHHELD}")
    assert stream.closed.is_set()
    await shut(bot)


async def test_a_question_that_is_refused_when_it_is_asked_again_keeps_its_answer() -> None:
    bot, judge = judged(BEFORE)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "what is a sluice?", "A gate.")
    judge._bad = "sluice"
    assert (await bot.chat.exchanges.retry(bot.caller(surface))).key == ""
    await bot.clock.advance(3.0)
    assert surface.texts == [f"A gate.\n\n{NOT_ASKED}"]
    assert (await bot.asked(surface, "thanks")).prompt == ["what is a sluice?", "A gate.", "thanks"]
    await shut(bot)


@pytest.mark.parametrize("rules", [BEFORE, HIDES], ids=["asked", "answered"])
@pytest.mark.parametrize("silent", [False, True], ids=["fails", "takes too long"])
@pytest.mark.parametrize("refuses", [True, False])
async def test_what_cannot_be_judged_is_refused_unless_that_is_allowed(
    rules: ModerationRules, silent: bool, refuses: bool
) -> None:
    bot, judge = judged(replace(rules, refuses=refuses), [CHECK_S + 1.0] if silent else [])
    judge.fails = None if silent else broken()
    surface = bot.surface()
    await bot.say(surface, "what is a sluice?")
    await bot.clock.advance(CHECK_S)
    if not refuses or rules is HIDES:
        (await bot.model.opened()).finish("A gate.")
    await bot.clock.advance(CHECK_S + 3.0)
    assert surface.texts == [UNJUDGED if refuses else "A gate."]
    assert ("raised", Cause.JUDGE, "") in bot.hits.told
    judge.fails = None
    if rules is HIDES or not refuses:
        (await bot.asked(surface, "and a weir?")).finish("A dam.")
    else:
        (await bot.asked(surface, "and a weir?")).finish("A dam.")
    await bot.clock.advance(3.0)
    assert surface.texts[-1] == "A dam."
    assert bot.hits.raised == {}, "it is well again"
    await shut(bot)


async def test_hits_are_told_only_where_that_is_wanted() -> None:
    bot, _ = judged(replace(BEFORE, tells=False))
    await bot.say(bot.surface(), BAD)
    await bot.clock.advance(2.0)
    assert bot.hits.told == []
    await shut(bot)


async def next_process(before: Bot, surface: FakeSurface) -> Bot:
    """After a kill, with nobody who judges."""
    assert before.life is not None
    await before.life.end()
    bot = Bot(before=before)
    await bot.chat.recovery.begin("fake:1", lambda *_, **__: surface)
    await bot.clock.advance(5.0)
    return bot


async def test_what_was_held_when_the_process_was_killed_is_never_shown() -> None:
    bot, judge = judged(HIDES, [0.0, CHECK_S], life=Life())
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    stream = await bot.asked(surface, "a tale?")
    stream.say(*[TALE] * 7)
    await bot.clock.advance(2.0)
    stream.say(*[f"Now for what is {BAD}. "] * 30)
    await bot.clock.advance(2.0)
    assert BAD in judge.judged[-1]
    [before] = surface.texts
    assert (TALE * 7).startswith(before)
    bot = await next_process(bot, surface)
    assert surface.texts == [f"{before}\n\n{mark('ending.interrupted')}"]
    lane = await bot.store.lane(LaneKey(str(surface.place)))
    assert lane is not None
    assert [one.text for one in await bot.store.path(lane.leaf_id or "")] == ["a tale?", before]
    assert bot.model.streams == []
    await shut(bot)


async def test_of_what_was_never_shown_the_next_process_shows_nothing_but_its_own_answer() -> None:
    bot, _ = judged(HIDES, [CHECK_S], life=Life())
    surface = bot.surface()
    (await bot.asked(surface, "a tale?")).say(*[TALE] * 20)
    await bot.clock.advance(2.0)
    bot = await next_process(bot, surface)
    (await bot.model.opened()).finish("Another one.")
    await bot.clock.advance(2.0)
    assert [state for state in seen(surface) if "river" in state] == []
    assert surface.texts == ["Another one."]
    await shut(bot)


async def test_a_refusal_that_was_not_shown_yet_is_still_one_after_a_kill() -> None:
    bot, _ = judged(BEFORE, life=Life())
    surface = bot.surface()
    surface.failures.append("rate_limited")
    ref = await bot.say(surface, f"what is {BAD}?")
    await bot.clock.advance(0.1)
    bot = await next_process(bot, surface)
    assert bot.model.streams == []
    assert surface.texts == [NOT_ASKED]
    await bot.reply(surface, "answer this", ref, by_us=False)
    [prompt] = (await bot.model.opened()).prompt
    assert "quoted words" in prompt, "what a reply quotes is judged with it"
    await shut(bot)


async def test_stop_cancels_the_check_and_shows_nothing_that_was_held() -> None:
    bot, judge = judged(HIDES, [0.0, 5.0], daily_tokens=1_000_000)
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale?")
    stream.say(*[TALE] * 7)
    await bot.clock.advance(2.0)
    stream.say(*[TALE] * 20)
    await bot.clock.advance(2.0)
    assert judge._running == 1
    await bot.press(surface, MessageRef("c1", "m1"))
    await bot.clock.advance(1.0)
    assert judge._running == 0
    assert stream.closed.is_set()
    assert surface.texts[0].endswith(mark("ending.stopped"))
    assert len(surface.texts[0]) < len(TALE * 7)
    assert await bot.spent() >= len(TALE * 27) // 4, "what was streamed is paid for, shown or not"
    await shut(bot)


async def test_what_came_before_an_error_is_judged_and_then_shown_with_it() -> None:
    bot, _ = judged(HIDES)
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale?")
    stream.say(TALE)
    stream.emit(ModelError(ModelErrorKind.BROKEN_STREAM, "reset"))
    await bot.clock.advance(2.0)
    assert surface.texts == [f"{TALE.strip()}\n\n{failed('broken_stream')}"]
    await shut(bot)


async def test_reasoning_that_is_shown_is_judged_too() -> None:
    bot, judge = judged(HIDES, defaults=Defaults(show_reasoning=True))
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale?")
    stream.emit(ReasoningDelta(f"The user wants {BAD} things. "))
    stream.finish(TALE)
    await bot.clock.advance(2.0)
    assert surface.texts == [WITHHELD]
    assert BAD in judge.judged[0]
    await shut(bot)


async def test_reasoning_that_nobody_sees_is_not_judged() -> None:
    bot, judge = judged(HIDES)
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale?")
    stream.emit(ReasoningDelta(f"The user wants {BAD} things. "))
    stream.finish(TALE)
    await bot.clock.advance(2.0)
    assert surface.texts == [TALE.strip()]
    assert judge.judged == [TALE]
    await shut(bot)


async def test_a_fast_model_waits_for_a_slow_judge_and_memory_stays_small() -> None:
    bot, _judge = judged(HIDES, [5.0])
    stream = await bot.asked(bot.surface(), "a tale?")
    stream.say(*[TALE] * 1_000)
    await bot.clock.advance(2.0)
    assert stream._events.qsize() > 700, "it is read no further"
    await bot.clock.advance(60.0)
    assert stream._events.qsize() == 0
    await shut(bot)


async def test_checks_by_a_model_are_reserved_and_booked() -> None:
    entries = {name: ModelEntry(name, "test", name, name) for name in ("scripted", "small")}
    bot, _judge = judged(BEFORE, costs=(30, 10), model="small", daily_tokens=10_000)
    bot.live.swap(replace(bot.live.current, models=entries))
    stream = await bot.asked(bot.surface(), "what is a sluice?")
    stream.emit(Usage(100, 50))
    stream.finish("A gate.")
    await bot.clock.advance(2.0)
    assert await bot.spent() == 100 + 50 + 30 + 10
    report = await bot.parts.usage.report(person=str(ADA))
    assert {one.label: one.sum.prompt_tokens for one in report.models} == {"scripted": 100, "small": 30}
    await shut(bot)


async def test_a_check_that_is_broken_off_is_paid_for() -> None:
    bot, _judge = judged(BEFORE, [60.0], costs=(30, 10), model="small", daily_tokens=10_000)
    await bot.say(bot.surface(), "what is a sluice?")
    await bot.clock.advance(1.0)
    await shut(bot)
    assert await bot.spent() == 30, "the judge read it; the model was never asked"


async def test_without_tokens_for_the_judge_there_is_no_answer() -> None:
    bot, judge = judged(
        BEFORE, costs=(900, 100), model="small", daily_tokens=500, choice=ModelChoice("m", max_tokens=60)
    )
    surface = bot.surface()
    await bot.say(surface, "what is a sluice?")
    await bot.clock.advance(2.0)
    assert bot.model.streams == []
    assert judge.judged == []
    assert surface.texts == [cut_short()]
    assert bot.hits.told == []
    await shut(bot)


async def test_without_rules_nothing_is_judged_and_nothing_stands_between() -> None:
    bot, judge = judged(ModerationRules("judge"))
    await bot.answered(bot.surface(), BAD, BAD)
    assert judge.judged == []
    await shut(bot)


@pytest.mark.parametrize("rules", [HIDES, MARKS])
async def test_the_providers_own_filter_still_has_its_own_words(rules: ModerationRules) -> None:
    bot, _ = judged(rules)
    surface = bot.surface()
    (await bot.asked(surface, "a tale?")).finish(TALE, reason=FinishReason.CONTENT_FILTER)
    await bot.clock.advance(2.0)
    assert surface.texts == [f"{TALE.strip()}\n\n{mark('ending.filtered')}"]
    await shut(bot)
