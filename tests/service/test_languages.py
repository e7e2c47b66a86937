"""Whatever the bot says for itself is said in the language of whoever asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.catalogue import say
from core.configuration import ModelChoice
from core.messages import Addressed, BotAdded, MessageRef, PlaceKind
from core.policy.access import Access
from core.ports.completions import FinishReason, ModelError, ModelErrorKind
from core.service.languages import language_of
from tests.service.conftest import ADA, Bot, shut
from tests.streaming.test_files import code

GUS = replace(ADA, id="7", name="Gus", locale="pt-br")
PT = "pt-BR"


def test_a_persons_own_locale_decides(bot: Bot) -> None:
    assert language_of(GUS, bot.surface().place) == "pt-br"
    assert language_of(ADA, bot.surface().place) is None


@pytest.mark.parametrize("name", ["help", "start"])
async def test_commands_answer_in_it(bot: Bot, name: str) -> None:
    surface = bot.surface(private_answers=True)
    await bot.command(surface, name, author=GUS)
    await bot.command(surface, name)
    await bot.clock.advance(2.0)
    portuguese, english = surface.texts
    assert portuguese.startswith(say(name, PT))
    assert english.startswith(say(name))
    assert say(name, PT) != say(name)


async def test_what_is_wrong_with_a_question(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.say(surface, " ", author=GUS)
    await bot.say(surface, "x" * 12_001, author=GUS)
    await bot.say(surface, "", author=GUS, has_attachments=True)
    await bot.command(surface, "nonsense", author=GUS)
    await bot.clock.advance(5.0)
    assert surface.texts == [
        say("empty", PT),
        say("too_long", PT, length=12_001, limit=12_000),
        say("attachment", PT),
        say("unknown_command", PT),
    ]
    assert "12.001 caracteres" in surface.texts[1]


async def test_a_refusal() -> None:
    bot = Bot(access=Access(admins=frozenset({"fake:99"})))
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.say(surface, "oi", author=GUS, addressed=Addressed.PRIVATE)
    await bot.clock.advance(2.0)
    assert surface.texts == [say("refused", PT, entries="fake:7")]
    await shut(bot)


async def test_a_place_in_the_queue_and_the_button_and_the_ending(bot: Bot) -> None:
    """The mark is for the asker, the confirmation for whoever pressed."""
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    stream = await bot.asked(surface, "um", author=GUS)
    stream.say("The beginning of an answer that is long enough.")
    await bot.clock.advance(3.0)
    [message] = surface.messages.values()
    assert [button.label for button in message.content.buttons] == ["Parar"]
    await bot.say(surface, "dois", author=GUS)
    await bot.clock.advance(2.0)
    assert surface.texts[1:] == [say("queued", PT, place=1)]
    moderator = replace(ADA, id="3", manages_messages=True)
    shown = MessageRef("c1", next(iter(surface.messages)))
    assert await bot.press(surface, shown, author=moderator) == [say("stop.done")]
    await bot.clock.advance(3.0)
    assert surface.texts[0].endswith(f"\n\n*{say('ending.stopped', PT)}*")
    data = "stop:0000"
    assert await bot.press_data(surface, shown, data, author=GUS) == [say("stop.over", PT)]


@pytest.mark.parametrize("kind", [kind for kind in ModelErrorKind if kind is not ModelErrorKind.EMPTY])
async def test_a_failure_of_the_model(bot: Bot, kind: ModelErrorKind) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    stream = await bot.asked(surface, "oi", author=GUS)
    stream.emit(ModelError(kind, "what the provider said"))
    await bot.clock.advance(3.0)
    reason = say(f"model.{kind}", PT)
    assert reason != say(f"model.{kind}")
    assert surface.texts == [f"*{say('ending.failed', PT, reason=reason)}*"]


async def test_what_stands_beside_a_file(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "mostre", f"{code(700)}\n\nThat was it.", author=GUS)
    await bot.clock.advance(10.0)
    [message] = [message for message in surface.messages.values() if message.content.file]
    assert message.content.file is not None
    lines = message.content.file.data.count(b"\n")
    assert message.content.body.text == say("file.code.whole", PT, lines=lines)


async def test_whoever_adds_the_bot_is_greeted_in_it(bot: Bot) -> None:
    surface = bot.surface()
    await bot.handle(BotAdded("1", surface.place, GUS, hears_everything=True), surface)
    await bot.clock.advance(2.0)
    assert surface.texts == [say("added.hears_everything", PT)]


async def test_an_interruption_is_marked_in_it(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "oi", author=GUS)
    stream.say("The beginning of an answer that is long enough.")
    await bot.clock.advance(3.0)
    now = bot.clock.monotonic()
    stopped = asyncio.ensure_future(bot.chat.stop(streams_until=now, marks_until=now + 3.0))
    await bot.clock.advance(5.0)
    assert await stopped == 0
    assert surface.texts[0].endswith(f"\n\n*{say('ending.interrupted', PT)}*")


async def test_the_buttons_of_an_answer_and_what_a_press_is_told(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    shown = await bot.answered(surface, "um", "Primeira.", author=GUS)
    retry = say("button.retry", PT)
    assert [button.label for button in surface.messages[shown.message_id].content.buttons] == [retry]
    other = replace(GUS, id="8", locale="de")
    assert await bot.press_label(surface, shown, retry, author=other) == [say("retry.not_yours", "de")]
    assert await bot.press_label(surface, shown, retry, author=GUS) == []
    (await bot.model.opened()).finish("Segunda.")
    await bot.clock.advance(3.0)
    labels = [button.label for button in surface.messages[shown.message_id].content.buttons]
    assert labels == ["◀", "2/2", retry]
    await bot.press_label(surface, shown, "◀", author=GUS)
    await bot.clock.advance(3.0)
    labels = [button.label for button in surface.messages[shown.message_id].content.buttons]
    assert labels == ["1/2", "▶", retry]


async def test_a_cut_answer_goes_on_in_it_and_its_mark_stays_so_under_a_variant(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    stream = await bot.asked(surface, "um", author=GUS)
    stream.finish("Era uma vez", reason=FinishReason.LENGTH)
    await bot.clock.advance(3.0)
    shown = MessageRef("c1", next(iter(surface.messages)))
    await bot.press_label(surface, shown, say("button.retry", PT), author=GUS)
    (await bot.model.opened()).finish("Segunda.")
    await bot.clock.advance(3.0)
    await bot.press_label(surface, shown, "◀", author=GUS)
    await bot.clock.advance(3.0)
    assert surface.texts[0].endswith(f"*{say('ending.length', PT)}*")
    await bot.press_label(surface, shown, say("button.continue", PT), author=GUS)
    assert (await bot.model.opened()).prompt[-1] == say("continue.question", PT)


async def test_a_summary_is_asked_for_and_shown_in_it() -> None:
    bot = Bot(choice=ModelChoice("home/b", prompt_tokens=200))
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    for text in ("um", "dois"):
        stream = await bot.asked(surface, f"{text} " * 40, author=GUS)
        stream.finish("Porque. " * 20)
        await bot.clock.advance(3.0)
    summary = await bot.model.opened()
    assert summary.request.model == "home/b"
    assert summary.prompt[0] == say("summary.request", PT, words=24)
    summary.finish("Falam de portas.")
    await bot.clock.advance(1.0)
    stream = await bot.asked(surface, "e agora? " * 10, author=GUS)
    assert stream.prompt[0].startswith(f"{say('summary.before', PT)}\n> Falam de portas.")
    await shut(bot)
