"""What a turn used is booked once, to whom it belongs; and what people read of it."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from PIL import Image

from bots.bootstrap.configuration import EMBEDDED
from core.adapters.memory_store import MemoryStore
from core.catalogue import LANGUAGES, money, say
from core.commands.usage_report import LONGEST, in_words
from core.configuration import Configuration, ModelEntry, Price
from core.messages import Person, Place, PlaceKind
from core.policy.access import Access
from core.policy.budgets import Budget, Scope, Span
from core.ports.completions import Answering, ModelError, ModelErrorKind, Usage
from core.ports.ledger import BILLIONTHS, Line
from core.ports.store import StoreError, Used
from core.service.spending import Left
from core.service.usage import OfModel, Report, Sum, booked_place
from tests.service.conftest import ADA, BEN, Bot, shut

DAY_S = 86_400
OWNER = Access(allow_everybody=True, admins=frozenset({"fake:2"}))
PRICED = ModelEntry("scripted", "home", "scripted", "Priced", price=Price(Decimal("0.25"), Decimal(2), "EUR"))
FREE = ModelEntry("home/free", "home", "free", "Free one")
CONFIGURATION = Configuration(None, {}, {PRICED.id: PRICED, FREE.id: FREE}, PRICED.id)


class BrokenStore(MemoryStore):
    async def use(self, used: Used) -> None:
        raise StoreError("the disk is full")

    async def used(self, *, since_day: int, person: str = "", place: str = "") -> tuple[Used, ...]:
        raise StoreError("the disk is full")


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    bot = Bot(access=OWNER)
    bot.parts.configuration.swap(CONFIGURATION)
    yield bot
    await shut(bot)


async def booked(bot: Bot) -> tuple[Used, ...]:
    return await bot.parts.store.used(since_day=0)


async def used(bot: Bot, author: Person = ADA, of: str = "", *, locale: str | None = None) -> str:
    surface = bot.surface(private_answers=True)
    arguments = {"of": of} if of else {}
    await bot.command(surface, "usage", arguments, author=replace(author, locale=locale))
    await bot.clock.advance_until(lambda: bool(surface.messages))
    [message] = surface.messages.values()
    assert message.content.private
    return message.content.body.text


async def test_a_turn_is_booked_with_what_the_provider_counted_and_its_price(bot: Bot) -> None:
    stream = await bot.asked(bot.surface(), "hello")
    stream.say("Yes.")
    stream.emit(Usage(1_000, 500))
    stream.finish()
    await bot.clock.advance(2.0)
    [row] = await bot.parts.store.used(since_day=0, person="fake:1", place="fake:c1")
    day = int(bot.clock.wall() // DAY_S)
    assert row == Used(day, "fake:1", "fake:c1", "scripted", 1, 1_000, 500, cost=1_250)


async def test_an_answer_that_was_stopped_or_failed_is_booked_by_estimate(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.say("word " * 100)
    await bot.clock.advance(3.0)
    message = await bot.press(surface, next(iter(bot.progress[-1].messages)))
    assert message == [say("stop.done")]
    [row] = await booked(bot)
    assert row.completion_tokens == 125
    assert row.prompt_tokens > 0
    stream = await bot.asked(surface, "again")
    stream.say("word " * 100)
    stream.emit(ModelError(ModelErrorKind.BROKEN_STREAM, "gone"))
    await bot.clock.advance(2.0)
    [row] = await booked(bot)
    assert (row.requests, row.completion_tokens) == (2, 250)


async def test_what_a_provider_refused_is_not_booked(bot: Bot) -> None:
    stream = await bot.asked(bot.surface(), "hello")
    stream.emit(ModelError(ModelErrorKind.UNAUTHORIZED, "no"))
    await bot.clock.advance(2.0)
    assert await booked(bot) == ()


async def test_each_model_that_counted_is_booked_for_itself(bot: Bot) -> None:
    stream = await bot.asked(bot.surface(), "hello")
    for event in (Answering("scripted"), Usage(30, 12), Answering("home/free")):
        stream.emit(event)
    stream.say("Yes.")
    stream.emit(Usage(5, 1))
    stream.finish()
    await bot.clock.advance(2.0)
    found = [(row.model, row.prompt_tokens, row.completion_tokens, row.cost) for row in await booked(bot)]
    assert found == [("home/free", 5, 1, 0), ("scripted", 30, 12, 32)]


async def test_a_store_that_fails_loses_no_answer_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot(store=BrokenStore())
    surface = bot.surface()
    await bot.answered(surface, "hello", "Yes.")
    assert surface.texts == ["Yes."]
    errors = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == ["what fake:1 used in fake:c1 cannot be booked: the disk is full"]
    assert await used(bot) == say("store.failed")
    await shut(bot)


async def test_a_guild_is_one_place() -> None:
    place = Place("discord", "31", PlaceKind.THREAD, guild_id="50", parent_id="30")
    assert booked_place(place) == "discord:50"
    assert booked_place(Place("telegram", "-100", PlaceKind.THREAD, topic_id="7")) == "telegram:-100"


async def test_usage_says_today_this_month_each_model_and_what_has_no_price(bot: Bot) -> None:
    today = int(bot.clock.wall() // DAY_S)  # the 15th
    for day, model, cost in (
        (today, "scripted", 5_300),
        (today - 14, "home/free", 0),
        (today - 15, "scripted", 9),
    ):
        await bot.parts.store.use(Used(day, "fake:1", "fake:c1", model, 2, 1_000, 2_000, cost))
    await bot.parts.store.use(Used(today, "fake:2", "fake:c1", "scripted", 1, 7, 8, 0))
    text = await used(bot)
    assert text.splitlines() == [
        "**What you have used**",
        "**Today:** €0.0053, 2 requests, 1,000 tokens in, 2,000 out",
        "**This month:** €0.0053, 4 requests, 2,000 tokens in, 4,000 out",
        "- `Free one`: 2 requests, 1,000 in, 2,000 out",
        "- `Priced`: €0.0053, 2 requests, 1,000 in, 2,000 out",
        "",
        "No price is known for `Free one`: it counts as 0.",
        "",
        say("usage.chart"),
    ]
    brazilian = await used(bot, locale="pt-BR")
    assert "1.000 tokens de entrada" in brazilian
    assert "€\N{NO-BREAK SPACE}0,0053" in brazilian


async def test_the_chart_is_a_picture_beside_the_words_where_files_can_go(bot: Bot) -> None:
    await bot.answered(bot.surface(), "hello", "Yes.")
    surface = bot.surface(private_answers=True)
    await bot.command(surface, "usage")
    await bot.clock.advance_until(lambda: bool(surface.messages))
    file = surface.messages["m1"].content.file
    assert file is not None
    assert (file.name, file.picture) == ("usage.png", True)
    assert Image.open(io.BytesIO(file.data)).format == "PNG"
    small = bot.surface(private_answers=True)
    small.capabilities = replace(small.capabilities, max_file_bytes=100)
    await bot.command(small, "usage")
    await bot.clock.advance_until(lambda: bool(small.messages))
    assert small.messages["m1"].content.file is None
    assert say("usage.chart") not in small.texts[0]


async def test_whose_usage_is_shown_depends_on_who_asks(bot: Bot) -> None:
    manager = replace(ADA, manages_place=True)
    day = int(bot.clock.wall() // DAY_S)
    for person, place in (("fake:1", "fake:c1"), ("fake:2", "fake:c1"), ("fake:2", "fake:c2")):
        await bot.parts.store.use(Used(day, person, place, "scripted", 1, 10, 10, 0))
    assert "**Today:** 1 request," in await used(bot)
    assert await used(bot, of="server") == say("unusable.managers", command="/usage server")
    assert "**Today:** 2 requests," in await used(bot, manager, "server")
    assert await used(bot, manager, "everything") == say("unusable.owners", command="/usage everything")
    assert "**Today:** 3 requests," in await used(bot, BEN, "everything")


async def test_in_a_group_only_the_groups_usage_is_shown(bot: Bot) -> None:
    group = bot.surface()
    await bot.command(group, "usage")
    await bot.command(group, "usage", {"of": "server"}, author=replace(ADA, manages_place=True))
    await bot.clock.advance_until(lambda: len(group.messages) == 2)
    assert group.texts == [
        say("usage.private", command="/usage", server="/usage server"),
        "\n".join(
            [f"**{say('usage.of.server')}**", "**Today:** nothing", "**This month:** nothing"],
        ),
    ]


async def test_what_is_left_of_the_day_is_said_where_there_is_a_limit() -> None:
    bot = Bot(daily_tokens=5_000)
    await bot.answered(bot.surface(), "hello", "Yes.")
    spent = await bot.spent()
    assert 0 < spent < 5_000
    assert f"- everybody's budget for today: {5_000 - spent:,} of 5,000 tokens (more in 15 h 44 min)" in (
        await used(bot)
    )
    await shut(bot)


def most_left() -> list[Left]:
    """Of every budget there can be."""
    lines = [
        Budget(scope, span, Line("", "", 10**15, 10**15 * BILLIONTHS), "BRL")
        for scope in Scope
        for span in Span
    ]
    return [Left(one, one.line.tokens, one.line.money, 9e5) for one in lines]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_fit_beside_a_picture_whatever_the_figures(language: str) -> None:
    most = Sum(10**9, 10**15, 10**15, {"USD": Decimal(10**9), "EUR": Decimal(10**9), "BRL": Decimal(10**9)})
    models = tuple(OfModel("🟦" * 60 + str(n), priced=False, sum=most) for n in range(30))
    report = Report(most, most, models, ())
    words = in_words(report, say("usage.of.me", language), language, left=most_left(), chart=True)
    assert len(words.encode("utf-16-le")) // 2 <= LONGEST
    assert say("usage.chart", language) in words


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "$0.00"), ("0.00123", "$0.0012"), ("0.5", "$0.50"), ("0.999", "$1.00"), ("12.345", "$12.34"),
     ("0.000001", "$0.000001"), ("1234.5", "$1,234.50")],
)  # fmt: skip
def test_money_shows_what_tells_something(amount: str, shown: str) -> None:
    assert money(Decimal(amount), "USD", "en") == shown


async def test_the_embedded_model_costs_nothing_and_says_nothing_of_currencies(bot: Bot) -> None:
    models = {EMBEDDED.id: EMBEDDED, PRICED.id: PRICED}
    bot.parts.configuration.swap(Configuration(None, {}, models, EMBEDDED.id))
    day = int(bot.clock.wall() // DAY_S)
    for model, cost in ((EMBEDDED.id, 0), ("home/gone", 5_000_000)):
        await bot.parts.store.use(Used(day, str(ADA), "fake:c1", model, 1, 10, 20, cost))
    words = await used(bot)
    assert "`SmolLM2 135M, a demo`" in words
    assert "€5.00" in words
    assert say("usage.no_price", models="`home/gone`") in words


def test_a_long_name_of_a_model_is_cut_at_a_word() -> None:
    used = Sum(1, 1, 1, {})
    label = "SmolLM2 135M, embedded: a demo of streaming, no assistant"
    report = Report(used, used, (OfModel(label, priced=False, sum=used),), ())
    assert "`SmolLM2 135M, embedded: a demo of…`" in in_words(report, "You", None, left=(), chart=False)
