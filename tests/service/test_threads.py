"""Threads that the bot opens: by /chat, and for an answer where its channel wants one each."""

from __future__ import annotations

import pytest

from core.catalogue import say
from core.configuration import Defaults
from core.messages import Addressed, MessageDeleted, MessageRef, PlaceKind, Quote
from core.ports.store import StoreError
from core.ports.surface import NoThread, NotOpened
from core.streaming.operations import OperationKind
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, shut

LINK = "https://chat.example/t1"


def channel(bot: Bot) -> FakeSurface:
    return FakeSurface(bot.clock, private_answers=True, threads=True)


async def test_chat_opens_a_thread_in_which_everything_is_answered(bot: Bot) -> None:
    here = channel(bot)
    await bot.command(here, "chat", {"topic": "Boats"})
    [(name, on, there)] = here.opened
    assert (name, on) == ("Boats", None)
    assert here.texts == [say("chat.opened_at", link=LINK)]
    assert there.texts == [say("chat.opened")]
    await bot.say(there, "which float?", addressed=Addressed.NO, author=BEN)
    stream = await bot.model.opened()
    stream.finish("Most.")
    await bot.clock.advance(2.0)
    assert there.texts[-1] == "Most."
    await bot.say(there, "@Ada look", addressed=Addressed.NO, author=BEN, mentions_others=True)
    assert len(bot.model.streams) == 1


async def test_a_first_question_is_shown_answered_and_names_the_thread(bot: Bot) -> None:
    here = channel(bot)
    await bot.command(here, "chat", {"question": "how do *boats*\nfloat?"})
    [(name, _, there)] = here.opened
    assert name == "how do *boats* float?"
    stream = await bot.model.opened()
    assert stream.prompt == ["how do *boats*\nfloat?"]
    stream.finish("They displace water.")
    await bot.clock.advance(2.0)
    assert there.texts == [
        "> **Ada**: how do \\*boats\\* float?\n" + say("chat.opened"),
        "They displace water.",
    ]
    await bot.say(there, "why?", addressed=Addressed.NO, author=BEN)
    stream = await bot.model.opened()
    assert stream.prompt[-2:] == ["They displace water.", "Ben: why?"]
    stream.finish("Physics.")


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (NotOpened(NoThread.NONE), say("chat.no_threads")),
        (NotOpened(NoThread.FAILED), say("chat.not_opened")),
        (
            NotOpened(NoThread.PERMISSION, "Create Public Threads"),
            say("chat.not_permitted", permission="Create Public Threads"),
        ),
    ],
)
async def test_where_no_thread_can_be_a_conversation_begins_and_says_why(
    bot: Bot, refusal: NotOpened, words: str
) -> None:
    here = channel(bot)
    await bot.answered(here, "before", "Well.")
    here.not_opened.append(refusal)
    await bot.command(here, "chat", {"question": "and now?"})
    assert words in here.texts
    stream = await bot.model.opened()
    assert stream.prompt == ["and now?"]
    stream.finish("Now.")


@pytest.mark.parametrize("kind", [PlaceKind.THREAD, PlaceKind.PRIVATE])
async def test_chat_in_a_conversation_of_its_own_begins_anew_there(bot: Bot, kind: PlaceKind) -> None:
    here = bot.surface(kind=kind)
    await bot.answered(here, "before", "Well.")
    await bot.command(here, "chat", {})
    assert here.texts[-1] == say("chat.fresh")
    stream = await bot.asked(here, "now?")
    assert stream.prompt == ["now?"]
    stream.finish("Now.")


async def test_a_thread_that_came_too_early_is_tried_once_more(bot: Bot) -> None:
    here = channel(bot)
    here.not_opened.append(NotOpened(NoThread.FAILED, retry_after_s=2.0))
    await bot.command(here, "chat", {"topic": "Boats"})
    assert here.opened == []
    await bot.clock.advance(2.0)
    assert [name for name, *_ in here.opened] == ["Boats"]


async def test_one_person_opens_only_so_many(bot: Bot) -> None:
    here = channel(bot)
    for _ in range(7):
        await bot.command(here, "chat", {"topic": "Boats"})
        await bot.clock.advance(1.0)
    assert len(here.opened) == 5
    assert say("chat.not_opened") in here.texts


