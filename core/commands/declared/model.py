"""`/model`: which model answers in this conversation, channel or server."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call, Occasion, Press
from core.commands.chooser import SCOPE, Chooser
from core.commands.command import Argument, Command, Menu
from core.commands.models import Offer, models_for, suggest_models
from core.commands.scopes import Scope
from core.conversation.history import Question
from core.streaming.inline import escaped
from core.streaming.operations import Button


async def run(call: Call) -> None:
    await CHOOSER.run(call)


async def press(press: Press) -> None:
    level, _, what = press.data.partition(":")[2].partition(":")
    if not await CHOOSER.press(press, level, what):
        press.reply(press.say("form.over"), private=True)


async def _offers(occasion: Occasion) -> tuple[Offer, ...]:
    return models_for(occasion.person, occasion.services)


async def _called(occasion: Occasion, name: str) -> str | None:
    entry = occasion.services.chat.choices.configuration.models.get(name)
    return entry.label if entry else None


def _standard(occasion: Occasion) -> str:
    configuration = occasion.services.chat.choices.configuration
    return configuration.models[configuration.default_model].label


async def _buttons(occasion: Occasion, scope: Scope, now: str | None) -> tuple[Button, ...]:
    return ()


async def _note(occasion: Occasion, now: str | None) -> str:
    """What really answers, where a persona brings a model along."""
    choices, place, person = occasion.services.chat.choices, occasion.place, occasion.person
    asked = Question(occasion.event_id, place, person, "")
    conversation_id = await occasion.services.chat.conversation_of(place, person)
    admin = occasion.services.access.is_admin(person)
    choice = (await choices.manner(asked, conversation_id, admin=admin)).choice
    if choice.persona is None or choice.model == (now or choices.configuration.default_model):
        return ""
    label = escaped(choices.configuration.models[choice.model].label)
    return occasion.say("choose.model.by_persona", persona=escaped(choice.persona), model=label)


CHOOSER: Final = Chooser("model", _offers, _called, _standard, _buttons, _note)
COMMAND: Final = Command(
    "model",
    run,
    (Argument("name", max_length=300, suggest=suggest_models), SCOPE),
    press=press,
    private=True,
    menu=Menu.LISTED,
    weighs_rights=True,
)
