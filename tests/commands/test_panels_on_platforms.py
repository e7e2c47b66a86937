"""The panels on both platforms, by the real libraries: every control, by whom it may, after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bots.discord.client import DiscordPlatform
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.discord.world import Permission
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.client import TelegramPlatform
from core.adapters.clock import SystemClock
from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_store import MemoryStore
from core.catalogue import say
from core.commands.settings_panel import INHERIT, OPENS
from core.service.retention import OVERHEARD_DAYS
from tests.commands.support import Service
from tests.commands.test_choosers import CONFIGURATION
from tests.discord.support import local_discord
from tests.end_to_end.screen import Screen, made_as
from tests.telegram.harness import local_telegram

Json = dict[str, Any]
OF_CHANNEL = say("settings.title", scope=say("scope.channel"))
OF_SERVER = say("settings.title", scope=say("scope.server"))
OF_GROUP = say("settings.title", scope=say("scope.group"))


class Seat:
    """Somebody in a chat: what they see there, and what they press."""

    def __init__(self, server: DiscordServer | TelegramServer, person: str, chat: str) -> None:
        self.server = server
        self.person = person
        self.chat = chat
        self.screen = Screen(server.snapshot())
        server.subscribe(self.screen.take)

    async def says(self, text: str, *, besides: Json | None = None) -> Json:
        """The bot's newest message that says this, sent or edited, and is another than `besides`."""

        def found() -> Json | None:
            messages = [one for one in self.screen.messages.values() if one["author"]["bot"]]
            messages = [one for one in messages if besides is None or one["id"] != besides["id"]]
            return next((one for one in reversed(messages) if text in one["text"]), None)

        return await self.screen.until(found)

    async def press(self, message: Json, what: str) -> None:
        """The button whose data ends so."""
        [button] = [one for row in message["rows"] for one in row if made_as(one).endswith(f":{what}")]
        await self.server.press(self.person, self.chat, message["id"], button["id"])

    async def turn_to_how(self, message: Json) -> Json:
        """Press the second tab; the panel then."""
        tab = next(one for one in message["rows"][-1] if made_as(one).startswith("settings:h"))
        await self.server.press(self.person, self.chat, message["id"], tab["id"])
        return await self.screen.until(
            lambda: next((one for one in self.screen.messages.values() if "▸ How" in str(one["rows"])), None)
        )


class TelegramSeat(Seat):
    async def opens(self, message: Json, what: str) -> Json:
        """Open the page of a select; the panel then."""
        await self.press(message, f"{OPENS}{what}")
        return await self.screen.until(lambda: self._page(message, what))

    async def pick(self, message: Json, what: str, value: str, words: str) -> Json:
        """Choose on the page of a select; the panel then, which says these words."""
        page = await self.opens(message, what)
        assert words not in page["text"]
        await self.press(page, f"{what}|{value}")
        panel = await self.says(words)
        assert not self._page(panel, what)
        return panel

    def is_asked_alone_by(self, message: Json) -> bool:
        """Whether the message opens a reply for this person, and for nobody else in the group."""
        us = next(one["author"]["id"] for one in self.screen.messages.values() if one["author"]["bot"])
        return set(message["force_reply"]["of"]) - {us} == {self.screen.person(self.person)}

    def _page(self, message: Json, what: str) -> Json | None:
        """The panel where it is this page: one setting, its options, and the way back."""
        now = self.screen.messages[message["chat"], message["id"]]
        data = {made_as(one).split(":")[2].partition("|")[0] for row in now["rows"] for one in row}
        return now if data == {what, "tab"} else None


class DiscordSeat(Seat):
    server: DiscordServer

    async def choose(self, message: Json, what: str, value: str) -> None:
        [select] = [one for row in message["rows"] for one in row if made_as(one).endswith(f":{what}")]
        await self.server.choose(self.person, self.chat, message["id"], select["id"], [value])

    async def form(self, **values: str) -> None:
        """Fill in the form that opens."""
        await self.screen.until(lambda: self.server.open_modals(self.person))
        [form] = self.server.open_modals(self.person)
        await self.server.submit(self.person, form["id"], values)


