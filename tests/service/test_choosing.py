"""What people have chosen holds from then on, where they chose it; and what holds while the store fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.configuration import Configuration, Defaults, Live, ModelChoice, ModelEntry, Persona
from core.conversation.history import Question
from core.conversation.preferences import Busy, Sees, When, scopes_of
from core.messages import Addressed, Place, PlaceKind
from core.policy.access import Access
from core.ports.completions import ReasoningDelta
from core.ports.store import KeptPersona, StoreError
from core.service.choosing import Choices, Manner
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, configured, shut

CHANNEL = Place("fake", "c1", PlaceKind.SHARED, guild_id="g1")
THREAD = Place("fake", "t1", PlaceKind.THREAD, guild_id="g1", parent_id="c1")
SERVER = "server:fake:g1"


class Moody(MemoryStore):
    """Fails while it is `down`, counts what it is asked for, and waits while it is `slow`."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.asked: list[tuple[str, ...]] = []
        self.slow: asyncio.Event | None = None

    async def choices(self, scopes: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]:
        self.asked.append(scopes)
        if self.down:
            raise StoreError("the disk is full")
        read = await super().choices(scopes)
        if self.slow is not None:
            await self.slow.wait()
        return read

    async def choose(self, scope: str, name: str, value: str | None) -> None:
        if self.down:
            raise StoreError("the disk is full")
        await super().choose(scope, name, value)

    async def personas(self, scopes: tuple[str, ...]) -> tuple[KeptPersona, ...]:
        if self.down:
            raise StoreError("the disk is full")
        return await super().personas(scopes)


def choices_over(store: MemoryStore, configuration: Configuration | None = None, **more: int) -> Choices:
    return Choices(store, Live(configuration or configured(ModelChoice("a/one"))), **more)


def several() -> Configuration:
    """Two models, and a persona that brings one along."""
    models = {
        name: ModelEntry(name, name[0], name[2:], name.upper()) for name in ("a/one", "b/two", "c/three")
    }
    personas = {
        "poet": Persona("poet", system_prompt="Rhyme.", model="b/two", temperature=1.2),
        "calm": Persona("calm", system_prompt="Be calm."),
    }
    return Configuration(None, {}, models, "a/one", personas=personas)


async def test_a_choice_holds_at_once_and_below_and_can_be_taken_back() -> None:
    choices = choices_over(MemoryStore())
    assert (await choices.at(THREAD)).busy is Busy.QUEUE
    await choices.choose(SERVER, "busy", "interrupt")
    assert choices.known(THREAD).busy is Busy.INTERRUPT
    await choices.choose("chat:fake:t1", "busy", "queue")
    assert [choices.busy(place) for place in (CHANNEL, THREAD)] == [Busy.INTERRUPT, Busy.QUEUE]
    await choices.choose("chat:fake:t1", "busy", None)
    assert (await choices.at(THREAD)).busy is Busy.INTERRUPT


async def test_what_was_read_once_is_not_read_again_until_it_changes() -> None:
    store = Moody()
    choices = choices_over(store)
    for _ in range(3):
        await choices.at(CHANNEL)
    assert store.asked == [(SERVER, "chat:fake:c1")]
    await choices.at(THREAD)
    assert store.asked[1:] == [("chat:fake:t1",)]
    await choices.choose(SERVER, "streaming", "off")
    await choices.at(THREAD)
    assert store.asked[2:] == [(SERVER,)]


async def test_what_was_read_before_a_choice_is_not_remembered_after_it() -> None:
    store = Moody()
    choices = choices_over(store)
    store.slow = asyncio.Event()
    reading = asyncio.ensure_future(choices.at(CHANNEL))
    await asyncio.sleep(0)
    slow, store.slow = store.slow, None
    await choices.choose(SERVER, "busy", "interrupt")
    slow.set()
    await reading
    assert (await choices.at(CHANNEL)).busy is Busy.INTERRUPT