async def test_a_choice_that_is_not_kept_is_not_called_so(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise StoreError("full")

    here = channel(bot)
    monkeypatch.setattr(bot.store, "choose", fails)
    await bot.command(here, "chat", {"topic": "Boats"})
    [(*_, there)] = here.opened
    assert there.texts == [say("chat.opened_by_mention")]


async def test_an_answer_goes_into_a_thread_on_the_question_where_the_channel_wants_that() -> None:
    bot = Bot(defaults=Defaults(auto_thread=True))
    here = FakeSurface(bot.clock, threads=True)
    ref = await bot.say(here, "how do boats float?")
    stream = await bot.model.opened()
    stream.finish("They displace water.")
    await bot.clock.advance(2.0)
    [(name, on, there)] = here.opened
    assert (name, on, here.texts) == ("how do boats float?", ref, [])
    assert there.texts == ["They displace water."]
    assert next(iter(there.messages.values())).reply_to is None
    await bot.say(there, "why?", addressed=Addressed.NO)
    assert len(bot.model.streams) == 1, "nobody opened it with /chat"
    stream = await bot.asked(there, "why?", author=BEN)
    assert stream.prompt == ["Ada: how do boats float?", "They displace water.", "Ben: why?"]
    stream.finish("Physics.")
    await bot.clock.advance(2.0)
    await bot.handle(MessageDeleted("d1", here.place, ref), here)
    stream = await bot.asked(there, "still?", author=BEN)
    assert stream.prompt == ["Ben: why?", "Physics.", "Ben: still?"], (
        "a question is followed where it was asked"
    )
    stream.finish("Yes.")
    await shut(bot)


async def test_an_answer_in_a_thread_is_given_again_and_taken_back_there() -> None:
    bot = Bot(defaults=Defaults(auto_thread=True))
    here = FakeSurface(bot.clock, threads=True)
    await bot.say(here, "how?")
    (await bot.model.opened()).finish("Well.")
    await bot.clock.advance(2.0)
    [(*_, there)] = here.opened
    assert (await bot.chat.exchanges.retry(bot.caller(there))).key == ""
    (await bot.model.opened()).finish("Better.")
    await bot.clock.advance(2.0)
    assert there.texts == ["Better."]
    assert await bot.chat.exchanges.undo(bot.caller(there)) == "undo.done"
    await bot.clock.advance(2.0)
    assert there.texts == []
    deleted = [what for _, kind, what in there.calls if kind is OperationKind.DELETE]
    assert len(deleted) == 1, "the question stands above the thread, and stays"
    await shut(bot)


async def test_a_reply_takes_what_it_is_about_along() -> None:
    bot = Bot(defaults=Defaults(auto_thread=True))
    here = FakeSurface(bot.clock, threads=True)
    quote = Quote(MessageRef("c1", "x1"), "Ben", "boats float")
    await bot.say(here, "why?", quote=quote)
    stream = await bot.model.opened()
    assert stream.prompt == ["(In reply to this message by Ben:)\n> boats float\n\nwhy?"]
    stream.finish("Physics.")
    await shut(bot)


async def test_without_the_right_it_is_answered_in_the_channel_as_before() -> None:
    bot = Bot(defaults=Defaults(auto_thread=True))
    here = FakeSurface(bot.clock, threads=True)
    here.not_opened.append(NotOpened(NoThread.PERMISSION, "Create Public Threads"))
    ref = await bot.say(here, "hello?")
    stream = await bot.model.opened()
    stream.finish("Hello.")
    await bot.clock.advance(2.0)
    assert [(m.content.body.text, m.reply_to) for m in here.messages.values()] == [("Hello.", ref)]
    await shut(bot)


async def test_ask_says_where_it_is_answered_and_private_answers_stay() -> None:
    bot = Bot(defaults=Defaults(auto_thread=True))
    here = channel(bot)
    await bot.command(here, "ask", {"prompt": "hello?"}, author=ADA)
    (await bot.model.opened()).finish("Hello.")
    await bot.clock.advance(2.0)
    [(_, on, there)] = here.opened
    assert (on, here.texts, there.texts) == (None, [say("thread.answers_in", link=LINK)], ["Hello."])
    await bot.command(here, "ask", {"prompt": "and to me?", "private": "true"})
    (await bot.model.opened()).finish("To you.")
    await bot.clock.advance(2.0)
    assert len(here.opened) == 1
    assert here.texts[-1] == "To you."
    await shut(bot)