@asynccontextmanager
async def served_on_discord(server: DiscordServer, store: MemoryStore, clock: Any) -> AsyncIterator[Service]:
    service = Service(clock, store=store, configuration=CONFIGURATION)
    platform = DiscordPlatform(server.token, clock=clock, api_base_url=server.url)
    await platform.start(service.dispatcher.handle, service.dispatcher.suggest)
    try:
        yield service
    finally:
        await service.close()
        await platform.close()


@asynccontextmanager
async def served_on_telegram(server: TelegramServer, store: MemoryStore) -> AsyncIterator[Service]:
    clock = SystemClock()
    service = Service(clock, store=store, configuration=CONFIGURATION)
    platform = TelegramPlatform(
        server.token, clock=clock, journal=MemoryJournal(clock=clock), base_url=server.url
    )
    await platform.start(service.dispatcher.handle, service.dispatcher.suggest)
    try:
        yield service
    finally:
        await service.close()
        await platform.close()


async def test_discord_every_control_of_settings_once_and_after_a_restart() -> None:
    async with local_discord() as bot:
        server, store = bot.server, MemoryStore()
        server.grant("Cleo", Permission.MANAGE_GUILD)
        cleo = DiscordSeat(server, "Cleo", "#general")
        async with served_on_discord(server, store, bot.clock):
            await server.invoke("Cleo", "#general", "settings", {})
            panel = await cleo.says(OF_CHANNEL)
            assert panel["only_for"] == str(server.world.person("Cleo").id)
            place = str(server.world.chat("#general").id)
            await cleo.choose(panel, "when", "always mention reply")
            panel = await cleo.says("I answer: **every message**")
            await cleo.choose(panel, "sees", "question")
            panel = await cleo.says("History: **each question alone**")
            await cleo.press(panel, "auto_thread")
            panel = await cleo.says("Auto-thread: **on**")
            await cleo.press(panel, "keywords")
            await cleo.form(keywords="sluice, weir")
            panel = await cleo.says("Keywords: **sluice, weir**")
            await cleo.press(panel, "pause_minutes")
            await cleo.form(pause_minutes="5")
            panel = await cleo.says("after 5 minutes of silence")
            panel = await cleo.turn_to_how(panel)
        kept = await store.choices((f"chat:discord:{place}",))
        assert kept[f"chat:discord:{place}"] == {
            "when": "always mention reply",
            "sees": "question",
            "auto_thread": "on",
            "keywords": "sluice, weir",
            "pause_minutes": "5",
        }
        async with served_on_discord(server, store, bot.clock):
            await cleo.choose(panel, "language", "de")
            panel = await cleo.says("**Deutsch**")
            await cleo.choose(panel, "language", INHERIT)
            panel = await cleo.says(f"Language: **{say('settings.language.auto')}**")
            await cleo.choose(panel, "busy", "interrupt")
            panel = await cleo.says(f"**{say('settings.busy.interrupt')}**")
            for what, label in (("streaming", "Streaming: **off**"), ("reasoning", "Reasoning: **on**")):
                await cleo.press(panel, what)
                panel = await cleo.says(label)
            await cleo.press(panel, "reset")
            panel = await cleo.says("Streaming: **on**")
            await cleo.choose(panel, "scope", "s")
            panel = await cleo.says(OF_SERVER)
            await cleo.press(panel, "streaming")
            await cleo.says(f"Streaming: **off** · *{say('settings.from.here')}*")
        guild = f"server:discord:{server.world.guild_id}"
        assert await store.choices((guild, f"chat:discord:{place}")) == {guild: {"streaming": "off"}}
        assert len([one for one in cleo.screen.messages.values() if one["author"]["bot"]]) == 1