async def test_only_so_many_scopes_are_remembered() -> None:
    store = Moody()
    choices = choices_over(store, remembered=4)
    for number in range(10):
        await choices.at(replace(CHANNEL, chat_id=str(number)))
    assert len(choices._known) == 4
    await choices.at(replace(CHANNEL, chat_id="0"))
    assert store.asked[-1] == ("chat:fake:0",)  # the server's stayed: it was used all the time


async def test_while_the_store_fails_the_defaults_hold_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Moody()
    choices = choices_over(store, several())
    await choices.choose(SERVER, "busy", "interrupt")
    await choices.choose("chat:fake:c9", "persona", "calm")
    store.down = True
    assert (await choices.at(replace(CHANNEL, guild_id="g2"))).busy is Busy.QUEUE
    assert (await choices.at(replace(CHANNEL, guild_id="g3"))).busy is Busy.QUEUE
    assert (await choices.at(CHANNEL)).busy is Busy.INTERRUPT  # remembered
    assert [record.message for record in caplog.records] == [
        "what was chosen cannot be read, and the defaults hold until it can: the disk is full"
    ]
    with pytest.raises(StoreError):
        await choices.choose(SERVER, "busy", "queue")
    asked = Question("1", replace(CHANNEL, chat_id="c9"), ADA, "hi", persona="calm")
    assert (await choices.manner(asked)).choice.persona == "calm"  # the configuration's need no store
    store.down = False
    assert (await choices.at(CHANNEL)).busy is Busy.INTERRUPT
    assert (await choices.manner(replace(asked, persona=""))).choice.persona == "calm"


async def test_a_reload_changes_what_holds_where_nobody_chose() -> None:
    live = Live(configured(ModelChoice("a/one")))
    choices = Choices(MemoryStore(), live)
    assert (await choices.at(CHANNEL)).language is None
    live.swap(
        configured(
            ModelChoice("a/one"),
            Defaults(
                answer_when=frozenset({"always", "command"}),
                language="de",
                history="none",
                pause_minutes_channel=0,
                pause_minutes_private=90,
            ),
        )
    )
    now = await choices.at(CHANNEL)
    assert (now.when, now.language, now.sees) == (frozenset({When.ALWAYS}), "de", Sees.QUESTION)
    assert choices.pause_s(CHANNEL) is None
    assert choices.pause_s(replace(CHANNEL, kind=PlaceKind.PRIVATE)) == 5_400.0


@pytest.mark.parametrize(
    ("chosen", "asked", "expected"),
    [
        ({}, {}, ("a/one", None)),
        ({"server": {"model": "b/two"}}, {}, ("b/two", None)),
        ({"server": {"model": "b/two"}, "here": {"model": "c/three"}}, {}, ("c/three", None)),
        ({"server": {"persona": "poet"}}, {}, ("b/two", "poet")),
        ({"server": {"model": "c/three"}, "here": {"persona": "poet"}}, {}, ("b/two", "poet")),
        ({"here": {"model": "c/three", "persona": "poet"}}, {}, ("c/three", "poet")),
        ({"server": {"persona": "poet"}, "here": {"model": "c/three"}}, {}, ("c/three", "poet")),
        ({"server": {"model": "c/three"}, "here": {"persona": "calm"}}, {}, ("c/three", "calm")),
        ({"here": {"model": "c/three"}}, {"persona": "Poet"}, ("b/two", "poet")),
        ({"here": {"persona": "poet"}}, {"model": "c/three"}, ("c/three", "poet")),
        ({"here": {"model": "gone/long", "persona": "gone"}}, {}, ("a/one", None)),
    ],
)
async def test_whose_model_and_whose_persona_answer(
    chosen: dict[str, dict[str, str]], asked: dict[str, str], expected: tuple[str, str | None]
) -> None:
    choices = choices_over(MemoryStore(), several())
    scopes = {"server": SERVER, "here": "conversation:x"}
    for scope, names in chosen.items():
        for name, value in names.items():
            await choices.choose(scopes[scope], name, value)
    question = Question(
        "1", CHANNEL, ADA, "hi", model=asked.get("model", ""), persona=asked.get("persona", "")
    )
    choice = (await choices.manner(question, "x")).choice
    assert (choice.model, choice.persona) == expected
    assert (choice.system_prompt == "Rhyme.") is (choice.persona == "poet")


