"""Everybody may see, take and delete what is kept of them, and nobody else's."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import string
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest

from core.adapters.memory_store import MemoryStore
from core.catalogue import LANGUAGES, entries, say
from core.commands.declared.forget import YES
from core.configuration import Check, Configuration, Defaults, ModelEntry, ModerationRules, Provider
from core.messages import ButtonPress, FormSubmitted, IncomingCommand, MessageRef, Person, PlaceKind
from core.policy.access import Access
from core.ports.store import Message, Role, Used
from core.service.personal_data import ASKED_S
from core.streaming.operations import Button, FileContent
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, Held, mark, shut

CANARY = "canary in the lock chamber"
ALERT = 200  # characters that answer a press (Telegram)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    bot = Bot()
    yield bot
    await shut(bot)


async def keep(bot: Bot) -> None:
    """Something of Ada's and of Ben's, of each kind."""
    store, day = bot.parts.store, int(bot.clock.wall() // 86_400)
    for person in ("fake:1", "fake:2"):
        await store.add(
            Message(f"q{person}", "c", None, Role.USER, person, f"{CANARY} of {person}", bot.clock.wall())
        )
        await store.choose(f"person:{person}", "language", "en")
        await store.use(Used(day, person, "fake:c1", "scripted", 1, 10, 5, 0))


async def given(bot: Bot, surface: FakeSurface, name: str, author: Person = ADA) -> MessageRef:
    """Give a command and have the message that answers it."""
    before = len(surface.messages)
    await bot.command(surface, name, author=author)
    await bot.clock.advance_until(lambda: len(surface.messages) > before)
    return MessageRef(surface.place.chat_id, [*surface.messages][-1])


def buttons(surface: FakeSurface, message: MessageRef) -> dict[str, str]:
    """The data of each button by what stands on it."""
    rows = surface.messages[message.message_id].content.controls
    return {button.label: button.data for row in rows if isinstance(row, tuple) for button in row}


async def exported(bot: Bot, author: Person = ADA) -> dict[str, object]:
    surface = bot.surface(private_answers=True)
    message = await given(bot, surface, "export", author)
    content = surface.messages[message.message_id].content
    assert content.private
    assert content.file is not None
    found: dict[str, object] = json.loads(content.file.data)
    return found


async def test_an_export_holds_ones_own_and_says_what_it_is(bot: Bot) -> None:
    await keep(bot)
    content = await exported(bot)
    text = json.dumps(content)
    assert f"{CANARY} of fake:1" in text
    assert "fake:2" not in text
    assert content["choices"] == {"language": "en"}
    assert content["about"]["messages"] == say("export.about.messages")  # type: ignore[index]  # it is a dict
    assert content.keys() - {"about"} <= content["about"].keys()  # type: ignore[attr-defined]  # the same


async def test_in_a_group_an_export_is_refused_with_where_to_ask(bot: Bot) -> None:
    await keep(bot)
    group = bot.surface()
    message = await given(bot, group, "export")
    content = group.messages[message.message_id].content
    assert content.body.text == say("export.private", command="/export")
    assert content.file is None


async def test_where_no_file_can_go_an_export_says_so(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    surface.capabilities = replace(surface.capabilities, max_file_bytes=0)
    await given(bot, surface, "export")
    assert surface.texts == [say("export.no_files")]


async def test_a_large_export_comes_in_parts_and_says_so(bot: Bot) -> None:
    chance = random.Random(1)
    for n in range(40):
        text = "".join(chance.choices(string.ascii_letters, k=600))
        await bot.parts.store.add(Message(f"m{n}", "c", None, Role.USER, "fake:1", text, 0.0))
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    surface.capabilities = replace(surface.capabilities, max_file_bytes=8_000)
    await bot.command(surface, "export")
    await bot.clock.advance(10.0)
    names = [page.name for page in surface.pages if isinstance(page, FileContent)]
    assert names == [f"my-data-{n}-of-{len(names)}.zip" for n in range(1, len(names) + 1)]
    first = [
        say("export.done", entries=40),
        say("export.packed"),
        say("export.part", part=1, parts=len(names)),
    ]
    assert surface.texts[0] == " ".join(first)


async def test_forgetting_asks_and_then_takes_all_but_the_counters(bot: Bot) -> None:
    await keep(bot)
    surface = bot.surface(private_answers=True)
    message = await given(bot, surface, "forget")
    assert surface.texts == [say("forget.ask", export="/export")]
    assert (await exported(bot))["messages"] != []
    yes = buttons(surface, message)[say("button.forget")]
    await bot.press_data(surface, message, yes)
    content = await exported(bot)
    assert {key: content[key] for key in ("messages", "choices", "personas", "overheard")} == {
        "messages": [], "choices": {}, "personas": [], "overheard": []
    }  # fmt: skip
    assert content["usage"] != []
    assert (await exported(bot, BEN))["messages"] != []


async def pressed(bot: Bot, surface: FakeSurface, data: str, author: Person = ADA) -> str:
    """What the message under which the button stands says afterwards."""
    message = MessageRef(surface.place.chat_id, "m1")
    await bot.handle(ButtonPress(f"press {data}", surface.place, author, message, data), surface)
    await bot.clock.advance(2.0)
    return surface.messages["m1"].content.body.text


async def test_what_it_did_stands_in_the_place_of_the_question(bot: Bot) -> None:
    await keep(bot)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    message = await given(bot, surface, "forget")
    data = buttons(surface, message)
    done = f"{say('forget.done', entries=2)}\n\n{say('forget.stays')}"
    assert await pressed(bot, surface, data[say("button.forget")]) == done
    assert surface.messages["m1"].content.controls == ()


async def test_whoever_decides_against_it_keeps_everything(bot: Bot) -> None:
    await keep(bot)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    message = await given(bot, surface, "forget")
    data = buttons(surface, message)
    assert await pressed(bot, surface, data[say("button.keep")]) == say("forget.kept")
    told = await bot.press_data(surface, message, data[say("button.forget")])
    assert told == [say("forget.over", command="/forget")]
    assert (await exported(bot))["messages"] != []


async def test_nobody_confirms_for_another(bot: Bot) -> None:
    await keep(bot)
    group = bot.surface()
    message = await given(bot, group, "forget")
    yes = buttons(group, message)[say("button.forget")]
    assert await bot.press_data(group, message, yes, author=BEN) == [say("forget.not_theirs")]
    forged = await bot.press_data(group, message, YES + "0" * 16, author=BEN)
    assert forged == [say("button.over")]
    made_up = bot.signer.sign(YES + "0" * 16, group.place)
    assert await bot.press_data(group, message, made_up, author=BEN) == [
        say("forget.over", command="/forget")
    ]
    assert (await exported(bot))["messages"] != []
    assert (await exported(bot, BEN))["messages"] != []
    assert await pressed(bot, group, yes) != say(
        "forget.ask", export="/export"
    )  # it still holds for the one who asked
    assert (await exported(bot))["messages"] == []


@pytest.mark.parametrize(("seconds", "forgotten"), [(ASKED_S - 2, True), (ASKED_S, False)])
async def test_a_question_holds_for_five_minutes(bot: Bot, seconds: float, forgotten: bool) -> None:
    await keep(bot)
    surface = bot.surface(private_answers=True)
    message = await given(bot, surface, "forget")
    await bot.clock.advance(seconds)
    await bot.press_data(surface, message, buttons(surface, message)[say("button.forget")])
    assert ((await exported(bot))["messages"] == []) is forgotten


async def test_what_is_in_flight_ends_and_what_waits_is_dropped(bot: Bot) -> None:
    """And the next question knows nothing of it."""
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, CANARY, "The first answer.")
    stream = await bot.asked(surface, f"{CANARY} again")
    stream.say("Growing")
    await bot.say(surface, f"{CANARY} waits")
    await bot.clock.advance(2.0)
    await bot.parts.personal.forget(ADA)
    await bot.clock.advance(2.0)
    assert stream.closed.is_set()
    ended = [one.content for one in surface.messages.values()][-1]
    assert ended.body.text.endswith(mark("ending.stopped"))
    assert not ended.buttons, "there is nothing to go on with, nor to ask again"
    assert len(bot.model.streams) == 2
    fresh = await bot.asked(surface, "who am I?")
    assert fresh.prompt == ["who am I?"]


async def test_what_was_asked_in_a_form_and_could_go_on_is_let_go_too(bot: Bot) -> None:
    """The next message is a question again, not the answer to one of ours."""
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await given(bot, surface, "ask")
    assert surface.messages["m1"].content.wants_reply
    forms = bot.surface("c2", private_answers=True, forms=True)
    await bot.command(forms, "ask")
    await bot.parts.personal.forget(ADA)
    stream = await bot.asked(surface, "hello")
    assert stream.prompt == ["hello"]
    [form] = forms.forms
    late = FormSubmitted("e3", forms.place, ADA, form.data, {"prompt": CANARY})
    await bot.handle(late, forms)
    await bot.clock.advance(1.0)
    assert forms.texts == [say("form.over")]


async def test_no_object_holds_the_words_of_somebody_who_is_forgotten(bot: Bot) -> None:
    await keep(bot)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, CANARY, f"You said {CANARY}.")
    await bot.parts.personal.forget(ADA)
    await bot.parts.personal.forget(BEN)
    surface.messages.clear()  # the platform's own
    surface.calls.clear()
    bot.model.streams.clear()
    bot.progress.clear()
    assert holders(CANARY) == []


def holders(words: str) -> list[str]:
    """Our own objects that hold a text with these words, themselves or in a container of theirs."""
    gc.collect()
    found = []
    for one in gc.get_objects():
        if str(type(one).__module__).startswith(("core.", "tests.")):
            values = [getattr(one, name, None) for name in getattr(type(one), "__slots__", ())]
            values += list(getattr(one, "__dict__", {}).values())
            values += [one for value in values if isinstance(value, list | tuple | deque) for one in value]
            values += [one for value in values if isinstance(value, dict) for one in value.values()]
            if any(isinstance(value, str) and words in value for value in values):
                found.append(repr(one)[:300])
    return found


async def test_whoever_is_not_served_may_have_their_own_all_the_same() -> None:
    bot = Bot(access=Access(admins=frozenset({"fake:9"})))
    await keep(bot)
    assert (await exported(bot))["messages"] != []
    surface = bot.surface(private_answers=True)
    message = await given(bot, surface, "forget")
    await bot.press_data(surface, message, buttons(surface, message)[say("button.forget")])
    assert (await exported(bot))["messages"] == []
    await shut(bot)


async def test_privacy_says_what_is_kept_how_long_where_it_goes_and_who_runs_it(bot: Bot) -> None:
    models = {
        "home/a": ModelEntry("home/a", "home", "a", "A"),
        "openai/b": ModelEntry("openai/b", "openai", "b", "B"),
    }
    providers = {
        "home": Provider(
            "home", "http://llm.example:8080/v1", privacy="Nothing is kept. https://llm.example/terms"
        ),
        "openai": Provider("openai"),
    }
    configuration = Configuration(None, providers, models, "home/a")
    bot.parts.configuration.swap(configuration)
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    message = await given(bot, surface, "privacy")
    [text] = surface.texts
    assert say("privacy.provider", hosts="`llm.example`, `api.openai.com`") in text
    assert "content check" not in text
    assert say("privacy.for_ever") in text
    assert "\n- `llm.example`: Nothing is kept. https://llm.example/terms" in text
    assert say("privacy.operator_unknown") in text
    labels = [say(f"button.{name}") for name in ("export", "forget_me", "apart.on")]
    assert list(buttons(surface, message)) == labels
    bot.parts.configuration.swap(
        replace(configuration, defaults=Defaults(retention_days=30), operator="Ada, ada@example.org")
    )
    await given(bot, surface, "privacy")
    assert say("privacy.days", days=30) in surface.texts[-1]
    assert say("privacy.operator", operator="Ada, ada@example.org") in surface.texts[-1]
    for rules, words in (
        (ModerationRules("openai", input=Check.BESIDE), say("privacy.moderated", host="`api.openai.com`")),
        (
            ModerationRules(model="home/a", output=Check.BEFORE),
            say("privacy.moderated", host="`llm.example`"),
        ),
        (ModerationRules(model="embedded/demo", input=Check.BEFORE), say("privacy.moderated_here")),
    ):
        bot.parts.configuration.swap(replace(configuration, moderation=rules))
        await given(bot, surface, "privacy")
        assert words in surface.texts[-1]


async def test_privacys_buttons_export_and_ask(bot: Bot) -> None:
    await keep(bot)
    surface = bot.surface(private_answers=True)
    message = await given(bot, surface, "privacy")
    data = buttons(surface, message)
    told = await bot.press_data(surface, message, data[say("button.export")])
    assert told == [say("export.done", entries=3)]
    assert await bot.press_data(surface, message, data[say("button.forget_me")]) == [
        say("forget.ask", export="/export")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_answers_a_press_in_a_group_fits(language: str) -> None:
    keys = ("forget.not_theirs", "forget.over", "forget.private", "export.private", "apart.on", "apart.off")
    for key in keys:
        for text in entries(language)[key].forms if key in entries(language) else ():
            assert len(text.replace("{command}", "/more forget")) <= ALERT


def test_the_buttons_data_fits() -> None:
    assert len((YES + "0" * 16).encode()) <= 64
    assert "|" not in Button(YES + "0" * 16, "x").data


async def test_a_question_whose_turn_just_begins_is_not_kept_either() -> None:
    store = Held()
    bot = Bot(store=store)
    surface = bot.surface()
    await bot.answered(surface, "one", "First.")
    store.free.clear()
    await bot.say(surface, CANARY)
    await bot.parts.personal.forget(ADA)
    store.free.set()
    await bot.clock.advance(5.0)
    assert CANARY not in json.dumps(await exported(bot))
    assert len(bot.model.streams) == 1
    await shut(bot)


async def test_one_export_of_a_person_is_made_at_a_time() -> None:
    """All that is kept of somebody can be large, and anybody may ask for theirs."""
    free = asyncio.Event()

    class Slow(MemoryStore):
        async def export(self, person: str) -> Mapping[str, object]:
            await free.wait()
            return await super().export(person)

    bot = Bot(store=Slow())
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    asked = [IncomingCommand(bot.event_id(), surface.place, ADA, "export") for _ in range(4)]
    handled = [asyncio.ensure_future(bot.dispatcher.handle(one, surface)) for one in asked]
    await bot.clock.advance(1.0)
    done, busy = say("export.done", entries=0), say("busy")
    assert surface.texts == [busy] * 3
    free.set()
    await asyncio.gather(*handled)
    await bot.command(surface, "export")
    await bot.clock.advance(2.0)
    assert surface.texts == [*[busy] * 3, done, done]
    await shut(bot)