async def test_discord_what_does_not_fit_in_a_form_is_told_to_nobody_else() -> None:
    """The form can be opened again: no question is asked in the channel, where everybody sees it."""
    async with local_discord() as bot:
        server, store = bot.server, MemoryStore()
        server.grant("Cleo", Permission.MANAGE_GUILD)
        cleo = DiscordSeat(server, "Cleo", "#general")
        async with served_on_discord(server, store, bot.clock):
            await server.invoke("Cleo", "#general", "settings", {})
            panel = await cleo.says(OF_CHANNEL)
            for what, unfit, words in (
                ("pause_minutes", "soon", say("settings.pause.unfit", most=10_080)),
                ("pause_minutes", "99999999", say("settings.pause.unfit", most=10_080)),
                ("roles", "mods", say("settings.roles.unfit", most=20)),
                ("keywords", "x" * 60, say("settings.keywords.unfit", most=20, longest=40)),
            ):
                await cleo.press(panel, what)
                await cleo.form(**{what: unfit})
                await cleo.says(words)
            await cleo.press(panel, "pause_minutes")
            await cleo.form(pause_minutes="5")
            await cleo.says("after 5 minutes of silence")
        said = [one for one in cleo.screen.messages.values() if one["author"]["bot"]]
        assert {one["only_for"] for one in said} == {panel["only_for"]}
        assert len(said) == 5


async def test_discord_who_manages_nothing_is_neither_offered_it_nor_served() -> None:
    async with local_discord() as bot:
        server, store = bot.server, MemoryStore()
        async with served_on_discord(server, store, bot.clock):
            assert "settings" not in {one["name"] for one in server.menu("Ben", "#general")}
            await server.invoke("Ben", "@Ben", "settings", {})
            ben = DiscordSeat(server, "Ben", "@Ben")
            panel = await ben.says(say("settings.title", scope=say("scope.chat")))
            await ben.press(panel, "streaming")
            await ben.says("Streaming: **off**")
            own = f"person:discord:{ben.screen.person('Ben')}"
            assert await store.choices((own,)) == {own: {"streaming": "off"}}


async def test_discord_model_and_persona_with_completion_panel_and_form() -> None:
    async with local_discord() as bot:
        server, store = bot.server, MemoryStore()
        ben = DiscordSeat(server, "Ben", "#general")
        async with served_on_discord(server, store, bot.clock) as service:
            found = await server.complete("Ben", "#general", "model", {"name": "la"}, "name")
            assert [(choice["name"], choice["value"]) for choice in found] == [("Large one", "near/large")]
            await server.invoke("Ben", "#general", "model", {})
            panel = await ben.says(say("choose.model.title", scope=say("scope.conversation")))
            [pick] = panel["rows"]
            [large] = [one["value"] for one in pick[0]["options"] if one["label"] == "Large one"]
            await ben.choose(panel, "pick", large)
            await ben.says("Answers: **Large one**")
            await server.invoke("Ben", "#general", "more persona", {"name": "new"})
            await ben.form(name="Pirate", prompt="Arr.", model="", temperature="0.5")
            await ben.says(say("persona.made", name="Pirate"))
            panel = await ben.says(say("choose.persona.title", scope=say("scope.conversation")))
            [pirate] = [one["value"] for one in panel["rows"][0][0]["options"] if one["label"] == "Pirate"]
            await ben.choose(panel, "pick", pirate)
            await ben.says("I answer as: **Pirate**")
            await server.say("Ben", "#general", "@Sluice well?")
            stream = await service.model.opened()
            assert (stream.request.model, stream.request.temperature) == ("near/large", 0.5)
            assert stream.prompt == ["Arr.", "well?"]
            stream.finish("Arr.")
            found = await server.complete(
                "Ben", "#general", "ask", {"prompt": "hi", "persona": "pi"}, "persona"
            )
            assert [choice["value"] for choice in found] == ["Pirate"]


