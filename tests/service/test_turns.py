"""One question, one answer, and every way in which it can end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bots.bootstrap.app import build_app
from bots.bootstrap.configuration import read_configuration
from bots.bootstrap.kept import Kept
from bots.bootstrap.models import Model
from bots.telegram.markdown import TelegramRenderer
from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.configuration import Live, ModelChoice
from core.conversation.history import Question
from core.messages import MessageRef, PlaceKind
from core.ports.completions import Finished, FinishReason, ModelError, ModelErrorKind, ReasoningDelta, Usage
from core.settings import Settings
from core.streaming.operations import OperationKind
from tests.fakes.clock import FakeClock
from tests.fakes.surface import FakeSurface
from tests.service.conftest import BEN, MODERATOR, Bot, cut_short, failed, mark, shut, used_up
from tests.service.scripted_model import ScriptedModel

LONG = "Water finds its way, slowly and then all at once. "


async def test_an_answer_grows_in_reply_and_ends_complete(bot: Bot) -> None:
    surface = bot.surface()
    ref = await bot.say(surface, "what is a sluice?")
    stream = await bot.model.opened()
    assert surface.typings == 1
    for _ in range(6):
        stream.say(LONG)
        await bot.clock.advance(1.0)
    stream.finish("The end.")
    await bot.clock.advance(2.0)
    message = surface.messages["m1"]
    assert surface.texts == [(LONG * 6 + "The end.")]
    assert message.reply_to == ref
    assert len(message.history) >= 3
    assert not message.content.buttons
    assert stream.closed.is_set()


async def test_what_settings_say_reaches_the_model() -> None:
    bot = Bot(choice=ModelChoice("m", temperature=0.3, max_tokens=77, system_prompt="Be brief."))
    stream = await bot.asked(bot.surface(), "hello")
    assert (stream.request.model, stream.request.temperature, stream.request.max_tokens) == ("m", 0.3, 77)
    assert stream.prompt == ["Be brief.", "hello"]
    await shut(bot)


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        (FinishReason.STOP, ""),
        (FinishReason.OTHER, ""),
        (FinishReason.LENGTH, "ending.length"),
        (FinishReason.CONTENT_FILTER, "ending.filtered"),
    ],
)
async def test_the_models_own_ending_is_shown(bot: Bot, reason: FinishReason, key: str) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.finish("Half a sen", reason=reason)
    await bot.clock.advance(2.0)
    assert surface.texts[0].startswith("Half a sen")
    assert surface.texts[0].removeprefix("Half a sen").strip() == (mark(key) if key else "")


@pytest.mark.parametrize("kind", ModelErrorKind)
async def test_a_model_error_is_one_line_without_its_cause(
    bot: Bot, kind: ModelErrorKind, caplog: pytest.LogCaptureFixture
) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.emit(ModelError(kind, "HTTP 500 from http://10.0.0.1"))
    await bot.clock.advance(2.0)
    assert len(surface.texts) == 1
    assert "10.0.0.1" not in surface.texts[0]
    if kind is not ModelErrorKind.EMPTY:
        assert surface.texts[0] == failed(kind.name.lower())
    assert "HTTP 500 from http://10.0.0.1" in caplog.text
    assert "fake:1" in caplog.text
    assert "hello" not in caplog.text


async def test_an_error_half_way_keeps_the_text_and_the_memory(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "one")
    stream.say("The first half")
    await bot.clock.advance(2.0)
    stream.emit(ModelError(ModelErrorKind.STALLED, "45 s"))
    await bot.clock.advance(2.0)
    assert surface.texts[0].startswith("The first half")
    assert surface.texts[0].endswith(failed("stalled"))
    assert (await bot.asked(surface, "two")).prompt == ["one", "The first half", "two"]


async def test_a_second_failure_in_the_same_hour_is_only_a_reaction_in_a_group(bot: Bot) -> None:
    surface = bot.surface()
    for _ in range(2):
        stream = await bot.asked(surface, "hello")
        stream.emit(ModelError(ModelErrorKind.SERVER, ""))
        await bot.clock.advance(5.0)
    assert len(surface.texts) == 1
    assert surface.reactions == [(MessageRef("c1", "u2"), say("reaction.sorry"))]


@pytest.mark.parametrize("text", [" \n", "\u200b", "\u202e"])
async def test_an_answer_without_text_says_so(bot: Bot, text: str) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.emit(ReasoningDelta("hm"))
    stream.finish(text)
    await bot.clock.advance(2.0)
    (shown,) = surface.texts
    assert shown.replace(text, "").strip() == mark("ending.empty")


@pytest.mark.parametrize("text", ["```python\n", "&nbsp;", "> "])
async def test_an_answer_of_which_the_platform_shows_nothing_says_so(bot: Bot, text: str) -> None:
    surface = bot.surface()
    surface.capabilities = replace(surface.capabilities, renderer=TelegramRenderer())
    stream = await bot.asked(surface, "hello")
    stream.finish(text)
    await bot.clock.advance(2.0)
    assert [shown.strip() for shown in surface.texts] == [say("ending.empty")]


async def test_a_stream_that_just_stops_is_no_complete_answer(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.say("Half")
    stream.emit(StopAsyncIteration())
    await bot.clock.advance(2.0)
    assert surface.texts[0] != "Half"
    assert surface.texts[0].startswith("Half")


async def test_an_unexpected_error_ends_the_turn_visibly_and_not_the_queue(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    stream = await bot.asked(surface, "one")
    await bot.say(surface, "two")
    stream.emit(ZeroDivisionError("bug"))
    await bot.clock.advance(5.0)
    assert failed("unexpected") in surface.texts
    assert "ZeroDivisionError" in caplog.text
    (await bot.model.opened()).finish("Second answer.")
    await bot.clock.advance(5.0)
    assert surface.texts[-1] == "Second answer."


async def test_an_answer_past_the_limit_ends_the_stream(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.say("x" * 63_999, "yz", "never read")
    await stream.closed.wait()
    await bot.clock.advance(200.0)
    assert surface.texts[-1].endswith(mark("ending.length"))
    assert "".join(surface.texts).count("x") == 63_999


async def test_where_an_answer_is_cut_can_be_set() -> None:
    bot = Bot(max_answer_chars=100)
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.say("x" * 90, "y" * 11, "never read")
    await stream.closed.wait()
    await bot.clock.advance(2.0)
    assert surface.texts == ["x" * 90 + "y" * 10 + "\n\n" + mark("ending.length")]
    await shut(bot)


async def test_an_answer_that_just_fits_is_complete() -> None:
    bot = Bot(max_answer_chars=100)
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.finish("x" * 100)
    await bot.clock.advance(2.0)
    assert surface.texts == ["x" * 100]
    await shut(bot)


async def test_the_setting_reaches_the_answers(tmp_path: Path) -> None:
    clock, scripted = FakeClock(), ScriptedModel()
    settings = Settings(max_answer_chars=20, allow_everybody=True, data_dir=tmp_path)
    model = Model(scripted, Live(read_configuration(settings)))
    app = build_app(
        settings,
        model,
        clock,
        kept=Kept(MemoryStore(), MemoryJournal(clock=clock), MemoryLedger()),
        sandbox=False,
    )
    surface = FakeSurface(clock)
    app.chat.ask(Question("1", surface.place, BEN, "hello"), surface)
    stream = await scripted.opened()
    stream.say("x" * 30)
    await stream.closed.wait()
    await clock.advance(2.0)
    assert surface.texts == ["x" * 20 + "\n\n" + mark("ending.length")]


async def test_a_lost_place_ends_the_stream_even_when_the_model_is_silent(bot: Bot) -> None:
    surface = bot.surface()
    surface.failures.append("place_gone")
    stream = await bot.asked(surface, "hello")
    stream.say(LONG)
    await bot.clock.advance(2.0)
    assert stream.closed.is_set()
    assert surface.texts == []
    assert [kind for _, kind, _ in surface.calls] == [OperationKind.SEND]


async def test_stop_keeps_the_text_marks_it_and_ends_the_stream_at_once(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "one")
    stream.say(LONG)
    await bot.clock.advance(4.0)
    shown = MessageRef("c1", "m1")
    assert await bot.press(surface, shown, author=BEN) == [say("stop.not_yours")]
    assert not stream.closed.is_set()
    data = surface.messages["m1"].content.buttons[0].data
    assert data.startswith("stop:")
    assert len(data.encode()) <= 64
    assert await bot.press(surface, shown) == [say("stop.done")]
    assert stream.closed.is_set()
    await bot.clock.advance(3.0)
    assert surface.texts[0].startswith(LONG.strip())
    assert surface.texts[0].endswith(mark("ending.stopped"))
    labels = [button.label for button in surface.messages["m1"].content.buttons]
    assert labels == [say("button.retry"), say("button.continue")]
    assert await bot.press_data(surface, shown, data) == [say("stop.over")]
    assert (await bot.asked(surface, "two")).prompt == ["one", LONG.strip(), "two"]


@pytest.mark.parametrize(
    "ending", [FinishReason.STOP, FinishReason.LENGTH, ModelError(ModelErrorKind.STALLED, "")]
)
async def test_stop_while_only_edits_are_missing_says_so(bot: Bot, ending: FinishReason | ModelError) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "one")
    stream.say(LONG)
    await bot.clock.advance(4.0)
    shown, data = MessageRef("c1", "m1"), surface.messages["m1"].content.buttons[0].data
    surface.failures.extend(["unavailable"] * 3)  # the platform lags behind
    stream.say(LONG)
    stream.emit(ending if isinstance(ending, ModelError) else Finished(ending))
    await bot.clock.advance(0.0)
    assert await bot.press_data(surface, shown, data, author=BEN) == [say("stop.not_yours")]
    assert await bot.press_data(surface, shown, data) == [say("stop.finishing")]
    await bot.clock.advance(60.0)
    assert surface.texts[0].startswith((LONG * 2).strip())
    assert await bot.press_data(surface, shown, data) == [say("stop.over")]


async def test_stop_pressed_twice_says_stopped_twice(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "one")
    stream.say(LONG)
    await bot.clock.advance(4.0)
    shown, data = MessageRef("c1", "m1"), surface.messages["m1"].content.buttons[0].data
    surface.failures.extend(["unavailable"] * 3)
    assert await bot.press_data(surface, shown, data) == [say("stop.done")]
    assert await bot.press_data(surface, shown, data) == [say("stop.done")]


async def test_who_manages_messages_may_stop_an_answer(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.say(LONG)
    await bot.clock.advance(4.0)
    assert await bot.press(surface, MessageRef("c1", "m1"), author=MODERATOR) == [say("stop.done")]
    assert stream.closed.is_set()


@pytest.mark.parametrize("data", ["", "stop:", "stop:0123456789abcdef", "other:1", "\x00" * 64])
async def test_a_button_that_nobody_knows_is_over(bot: Bot, data: str) -> None:
    assert await bot.press_data(bot.surface(), MessageRef("c1", "m1"), data) == [say("stop.over")]


async def test_a_button_works_only_where_it_stands(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.say(LONG)
    await bot.clock.advance(4.0)
    data = surface.messages["m1"].content.buttons[0].data
    elsewhere = bot.surface("c2")
    assert await bot.press_data(elsewhere, MessageRef("c2", "m1"), data, author=MODERATOR) == [
        say("stop.over")
    ]
    assert not stream.closed.is_set()


async def test_what_a_turn_used_is_settled(bot: Bot) -> None:
    bot = Bot(daily_tokens=10_000)
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    assert await bot.spent() > 1_000
    stream.say("Hi.")
    stream.emit(Usage(30, 12))
    stream.finish()
    await bot.clock.advance(2.0)
    assert await bot.spent() == 42
    stream = await bot.asked(bot.surface("c2"), "12345678")
    stream.finish("12345678", "1234")
    await bot.clock.advance(2.0)
    assert await bot.spent() == 42 + (2 + 4) + 3  # no usage: an estimate
    stream = await bot.asked(bot.surface("c3"), "hello")
    stream.emit(ModelError(ModelErrorKind.UNREACHABLE, ""))
    await bot.clock.advance(2.0)
    assert await bot.spent() == 51  # nothing was used
    await shut(bot)


async def test_a_budget_that_runs_out_ends_the_answer_with_a_mark() -> None:
    bot = Bot(daily_tokens=100)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    stream = await bot.asked(surface, "hello")
    stream.say(*["word "] * 200)
    await stream.closed.wait()
    await bot.clock.advance(2.0)
    assert surface.texts[0].endswith(cut_short())
    assert surface.texts[0].startswith("word word")
    await bot.command(surface, "new")
    await bot.say(surface, "again")
    await bot.clock.advance(2.0)
    assert surface.texts[-1] == used_up(100)
    assert len(bot.model.streams) == 1
    await shut(bot)


async def test_an_answer_that_cost_more_than_was_left_is_still_complete() -> None:
    bot = Bot(daily_tokens=100)
    surface = bot.surface()
    stream = await bot.asked(surface, "hello")
    stream.say("All of it.")
    stream.emit(Usage(80, 500))
    stream.finish()
    await bot.clock.advance(2.0)
    assert surface.texts == ["All of it."]
    assert await bot.spent() == 580
    await shut(bot)


async def test_a_conversation_too_long_for_the_model_is_shown_less_of_and_that_is_remembered(
    bot: Bot,
) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    for number in range(4):
        await bot.answered(surface, f"{number} " + "q" * 400, "a" * 400)
    stream = await bot.asked(surface, "now?")
    assert len(stream.prompt) == 9
    stream.emit(ModelError(ModelErrorKind.CONTEXT_TOO_LONG, ""))
    stream = await bot.model.opened()
    assert 1 <= len(stream.prompt) < 9
    assert stream.prompt[-1] == "now?"
    stream.finish("Fine.")
    await bot.clock.advance(2.0)
    assert surface.texts[-1] == "Fine."
    assert len((await bot.asked(surface, "next?")).prompt) < 9


async def test_the_model_may_refuse_even_the_question_alone(bot: Bot) -> None:
    surface = bot.surface()
    stream = await bot.asked(surface, "x" * 10_000)
    stream.emit(ModelError(ModelErrorKind.CONTEXT_TOO_LONG, ""))
    await bot.clock.advance(2.0)
    assert surface.texts == [failed("context_too_long")]


async def test_a_conversation_of_which_the_model_takes_not_even_the_least_leads_to_a_shorter_one(
    bot: Bot,
) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "one", "First.")
    stream = await bot.asked(surface, "two")
    stream.emit(ModelError(ModelErrorKind.CONTEXT_TOO_LONG, ""))
    await bot.clock.advance(2.0)
    assert surface.texts[-1] == failed("conversation_too_long")
    assert "/new" in surface.texts[-1]


async def test_what_was_said_before_is_not_held_while_an_answer_grows(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    for number in range(3):
        await bot.answered(surface, f"question {number}", "An answer. " * 50)
    stream = await bot.asked(surface, "one more")
    [turn] = bot.chat._queue.running
    held = [len(turn.path)]
    stream.say("Growing")
    await bot.clock.advance(1.0)
    assert [*held, len(turn.path)] == [6, 0]
    stream.finish(" and whole.")
    await bot.clock.advance(5.0)
    assert surface.texts[-1] == "Growing and whole."
