"""`/persona`: as whom the bot answers in this conversation, channel or server. It makes them, too."""

from __future__ import annotations

from typing import Final

from core.commands import persona_forms, scopes
from core.commands.call import Call, Inquiry, Occasion, Press
from core.commands.chooser import SCOPE, Chooser
from core.commands.command import Argument, Command
from core.commands.models import NEW, Offer, personas_for, suggest_personas
from core.commands.scopes import Scope
from core.messages import Choice
from core.ports.store import KeptPersona, StoreError
from core.streaming.inline import escaped
from core.streaming.operations import Button, ButtonStyle


async def run(call: Call) -> None:
    if call.text("name").strip().casefold() == NEW:
        await call.open_form(await persona_forms.form(call, f"persona:{scopes.CONVERSATION}:new"))
    else:
        await CHOOSER.run(call)


async def press(press: Press) -> None:
    _, level, what, tag = (*press.data.split(":"), "", "", "")[:4]
    if await CHOOSER.press(press, level, what):
        return
    place = press.place
    own = scopes.conversation(place, await press.services.chat.conversation_of(place, press.person))
    scope = await CHOOSER.scope(press, level) or own
    if what == "new":
        await _new(press, scope)
        return
    persona = await persona_forms.own(press, tag)
    if persona is None:
        press.reply(press.say("persona.not_yours"), private=True)
    elif what == "edit" and not press.fields:
        await press.open_form(await persona_forms.form(press, press.data, persona))
    elif what == "edit":
        await _keep(press, scope, persona)
    elif what == "delete":
        sure = Button(f"persona:{scope.level}:gone:{tag}", press.say("persona.delete"), ButtonStyle.DANGER)
        back = Button(f"persona:{scope.level}:panel", press.say("persona.back"))
        press.update(press.say("persona.delete_sure", name=escaped(persona.name)), ((sure, back),))
    elif what == "gone":
        try:
            await press.services.chat.choices.personas.remove(persona)
        except StoreError:
            press.reply(press.say("settings.not_kept"), private=True)
            return
        await CHOOSER.show(press, scope)


async def _new(press: Press, scope: Scope) -> None:
    if not press.fields:
        await press.open_form(await persona_forms.form(press, press.data))
    else:
        await _keep(press, scope)


async def _keep(press: Press, scope: Scope, persona: KeptPersona | None = None) -> None:
    words = await persona_forms.keep(press, persona)
    if words is None:
        return
    await CHOOSER.show(press, scope)
    if words:
        press.reply(words, private=True)


async def _suggest(inquiry: Inquiry, typed: str) -> tuple[Choice, ...]:
    """Last of all, that a new one can be made."""
    new = Choice(NEW, inquiry.say("persona.new"))
    return (*(await suggest_personas(inquiry, typed))[:24], new)


async def _offers(occasion: Occasion) -> tuple[Offer, ...]:
    return await personas_for(occasion.person, occasion.place, occasion.services)


async def _called(occasion: Occasion, name: str) -> str | None:
    persona = await occasion.services.chat.choices.personas.named(name, occasion.place, occasion.person)
    return persona.name if persona else None


def _standard(occasion: Occasion) -> str:
    return occasion.services.chat.choices.configuration.default_persona or occasion.say("persona.none")


async def _buttons(occasion: Occasion, scope: Scope, now: str | None) -> tuple[Button, ...]:
    buttons = [Button(f"persona:{scope.level}:new", occasion.say("persona.new"))]
    made = await occasion.services.chat.choices.personas.made(occasion.place, occasion.person)
    chosen = next((one for one in made if one.name == now), None)
    if chosen is not None:
        tag = persona_forms.tag(chosen)
        if await persona_forms.own(occasion, tag):
            buttons.append(Button(f"persona:{scope.level}:edit:{tag}", occasion.say("persona.edit")))
            buttons.append(Button(f"persona:{scope.level}:delete:{tag}", occasion.say("persona.delete")))
    return tuple(buttons)


async def _note(occasion: Occasion, now: str | None) -> str:
    offers = await _offers(occasion)
    return next((escaped(offer.about) for offer in offers if offer.name == now), "")


CHOOSER: Final = Chooser("persona", _offers, _called, _standard, _buttons, _note)
COMMAND: Final = Command(
    "persona",
    run,
    (Argument("name", max_length=100, suggest=_suggest), SCOPE),
    press=press,
    private=True,
    weighs_rights=True,
)