async def test_telegram_every_control_of_settings_once_and_after_a_restart() -> None:
    async with local_telegram() as server:
        store = MemoryStore()
        ada = TelegramSeat(server, "Ada", "Riverside")
        async with served_on_telegram(server, store):
            await server.say("Ada", "Riverside", "/settings")
            panel = await ada.says(OF_GROUP)
            scope = f"server:telegram:{panel['chat']}"
            assert not any("auto_thread" in one["id"] for row in panel["rows"] for one in row)
            panel = await ada.pick(panel, "when", "commands", "I answer: commands only")
            panel = await ada.pick(panel, "sees", "question", "History: each question alone")
            await ada.press(panel, "keywords")
            asked = await ada.says(say("settings.keywords.label"))
            assert ada.is_asked_alone_by(asked)
            await server.say("Ada", "Riverside", "weir", reply_to=asked["id"])
            panel = await ada.says("Keywords: weir")
            await ada.says(say("settings.kept"))
            panel = await ada.pick(panel, "pause_minutes", "15", "Pause: after 15 minutes")
            panel = await ada.pick(panel, "pause_minutes", INHERIT, "Pause: after 60 minutes")
            page = await ada.opens(panel, "pause_minutes")
            await ada.press(page, "pause_minutes")
            asked = await ada.says(say("settings.pause.label"))
            assert say("form.reply") in asked["text"]
            assert ada.is_asked_alone_by(asked)
            await server.say("Ada", "Riverside", "never", reply_to=asked["id"])
            await ada.says(say("settings.pause.unfit", most=10_080))
            again = await ada.says(say("settings.pause.label"), besides=asked)
            assert ada.is_asked_alone_by(again)
            await server.say("Ada", "Riverside", "0", reply_to=again["id"])
            panel = await ada.says("Pause: never")
            assert {str(ping.person) for ping in server.pings} == {ada.screen.person("Ada")}
            panel = await ada.turn_to_how(panel)
        assert (await store.choices((scope,)))[scope] == {
            "when": "keywords",
            "sees": "question",
            "keywords": "weir",
            "pause_minutes": "0",
        }
        async with served_on_telegram(server, store):
            panel = await ada.pick(panel, "language", "pt-BR", "Português")
            automatic = f"Language: {say('settings.language.auto')}"
            panel = await ada.pick(panel, "language", INHERIT, automatic)
            panel = await ada.pick(panel, "busy", "interrupt", say("settings.busy.interrupt"))
            for what, label in (("streaming", "Streaming: off"), ("reasoning", "Reasoning: on")):
                await ada.press(panel, what)
                panel = await ada.says(label)
            await ada.press(panel, "reset")
            await ada.says("Streaming: on")
        assert await store.choices((scope,)) == {}


async def test_telegram_settings_promise_nothing_that_privacy_mode_withholds() -> None:
    async with local_telegram() as server:
        store, ada = MemoryStore(), TelegramSeat(server, "Ada", "Riverside")
        async with served_on_telegram(server, store):
            await server.say("Ada", "Riverside", "/settings")
            panel = await ada.says(OF_GROUP)
            await ada.press(panel, "overhear")
            await ada.screen.until(lambda: say("settings.unheard") in str(ada.screen.events))
            panel = await ada.pick(panel, "when", "always mention reply", "I answer: every message")
            assert say("settings.unheard") in panel["text"]
            scope = f"server:telegram:{panel['chat']}"
            assert await store.choices((scope,)) == {scope: {"when": "always mention reply"}}
            await server.promote_bot("Ada", "Riverside")
            await ada.press(panel, "overhear")
            await ada.says(say("overhear.on", days=OVERHEARD_DAYS))
            panel = await ada.says("Keep for /catchup: on")
            assert say("settings.unheard") not in panel["text"]


@pytest.mark.parametrize("chat", ["Ada", "Riverside", "Workshop"])
async def test_telegram_the_panel_is_no_wall_of_buttons(chat: str) -> None:
    """One for each setting: what it can be stands on a page of its own, and the way back changes nothing."""
    async with local_telegram() as server:
        store = MemoryStore()
        ada = TelegramSeat(server, "Ada", chat)
        async with served_on_telegram(server, store):
            await server.say("Ada", chat, "/settings")
            panel = await ada.says(say("setting.language"))
            for message in (panel, await ada.turn_to_how(panel)) if chat != "Ada" else (panel,):
                buttons = [one for row in message["rows"] for one in row]
                assert len(buttons) <= 10
                assert all(len(row) <= 3 for row in message["rows"])
                assert not any("|" in made_as(one) for one in buttons if ":scope" not in made_as(one))
            page = await ada.opens(message, "language")
            assert page["text"].splitlines()[2:] == [
                f"🌐 Language: {say('settings.language.auto')} · {say('settings.from.default')}"
            ]
            assert page["rows"][0][0]["label"] == f"✓ {say('inherit.default')}"
            assert page["rows"][-1][0]["label"] == f"‹ {say('settings.back')}"
            await ada.press(page, "tab")
            back = await ada.says(say("setting.streaming"))
            assert back["text"] == panel["text"]
            assert back["rows"] == message["rows"]
    assert await store.choices((f"server:telegram:{panel['chat']}",)) == {}


