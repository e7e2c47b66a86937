"""Answers whose model failed: what stays, how it is marked, how it goes on and is asked again."""

from __future__ import annotations

import pytest

from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.messages import MessageRef, PlaceKind
from core.ports.completions import ModelError, ModelErrorKind
from core.service.failures import reason_of
from tests.service.conftest import ADA, BEN, Bot, failed, shut

BROKEN = ModelError(ModelErrorKind.BROKEN_STREAM, "reset")
TALE = "It was a dark and stormy night, and"
KINDS = pytest.mark.parametrize("kind", PlaceKind)


async def broken(bot: Bot, kind: PlaceKind) -> MessageRef:
    """An answer that broke off after visible text."""
    surface = bot.surface(kind=kind)
    stream = await bot.asked(surface, "a tale")
    stream.say(TALE)
    stream.emit(BROKEN)
    await bot.clock.advance(3.0)
    assert surface.texts == [f"{TALE}\n\n{failed('broken_stream')}"]
    assert len(bot.model.streams) == 1, "what is visible is never begun anew"
    button = surface.messages["m1"].content.buttons[-1]
    assert button.label == say("button.continue")
    assert await bot.press_label(surface, MessageRef("c1", "m1"), button.label) == []
    assert (await bot.model.opened()).prompt == ["a tale", TALE, say("continue.question")]
    return MessageRef("c1", "m1")


@KINDS
async def test_an_answer_that_broke_off_keeps_its_text_and_can_go_on(bot: Bot, kind: PlaceKind) -> None:
    await broken(bot, kind)


async def test_an_answer_that_broke_off_goes_on_after_a_restart(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "a tale")
    stream.say(TALE)
    stream.emit(BROKEN)
    await bot.clock.advance(3.0)
    await shut(bot)
    bot = Bot(before=bot)
    assert await bot.press_label(surface, MessageRef("c1", "m1"), say("button.continue")) == []
    assert (await bot.model.opened()).prompt == ["a tale", TALE, say("continue.question")]
    await shut(bot)


@KINDS
async def test_without_text_there_is_nothing_to_go_on_with(bot: Bot, kind: PlaceKind) -> None:
    surface = bot.surface(kind=kind)
    (await bot.asked(surface, "a tale")).emit(BROKEN)
    await bot.clock.advance(3.0)
    labels = [button.label for button in surface.messages["m1"].content.buttons]
    assert say("button.continue") not in labels


@KINDS
@pytest.mark.parametrize("first", [False, True])
async def test_retry_answers_the_question_whose_answer_failed_before_any_text(
    bot: Bot, kind: PlaceKind, first: bool
) -> None:
    surface = bot.surface(kind=kind)
    before = [] if first else ["one", "First."]
    if before:
        await bot.answered(surface, *before)
    (await bot.asked(surface, "two")).emit(BROKEN)
    await bot.clock.advance(3.0)
    assert (await bot.chat.exchanges.retry(bot.caller(surface))).key == ""
    stream = await bot.model.opened()
    assert stream.prompt == [*before, "two"]
    stream.finish("Second.")
    await bot.clock.advance(3.0)
    assert (await bot.asked(surface, "three")).prompt == [*before, "two", "Second.", "three"]


class _Dying(MemoryStore):
    """Keeps nothing any more once the process is to die."""

    dead = False

    async def set_lane(self, *args: object) -> None:
        if not self.dead:
            await super().set_lane(*args)  # type: ignore[arg-type]

    async def add(self, *args: object, **named: object) -> None:
        if not self.dead:
            await super().add(*args, **named)  # type: ignore[arg-type]


@KINDS
async def test_retry_answers_the_question_whose_answer_died_with_its_process(kind: PlaceKind) -> None:
    store = _Dying()
    bot = Bot(store=store)
    surface = bot.surface(kind=kind)
    await bot.answered(surface, "one", "First.")
    (await bot.asked(surface, "two")).say("Seco")
    await bot.clock.advance(3.0)
    store.dead = True
    await shut(bot)
    store.dead = False
    bot = Bot(before=bot)
    assert (await bot.chat.exchanges.retry(bot.caller(surface))).key == ""
    assert (await bot.model.opened()).prompt == ["one", "First.", "two"]
    await shut(bot)


async def test_retry_is_not_for_a_question_that_another_person_asked_below_the_same_answer(bot: Bot) -> None:
    surface = bot.surface()
    shown = await bot.answered(surface, "one", "First.")
    await bot.reply(surface, "ben's", shown, author=BEN)
    (await bot.model.opened()).emit(BROKEN)
    await bot.clock.advance(3.0)
    assert (await bot.chat.exchanges.retry(bot.caller(surface, ADA))).key == ""
    assert (await bot.model.opened()).prompt == ["one"]


async def test_retry_waits_for_the_answer_that_grows(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "one", "First.")
    (await bot.asked(surface, "two")).say("Sec")
    await bot.clock.advance(3.0)
    assert (await bot.chat.exchanges.retry(bot.caller(surface))).key == "retry.busy"


@pytest.mark.parametrize(
    ("kind", "retry_after", "words"),
    [
        (ModelErrorKind.RATE_LIMITED, 41.2, say("provider_busy.seconds", seconds=42)),
        (ModelErrorKind.SERVER, 3_700.0, say("provider_busy.minutes", hours=1, minutes=2)),
        (ModelErrorKind.RATE_LIMITED, None, say("model.rate_limited")),
        (ModelErrorKind.RATE_LIMITED, 0.0, say("model.rate_limited")),
        (ModelErrorKind.RATE_LIMITED, 1e9, say("model.rate_limited")),
        (ModelErrorKind.NO_CREDIT, 41.2, say("model.no_credit")),
    ],
)
async def test_a_failure_says_when_to_ask_again_where_the_provider_does(
    bot: Bot, kind: ModelErrorKind, retry_after: float | None, words: str
) -> None:
    error = ModelError(kind, "what the provider said", retry_after=retry_after)
    assert reason_of(error, None) == words
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    (await bot.asked(surface, "why?")).emit(error)
    await bot.clock.advance(3.0)
    assert surface.texts == [f"*{say('ending.failed', reason=words)}*"]
