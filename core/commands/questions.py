"""Forms where there are none: what a form asks for is asked in the chat, one text after the other.

The law: one form for each person and place; whoever gives another command drops it, and is told so where
something was filled in, and so do ten minutes.
In a private chat the next message is the answer; where others write, only a reply to the question is. A
restart forgets: the next message is then a question to the model, as any other.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from core.catalogue import say
from core.messages import Field, Form, FormSubmitted, IncomingMessage, MessageRef, Person, Place, PlaceKind
from core.ports.clock import Clock
from core.ports.surface import Surface
from core.service.languages import language_of
from core.service.notices import Notices
from core.service.showing import Showing
from core.streaming.inline import escaped
from core.streaming.view_settings import Foot

KEPT_S: Final = 600.0
_MOST: Final = 1_000
NOTHING: Final = "-"
"""Leaves empty what need not be filled in."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """`person`: with what they may do here, which a message of Telegram's does not say. `panel`: the bot's
    message whose control opened the form."""

    form: Form
    person: Person
    panel: MessageRef | None


@dataclass(slots=True)
class _Asked:
    opened: _Opened
    until: float
    question: Showing
    answers: dict[str, str] = field(default_factory=dict)


class Questions:
    """Who is being asked what. Every message is shown to `expects` before anybody else sees it."""

    def __init__(self, notices: Notices, clock: Clock) -> None:
        self._notices = notices
        self._clock = clock
        self._asked: OrderedDict[tuple[str, str], _Asked] = OrderedDict()

    def ask(
        self,
        form: Form,
        person: Person,
        surface: Surface,
        ref: MessageRef | None,
        panel: MessageRef | None = None,
        *,
        event_id: str = "",
    ) -> bool:
        """Begin with the first field; False when this person is told too much already.

        `ref`: what the first question replies to. `panel`: the bot's message whose control opened the form.
        `event_id`: of what opened it, which is done again where a crash takes the first question along.
        """
        return self._ask(_Opened(form, person, panel), {}, surface, ref, event_id=event_id)

    def drop(self, person: Person, place: Place) -> bool:
        """Ask no further; whether something was being asked."""
        asked = self._asked.pop((str(place), str(person)), None)
        return asked is not None and asked.until > self._clock.monotonic()

    def loses(self, person: Person, place: Place) -> bool:
        """Whether something was filled in already that goes with `drop`."""
        asked = self._asked.get((str(place), str(person)))
        return asked is not None and bool(asked.answers) and asked.until > self._clock.monotonic()

    def forget(self, person: str) -> None:
        """Let go of all that `person` was asked and has answered."""
        for key in [key for key in self._asked if key[1] == person]:
            del self._asked[key]

    def expects(self, message: IncomingMessage) -> bool:
        """Whether it is the answer to a question of ours; then `take` it."""
        asked = self._asked.get((str(message.place), str(message.author)))
        fresh = asked is not None and asked.until > self._clock.monotonic()
        return asked is not None and fresh and _answers(message, asked.question)

    def take(self, message: IncomingMessage, surface: Surface) -> FormSubmitted | None:
        """The form when that was its last answer; None when there is more to ask, or the same again."""
        asked = self._asked.pop((str(message.place), str(message.author)))
        opened, fields = asked.opened, asked.opened.form.fields
        wanted = fields[len(asked.answers)]
        text = "" if message.text == NOTHING and not wanted.required else message.text
        if words := _unfit(wanted, text, language_of(message.author, message.place)):
            self._ask(opened, asked.answers, surface, message.ref, prefix=words + "\n")
            return None
        answers = asked.answers | {wanted.name: text}
        if len(answers) < len(fields):
            self._ask(opened, answers, surface, message.ref)
            return None
        return FormSubmitted(
            message.event_id,
            message.place,
            opened.person,
            opened.form.data,
            answers,
            ref=opened.panel,
            answer=message.ref,
        )

    def _ask(
        self,
        opened: _Opened,
        answers: dict[str, str],
        surface: Surface,
        ref: MessageRef | None,
        *,
        prefix: str = "",
        event_id: str = "",
    ) -> bool:
        person = opened.person
        wanted, locale = opened.form.fields[len(answers)], language_of(person, surface.place)
        lines = [prefix + f"**{wanted.label}**", escaped(wanted.hint)]
        if wanted.value:
            lines.append(say("form.now", locale, value=wanted.value))
        if surface.place.kind is not PlaceKind.PRIVATE:
            lines.append(say("form.reply", locale))
        cancel, skip = say("form.cancel", locale), say("form.skip", locale, nothing=f"`{NOTHING}`")
        lines.append(cancel if wanted.required else skip)
        question = self._notices.reply(
            surface,
            person,
            "\n".join(filter(None, lines)),
            ref=ref,
            foot=Foot(wants_reply=True),
            private=False,
            event_id=event_id,
        )
        if question is None:
            return False
        key = (str(surface.place), str(person))
        self._asked[key] = _Asked(opened, self._clock.monotonic() + KEPT_S, question, answers)
        self._asked.move_to_end(key)
        if len(self._asked) > _MOST:
            self._asked.popitem(last=False)
        return True


def _unfit(wanted: Field, text: str, locale: str | None) -> str:
    """Why this text cannot be taken, "" where it can."""
    if (wanted.required and not text.strip()) or len(text) > wanted.max_length:
        return say("form.unfit", locale, limit=wanted.max_length)
    return wanted.mistake(text) if wanted.mistake is not None else ""


def _answers(message: IncomingMessage, question: Showing) -> bool:
    if message.place.kind is PlaceKind.PRIVATE:
        return True
    return message.quote is not None and message.quote.ref in question.messages
