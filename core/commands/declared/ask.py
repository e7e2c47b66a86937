"""`/ask`: one question. Its options are for this one alone. Also "Ask about this" in a message's menu."""

from __future__ import annotations

from typing import Final

from core.commands.call import Call
from core.commands.command import Argument, Command, Kind, Menu
from core.commands.models import found, models_for, personas_for, suggest_models, suggest_personas
from core.conversation.history import Question
from core.streaming.inline import escaped


async def run(call: Call) -> None:
    incoming = call.incoming
    model, persona = call.text("model"), call.text("persona")
    if model:
        offer = found(models_for(call.person, call.services), model)
        if offer is None:
            call.reply(call.say("choose.model.unknown", name=escaped(model)), private=True)
            return
        model = offer.name
    if persona:
        offer = found(await personas_for(call.person, call.place, call.services), persona)
        if offer is None:
            call.reply(call.say("choose.persona.unknown", name=escaped(persona)), private=True)
            return
        persona = offer.name
    call.services.chat.ask(
        Question(
            call.event_id,
            call.place,
            call.person,
            call.text("prompt"),
            call.ref,
            incoming.target or incoming.quote,
            private=call.flag("private"),
            model=model,
            persona=persona,
        ),
        call.surface,
    )


COMMAND: Final = Command(
    "ask",
    run,
    (
        Argument("prompt", required=True),
        Argument("model", max_length=300, suggest=suggest_models),
        Argument("persona", max_length=100, suggest=suggest_personas),
        Argument("private", Kind.BOOLEAN),
    ),
    portable=True,
    menu=Menu.LISTED,
    message_menu=1,
    form=("prompt",),
    repeatable=True,
)
