"""Who keeps what they write out of others' questions is in none of them, whichever way it could get there."""

from __future__ import annotations

import pytest

from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.commands.declared.privacy import _APART
from core.configuration import ModelChoice
from core.conversation.history import lane_of
from core.messages import Addressed, MessageRef, Person, Place, PlaceKind, Quote
from core.policy.access import Access, Permits
from core.ports.store import Lane, Message, Role, StoreError, Summary
from tests.commands.panels import opened
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, shut
from tests.service.test_my_data import buttons, given
from tests.service.test_surroundings import prompt, readable, seen

CANARY = "canary in the lock chamber"
OF_BEN = "person:fake:2"


async def apart(bot: Bot, on: str = "on") -> None:
    """Ben's choice."""
    await bot.chat.choices.choose(OF_BEN, "apart", on)


def by_ben(number: int = 7) -> Quote:
    return Quote(MessageRef("c1", f"x{number}"), "Ben", CANARY, author_id="2")


async def asked_by(bot: Bot, author: Person, surface: FakeSurface, text: str) -> list[str]:
    stream = await bot.asked(surface, text, author=author)
    stream.finish("Well.")
    await bot.clock.advance(2.0)
    return stream.prompt


async def test_it_is_chosen_in_ones_private_chat_and_what_was_overheard_goes_at_once(bot: Bot) -> None:
    here = bot.surface()
    await bot.store.choose("chat:fake:c1", "overhear", "on")
    await bot.say(here, CANARY, author=BEN, addressed=Addressed.NO)
    await bot.say(here, "the weir is open", author=ADA, addressed=Addressed.NO)
    await bot.clock.advance(1.0)
    place = Place("fake", "p2", PlaceKind.PRIVATE)
    panel = await opened(bot, "settings", place, BEN)
    await panel.press(panel.button("apart").data)
    assert f"{say('setting.apart')}: **{say('settings.on')}**" in panel.text
    await bot.say(here, f"{CANARY} again", author=BEN, addressed=Addressed.NO)
    await bot.clock.advance(1.0)
    assert [one.text for one in await bot.store.overheard("fake:c1", since=0.0, limit=9)] == [
        "the weir is open"
    ]
    await panel.press(panel.button("apart").data)
    await bot.say(here, "heard again", author=BEN, addressed=Addressed.NO)
    await bot.clock.advance(1.0)
    assert [one.text for one in await bot.store.overheard("fake:c1", since=0.0, limit=9)] == [
        "the weir is open",
        "heard again",
    ]


async def test_what_a_channel_tells_is_shown_without_them_but_to_themselves(bot: Bot) -> None:
    here, _ = readable(bot, seen(bot, 1, BEN, CANARY), seen(bot, 2, ADA, "the weir is open"))
    await bot.store.choose("chat:fake:c1", "sees", "channel")
    await apart(bot)
    [text] = await prompt(bot, here, "well?")
    assert CANARY not in text
    assert "the weir is open" in text
    await bot.command(here, "catchup", {"since": "50"})
    told = await bot.model.opened()
    assert CANARY not in str(told.prompt)
    told.finish("Open.")
    await bot.clock.advance(2.0)
    assert CANARY in (await asked_by(bot, BEN, here, "and what did I say?"))[-1]


async def test_neither_a_quote_nor_what_it_replies_to_is_shown(bot: Bot) -> None:
    cleo = Person("fake", "3", "Cleo")
    here, _ = readable(bot, seen(bot, 1, BEN, CANARY), seen(bot, 2, cleo, "all of them?", reply_to=1))
    await apart(bot)
    quote = Quote(
        MessageRef("c1", "x3"), "Cleo", "do they?", author_id="3", replies_to=MessageRef("c1", "x2")
    )
    [text] = await prompt(bot, here, "well?", quote)
    assert CANARY not in text
    assert "all of them?" in text
    assert "do they?" in text
    [text] = await prompt(bot, here, "is that so?", by_ben())
    assert text == "is that so?"
    assert say("apart.quoted") in here.texts


