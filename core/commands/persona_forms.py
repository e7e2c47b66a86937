"""Personas that people make in a chat: their form, who may change them, and what becomes of what was written.

Nothing that somebody wrote is lost to a mistake: what cannot be kept comes back as a file, and a model or a
temperature that cannot be used is left out and told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.commands import scopes
from core.commands.call import Occasion, Press
from core.commands.models import NEW, found, models_for, tag_of
from core.configuration import is_persona_name
from core.messages import Field, Form
from core.ports.store import KeptPersona, StoreError
from core.service.personas import scope_to_make
from core.streaming.inline import escaped
from core.streaming.operations import FileContent

MOST_EACH: Final = 50
"""Personas that one person, or one server, has."""
_LONGEST_NAME, _LONGEST_PROMPT, _HOTTEST = 32, 4_000, 2.0


async def own(occasion: Occasion, tag: str) -> KeptPersona | None:
    """The persona with this tag, if this person may change it: whoever made it, or manages where it is."""
    made = await occasion.services.chat.choices.personas.made(occasion.place, occasion.person)
    persona = next((one for one in made if tag_of(one.scope + one.name) == tag), None)
    if persona is None or persona.made_by == str(occasion.person):
        return persona
    managed = scopes.managed(occasion.place, occasion.person, occasion.services.access)
    return persona if persona.scope in {scope.key for scope in managed} else None


def tag(persona: KeptPersona) -> str:
    """For `own`: two scopes may have a persona of one name."""
    return tag_of(persona.scope + persona.name)


def form(occasion: Occasion, data: str, persona: KeptPersona | None = None) -> Form:
    """For a new one, or for one that is there: that keeps its name."""
    texts = [
        Field(
            "prompt",
            occasion.say("persona.field.prompt"),
            persona.prompt if persona else "",
            occasion.say("persona.field.prompt.hint"),
            long=True,
            max_length=_LONGEST_PROMPT,
        ),
        Field(
            "model",
            occasion.say("persona.field.model"),
            (persona.model or "") if persona else "",
            occasion.say("persona.field.model.hint"),
            required=False,
            max_length=300,
        ),
        Field(
            "temperature",
            occasion.say("persona.field.temperature"),
            "" if persona is None or persona.temperature is None else str(persona.temperature),
            occasion.say("persona.field.temperature.hint"),
            required=False,
            max_length=5,
        ),
    ]
    if persona is None:
        texts.insert(0, Field("name", occasion.say("persona.field.name"), max_length=_LONGEST_NAME))
    title = occasion.say("persona.form.new") if persona is None else persona.name
    return Form(data, title[:45], tuple(texts))


async def keep(press: Press, persona: KeptPersona | None = None) -> str | None:
    """Make what the form says, or change the persona to it. The words to tell of it, "" for none; None where
    it is not kept, and the person was told why."""
    prompt = press.fields.get("prompt", "").strip()
    told: list[str] = []
    if persona is None:
        name = " ".join(press.fields.get("name", "").split())
        if mistake := await _mistake(press, name):
            _give_back(press, mistake, prompt)
            return None
        scope = scope_to_make(press.place, press.person)
        persona = KeptPersona(scope, name, prompt, str(press.person))
        told.append(press.say("persona.made", name=escaped(name)))
    elif press.answer is not None:  # the panel stands further up
        told.append(press.say("settings.kept"))
    model, temperature, notes = _details(press)
    wanted = replace(persona, prompt=prompt, model=model, temperature=temperature)
    try:
        await press.services.chat.choices.personas.keep(wanted)
    except StoreError:
        _give_back(press, press.say("settings.not_kept"), prompt)
        return None
    return "\n".join((*told, *notes))


async def _mistake(press: Press, name: str) -> str:
    """Why none can be made by this name here, "" where one can."""
    personas = press.services.chat.choices.personas
    if not is_persona_name(name) or name.casefold() == NEW:
        return press.say("persona.name_unfit")
    there = await personas.all(press.place, press.person)
    if name.casefold() in {one.name.casefold() for one in there}:
        return press.say("persona.taken", name=escaped(name))
    scope = scope_to_make(press.place, press.person)
    made = await personas.made(press.place, press.person)
    if sum(one.scope == scope for one in made) >= MOST_EACH:
        return press.say("persona.too_many", most=MOST_EACH)
    return ""


def _details(press: Press) -> tuple[str | None, float | None, list[str]]:
    """Model and temperature, and what of them could not be used."""
    notes: list[str] = []
    model = temperature = None
    if typed := press.fields.get("model", "").strip():
        offer = found(models_for(press.person, press.services), typed)
        model = offer.name if offer else None
        if offer is None:
            notes.append(press.say("persona.model_unfit", name=escaped(typed)))
    if typed := press.fields.get("temperature", "").strip():
        try:
            temperature = float(typed.replace(",", "."))
        except ValueError:
            temperature = -1.0
        if not 0.0 <= temperature <= _HOTTEST:
            temperature = None
            notes.append(press.say("persona.temperature_unfit"))
    return model, temperature, notes


def _give_back(press: Press, words: str, prompt: str) -> None:
    file = FileContent("persona.txt", prompt.encode()) if prompt else None
    if file is None or len(file.data) > press.surface.capabilities.max_file_bytes:
        press.reply(words, private=True)
    else:
        press.reply(f"{words} {press.say('persona.given_back')}", private=True, file=file)