async def test_a_persona_that_somebody_made_is_theirs_or_their_servers() -> None:
    store = MemoryStore()
    choices = choices_over(store, several())
    await store.set_persona(KeptPersona(f"person:{ADA}", "mine", "Mine.", str(ADA), temperature=0.1))
    await store.set_persona(KeptPersona(SERVER, "ours", "Ours.", str(BEN), model="c/three"))
    await store.set_persona(KeptPersona("server:fake:g2", "theirs", "Theirs.", str(BEN)))

    async def used(name: str, person: object, place: Place = CHANNEL) -> ModelChoice:
        question = Question("1", place, person, "hi", persona=name)  # type: ignore[arg-type]  # of two
        return (await choices.manner(question)).choice

    assert (await used("mine", ADA)) == ModelChoice("a/one", 0.1, None, "Mine.", persona="mine")
    assert (await used("ours", BEN)).model == "c/three"
    for name, person in (("mine", BEN), ("theirs", ADA)):
        assert (await used(name, person)).persona is None
    private = replace(CHANNEL, kind=PlaceKind.PRIVATE, guild_id=None)
    assert (await used("ours", ADA, private)).persona is None


PLACES = (
    CHANNEL,
    replace(CHANNEL, chat_id="c2"),
    replace(CHANNEL, chat_id="c3", guild_id="g2"),
    THREAD,
    replace(THREAD, chat_id="t2", parent_id="c2"),
    Place("fake", "p1", PlaceKind.PRIVATE),
    Place("fake", "p2", PlaceKind.PRIVATE),
    Place("other", "c1", PlaceKind.SHARED),
    Place("other", "c1", PlaceKind.THREAD, topic_id="7"),
)
MADE = {"streaming": "off", "busy": "interrupt", "model": "b/two", "persona": "poet", "language": "de"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([scope for place in PLACES for scope in scopes_of(place, f"of {place}")]),
            st.sampled_from(sorted(MADE)),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.sampled_from([5, 1_000]),
)
async def test_a_choice_changes_only_what_lies_in_its_scope_and_memory_never_tells_otherwise(
    made: list[tuple[str, str, bool]], remembered: int
) -> None:
    store = MemoryStore()
    choices = choices_over(store, several(), remembered=remembered)

    async def everywhere(asked: Choices) -> dict[Place, Manner]:
        return {place: await asked.manner(Question("1", place, ADA, "hi"), f"of {place}") for place in PLACES}

    before = await everywhere(choices)
    for scope, name, chosen in made:
        await choices.choose(scope, name, MADE[name] if chosen else None)
        after = await everywhere(choices)
        assert after == await everywhere(choices_over(store, several()))
        for place in PLACES:
            if scope not in scopes_of(place, f"of {place}"):
                assert after[place] == before[place]
        before = after