async def test_a_quote_that_was_left_out_stays_so_while_its_question_waits(bot: Bot) -> None:
    """Its asker was told; that its author changes their choice meanwhile changes nothing of it."""
    thread = bot.surface("t1", PlaceKind.THREAD)
    before = await bot.asked(thread, "one", author=ADA)
    await apart(bot)
    await bot.say(thread, "is that so?", quote=by_ben())
    await apart(bot, "off")
    before.finish("First.")
    await bot.clock.advance(2.0)
    assert (await bot.model.opened()).prompt == ["one", "First.", "is that so?"]
    assert say("apart.quoted") in thread.texts


async def test_a_quote_alone_is_no_question(bot: Bot) -> None:
    here = bot.surface()
    await apart(bot)
    await bot.say(here, "", quote=by_ben())
    await bot.clock.advance(2.0)
    assert here.texts == [say("apart.quoted")]
    assert bot.model.streams == []


@pytest.mark.parametrize("command", ["explain", "summarise", "translate"])
async def test_a_messages_menu_says_why_not(bot: Bot, command: str) -> None:
    here = bot.surface(private_answers=True)
    await apart(bot)
    await bot.command(here, command, target=by_ben())
    await bot.clock.advance(2.0)
    assert here.texts == [say("apart.quoted")]
    assert bot.model.streams == []
    await bot.command(here, command, target=by_ben(), author=BEN)
    assert CANARY in (await bot.model.opened()).prompt[-1]


async def test_in_a_thread_others_go_on_without_their_questions_and_they_with_all(bot: Bot) -> None:
    thread = bot.surface("t1", PlaceKind.THREAD)
    await bot.answered(thread, "first", "One.", author=ADA)
    await bot.answered(thread, CANARY, f"You said {CANARY}.", author=BEN)
    await apart(bot)
    assert await asked_by(bot, ADA, thread, "second") == ["first", "One.", "second"]
    own = await asked_by(bot, BEN, thread, "third")
    assert CANARY in str(own)
    assert own[-1] == "Ben: third"


async def test_a_summary_that_tells_of_them_is_for_them_alone() -> None:
    bot = Bot(summaries=False)
    thread = bot.surface("t1", PlaceKind.THREAD)
    bot.choice = ModelChoice("scripted", prompt_tokens=200)
    await bot.answered(thread, f"{CANARY} " + "of old " * 100, "One.", author=BEN)
    await bot.answered(thread, "first", "Two.", author=ADA)
    lane = await bot.store.lane(lane_of(thread.place, ADA))
    assert lane is not None
    assert lane.leaf_id is not None
    path = await bot.store.path(lane.leaf_id)
    await bot.store.set_summary(Summary(path[0].conversation_id, path[1].id, f"Ben: {CANARY}", 9))
    assert CANARY in str(await asked_by(bot, ADA, thread, "second"))
    await apart(bot)
    assert CANARY not in str(await asked_by(bot, ADA, thread, "third"))
    assert CANARY in str(await asked_by(bot, BEN, thread, "fourth"))
    await shut(bot)


async def test_no_summary_is_asked_for_by_others(bot: Bot) -> None:
    thread = bot.surface("t1", PlaceKind.THREAD)
    bot.choice = ModelChoice("scripted", prompt_tokens=200)
    await apart(bot)
    await bot.answered(thread, f"{CANARY} " + "of old " * 200, "One.", author=BEN)
    for stream in bot.model.streams[1:]:  # a summary, on Ben's own account
        stream.finish("")
    await bot.clock.advance(2.0)
    before = len(bot.model.streams)
    await bot.answered(thread, "long " * 200, "Two.", author=ADA)
    assert all(CANARY not in str(stream.prompt) for stream in bot.model.streams[before:])


