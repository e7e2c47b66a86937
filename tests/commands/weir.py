"""A command as a stranger would add it: one definition with everything that a definition can say."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.commands.call import Call, Inquiry, Press
from core.commands.command import Argument, Command, Kind
from core.messages import Choice, Field, Form
from core.streaming.operations import Button, Option, Row, Select

RIVERS: Final = ("Thames", "Tiber", "Tagus")
GATES: Final = ("open", "shut")


async def run(call: Call) -> None:
    call.reply(call.say("weir.at", river=call.text("river"), metres=call.arguments.get("metres", 1)), panel())


async def press(press: Press) -> None:
    match press.data:
        case "weir:gate":
            press.update(press.say("weir.gate", gate=press.values[0]), panel(press.values[0]))
        case "weir:name":
            await press.open_form(Form("weir:named", "A name", (Field("name", "What is it called?"),)))
        case "weir:named":
            press.reply(press.say("weir.named", name=press.fields["name"]), private=True)


async def rivers(inquiry: Inquiry, typed: str) -> tuple[Choice, ...]:
    return tuple(Choice(river, river) for river in RIVERS if river.lower().startswith(typed.lower()))


def panel(gate: str = "open") -> tuple[Row, ...]:
    options = tuple(Option(value, value.title(), chosen=value == gate) for value in GATES)
    return (Select("weir:gate", options, "The gate"), (Button("weir:name", "Name it"),))


COMMAND: Final = Command(
    "weir",
    run,
    (
        Argument("river", required=True, suggest=rivers),
        Argument("metres", Kind.INTEGER, minimum=1, maximum=9),
        Argument("gate", Kind.CHOICE, choices=GATES),
    ),
    press=press,
    form=("river",),
    words=MappingProxyType(
        {
            "command.weir": "Build a weir",
            "command.weir.river": "In which river",
            "command.weir.metres": "How high",
            "command.weir.gate": "Its gate at first",
            "command.weir.gate.open": "Open",
            "command.weir.gate.shut": "Shut",
            "weir.at": "A weir of {metres} m in the {river}",
            "weir.gate": "The gate is {gate}",
            "weir.named": "It is called {name}",
        }
    ),
)
