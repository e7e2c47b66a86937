"""Budgets as people meet them: what they are told, what ends an answer, and what counts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.catalogue import LANGUAGES, say
from core.configuration import Budgets, Limits
from core.messages import MessageRef, Person, PlaceKind
from core.policy.budgets import Refused, Scope, Span, Why
from core.ports.completions import Answering, ModelError, ModelErrorKind, Usage
from core.ports.ledger import BILLIONTHS
from core.service.refusals import mark_of, time_span, words_of
from tests.service.conftest import ADA, BEN, MODERATOR, Bot, shut
from tests.service.spending import Troubled, configured

MEMBER = replace(BEN, role_ids=frozenset({"7"}))


def bot_with(budgets: Budgets) -> Bot:
    return Bot(configuration=configured(budgets))


async def test_a_person_is_told_which_budget_it_was_and_others_go_on() -> None:
    bot = bot_with(Budgets(user=Limits(200)))
    surface = bot.surface(kind=PlaceKind.THREAD)
    stream = await bot.asked(surface, "hello")
    stream.emit(Usage(150, 60))
    stream.finish("Hi.")
    await bot.clock.advance(2.0)
    await bot.say(surface, "again")
    await bot.clock.advance(2.0)
    assert surface.texts[-1] == "Used up: your budget for today, 200 tokens. There is more in 15 h 44 min."
    stream = await bot.asked(surface, "and me?", author=BEN)
    stream.emit(Usage(20, 10))
    stream.finish("You may.")
    await bot.clock.advance(2.0)
    assert "You may." in surface.texts
    await bot.clock.advance(86_400.0)
    assert (await bot.asked(surface, "a new day")).prompt[-1].endswith("a new day")
    await shut(bot)


async def test_who_needs_more_than_a_whole_budget_is_told_that_waiting_is_no_use() -> None:
    bot = bot_with(Budgets(user=Limits(1_500)))
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "word " * 600, "word " * 400)
    await bot.clock.advance(86_400.0)
    await bot.say(surface, "word " * 300)
    await bot.clock.advance(2.0)
    assert surface.texts[-1] == (
        "This conversation needs more than the whole of it: your budget for today, 1,500 tokens. "
        "/new begins a shorter one."
    )
    await bot.command(surface, "new")
    await bot.answered(surface, "and now?", "Yes.")
    await bot.command(surface, "new")
    await bot.say(surface, "word " * 1_400)
    await bot.clock.advance(2.0)
    assert surface.texts[-1] == "This needs more than the whole of it: your budget for today, 1,500 tokens."
    await shut(bot)


async def test_a_refusal_after_the_first_of_an_hour_is_a_reaction_in_a_group() -> None:
    bot = bot_with(Budgets(user=Limits(0)))
    surface = bot.surface()
    for _ in range(2):
        await bot.say(surface, "hello")
        await bot.clock.advance(5.0)
    assert len(surface.texts) == 1
    assert [emoji for _, emoji in surface.reactions] == [say("reaction.refused")]
    await shut(bot)


async def test_money_that_runs_out_in_the_middle_ends_the_answer_with_a_mark() -> None:
    """0.01 is what 333 tokens of the dearest model that may answer cost."""
    bot = bot_with(Budgets(user=Limits(money_per_month=Decimal("0.01"))))
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    stream = await bot.asked(surface, "hello")
    stream.say(*["word "] * 600)
    await stream.closed.wait()
    await bot.clock.advance(20.0)
    mark = mark_of(Refused(Why.MONEY, Scope.USER, Span.MONTH), None)
    assert mark == "⚠ used up: your budget for this month"
    assert surface.texts[-1].endswith(f"*{mark}*")
    [left] = await bot.spending.left(ADA, surface.place)
    estimate = 2 * 1_000 + 332 * 2_000  # at the price of "m", which was asked and has not counted
    assert left.money is not None
    assert 0 <= BILLIONTHS // 100 - left.money - estimate <= 6_000
    await shut(bot)


async def test_a_fallback_is_paid_at_its_own_price_and_what_the_first_counted_stays() -> None:
    bot = bot_with(Budgets(user=Limits(money_per_day=Decimal(1))))
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    for event in (Answering("m"), Usage(100, 20), Answering("dear")):
        stream.emit(event)
    stream.say("Yes.")
    stream.emit(Usage(50, 10))
    stream.finish()
    await bot.clock.advance(2.0)
    [left] = await bot.spending.left(ADA, surface.place)
    assert left.money == BILLIONTHS - (100 * 1_000 + 20 * 2_000 + 50 * 10_000 + 10 * 30_000)
    await shut(bot)


async def test_a_model_that_did_no_work_costs_nothing() -> None:
    bot = bot_with(Budgets(user=Limits(1_000)))
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.emit(ModelError(ModelErrorKind.UNREACHABLE, ""))
    await bot.clock.advance(2.0)
    [left] = await bot.spending.left(ADA, surface.place)
    assert left.tokens == 1_000
    await shut(bot)


async def test_a_role_gives_its_members_more_and_a_private_chat_knows_of_no_role() -> None:
    bot = bot_with(Budgets(user=Limits(0), roles={"fake:7": Limits(1_000)}))
    shared, private = bot.surface(), bot.surface("c2", kind=PlaceKind.PRIVATE)
    (await bot.asked(shared, "hello", author=MEMBER)).finish("Hi.")
    await bot.say(shared, "me too", author=ADA)
    await bot.say(private, "and here?", author=BEN)
    await bot.clock.advance(3.0)
    assert len(bot.model.streams) == 1
    assert private.texts == ["This needs more than the whole of it: your budget for today, 0 tokens."]
    await shut(bot)


async def test_questions_per_minute_and_answers_at_once() -> None:
    bot = bot_with(Budgets(user=Limits(requests_per_minute=2, streams=1)))
    one, two = bot.surface("c1", kind=PlaceKind.THREAD), bot.surface("c2", kind=PlaceKind.THREAD)
    first = await bot.asked(one, "one")
    await bot.say(two, "two")
    await bot.clock.advance(2.0)
    assert two.texts == [say("streams.user", streams=1)]
    first.finish("First.")
    await bot.clock.advance(2.0)
    (await bot.asked(two, "two")).finish("Second.")
    await bot.clock.advance(2.0)
    three = bot.surface("c3", kind=PlaceKind.PRIVATE)
    await bot.say(three, "three")
    await bot.clock.advance(2.0)
    assert three.texts == [say("paced.user", requests=2, seconds=54)]
    await bot.clock.advance(54.0)
    assert (await bot.asked(three, "three")).prompt[-1] == "three"
    await shut(bot)


async def test_usage_says_what_is_left_to_whoever_asks() -> None:
    month = Limits(None, 10_000)
    bot = bot_with(Budgets(everybody=month, user=Limits(1_000, money_per_day=Decimal("0.5"))))
    surface = bot.surface("c2", kind=PlaceKind.PRIVATE)
    stream = await bot.asked(bot.surface(), "hello")
    stream.emit(Usage(100, 200))
    stream.finish("Hi.")
    await bot.clock.advance(2.0)
    await bot.command(surface, "usage")
    await bot.clock.advance_until(lambda: bool(surface.messages))
    [text] = surface.texts
    left = "700 of 1,000 tokens, $0.50 of $0.50"
    assert f"What is left:\n- your budget for today: {left} (more in 15 h 44 min)" in text
    assert "\n- everybody's budget for this month: 9,700 of 10,000 tokens (more in 16 d 16 h)" in text
    await shut(bot)


async def test_a_store_that_fails_lets_nobody_spend_and_says_so() -> None:
    ledger = Troubled()
    bot = Bot(configuration=configured(Budgets(user=Limits(1_000))), ledger=ledger)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    ledger.fails = True
    await bot.say(surface, "hello")
    await bot.clock.advance(2.0)
    assert surface.texts == [say("spent.unknown")]
    assert bot.model.streams == []
    await shut(bot)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_words_in_every_language(language: str) -> None:
    for why in Why:
        for scope in Scope if why in {Why.TOKENS, Why.MONEY} else (Scope.USER, Scope.EVERYBODY):
            for span in Span:
                refused = Refused(why, scope, span, 5 * BILLIONTHS, 3_000_000.0, "EUR")
                never = replace(refused, never=True)
                for words in (words_of(refused, language), words_of(never, language, goes_on=True)):
                    assert "{" not in words
                    assert len(words) <= 200


def test_a_span_is_said_to_the_minute_and_of_days_to_the_hour() -> None:
    spans = (0.0, 59.0, 61.0, 3_600.0, 86_399.0, 2 * 86_400.0 - 60, 2 * 86_400.0, 30.5 * 86_400.0)
    said = [time_span(seconds, None) for seconds in spans]
    assert said[:4] == ["0 h 0 min", "0 h 1 min", "0 h 2 min", "1 h 0 min"]
    assert said[4:] == ["24 h 0 min", "47 h 59 min", "2 d 0 h", "30 d 12 h"]


async def test_whoever_wants_an_answer_again_is_paced_and_limited_as_who_they_are() -> None:
    """Else a member of a role that may spend less has what anybody may, by pressing Retry."""
    bot = bot_with(Budgets(user=Limits(100_000), roles={"fake:7": Limits(200)}))
    surface = bot.surface(kind=PlaceKind.THREAD)
    stream = await bot.asked(surface, "hello", author=MEMBER)
    stream.emit(Usage(150, 60))
    stream.finish("Hi.")
    await bot.clock.advance(2.0)
    shown = MessageRef(surface.place.chat_id, list(surface.messages)[-1])
    await bot.press_label(surface, shown, say("button.retry"), author=MEMBER)
    await bot.clock.advance(2.0)
    assert len(bot.model.streams) == 1
    await shut(bot)


async def test_a_moderator_who_wants_an_answer_again_pays_for_it() -> None:
    bot = bot_with(Budgets(user=Limits(1_000)))
    surface = bot.surface(kind=PlaceKind.THREAD)
    shown = await bot.answered(surface, "hello", "Hi.")
    before = await left_to(bot, ADA)
    await bot.press_label(surface, shown, say("button.retry"), author=MODERATOR)
    stream = await bot.model.opened()
    stream.emit(Usage(100, 100))
    stream.finish("Hello.")
    await bot.clock.advance(2.0)
    assert await left_to(bot, ADA) == before
    assert await left_to(bot, MODERATOR) == 800
    await shut(bot)


async def left_to(bot: Bot, person: Person) -> int | None:
    [left] = await bot.spending.left(person, bot.surface(kind=PlaceKind.THREAD).place)
    return left.tokens


@pytest.mark.parametrize("told", [Usage(0, 0), Usage(0, 500), Usage(400, 0)])
async def test_what_a_provider_says_nothing_of_counts_as_estimated(told: Usage) -> None:
    """Some tell of no prompt, or of nothing but zeros: nobody asks for nothing."""
    bot = bot_with(Budgets(user=Limits(10_000)))
    surface = bot.surface(kind=PlaceKind.THREAD)
    stream = await bot.asked(surface, "word " * 400)
    stream.say("word " * 400)
    stream.emit(told)
    stream.finish()
    await bot.clock.advance(2.0)
    left = await left_to(bot, ADA)
    assert left is not None
    assert 10_000 - left >= 900
    await shut(bot)