async def test_where_the_store_does_not_say_nobody_elses_words_are_shown() -> None:
    class Forgetful(MemoryStore):
        async def choices(self, scopes: tuple[str, ...]) -> dict[str, dict[str, str]]:
            if OF_BEN in scopes:
                raise StoreError("the disk is gone")
            return {}

    bot = Bot(store=Forgetful())
    here = bot.surface()
    [text] = await prompt(bot, here, "is that so?", by_ben())
    assert text == "is that so?"
    await shut(bot)


async def test_whoever_is_not_served_chooses_it_all_the_same_by_the_button_of_privacy() -> None:
    bot = Bot(access=Access(admins=frozenset({"fake:1"})))
    surface = bot.surface("s1", private_answers=True)
    message = await given(bot, surface, "privacy", BEN)
    data = buttons(surface, message)[say("button.apart.on")]
    assert await bot.press_data(surface, message, data, author=BEN) == [say("apart.on")]
    assert await prompt(bot, bot.surface(), "is that so?", by_ben()) == ["is that so?"]
    message = await given(bot, surface, "privacy", BEN)
    data = buttons(surface, message)[say("button.apart.off")]
    assert await bot.press_data(surface, message, data, author=BEN) == [say("apart.off")]
    assert CANARY in str(await prompt(bot, bot.surface(), "is that so?", by_ben()))
    assert await bot.press_data(surface, message, f"{_APART}on", author=BEN) == [say("button.over")]
    forged = bot.signer.sign(f"{_APART}perhaps", surface.place)
    assert await bot.press_data(surface, message, forged, author=BEN) == [say("form.over")]
    await shut(bot)


async def test_forgetting_leaves_the_wish(bot: Bot) -> None:
    await apart(bot)
    await bot.store.choose(OF_BEN, "language", "de")
    await bot.parts.personal.forget(BEN)
    assert await bot.store.choices((OF_BEN,)) == {OF_BEN: {"apart": "on"}}
    assert await prompt(bot, bot.surface(), "is that so?", by_ben()) == ["is that so?"]


async def test_what_others_had_quoted_of_them_before_goes_too(bot: Bot) -> None:
    thread = bot.surface("t1", PlaceKind.THREAD)
    await bot.say(thread, "is that so?", quote=by_ben())
    (await bot.model.opened()).finish("It is.")
    await bot.clock.advance(2.0)
    await apart(bot)
    assert await asked_by(bot, ADA, thread, "and now?") == ["is that so?", "It is.", "and now?"]
    shown = MessageRef("t1", next(iter(thread.messages)))
    await bot.press_label(thread, shown, say("button.retry"))
    assert CANARY not in str((await bot.model.opened()).prompt)


@pytest.mark.parametrize("denied", [False, True])
async def test_a_summary_of_what_stands_further_up_than_anybody_looks_is_not_shown_either(
    denied: bool,
) -> None:
    access = Access(allow_everybody=True)
    bot = Bot(access=access, summaries=False)
    thread = bot.surface("t1", PlaceKind.THREAD)
    await bot.answered(thread, "first", "One.", author=BEN)
    lane = await bot.store.lane(lane_of(thread.place, ADA))
    assert lane is not None
    leaf = lane.leaf_id
    for number in range(450):
        role = Role.ASSISTANT if number % 2 else Role.USER
        said = Message(f"n{number}", lane.conversation_id, leaf, role, str(ADA), "on", float(number))
        await bot.store.add(said)
        leaf = said.id
    await bot.store.set_lane(lane_of(thread.place, ADA), Lane(lane.conversation_id, leaf, lane.at))
    await bot.store.set_summary(Summary(lane.conversation_id, "n440", f"Ben: {CANARY}", 9))
    bot.choice = ModelChoice("scripted", prompt_tokens=200)
    assert CANARY in str(await asked_by(bot, ADA, thread, "well?"))
    if denied:
        access.add(Permits(deny=frozenset({str(BEN)})))
    else:
        await apart(bot)
    assert CANARY not in str(await asked_by(bot, ADA, thread, "and now?"))
    await shut(bot)
