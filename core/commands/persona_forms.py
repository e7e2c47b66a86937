"""Personas that people make in a chat: their form, who may change them, and what becomes of what was written.

Nothing that somebody wrote is lost to a mistake. Where one text is asked for after the other, what is wrong
is asked again. A form comes with all at once: what cannot be kept comes back as a file, and a model or a
temperature that cannot be used is left out and told.
"""

from __future__ import annotations

from collections.abc import Callable
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
_LONGEST_HINT: Final = 100
_MOST_NAMED: Final = 5


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


async def form(occasion: Occasion, data: str, persona: KeptPersona | None = None) -> Form:
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
            _model_hint(occasion),
            required=False,
            max_length=300,
            mistake=lambda typed: _model_mistake(occasion, typed),
        ),
        Field(
            "temperature",
            occasion.say("persona.field.temperature"),
            "" if persona is None or persona.temperature is None else str(persona.temperature),
            occasion.say("persona.field.temperature.hint"),
            required=False,
            max_length=5,
            mistake=lambda typed: _temperature_mistake(occasion, typed),
        ),
    ]
    if persona is None:
        label, mistake = occasion.say("persona.field.name"), await _name_mistake(occasion)
        texts.insert(0, Field("name", label, max_length=_LONGEST_NAME, mistake=mistake))
    title = occasion.say("persona.form.new") if persona is None else persona.name
    return Form(data, title[:45], tuple(texts))


async def keep(press: Press, persona: KeptPersona | None = None) -> str | None:
    """Make what the form says, or change the persona to it. The words to tell of it, "" for none; None where
    it is not kept, and the person was told why."""
    prompt = press.fields.get("prompt", "").strip()
    told: list[str] = []
    if persona is None:
        name = _spaced(press.fields.get("name", ""))
        if mistake := (await _name_mistake(press))(name):
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


async def _name_mistake(occasion: Occasion) -> Callable[[str], str]:
    """Why none can be made by a name here, "" where one can, as things are now."""
    personas, place, person = occasion.services.chat.choices.personas, occasion.place, occasion.person
    there = {one.name.casefold() for one in await personas.all(place, person)}
    scope = scope_to_make(place, person)
    made = sum(one.scope == scope for one in await personas.made(place, person))

    def mistake(typed: str) -> str:
        name = _spaced(typed)
        if not is_persona_name(name) or name.casefold() == NEW:
            return occasion.say("persona.name_unfit")
        if name.casefold() in there:
            return occasion.say("persona.taken", name=escaped(name))
        return occasion.say("persona.too_many", most=MOST_EACH) if made >= MOST_EACH else ""

    return mistake


def _spaced(name: str) -> str:
    return " ".join(name.split())


def _details(press: Press) -> tuple[str | None, float | None, list[str]]:
    """Model and temperature, and what of them could not be used."""
    model, temperature = press.fields.get("model", ""), press.fields.get("temperature", "")
    unfit = _model_mistake(press, model)
    mistakes = filter(None, (unfit, _temperature_mistake(press, temperature)))
    notes = [f"{mistake} {press.say('persona.left_out')}" for mistake in mistakes]
    if unfit:  # a question that is asked again names them itself
        notes.append(escaped(_models_to_choose(press, _LONGEST_HINT)))
    return _model(press, model), _temperature(temperature), notes


def _model(occasion: Occasion, typed: str) -> str | None:
    offer = found(models_for(occasion.person, occasion.services), typed.strip()) if typed.strip() else None
    return offer.name if offer else None


def _model_hint(occasion: Occasion) -> str:
    empty = occasion.say("persona.field.model.hint")
    return f"{empty} {_models_to_choose(occasion, _LONGEST_HINT - len(empty) - 1)}".rstrip()


def _models_to_choose(occasion: Occasion, longest: int) -> str:
    """In so many characters at most, and so no more than a few of many; "" for none."""
    labels = [offer.label for offer in models_for(occasion.person, occasion.services)]
    for most in range(min(len(labels), _MOST_NAMED), 0, -1):
        named = [*labels[:most], *(["…"] if most < len(labels) else [])]
        words = occasion.say("persona.models", models=", ".join(named))
        if len(words) <= longest:
            return words
    return ""


def _model_mistake(occasion: Occasion, typed: str) -> str:
    unfit = typed.strip() and _model(occasion, typed) is None
    return occasion.say("persona.model_unfit", name=escaped(typed.strip())) if unfit else ""


def _temperature(typed: str) -> float | None:
    try:
        temperature = float(typed.replace(",", "."))
    except ValueError:
        return None
    return temperature if 0.0 <= temperature <= _HOTTEST else None


def _temperature_mistake(occasion: Occasion, typed: str) -> str:
    return occasion.say("persona.temperature_unfit") if typed.strip() and _temperature(typed) is None else ""


def _give_back(press: Press, words: str, prompt: str) -> None:
    file = FileContent("persona.txt", prompt.encode()) if prompt else None
    if file is None or len(file.data) > press.surface.capabilities.max_file_bytes:
        press.reply(words, private=True)
    else:
        press.reply(f"{words} {press.say('persona.given_back')}", private=True, file=file)
