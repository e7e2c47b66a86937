"""`/model`, `/persona` and the options of `/ask`: what is chosen by name and on panels, for whom, by whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from core.catalogue import say
from core.commands import scopes
from core.commands.models import NEW, tag_of
from core.commands.persona_forms import MOST_EACH
from core.commands.settings_panel import INHERIT
from core.configuration import Configuration, ModelEntry, Permissions, Persona
from core.messages import Addressed, MessageRef, Person, Place, PlaceKind, Quote, Suggesting
from core.policy.access import Access, Permits
from core.ports.store import KeptPersona, StoreError
from core.streaming.operations import MAX_DATA_BYTES
from tests.commands import panels
from tests.commands.panels import Panel, kept, surface_in
from tests.service.conftest import ADA, BEN, Bot, shut
from tests.service.scripted_model import Stream

MANAGER = replace(BEN, id="7", manages_place=True, manages_channel=True)
IN_CHANNEL = Place("fake", "c1", PlaceKind.SHARED, guild_id="g1")
IN_THREAD = Place("fake", "t1", PlaceKind.THREAD, guild_id="g1", parent_id="c1")
IN_GROUP = Place("fake", "c9", PlaceKind.SHARED)
IN_TOPIC = Place("fake", "c9", PlaceKind.THREAD, topic_id="7")
IN_PRIVATE = Place("fake", "p1", PlaceKind.PRIVATE)
SERVER, CHANNEL, THREAD, PRIVATE = "server:fake:g1", "chat:fake:c1", "chat:fake:t1", "person:fake:2"
LONG = "far/" + "x" * 150

MODELS = {
    entry.id: entry
    for entry in (
        ModelEntry("near/small", "near", "small", "Small one"),
        ModelEntry("near/large", "near", "large", "Large one"),
        ModelEntry("far/dear", "far", "dear", "Dear *one*"),
        ModelEntry(LONG, "far", LONG[4:], "Long one"),
    )
}
PERSONAS = {
    "poet": Persona("poet", "In verse", "Rhyme.", "near/large"),
    "calm": Persona("calm", "", "Be calm."),
}
CONFIGURATION = Configuration(
    None,
    {},
    MODELS,
    "near/small",
    personas=PERSONAS,
    permissions=Permissions(models_for_everybody=frozenset({"near/small", "near/large", LONG})),
)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    bot = Bot(access=Access(allow_everybody=True, admins=frozenset({f"{ADA}"})), configuration=CONFIGURATION)
    yield bot
    await shut(bot)


async def told(bot: Bot, name: str, arguments: dict[str, str], place: Place, person: Person = BEN) -> str:
    return (await panels.opened(bot, name, place, person, arguments)).text


async def asked(
    bot: Bot, place: Place = IN_CHANNEL, person: Person = BEN, quote: Quote | None = None
) -> Stream:
    """The request of a question that is asked now, and answered at once."""
    surface = surface_in(bot, place)
    addressed = Addressed.REPLY if quote else Addressed.MENTION
    await bot.say(surface, "well?", author=person, addressed=addressed, quote=quote)
    stream = await bot.model.opened()
    stream.finish("Well.")
    await bot.clock.advance(2.0)
    return stream


async def suggested(bot: Bot, person: Person = BEN, place: Place = IN_CHANNEL, **what: str) -> dict[str, str]:
    [(name, typed)] = what.items()
    command, _, argument = name.partition("_")
    found = await bot.dispatcher.suggest(Suggesting(place, person, command, argument, typed))
    return {choice.label: choice.value for choice in found}


async def test_a_model_is_chosen_for_the_conversation_and_for_no_other(bot: Bot) -> None:
    words = say("choose.model.chosen", name="Large one", scope=say("scope.conversation"))
    assert await told(bot, "model", {"name": "large"}, IN_CHANNEL) == words
    assert (await asked(bot)).request.model == "near/large"
    assert (await asked(bot, person=MANAGER)).request.model == "near/small"
    assert (await asked(bot, place=IN_THREAD)).request.model == "near/small"
    assert await kept(bot, SERVER) == await kept(bot, CHANNEL) == {}


async def test_who_goes_on_with_a_conversation_goes_on_with_its_model(bot: Bot) -> None:
    await told(bot, "model", {"name": "large"}, IN_CHANNEL)
    surface = surface_in(bot, IN_CHANNEL)
    await bot.say(surface, "well?", author=BEN)
    (await bot.model.opened()).finish("Well.")
    await bot.clock.advance(2.0)
    answer = Quote(MessageRef("c1", list(surface.messages)[-1]), "Sluice", "Well.", by_us=True)
    assert (await asked(bot, person=MANAGER, quote=answer)).request.model == "near/large"


async def test_a_thread_or_private_chat_is_one_conversation_for_all_in_it(bot: Bot) -> None:
    for place, scope, word, other in (
        (IN_THREAD, THREAD, "thread", MANAGER),
        (IN_PRIVATE, PRIVATE, "chat", BEN),
    ):
        words = say("choose.model.chosen", name="Large one", scope=say(f"scope.{word}"))
        assert await told(bot, "model", {"name": "Large ONE"}, place) == words
        assert await kept(bot, scope) == {"model": "near/large"}
        assert (await asked(bot, place, other)).request.model == "near/large"


@pytest.mark.parametrize(
    ("place", "scope", "key"),
    [
        (IN_CHANNEL, "channel", CHANNEL),
        (IN_CHANNEL, "server", SERVER),
        (IN_THREAD, "channel", CHANNEL),
        (IN_THREAD, "server", SERVER),
        (IN_GROUP, "channel", "server:fake:c9"),
        (IN_GROUP, "server", "server:fake:c9"),
        (IN_TOPIC, "channel", "chat:fake:c9/7"),
        (IN_TOPIC, "server", "server:fake:c9"),
        (IN_PRIVATE, "server", PRIVATE),
    ],
)
async def test_for_a_channel_or_server_those_choose_who_manage_it(
    bot: Bot, place: Place, scope: str, key: str
) -> None:
    arguments = {"name": "near/large", "scope": scope}
    open_to_all = key in {"chat:fake:c9/7", PRIVATE}
    refused = await told(bot, "model", arguments, place, BEN)
    assert (refused == say("settings.not_yours")) is not open_to_all
    assert (await kept(bot, key) == {}) is not open_to_all
    manager = BEN if place is IN_PRIVATE else MANAGER
    await told(bot, "model", arguments, place, manager)
    assert await kept(bot, key) == {"model": "near/large"}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("near/large", "near/large"),
        ("LARGE", "near/large"),
        ("  large one ", "near/large"),
        (LONG, LONG),
        (tag_of(LONG), LONG),
        ("dear", ""),
        ("near", ""),
        ("nonsense", ""),
    ],
)
async def test_a_model_is_named_as_people_would(bot: Bot, name: str, model: str) -> None:
    words = await told(bot, "model", {"name": name}, IN_PRIVATE)
    assert await kept(bot, PRIVATE) == ({"model": model} if model else {})
    assert model or words.startswith("There is no model")


async def test_a_model_that_is_not_for_everybody_is_offered_to_the_bots_admins(bot: Bot) -> None:
    assert list(await suggested(bot, model_name="")) == ["Small one", "Large one", "Long one"]
    assert await suggested(bot, ADA, model_name="dear") == {"Dear *one*": "far/dear"}
    panel = await panels.opened(bot, "model", IN_CHANNEL, BEN)
    await panel.press(panel.selects["pick"].data, tag_of("far/dear"))
    assert panel.told == say("form.over")
    assert (await asked(bot)).request.model == "near/small"
    await told(bot, "model", {"name": "dear", "scope": "channel"}, IN_CHANNEL, ADA)
    assert (await asked(bot)).request.model == "far/dear"


def tightened(bot: Bot, *models: str) -> None:
    """From now on only these are for everybody."""
    permissions = Permissions(models_for_everybody=frozenset(models))
    bot.live.swap(replace(bot.live.current, permissions=permissions))


@pytest.mark.parametrize("name", ["model", "persona"])
async def test_what_is_no_longer_for_everybody_answers_only_admins_where_others_chose_it(
    bot: Bot, name: str
) -> None:
    await bot.store.set_persona(KeptPersona(SERVER, "ours", "Ours.", f"{MANAGER}", "near/large"))
    await told(bot, "model", {"name": "small", "scope": "server"}, IN_CHANNEL, MANAGER)
    await told(bot, name, {"name": {"model": "large", "persona": "ours"}[name]}, IN_THREAD)
    assert (await asked(bot, IN_THREAD)).request.model == "near/large"
    tightened(bot, "near/small")
    assert (await asked(bot, IN_THREAD)).request.model == "near/small"
    assert "Large" not in (await panels.opened(bot, "model", IN_THREAD, BEN)).text
    assert (await asked(bot, IN_THREAD, ADA)).request.model == "near/large"
    tightened(bot, "near/small", "near/large")
    assert (await asked(bot, IN_THREAD)).request.model == "near/large"


async def test_what_the_owner_gave_a_persona_or_an_admin_chose_for_a_place_is_for_all_there(bot: Bot) -> None:
    await told(bot, "persona", {"name": "poet"}, IN_THREAD)
    await told(bot, "model", {"name": "large"}, IN_CHANNEL, ADA)
    await told(bot, "model", {"name": "large", "scope": "channel"}, IN_CHANNEL, ADA)
    tightened(bot)
    assert (await asked(bot, IN_THREAD)).request.model == "near/large"
    assert (await asked(bot, IN_CHANNEL)).request.model == "near/large"
    panel = await panels.opened(bot, "model", IN_CHANNEL, ADA)
    await panel.pick("scope", "This channel")
    await panel.choose("pick", INHERIT)
    assert "granted" not in await kept(bot, CHANNEL)
    await bot.chat.choices.choose(CHANNEL, "model", "near/large")  # as another process that knew no better
    assert (await asked(bot, IN_CHANNEL)).request.model == "near/small"


async def test_what_an_admin_chose_is_for_all_as_long_as_nobody_else_chooses_there(bot: Bot) -> None:
    for name, person in (("large", ADA), ("small", MANAGER), ("large", MANAGER)):
        await told(bot, "model", {"name": name, "scope": "channel"}, IN_CHANNEL, person)
    tightened(bot, "near/small")
    assert (await asked(bot, IN_CHANNEL)).request.model == "near/small"


async def test_what_an_admin_chose_for_themselves_is_theirs_as_long_as_they_are_one(bot: Bot) -> None:
    access, place = bot.access, replace(IN_PRIVATE, chat_id="cleo")
    access.add(Permits(admins=frozenset({str(MANAGER)})))
    await told(bot, "model", {"name": "dear"}, place, MANAGER)
    assert (await asked(bot, place, MANAGER)).request.model == "far/dear"
    access.add(Permits())
    assert (await asked(bot, place, MANAGER)).request.model == "near/small"


async def test_a_model_that_was_asked_for_while_all_might_is_not_used_once_they_may_not(bot: Bot) -> None:
    surface = surface_in(bot, IN_THREAD)
    await bot.say(surface, "first", author=BEN)
    first = await bot.model.opened()
    await bot.command(surface, "ask", {"prompt": "second", "model": "large"}, author=BEN)
    tightened(bot, "near/small")
    first.finish("Yes.")
    await bot.clock.advance(3.0)
    assert (await bot.model.opened()).request.model == "near/small"


async def test_suggestions_fit_and_begin_with_what_begins_so(bot: Bot) -> None:
    assert await suggested(bot, model_name="L") == {
        "Large one": "near/large",
        "Long one": tag_of(LONG),
        "Small one": "near/small",
    }
    assert await suggested(bot, ask_model="LARGE") == {"Large one": "near/large"}
    assert await suggested(bot, ask_persona="") == {"poet: In verse": "poet", "calm": "calm"}
    assert list(await suggested(bot, persona_name="")) == ["poet: In verse", "calm", say("persona.new")]


async def test_the_panel_says_what_holds_and_changes_it(bot: Bot) -> None:
    panel = await panels.opened(bot, "model", IN_CHANNEL, MANAGER)
    assert panel.text.splitlines() == [
        f"**{say('choose.model.title', scope=say('scope.conversation'))}**",
        "",
        f"Answers: **Small one** · *{say('settings.from.default')}*",
    ]
    assert panel.labels("scope") == ["This server", "This channel", "Your conversation here"]
    assert panel.labels("pick") == ["default", "Small one", "Large one", "Long one"]
    await panel.choose("scope", scopes.SERVER)
    await panel.pick("pick", "Large one")
    assert panel.chosen("pick") == "Large one"
    assert await kept(bot, SERVER) == {"model": "near/large"}
    await panel.choose("scope", scopes.CONVERSATION)
    assert f"Answers: **Large one** · *{say('settings.from.server')}*" in panel.text
    await panel.pick("pick", "Long one")
    assert (await asked(bot, person=MANAGER)).request.model == LONG
    await panel.choose("pick", INHERIT)
    assert (await asked(bot, person=MANAGER)).request.model == "near/large"
    assert len(panel.surface.messages) == 1


async def test_a_persona_brings_its_model_and_the_panel_says_so(bot: Bot) -> None:
    await told(bot, "persona", {"name": "Poet"}, IN_PRIVATE)
    stream = await asked(bot, IN_PRIVATE)
    assert (stream.request.model, stream.prompt[0]) == ("near/large", "Rhyme.")
    panel = await panels.opened(bot, "model", IN_PRIVATE, BEN)
    assert panel.text.splitlines()[-1] == say("choose.model.by_persona", persona="poet", model="Large one")


async def test_what_is_gone_is_not_said_to_answer(bot: Bot) -> None:
    for name in ("model", "persona"):
        await bot.chat.choices.choose(PRIVATE, name, "gone/long ago")
        panel = await panels.opened(bot, name, IN_PRIVATE, BEN)
        assert "gone" not in panel.text
    for name in ("model", "granted"):  # which Ben may not choose, and an admin may
        await bot.chat.choices.choose(PRIVATE, name, "far/dear")
    panel = await panels.opened(bot, "model", IN_PRIVATE, BEN)
    assert "Dear" in panel.text


async def test_every_control_keeps_to_64_bytes_and_five_rows(bot: Bot) -> None:
    await bot.store.set_persona(KeptPersona(SERVER, "ж" * 32, "Prompt.", f"{MANAGER}"))
    for name in ("model", "persona"):
        for place in (IN_CHANNEL, IN_THREAD, IN_GROUP, IN_TOPIC, IN_PRIVATE):
            panel = await panels.opened(bot, name, place, MANAGER)
            if place is IN_CHANNEL and name == "persona":
                await panel.pick("pick", "ж" * 32)
                assert [panels.data_of(button).split(":")[2] for button in panel.buttons] == [
                    "new",
                    "edit",
                    "delete",
                ]
            assert len(panel.rows) <= 5
            assert all(len(button.data.encode()) <= MAX_DATA_BYTES for button in panel.buttons)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ("model", ()),
        ("model:", ()),
        ("model:v", ()),
        ("model:v:nonsense", ()),
        ("model:v:pick", ()),
        ("model:v:pick", ("nonsense",)),
        ("model:s:pick", (tag_of("near/large"),)),
        ("model:c:pick", (tag_of("near/large"),)),
        ("model:p:pick", (tag_of("near/large"),)),
        ("model:v:scope", ("s",)),
        ("model:x:panel", ()),
        ("persona:v:edit:nonsense", ()),
        ("persona:v:gone", ()),
        ("persona:s:pick", (tag_of("poet"),)),
    ],
)
async def test_what_nobody_could_press_changes_nothing(bot: Bot, data: str, values: tuple[str, ...]) -> None:
    panel = await panels.opened(bot, "model", IN_CHANNEL, BEN)
    await panel.press(data, *values)
    stream = await asked(bot)
    assert (stream.request.model, stream.prompt[0]) == ("near/small", "well?")
    assert await kept(bot, SERVER) == await kept(bot, CHANNEL) == {}
    assert say("unusable.failed") not in panel.surface.texts


async def test_a_panel_of_before_a_restart_works(bot: Bot) -> None:
    panel = await panels.opened(bot, "model", IN_THREAD, BEN)
    again = Bot(
        access=Access(allow_everybody=True),
        store=bot.store,
        configuration=CONFIGURATION,
        signer=bot.signer,
    )
    surface = surface_in(again, IN_THREAD)
    surface.messages = panel.surface.messages
    after = Panel(again, surface, BEN)
    await after.pick("pick", "Large one")
    assert "**Large one**" in after.text
    assert (await asked(again, IN_THREAD)).request.model == "near/large"
    await shut(again)


async def test_the_options_of_ask_are_for_one_question(bot: Bot) -> None:
    surface = surface_in(bot, IN_PRIVATE)
    await bot.command(surface, "ask", {"prompt": "well?", "model": "long one", "persona": "POET"}, author=BEN)
    stream = await bot.model.opened()
    assert (stream.request.model, stream.prompt) == (LONG, ["Rhyme.", "well?"])
    stream.finish("Well.")
    await bot.clock.advance(2.0)
    assert (await asked(bot, IN_PRIVATE)).request.model == "near/small"
    for option, key in (("model", "choose.model.unknown"), ("persona", "choose.persona.unknown")):
        await bot.command(surface, "ask", {"prompt": "well?", option: "dear"}, author=BEN)
        await bot.clock.advance(2.0)
        assert surface.texts[-1] == say(key, name="dear")
    assert len(bot.model.streams) == 2


# personas that people make


async def made(bot: Bot, place: Place, person: Person, **fields: str) -> Panel:
    """Make one by `/persona new`; what stands there then."""
    panel = await panels.opened(bot, "persona", place, person, {"name": NEW})
    await panel.fill(**{"name": "Pirate", "prompt": "Arr.", **fields})
    return panel


async def personas(bot: Bot, scope: str) -> list[KeptPersona]:
    return list(await bot.store.personas((scope,)))


async def test_a_persona_is_made_in_a_form_and_can_be_chosen_at_once(bot: Bot) -> None:
    panel = await made(bot, IN_CHANNEL, BEN, model="large", temperature="0,3")
    assert await personas(bot, SERVER) == [KeptPersona(SERVER, "Pirate", "Arr.", f"{BEN}", "near/large", 0.3)]
    assert panel.labels("pick")[1:] == ["Pirate", "poet: In verse", "calm"]
    await panel.pick("pick", "Pirate")
    request = (await asked(bot)).request
    assert (request.messages[0].content, request.model, request.temperature) == ("Arr.", "near/large", 0.3)


async def test_one_made_in_private_is_its_makers_alone_wherever_they_ask(bot: Bot) -> None:
    await made(bot, IN_PRIVATE, BEN)
    assert "Pirate" in await suggested(bot, BEN, IN_CHANNEL, ask_persona="")
    assert "Pirate" not in await suggested(bot, MANAGER, IN_CHANNEL, ask_persona="")
    assert [one.scope for one in await personas(bot, f"person:{BEN}")] == [f"person:{BEN}"]
    await told(bot, "persona", {"name": "Pirate"}, IN_CHANNEL)
    assert (await asked(bot)).prompt[0] == "Arr."


async def test_one_made_in_a_server_is_unknown_in_another(bot: Bot) -> None:
    await made(bot, IN_CHANNEL, BEN)
    elsewhere = replace(IN_CHANNEL, chat_id="c5", guild_id="g5")
    assert "Pirate" not in await suggested(bot, BEN, elsewhere, ask_persona="")
    words = await told(bot, "persona", {"name": "Pirate"}, elsewhere)
    assert words == say("choose.persona.unknown", name="Pirate")


@pytest.mark.parametrize("name", ["new", "NEW", "POET", "a/b", "x\ny!", "`", "-"])
async def test_what_cannot_be_made_comes_back_as_a_file(bot: Bot, name: str) -> None:
    panel = await made(bot, IN_CHANNEL, BEN, name=name, prompt="A long text.")
    assert await personas(bot, SERVER) == []
    [message] = panel.surface.messages.values()
    assert message.content.private
    assert message.content.file is not None
    assert message.content.file.data == b"A long text."
    assert panel.text.endswith(say("persona.given_back"))


async def test_a_model_or_temperature_that_cannot_be_used_is_left_out_and_told(bot: Bot) -> None:
    panel = await made(bot, IN_CHANNEL, BEN, model="dear", temperature="hot")
    assert await personas(bot, SERVER) == [KeptPersona(SERVER, "Pirate", "Arr.", f"{BEN}")]
    mistakes = [say("persona.model_unfit", name="dear"), say("persona.temperature_unfit")]
    notes = [f"{mistake} {say('persona.left_out')}" for mistake in mistakes]
    models = say("persona.models", models="Small one, Large one, Long one")
    assert panel.told == "\n".join((say("persona.made", name="Pirate"), *notes, models))


async def test_a_few_of_many_models_are_named_in_a_hint() -> None:
    many = {f"near/{n}": ModelEntry(f"near/{n}", "near", f"{n}", f"Model {n}") for n in range(9)}
    everybody = Permissions(models_for_everybody=frozenset(many))
    bot = Bot(configuration=Configuration(None, {}, many, "near/0", permissions=everybody))
    panel = await panels.opened(bot, "persona", IN_PRIVATE, BEN, {"name": "new"})
    [hint] = [field.hint for field in panel.surface.forms[-1].fields if field.name == "model"]
    assert hint.endswith("Models: Model 0, Model 1, Model 2, Model 3, Model 4, …")
    assert len(hint) <= 100
    await shut(bot)


async def test_there_are_only_so_many(bot: Bot) -> None:
    for number in range(MOST_EACH):
        await bot.store.set_persona(KeptPersona(SERVER, f"p{number}", "", f"{BEN}"))
    panel = await made(bot, IN_CHANNEL, BEN)
    assert say("persona.too_many", most=MOST_EACH) in panel.text
    assert len(await personas(bot, SERVER)) == MOST_EACH
    await made(bot, IN_PRIVATE, BEN)
    assert len(await personas(bot, f"person:{BEN}")) == 1


async def test_its_maker_edits_and_deletes_it_after_asking(bot: Bot) -> None:
    panel = await made(bot, IN_CHANNEL, BEN, model="large")
    await panel.pick("pick", "Pirate")
    await panel.press(panel.button("edit").data)
    form = panel.surface.forms[-1]
    assert [(field.name, field.value) for field in form.fields] == [
        ("prompt", "Arr."),
        ("model", "near/large"),
        ("temperature", ""),
    ]
    await panel.fill(prompt="Ahoy.", temperature="0")
    assert await personas(bot, SERVER) == [KeptPersona(SERVER, "Pirate", "Ahoy.", f"{BEN}", None, 0.0)]
    await panel.press(panel.button("delete").data)
    assert panel.text == say("persona.delete_sure", name="Pirate")
    await panel.press(panel.button("panel").data)
    await panel.press(panel.button("delete").data)
    await panel.press(panel.button("gone").data)
    assert await personas(bot, SERVER) == []
    assert (await asked(bot)).prompt[0] == "well?"


async def test_others_change_it_only_if_they_manage_the_server(bot: Bot) -> None:
    first = await made(bot, IN_CHANNEL, BEN)
    await first.pick("pick", "Pirate")
    edit = panels.data_of(first.button("edit"))
    delete = panels.data_of(first.button("delete")).replace("delete", "gone")
    other = await panels.opened(bot, "persona", IN_CHANNEL, replace(BEN, id="8"))
    await other.pick("pick", "Pirate")
    assert [panels.data_of(button).split(":")[2] for button in other.buttons] == ["new"]
    for data in (edit, delete):  # even as if the bot had made them for her
        await other.press(bot.signer.sign(data, other.surface.place, other.person))
        assert other.told == say("persona.not_yours")
    assert len(await personas(bot, SERVER)) == 1
    manager = await panels.opened(bot, "persona", IN_CHANNEL, MANAGER)
    await manager.press(bot.signer.sign(delete, manager.surface.place, manager.person))
    assert await personas(bot, SERVER) == []


async def test_nobody_reaches_what_another_made_in_private(bot: Bot) -> None:
    first = await made(bot, IN_PRIVATE, BEN)
    await first.pick("pick", "Pirate")
    for place in (IN_CHANNEL, IN_PRIVATE):
        panel = await panels.opened(bot, "persona", place, replace(MANAGER, manages_place=True))
        for data in (
            panels.data_of(first.button("delete")).replace("delete", "gone"),
            panels.data_of(first.button("edit")),
        ):
            await panel.press(bot.signer.sign(data, panel.surface.place, panel.person))
        assert panel.told == say("persona.not_yours")
    assert len(await personas(bot, f"person:{BEN}")) == 1


async def test_what_cannot_be_kept_is_not_called_kept(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any) -> None:
        raise StoreError("the disk is full")

    panel = await panels.opened(bot, "model", IN_PRIVATE, BEN)
    for name in ("choose", "set_persona"):
        monkeypatch.setattr(bot.store, name, fails)
    await panel.pick("pick", "Large one")
    assert panel.told == say("settings.not_kept")
    assert await told(bot, "model", {"name": "large"}, IN_PRIVATE) == say("settings.not_kept")
    lost = await made(bot, IN_PRIVATE, BEN)
    assert lost.text == f"{say('settings.not_kept')} {say('persona.given_back')}"


async def test_where_there_are_no_forms_a_persona_is_asked_for_in_the_chat(bot: Bot) -> None:
    panel = await panels.opened(bot, "persona", IN_PRIVATE, BEN, {"name": NEW}, forms=False)
    for answer in ("Pirate", "Arr.", "large", "-"):
        await bot.say(panel.surface, answer, author=BEN, addressed=Addressed.PRIVATE)
        await bot.clock.advance(10.0)
    [persona] = await personas(bot, f"person:{BEN}")
    assert (persona.prompt, persona.model, persona.temperature) == ("Arr.", "near/large", None)
    assert panel.surface.texts[-2].startswith(f"**{say('choose.persona.title', scope=say('scope.chat'))}**")
    assert panel.told == say("persona.made", name="Pirate")
