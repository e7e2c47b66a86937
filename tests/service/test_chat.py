"""Who is heard, what is said back, and which words go to the model."""

from __future__ import annotations

import logging

import pytest

from core.catalogue import say
from core.messages import Addressed, BotAdded, MessageRef, PlaceKind, Quote
from core.policy.access import Access
from core.ports.completions import ModelErrorKind
from tests.service.conftest import ADA, BEN, Bot, robot, shut

NOBODY = Access()


async def test_what_is_not_addressed_is_left_alone(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    surface = bot.surface()
    await bot.say(surface, "private talk", addressed=Addressed.NO)
    await bot.clock.advance(5.0)
    assert not surface.calls
    assert not bot.model.streams
    assert not caplog.text


async def test_a_refusal_names_what_to_paste_and_logs_ids_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bot = Bot(access=Access(admins=frozenset({"fake:99"})))
    surface = bot.surface(private_answers=True)
    await bot.say(surface, "a secret question")
    await bot.clock.advance(2.0)
    assert surface.texts == [say("refused", entries="fake:1 / fake:c1")]
    assert all(message.content.private for message in surface.messages.values())
    assert "not answered: refused event=1 place=fake:c1 person=fake:1" in caplog.text
    assert "secret" not in caplog.text
    assert "Ada" not in caplog.text
    await shut(bot)


async def test_without_an_admin_the_refusal_says_how_to_become_one() -> None:
    bot = Bot(access=Access())
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.say(surface, "hello", addressed=Addressed.PRIVATE)
    await bot.clock.advance(2.0)
    assert surface.texts == [say("refused.unclaimed", entries="fake:1")]
    await shut(bot)


async def test_in_a_group_a_refusal_is_one_line_an_hour_and_then_a_reaction() -> None:
    bot = Bot(access=Access())
    surface = bot.surface()
    for _ in range(3):
        await bot.say(surface, "hello")
        await bot.clock.advance(30.0)
    assert len(surface.texts) == 1
    assert surface.reactions == [(MessageRef("c1", f"u{n}"), say("reaction.refused")) for n in (2, 3)]
    await bot.say(surface, "hello", author=BEN)
    await bot.clock.advance(3_600.0)
    assert len(surface.texts) == 2
    await bot.say(surface, "hello")
    await bot.clock.advance(2.0)
    assert len(surface.texts) == 3
    await shut(bot)


@pytest.mark.parametrize("kind", [PlaceKind.SHARED, PlaceKind.PRIVATE])
@pytest.mark.parametrize("everybody", [True, False])
async def test_a_flood_gets_a_handful_of_notices(kind: PlaceKind, everybody: bool) -> None:
    bot = Bot(access=Access(allow_everybody=everybody))
    surface = bot.surface(kind=kind)
    for _ in range(100):
        await bot.say(surface, " ")
        await bot.clock.advance(0.01)
    await bot.clock.advance(30.0)
    most = 6 if kind is PlaceKind.SHARED else 11  # in private the flood's own notice ends it
    assert 1 <= len(surface.texts) <= most
    assert len(surface.reactions) <= 1
    await shut(bot)


@pytest.mark.parametrize("text", ["", "  \n", "\x00\x07", "\u200b\u202e\u2066", "\u3000"])
async def test_nothing_to_read_gets_a_helpful_reply(bot: Bot, text: str) -> None:
    surface = bot.surface()
    ref = await bot.say(surface, text)
    await bot.clock.advance(2.0)
    assert surface.texts == [say("empty")]
    assert surface.messages["m1"].reply_to == ref
    assert not bot.model.streams


async def test_emoji_and_ten_thousand_characters_are_questions(bot: Bot) -> None:
    assert (await bot.asked(bot.surface("a"), "🦊🦊")).prompt == ["🦊🦊"]
    assert (await bot.asked(bot.surface("b"), "x" * 10_000)).prompt == ["x" * 10_000]


async def test_more_than_can_be_taken_is_said_with_figures(bot: Bot) -> None:
    surface = bot.surface()
    await bot.say(surface, "x" * 12_001)
    await bot.clock.advance(2.0)
    assert surface.texts == [say("too_long", length=12_001, limit=12_000)]


async def test_a_file_is_said_to_be_unread_and_the_text_answered(bot: Bot) -> None:
    surface = bot.surface()
    await bot.say(surface, "what is this?", has_attachments=True)
    (await bot.model.opened()).finish("A sluice.")
    await bot.clock.advance(3.0)
    assert sorted(surface.texts) == ["A sluice.", say("attachment")]
    await bot.say(surface, "", has_attachments=True)
    await bot.clock.advance(3.0)
    assert len(bot.model.streams) == 1
    assert surface.texts[2:] == [say("attachment")]


async def test_an_event_that_comes_twice_is_answered_once(bot: Bot) -> None:
    surface = bot.surface()
    for _ in range(2):
        await bot.say(surface, "hello", event_id="again")
    assert len(bot.model.streams) == 1


@pytest.mark.parametrize(
    ("allow", "addressed", "answered"),
    [
        ("*", Addressed.MENTION, 0),
        ("fake:c1", Addressed.MENTION, 0),
        ("fake:9", Addressed.REPLY, 0),
        ("fake:9", Addressed.PRIVATE, 0),
        ("fake:9", Addressed.MENTION, 3),
    ],
)
async def test_a_bot_is_heard_when_named_and_mentioning_three_times_a_minute(
    allow: str, addressed: Addressed, answered: int
) -> None:
    bot = Bot(access=Access(allow=frozenset({allow}), allow_everybody=allow == "*"))
    surface = bot.surface(kind=PlaceKind.THREAD)
    for _ in range(5):
        await bot.say(surface, "hello, colleague", author=robot(), addressed=addressed)
        if len(bot.model.streams) < answered + 1 and bot.model.streams:
            bot.model.streams[-1].finish("Hi.")
        await bot.clock.advance(5.0)
    assert len(bot.model.streams) == answered
    assert len(surface.texts) == answered
    if answered:
        await bot.clock.advance(60.0)
        await bot.say(surface, "hello again", author=robot())
        assert len(bot.model.streams) == answered + 1
        await bot.say(bot.surface("c2"), "hello there", author=robot())
        assert len(bot.model.streams) == answered + 2
    await shut(bot)


async def test_a_reply_goes_on_with_the_chain_and_a_stranger_joins_it_by_name(bot: Bot) -> None:
    surface = bot.surface()
    shown = await bot.answered(surface, "what is a sluice?", "A gate.")
    await bot.reply(surface, "who needs one?", shown, author=BEN)
    stream = await bot.model.opened()
    assert stream.prompt == ["Ada: what is a sluice?", "A gate.", "Ben: who needs one?"]


async def test_a_reply_to_an_answer_that_still_grows_waits_for_it(bot: Bot) -> None:
    surface = bot.surface()
    first = await bot.asked(surface, "one")
    first.say("This is the beginning of a long answer.")
    await bot.clock.advance(3.0)
    await bot.reply(surface, "two", MessageRef("c1", "m1"), author=BEN)
    assert len(bot.model.streams) == 1
    first.finish()
    await bot.clock.advance(3.0)
    assert (await bot.model.opened()).prompt[-1] == "Ben: two"
    assert len(bot.model.streams[1].prompt) == 3


async def test_a_quote_of_an_unseen_message_goes_along_as_data(bot: Bot) -> None:
    surface = bot.surface()
    await bot.answered(surface, "mine", "Yours.")
    await bot.reply(surface, "is that so?", MessageRef("c1", "x"), by_us=False)
    stream = await bot.model.opened()
    assert stream.prompt == ["(In reply to this message by Somebody:)\n> quoted words\n\nis that so?"]


async def test_only_answers_of_the_model_have_figures(bot: Bot) -> None:
    """Not what the bot says for itself: a place in the queue, help, that it stopped."""
    surface = bot.surface()
    stream = await bot.asked(surface, "one")
    await bot.say(surface, "two")
    await bot.command(surface, "help")
    await bot.clock.advance(2.0)
    stream.say("The beginning of an answer that is long enough.")
    await bot.clock.advance(4.0)
    assert len(surface.texts) == 3
    (answer,) = [key for key, shown in surface.messages.items() if shown.content.buttons]
    await bot.press(surface, MessageRef("c1", answer))
    await bot.clock.advance(2.0)
    assert {ref.message_id for progress in bot.progress for ref in progress.messages} == {answer}


async def test_a_bare_mention_in_reply_asks_about_what_is_replied_to(bot: Bot) -> None:
    quote = Quote(MessageRef("c1", "x"), "Ben", "Is water wet?")
    await bot.say(bot.surface(), "", quote=quote)
    assert "> Is water wet?" in (await bot.model.opened()).prompt[0]


async def test_nothing_private_enters_a_group(bot: Bot) -> None:
    private, group = bot.surface("p1", PlaceKind.PRIVATE), bot.surface("g1")
    shown = await bot.answered(private, "my secret", "Kept.")
    assert (await bot.asked(group, "what did I say?")).prompt == ["what did I say?"]
    await bot.reply(group, "and here?", shown, author=BEN)
    assert "my secret" not in "".join((await bot.model.opened()).prompt)


@pytest.mark.parametrize(("hears", "key"), [(True, "added.hears_everything"), (False, "added.privacy_mode")])
async def test_being_added_is_answered_with_one_line_an_hour(bot: Bot, hears: bool, key: str) -> None:
    surface = bot.surface()
    for event_id in ("1", "1", "2"):
        await bot.handle(BotAdded(event_id, surface.place, ADA, hears_everything=hears), surface)
    await bot.clock.advance(5.0)
    assert surface.texts == [say(key)]


def test_every_model_error_has_its_words() -> None:
    assert all(say(f"model.{kind.name.lower()}") for kind in ModelErrorKind)
