"""A panel on its message on the surface in memory, and what people do with it."""

from __future__ import annotations

from core.messages import ButtonPress, FormSubmitted, MessageRef, Person, Place
from core.streaming.operations import Button, Row, Select
from tests.fakes.surface import FakeSurface
from tests.service.conftest import Bot


def data_of(control: Button | Select) -> str:
    """As its command made it, without what signs it."""
    return control.data.rpartition(".")[0]


def surface_in(bot: Bot, place: Place, *, forms: bool = True) -> FakeSurface:
    """With `forms` as an interaction of Discord's, else as a chat of Telegram's."""
    surface = bot.surface(place.chat_id, place.kind, private_answers=forms, forms=forms)
    surface.place = place
    return surface


class Panel:
    """The one on the first message."""

    def __init__(self, bot: Bot, surface: FakeSurface, person: Person) -> None:
        self.bot = bot
        self.surface = surface
        self.person = person

    @property
    def text(self) -> str:
        return self.surface.messages["m1"].content.body.text

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.surface.messages["m1"].content.panel

    @property
    def selects(self) -> dict[str, Select]:
        return {data_of(row).rpartition(":")[2]: row for row in self.rows if isinstance(row, Select)}

    @property
    def buttons(self) -> list[Button]:
        return [button for row in self.rows if not isinstance(row, Select) for button in row]

    @property
    def told(self) -> str:
        """What was said last."""
        return self.surface.texts[-1]

    def button(self, what: str) -> Button:
        [found] = [button for button in self.buttons if data_of(button).split(":")[2] == what]
        return found

    def labels(self, what: str) -> list[str]:
        return [option.label for option in self.selects[what].options]

    def chosen(self, what: str) -> str:
        [found] = [option.label for option in self.selects[what].options if option.chosen]
        return found

    async def press(self, data: str, *values: str, person: Person | None = None) -> None:
        event = self.bot.event_id()
        ref = MessageRef(self.surface.place.chat_id, "m1")
        press = ButtonPress(event, self.surface.place, person or self.person, ref, data, values=values)
        await self.bot.handle(press, self.surface)
        await self.bot.clock.advance(2.0)

    async def choose(self, what: str, value: str) -> None:
        await self.press(self.selects[what].data, value)

    async def pick(self, what: str, label: str) -> None:
        """Choose by what people see."""
        [value] = [option.value for option in self.selects[what].options if option.label == label]
        await self.choose(what, value)

    async def fill(self, **fields: str) -> None:
        """Submit the form that was opened last."""
        form = self.surface.forms[-1]
        assert {field.name for field in form.fields} >= fields.keys()
        ref = MessageRef(self.surface.place.chat_id, "m1") if "m1" in self.surface.messages else None
        every = {field.name: fields.get(field.name, "") for field in form.fields}
        event = self.bot.event_id()
        await self.bot.handle(
            FormSubmitted(event, self.surface.place, self.person, form.data, every, ref), self.surface
        )
        await self.bot.clock.advance(2.0)


async def opened(
    bot: Bot,
    name: str,
    place: Place,
    person: Person,
    arguments: dict[str, str] | None = None,
    *,
    forms: bool = True,
) -> Panel:
    """What stands there after a command."""
    surface = surface_in(bot, place, forms=forms)
    await bot.command(surface, name, arguments, author=person)
    await bot.clock.advance(2.0)
    return Panel(bot, surface, person)


async def kept(bot: Bot, scope: str) -> dict[str, str]:
    """What was chosen in a scope, as the store has it."""
    return dict((await bot.store.choices((scope,))).get(scope, {}))
