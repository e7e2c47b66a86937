"""The panel of `/settings`: who may change what where, what it says, and that none reaches elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.catalogue import LANGUAGES, say
from core.commands.scopes import scopes_at
from core.commands.settings_panel import INHERIT, SWITCHES, names_in, values_of
from core.conversation.preferences import read, scopes_of
from core.messages import Addressed, MessageRef, Person, Place, PlaceKind, Quote
from core.policy.access import Access
from core.ports.store import StoreError
from core.service.retention import OVERHEARD_DAYS
from core.streaming.operations import MAX_DATA_BYTES, Select
from tests.commands import panels
from tests.commands.panels import Panel, data_of, kept, surface_in
from tests.service.conftest import ADA, BEN, Bot, shut

MANAGER = replace(BEN, manages_place=True, manages_channel=True)
OF_THE_CHANNEL = replace(BEN, manages_channel=True)
SERVER, CHANNEL, THREAD = "server:fake:g1", "chat:fake:c1", "chat:fake:t1"
IN_CHANNEL = Place("fake", "c1", PlaceKind.SHARED, guild_id="g1")
IN_THREAD = Place("fake", "t1", PlaceKind.THREAD, guild_id="g1", parent_id="c1")
IN_GROUP = Place("fake", "c1", PlaceKind.SHARED)
IN_TOPIC = Place("fake", "c1", PlaceKind.THREAD, topic_id="7")
IN_PRIVATE = Place("fake", "p1", PlaceKind.PRIVATE)
PLACES = (IN_CHANNEL, IN_THREAD, IN_GROUP, IN_TOPIC, IN_PRIVATE)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    bot = Bot(access=Access(allow_everybody=True, admins=frozenset({"fake:1"})))
    yield bot
    await shut(bot)


async def opened(
    bot: Bot, place: Place = IN_CHANNEL, person: Person = MANAGER, *, forms: bool = True
) -> Panel:
    return await panels.opened(bot, "settings", place, person, forms=forms)


@pytest.mark.parametrize("place", PLACES)
async def test_every_control_of_every_panel_does_what_it_says(bot: Bot, place: Place) -> None:
    """Each is pressed once, in each scope and tab, and its choice is then said to be of that scope."""
    panel = await opened(bot, place)
    levels = [option.value for option in panel.selects["scope"].options] if "scope" in panel.selects else [""]
    tabs = [button.data for button in panel.buttons if data_of(button).endswith(":tab")]
    for level in levels:
        for tab in tabs or [""]:
            if level:
                await panel.choose("scope", level)
            if tab:
                await panel.press(panel.buttons[-2 if ":h" in tab[:11] else -3].data)
            for what in [what for what in panel.selects if what != "scope"]:
                for option in panel.selects[what].options:
                    await panel.choose(what, option.value)
                    [chosen] = [one for one in panel.selects[what].options if one.chosen]
                    assert chosen.value == option.value, what
            for button in panel.buttons:
                what = data_of(button).rpartition(":")[2]
                assert len(button.data.encode()) <= MAX_DATA_BYTES
                if what in set(SWITCHES):
                    before = panel.button(what).label
                    await panel.press(button.data)
                    assert panel.button(what).label != before
                elif what not in {"tab", "reset"}:
                    before_forms = len(panel.surface.forms)
                    await panel.press(button.data)
                    assert len(panel.surface.forms) == before_forms + 1
    for level in levels:
        if level:
            await panel.choose("scope", level)
        await panel.press(panel.button("reset").data)
    for scope in scopes_of(place):
        assert await kept(bot, scope) == {}
    told = {say("settings.sees.needs_overhear", language) for language in LANGUAGES}  # each was chosen once
    told |= {
        say(f"overhear.{state}", language, days=OVERHEARD_DAYS)
        for state in ("on", "off")
        for language in LANGUAGES
    }
    shown = [text for text in panel.surface.texts if text not in told]
    assert len(shown) == 1, "all of it in one message"


@pytest.mark.parametrize("place", PLACES)
async def test_a_panel_fits_on_both_platforms(bot: Bot, place: Place) -> None:
    panel = await opened(bot, place, replace(MANAGER, locale="pt-BR"))
    rows = panel.rows
    assert len(rows) <= 5
    assert all(len(row) <= 5 for row in rows if not isinstance(row, Select))
    assert all(len(option.label) <= 100 for row in rows if isinstance(row, Select) for option in row.options)
    assert all(len(button.label) <= 80 for button in panel.buttons)
    assert len(panel.text) < 1_500


@pytest.mark.parametrize("place", PLACES)
def test_what_a_panel_offers_can_be_read_back(place: Place) -> None:
    for name in ("when", "sees", "language", "busy"):
        assert INHERIT not in values_of(name, place)
        assert all(read(name, value) is not None for value in values_of(name, place))


@pytest.mark.parametrize("opener", ["settings", "model"])
async def test_a_scope_is_spelled_as_its_language_does(bot: Bot, opener: str) -> None:
    panel = await panels.opened(bot, opener, IN_CHANNEL, replace(MANAGER, locale="de"), forms=True)
    labels = [option.label for option in panel.selects["scope"].options]
    assert labels[:2] == ["Dieser Server", "Dieser Kanal"]


async def test_it_says_what_holds_and_whose_choice_that_is(bot: Bot) -> None:
    panel = await opened(bot)
    assert say("settings.title", scope=say("scope.channel")) in panel.text
    assert f"I answer: **mentions, replies** · *{say('settings.from.default')}*" in panel.text
    await panel.choose("scope", "s")
    assert say("settings.title", scope=say("scope.server")) in panel.text
    await panel.choose("when", "commands")
    assert f"I answer: **commands only** · *{say('settings.from.here')}*" in panel.text
    await panel.choose("scope", "c")
    assert f"I answer: **commands only** · *{say('settings.from.server')}*" in panel.text
    [first] = [option for option in panel.selects["when"].options if option.chosen]
    assert (first.value, first.label) == (INHERIT, "💬 I answer: as the server")
    assert await kept(bot, SERVER) == {"when": "commands"}
    assert await kept(bot, CHANNEL) == {}


async def test_a_choice_counts_from_the_next_message(bot: Bot) -> None:
    panel = await opened(bot)
    other = surface_in(bot, IN_CHANNEL)
    await bot.say(other, "does it rain?", addressed=Addressed.NO)
    assert not bot.model.streams
    await panel.choose("when", "always mention reply")
    await bot.say(other, "does it rain?", addressed=Addressed.NO)
    assert (await bot.model.opened()).prompt == ["does it rain?"]


async def test_keywords_and_the_pause_are_asked_for_in_a_form(bot: Bot) -> None:
    panel = await opened(bot)
    await panel.press(panel.button("keywords").data)
    await panel.fill(keywords=" sluice,weir\nlock , sluice")
    assert await kept(bot, CHANNEL) == {"keywords": "sluice, weir, lock", "when": "keywords mention reply"}
    assert "Keywords: **sluice, weir, lock**" in panel.text
    await panel.press(panel.button("keywords").data)
    assert panel.surface.forms[-1].fields[0].value == "sluice, weir, lock"
    await panel.fill(keywords="x" * 41)
    assert panel.surface.texts[-1] == say("settings.keywords.unfit", most=20, longest=40)
    await panel.press(panel.button("keywords").data)
    await panel.fill(keywords="")
    assert await kept(bot, CHANNEL) == {"when": "keywords mention reply"}
    await panel.press(panel.button("pause_minutes").data)
    await panel.fill(pause_minutes="090")
    assert (await kept(bot, CHANNEL))["pause_minutes"] == "90"
    assert "after 90 minutes of silence" in panel.text
    for unfit in ("soon", "-1", "99999", "1.5", ""):
        await panel.press(panel.button("pause_minutes").data)
        await panel.fill(pause_minutes=unfit)
        assert panel.surface.texts[-1] == say("settings.pause.unfit", most=10_080)
    assert bot.chat.choices.pause_s(IN_CHANNEL) == 5_400.0


async def test_keywords_mean_nothing_to_the_panels_markdown(bot: Bot) -> None:
    await bot.chat.choices.choose(CHANNEL, "keywords", "**loud**, [a](http://b)")
    panel = await opened(bot)
    assert r"\*\*loud\*\*, \[a\]" in panel.text


async def test_where_there_are_no_forms_they_are_asked_for_in_the_chat(bot: Bot) -> None:
    """On Telegram a message does not say what its author may do; the press before it did."""
    panel = await opened(bot, IN_GROUP, forms=False)
    await panel.press(panel.button("keywords").data)
    question = list(panel.surface.messages.values())[-1]
    assert question.content.wants_reply
    quote = Quote(MessageRef("c1", question.id), "Sluice", "", by_us=True)
    await bot.say(panel.surface, "weir", author=BEN, addressed=Addressed.REPLY, quote=quote)
    await bot.clock.advance(2.0)
    assert (await kept(bot, "server:fake:c1"))["keywords"] == "weir"
    assert "Keywords: **weir**" in panel.text
    assert panel.surface.texts[-1] == say("settings.kept")
    assert not bot.model.streams


async def test_what_the_platform_withholds_is_not_promised(bot: Bot) -> None:
    panel, heard = await opened(bot, IN_GROUP, forms=False), False

    async def hears_all() -> bool:
        return heard

    panel.surface.hears_all = hears_all
    await panel.press(panel.button("overhear").data)
    assert panel.told == say("settings.unheard")
    assert await kept(bot, "server:fake:c1") == {}
    await panel.choose("when", "always mention reply")
    assert say("settings.unheard") in panel.text
    await panel.choose("when", "mention reply")
    assert say("settings.unheard") not in panel.text
    heard = True
    await panel.press(panel.button("overhear").data)
    assert panel.told == say("overhear.on", days=OVERHEARD_DAYS)
    heard = False
    await panel.press(panel.button("reset").data)
    assert await kept(bot, "server:fake:c1") == {}


async def test_in_a_private_chat_everybody_sets_their_own(bot: Bot) -> None:
    panel = await opened(bot, IN_PRIVATE, BEN, forms=False)
    await panel.choose("language", "pt-BR")
    assert await kept(bot, f"person:{BEN}") == {"language": "pt-BR"}
    assert say("settings.title", "pt-BR", scope=say("scope.chat", "pt-BR")) in panel.text
    await panel.choose("language", INHERIT)
    assert say("settings.title", scope=say("scope.chat")) in panel.text


async def test_each_language_by_its_own_name(bot: Bot) -> None:
    panel = await opened(bot, IN_PRIVATE, BEN)
    labels = [option.label for option in panel.selects["language"].options]
    assert labels[2:] == [
        f"🌐 {name}" for name in ("English", "Português", "Español", "Deutsch", "Français", "Русский")
    ]
    assert len(labels) == len(LANGUAGES) + 2


async def test_who_manages_nothing_is_refused_at_the_command_and_at_every_control(bot: Bot) -> None:
    refused = await opened(bot, person=BEN)
    assert refused.text == say("unusable.managers", command="/settings")
    panel = await opened(bot)
    for data in ("settings:wc:reset", "settings:ws:reset", "settings:hc:streaming"):
        await panel.press(data, person=BEN)
    assert await kept(bot, CHANNEL) == {}
    assert await kept(bot, SERVER) == {}


async def test_who_manages_a_channel_alone_changes_that_alone(bot: Bot) -> None:
    panel = await opened(bot, person=OF_THE_CHANNEL)
    assert "scope" not in panel.selects
    await panel.choose("when", "mention")
    assert await kept(bot, CHANNEL) == {"when": "mention"}
    for data, values in (
        ("settings:hs:streaming", ()),
        ("settings:wc:scope", ("s",)),
        ("settings:ws:when", ("commands",)),
        ("settings:wp:when", ("commands",)),
    ):
        await panel.press(bot.signer.sign(data, panel.surface.place), *values)
        assert panel.surface.texts[-1] == say("settings.not_yours")
    assert await kept(bot, SERVER) == {}
    await (await opened(bot, IN_THREAD, OF_THE_CHANNEL)).choose("when", "mention")
    assert await kept(bot, THREAD) == {"when": "mention"}


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ("settings", ()),
        ("settings:", ()),
        ("settings:w", ()),
        ("settings:wcx:reset", ()),
        ("settings:xc:when", ("commands",)),
        ("settings:wc", ()),
        ("settings:wc:", ()),
        ("settings:wc:model", ("a/dear",)),
        ("settings:wc:opened", ("on",)),
        ("settings:wc:pause_private_minutes", ()),
        ("settings:wc:language", ("xx",)),
        ("settings:wc:when", ("nonsense",)),
        ("settings:wc:when", ()),
        ("settings:wc:scope", ("server:fake:g2",)),
        ("settings:wz:when", ("commands",)),
    ],
)
async def test_what_nobody_could_press_changes_nothing(bot: Bot, data: str, values: tuple[str, ...]) -> None:
    panel = await opened(bot)
    await panel.press(bot.signer.sign(data, panel.surface.place), *values)
    for scope in (SERVER, CHANNEL, "server:fake:g2"):
        assert await kept(bot, scope) == {}
    assert say("unusable.failed") not in panel.surface.texts
    assert not panel.surface.forms


async def test_a_panel_of_before_a_restart_works(bot: Bot) -> None:
    panel = await opened(bot)
    data = panel.selects["when"].data
    again = Bot(access=Access(allow_everybody=True), store=bot.store, signer=bot.signer)
    surface = surface_in(again, IN_CHANNEL)
    surface.messages = panel.surface.messages
    after = Panel(again, surface, MANAGER)
    await after.press(data, "mention")
    assert await kept(bot, CHANNEL) == {"when": "mention"}
    assert "I answer: **mentions**" in after.text
    await shut(again)


async def test_what_cannot_be_kept_is_not_called_chosen(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = await opened(bot)
    before = panel.text

    async def fails(scope: str, name: str, value: str | None) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(bot.store, "choose", fails)
    await panel.choose("when", "mention")
    assert panel.surface.texts[-1] == say("settings.not_kept")
    assert panel.text == before


async def test_the_bots_admin_manages_everywhere(bot: Bot) -> None:
    panel = await opened(bot, person=ADA)
    await panel.choose("scope", "s")
    await panel.press(panel.button("reset").data)
    assert say("settings.title", scope=say("scope.server")) in panel.text


def test_each_place_offers_what_is_of_use_there() -> None:
    def names(place: Place) -> list[set[str]]:
        return [set(names_in(scope, place)) for scope in scopes_at(place)]

    server, channel = names(IN_CHANNEL)
    assert server == channel
    assert "auto_thread" in server
    assert "overhear" not in server, "the platform tells what was said"
    assert names(IN_THREAD)[-1] == server - {"auto_thread", "pause_minutes"}
    group = server - {"auto_thread", "roles"} | {"overhear", "managers_only"}
    assert names(IN_GROUP) == [group]
    assert names(IN_TOPIC) == [group, group - {"pause_minutes"}]
    assert names(IN_PRIVATE) == [
        {"language", "streaming", "reasoning", "busy", "sees", "pause_private_minutes", "apart"}
    ]