async def test_without_streaming_nothing_shows_but_the_typing_sign_before_the_end(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.chat.choices.choose("person:fake:1", "streaming", "off")
    stream = await bot.asked(surface, "why?")
    for _ in range(10):
        stream.say("Because of this and that, and because of " * 8)
        await bot.clock.advance(3.0)
    assert not surface.messages
    assert surface.typings >= 3
    stream.finish("the rest.")
    await bot.clock.advance(8.0)
    assert [len(message.history) for message in surface.messages.values()] == [1, 1]
    assert surface.texts[-1].endswith("the rest.")
    assert "Stop" not in {b.label for shown in surface.messages.values() for b in shown.content.buttons}


async def test_reasoning_is_shown_where_that_was_chosen(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.chat.choices.choose("person:fake:1", "reasoning", "on")
    stream = await bot.asked(surface, "why?")
    stream.emit(ReasoningDelta("It floats."))
    stream.finish("So.")
    await bot.clock.advance(2.0)
    assert surface.texts == [f"({say('reasoning', text='It floats.')})\nSo."]


async def test_each_question_alone_where_that_was_chosen(bot: Bot) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.answered(surface, "one", "First.")
    await bot.chat.choices.choose("person:fake:1", "sees", "question")
    stream = await bot.asked(surface, "two")
    assert stream.prompt == ["two"]
    stream.finish("Second.")
    await bot.clock.advance(2.0)
    await bot.chat.choices.choose("person:fake:1", "sees", None)
    assert (await bot.asked(surface, "three")).prompt == ["one", "First.", "two", "Second.", "three"]


async def heard(bot: Bot, surface: FakeSurface, text: str, **more: object) -> bool:
    """Whether what is said to nobody is answered."""
    before = len(bot.model.streams)
    await bot.say(surface, text, **{"addressed": Addressed.NO, **more})  # type: ignore[arg-type]  # handed on
    await bot.clock.advance(0.0)
    return len(bot.model.streams) > before


async def test_what_is_not_said_to_the_bot_is_answered_where_that_was_chosen(bot: Bot) -> None:
    surface, choices = bot.surface(), bot.chat.choices
    assert not await heard(bot, surface, "tell me of a sluice")
    await choices.choose("chat:fake:c1", "when", "keywords mention")
    await choices.choose("chat:fake:c1", "keywords", "sluice, weir")
    assert await heard(bot, surface, "tell me of a Sluice!")
    assert not await heard(bot, surface, "tell me of a dam", author=BEN)
    assert not await heard(bot, surface, "a sluice, @Ben", author=BEN, mentions_others=True)
    assert not await heard(bot, surface, "again", addressed=Addressed.REPLY, author=BEN)
    await choices.choose("chat:fake:c1", "when", "always")
    assert await heard(bot, surface, "tell me of a dam", author=BEN)


async def test_an_opened_thread_needs_no_mention_and_leaves_others_talk_alone(bot: Bot) -> None:
    surface = bot.surface("t1", PlaceKind.THREAD)
    assert not await heard(bot, surface, "and why?")
    await bot.chat.choices.choose("chat:fake:t1", "opened", "on")
    assert not await heard(bot, surface, "Ben, look", mentions_others=True)
    assert await heard(bot, surface, "and why?")


async def test_who_speaks_to_nobody_is_told_nothing() -> None:
    bot = Bot(access=Access(allow=frozenset({f"{ADA}"}), admins=frozenset({"fake:9"})))
    surface = bot.surface()
    await bot.chat.choices.choose("chat:fake:c1", "when", "always")
    assert not await heard(bot, surface, "I am a stranger", author=BEN)
    assert not await heard(bot, surface, " ")
    assert not await heard(bot, surface, "", has_attachments=True)
    await bot.clock.advance(5.0)
    assert not surface.messages
    assert not surface.reactions
    assert await heard(bot, surface, "look at that", has_attachments=True)
    await bot.clock.advance(5.0)
    assert not surface.messages
    await shut(bot)


async def test_commands_alone_are_answered_where_that_was_chosen(bot: Bot) -> None:
    surface = bot.surface()
    await bot.chat.choices.choose("chat:fake:c1", "when", "commands")
    assert not await heard(bot, surface, "you there?", addressed=Addressed.MENTION)
    await bot.command(surface, "ask", {"prompt": "and now?"})
    assert (await bot.model.opened()).prompt == ["and now?"]


async def test_the_bot_speaks_the_language_that_was_chosen_for_the_place(bot: Bot) -> None:
    surface, elsewhere = bot.surface(private_answers=True), bot.surface("c2", private_answers=True)
    await bot.chat.choices.choose("chat:fake:c1", "language", "pt-BR")
    for where in (surface, elsewhere):
        await bot.command(where, "help", author=replace(ADA, locale="de"))
        await bot.say(where, " ", author=replace(ADA, locale="de"))
    await bot.clock.advance(3.0)
    assert surface.texts[0].startswith(say("help", "pt-BR"))
    assert surface.texts[1] == say("empty", "pt-BR")
    assert elsewhere.texts[1] == say("empty", "de")
