"""The contract of what people press, choose and fill in: shown and brought back alike on both platforms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Final, Protocol

import pytest
import pytest_asyncio

from core.messages import ButtonPress, Field, Form, FormSubmitted, IncomingMessage
from core.ports.surface import Surface
from core.streaming.operations import Button, ButtonStyle, Delivered, MessageContent, Option, Row, Select
from core.streaming.rendering import Rendered
from tests.discord import support as discord_support
from tests.telegram import harness as telegram_harness

GATES: Final = Select("gate", (Option("open", "Open", chosen=True), Option("shut", "Shut")), "The gate")
STOP: Final = Button("stop:1", "Stop", ButtonStyle.DANGER)
NAME: Final = Button("name", "Name it")
LONGEST: Final = Select("d" * 31, tuple(Option(f"{n:032}", f"Number {n}") for n in range(25)))


class Panels(Protocol):
    """A surface where somebody asked something, and what they do with the controls that it shows."""

    @property
    def surface(self) -> Surface: ...

    def text(self, message_id: str) -> str: ...

    def shown(self, message_id: str) -> list[list[str]]:
        """What stands in each row: labels, of a select those of its options, a tick before what is chosen."""

    async def press(self, message_id: str, data: str) -> tuple[ButtonPress, Surface]: ...

    async def choose(self, message_id: str, data: str, value: str) -> tuple[ButtonPress, Surface]: ...


class DiscordPanels:
    def __init__(self, bot: discord_support.Bot, surface: Surface) -> None:
        self.bot = bot
        self.surface = surface

    def text(self, message_id: str) -> str:
        return str(self.bot.entry(message_id)["text"])

    def shown(self, message_id: str) -> list[list[str]]:
        rows: list[list[dict[str, Any]]] = self.bot.entry(message_id)["rows"]
        return [[label for one in row for label in _labels(one)] for row in rows]

    async def press(self, message_id: str, data: str) -> tuple[ButtonPress, Surface]:
        await self.bot.server.press("Ben", "#general", message_id, data)
        return await self._pressed()

    async def choose(self, message_id: str, data: str, value: str) -> tuple[ButtonPress, Surface]:
        await self.bot.server.choose("Ben", "#general", message_id, data, [value])
        return await self._pressed()

    async def _pressed(self) -> tuple[ButtonPress, Surface]:
        event, surface = await self.bot.next()
        assert isinstance(event, ButtonPress)
        return event, surface


def _labels(control: dict[str, Any]) -> list[str]:
    if control["kind"] == "button":
        return [control["label"]]
    return [("✓ " if option["chosen"] else "") + option["label"] for option in control["options"]]


class TelegramPanels:
    def __init__(self, bot: telegram_harness.Bot, surface: Surface) -> None:
        self.bot = bot
        self.surface = surface

    def text(self, message_id: str) -> str:
        message = telegram_harness.message_of(self.bot.server, self.surface.place.chat_id, message_id)
        return str(message["text"])

    def shown(self, message_id: str) -> list[list[str]]:
        message = telegram_harness.message_of(self.bot.server, self.surface.place.chat_id, message_id)
        return [[button["label"] for button in row] for row in message["rows"]]

    async def press(self, message_id: str, data: str) -> tuple[ButtonPress, Surface]:
        await self.bot.server.press("Ada", "Ada", message_id, data)
        return await self.bot.next(ButtonPress)

    async def choose(self, message_id: str, data: str, value: str) -> tuple[ButtonPress, Surface]:
        return await self.press(message_id, f"{data}|{value}")


@asynccontextmanager
async def on_discord() -> AsyncIterator[Panels]:
    async with discord_support.started() as bot:
        await bot.server.say("Ben", "#general", "@Sluice hello")
        _, surface = await bot.next()
        yield DiscordPanels(bot, surface)


@asynccontextmanager
async def on_telegram() -> AsyncIterator[Panels]:
    async with telegram_harness.local_telegram() as server, telegram_harness.started(server) as bot:
        await server.say("Ada", "Ada", "hello")
        _, surface = await bot.next(IncomingMessage)
        yield TelegramPanels(bot, surface)


PLATFORMS: Final = {"discord": on_discord, "telegram": on_telegram}


@pytest_asyncio.fixture(params=PLATFORMS)
async def panels(request: pytest.FixtureRequest) -> AsyncIterator[Panels]:
    opened: AbstractAsyncContextManager[Panels] = PLATFORMS[request.param]()
    async with opened as panels:
        yield panels


def content(surface: Surface, text: str, *panel: Row, buttons: tuple[Button, ...] = ()) -> MessageContent:
    return MessageContent(surface.capabilities.renderer.render(text), buttons, panel=panel)


async def test_controls_change_and_the_text_stays(panels: Panels) -> None:
    """As where one of them was used: also their edit is a whole message, but for the text."""
    message = await sent(panels, (NAME,), buttons=(STOP,))
    bare = Rendered("", fill=0.0)
    for buttons, labels in (((NAME,), [["Name it"]]), ((), []), ((), [])):  # the last one changes nothing
        outcome = await panels.surface.edit(message, MessageContent(bare, buttons, keeps_text=True))
        assert isinstance(outcome, Delivered), outcome
        assert outcome.message_id == message
        assert panels.shown(message) == labels
        assert panels.text(message) == "A weir"


async def sent(panels: Panels, *panel: Row, buttons: tuple[Button, ...] = ()) -> str:
    outcome = await panels.surface.send(content(panels.surface, "A weir", *panel, buttons=buttons), None)
    assert isinstance(outcome, Delivered), outcome
    return outcome.message_id


async def test_rows_stand_in_order_and_the_buttons_below(panels: Panels) -> None:
    message = await sent(panels, GATES, (NAME, Button("more", "More")), buttons=(STOP,))
    assert panels.shown(message) == [["✓ Open", "Shut"], ["Name it", "More"], ["Stop"]]


async def test_a_button_brings_its_data_back_and_no_value(panels: Panels) -> None:
    message = await sent(panels, GATES, buttons=(STOP,))
    press, surface = await panels.press(message, STOP.data)
    assert (press.data, press.values, press.ref.message_id) == ("stop:1", (), message)
    assert surface.place == panels.surface.place


async def test_a_choice_brings_the_selects_data_and_the_value_back(panels: Panels) -> None:
    message = await sent(panels, GATES)
    press, _ = await panels.choose(message, "gate", "shut")
    assert (press.data, press.values, press.ref.message_id) == ("gate", ("shut",), message)


async def test_what_was_pressed_is_edited_by_the_presss_own_surface(panels: Panels) -> None:
    message = await sent(panels, GATES, (NAME,))
    _, surface = await panels.choose(message, "gate", "shut")
    options = (Option("open", "Open"), Option("shut", "Shut", chosen=True))
    outcome = await surface.edit(message, content(surface, "Shut now", replace(GATES, options=options)))
    assert isinstance(outcome, Delivered)
    assert outcome.message_id == message
    assert panels.shown(message) == [["Open", "✓ Shut"]]
    again = await surface.edit(message, content(surface, "Done"))
    assert isinstance(again, Delivered)
    assert panels.shown(message) == []


async def test_the_largest_select_there_may_be_is_shown_and_comes_back(panels: Panels) -> None:
    message = await sent(panels, LONGEST)
    assert sum(map(len, panels.shown(message))) == 25
    press, _ = await panels.choose(message, LONGEST.data, LONGEST.options[-1].value)
    assert (press.data, press.values) == (LONGEST.data, (LONGEST.options[-1].value,))


async def test_a_form_opens_at_a_press_and_comes_back_where_there_are_forms(panels: Panels) -> None:
    message = await sent(panels, buttons=(NAME,))
    _, surface = await panels.press(message, NAME.data)
    name = Field("name", "Name", value="Weir", hint="A short one", max_length=40)
    why = Field("why", "Why", required=False, long=True)
    open_form = surface.open_form
    if open_form is None:
        assert isinstance(panels, TelegramPanels)  # the core asks there, one text after the other
        return
    assert isinstance(panels, DiscordPanels)
    assert isinstance(await open_form(Form("named", "A name", (name, why))), Delivered)
    assert surface.open_form is None, "a press is answered once"
    server = panels.bot.server
    [form] = server.open_modals("Ben")
    assert [(f["label"], f["value"], f["long"], f["required"], f["about"]) for f in form["fields"]] == [
        ("Name", "Weir", False, True, "A short one"),
        ("Why", "", True, False, ""),
    ]
    await server.submit("Ben", form["id"], {"name": "Long Weir"})
    submitted, then = await panels.bot.next()
    assert isinstance(submitted, FormSubmitted)
    assert (submitted.data, dict(submitted.fields)) == ("named", {"name": "Long Weir", "why": ""})
    assert submitted.ref is not None
    assert submitted.ref.message_id == message
    assert then.open_form is None, "a form cannot open a form"
    assert isinstance(await then.edit(message, content(then, "Long Weir")), Delivered)
    assert panels.bot.entry(message)["text"] == "Long Weir"


async def test_a_row_of_buttons_is_as_wide_as_a_phone(panels: Panels) -> None:
    labels = ("Approve this place", "Deny it for good", "Ask me again", "More", "Less")
    row = tuple(Button(f"more:{n}", label) for n, label in enumerate(labels))
    message = await sent(panels, row, tuple(Button(f"few:{n}", "Few") for n in range(4)))
    shown = panels.shown(message)
    assert [label for one in shown for label in one] == [*labels, *["Few"] * 4]
    if isinstance(panels, TelegramPanels):
        assert shown == [[*labels[:2]], ["Ask me again", "More", "Less"], ["Few"] * 3, ["Few"]]