async def test_telegram_a_member_presses_the_admins_panel_for_nothing() -> None:
    async with local_telegram() as server:
        store = MemoryStore()
        ada, ben = Seat(server, "Ada", "Riverside"), Seat(server, "Ben", "Riverside")
        async with served_on_telegram(server, store):
            await server.say("Ada", "Riverside", "/settings")
            panel = await ada.says(OF_GROUP)
            for row in panel["rows"]:
                await server.press("Ben", "Riverside", panel["id"], row[0]["id"])
            refused = say("unusable.managers", command="/settings")
            await ben.screen.until(
                lambda: sum(refused in str(event) for event in ben.screen.events) >= len(panel["rows"])
            )
            await ada.press(panel, "reset")
            assert await store.choices((f"server:telegram:{panel['chat']}",)) == {}
            await server.say("Ben", "Riverside", "/settings")
            await ben.says(refused)


async def test_telegram_what_is_wrong_with_a_persona_is_asked_again_at_once() -> None:
    async with local_telegram() as server:
        store, person = MemoryStore(), "Ada"
        chat = Seat(server, person, person)
        async with served_on_telegram(server, store):
            await server.say(person, person, "/persona new")
            for label, answer, asked_again in (
                ("persona.field.name", "a/b", say("persona.name_unfit")),
                ("persona.field.name", "Pirate", ""),
                ("persona.field.prompt", "Arr.", ""),
                ("persona.field.model", "whatever", say("persona.model_unfit", name="whatever")),
                ("persona.field.model", "large", ""),
                ("persona.field.temperature", "9", say("persona.temperature_unfit")),
                ("persona.field.temperature", "0,5", ""),
            ):
                question = await chat.says(say(label))
                if label == "persona.field.model":
                    assert say("persona.models", models="Small one, Large one, Long one") in question["text"]
                await server.say(person, person, answer)
                if asked_again:
                    await chat.says(f"{asked_again}\n{say(label)}")
            await chat.says(say("persona.made", name="Pirate"))
        [kept] = await store.personas((f"person:telegram:{chat.screen.person(person)}",))
        assert (kept.model, kept.temperature) == ("near/large", 0.5)


async def test_telegram_persona_is_made_in_private_and_chosen() -> None:
    async with local_telegram() as server:
        store, person = MemoryStore(), "Ada"
        chat = Seat(server, person, person)
        async with served_on_telegram(server, store) as service:
            await server.say(person, person, "/persona new")
            for label, answer in (
                ("persona.field.name", "Pirate"),
                ("persona.field.prompt", "Arr."),
                ("persona.field.model", "large"),
                ("persona.field.temperature", "-"),
            ):
                await chat.says(say(label))
                await server.say(person, person, answer)
            await chat.says(say("persona.made", name="Pirate"))
            panel = await chat.says(say("choose.persona.title", scope=say("scope.chat")))
            [button] = [one for row in panel["rows"] for one in row if one["label"] == "Pirate"]
            await server.press(person, person, panel["id"], button["id"])
            await chat.says("I answer as: Pirate")
            await server.say(person, person, "well?")
            stream = await service.model.opened()
            assert (stream.request.model, stream.prompt) == ("near/large", ["Arr.", "well?"])
            stream.finish("Arr.")


async def test_telegram_model_is_chosen_on_its_panel() -> None:
    async with local_telegram() as server:
        chat = Seat(server, "Ada", "Ada")
        async with served_on_telegram(server, MemoryStore()) as service:
            await server.say("Ada", "Ada", "/model")
            panel = await chat.says(say("choose.model.title", scope=say("scope.chat")))
            [button] = [one for row in panel["rows"] for one in row if one["label"] == "Large one"]
            await server.press("Ada", "Ada", panel["id"], button["id"])
            await chat.says("Answers: Large one")
            await server.say("Ada", "Ada", "well?")
            stream = await service.model.opened()
            assert stream.request.model == "near/large"
            stream.finish("Well.")
