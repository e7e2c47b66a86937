"""Calls that lack arguments: a form asks for these, and the call goes on with what was filled in."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import replace
from typing import Final

from core.commands.command import Command
from core.commands.questions import Questions
from core.messages import Field, Form, FormSubmitted, IncomingCommand
from core.ports.surface import Surface
from core.service.languages import language_of
from core.streaming.operations import Delivered

_FORM: Final = "form:"
"""What the data of such a form begins with; the number of the call follows."""
_MOST: Final = 1_000


class UnfinishedCalls:
    """Kept in memory: a form that is filled in after a restart belongs to nothing."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._calls: OrderedDict[str, IncomingCommand] = OrderedDict()

    async def ask(self, command: Command, incoming: IncomingCommand, surface: Surface) -> bool:
        """Whether what is missing was asked for."""
        locale = language_of(incoming.author, incoming.place)
        data = _FORM + secrets.token_hex(8)
        fields = tuple(
            Field(
                argument.name,
                command.description_of(argument, locale),
                incoming.arguments.get(argument.name, ""),
                required=argument.required,
                long=argument.max_length > 100,
                max_length=min(argument.max_length, 4_000),
            )
            for argument in map(command.argument, command.form)
            if argument is not None
        )
        title = command.menu_entry(locale) if incoming.target else command.description(locale)
        form = Form(data, title[:45], fields)
        self._calls[data] = incoming
        if len(self._calls) > _MOST:
            self._calls.popitem(last=False)
        if surface.open_form is None:
            return self._questions.ask(
                form, incoming.author, surface, incoming.ref, event_id=incoming.event_id
            )
        return isinstance(await surface.open_form(form), Delivered)

    def finished(self, form: FormSubmitted) -> IncomingCommand | None:
        """The call that a form completes, once; None where it was another's, or is no such form."""
        call = self._calls.pop(form.data, None)
        whose = (form.author.id, form.place.chat_id)
        if call is None or (call.author.id, call.place.chat_id) != whose:
            return None
        given = {name: text for name, text in form.fields.items() if text}
        return replace(
            call,
            event_id=form.event_id,
            author=form.author,
            arguments={**call.arguments, **given},
            ref=form.answer or form.ref or call.ref,
        )

    def forget(self, person: str) -> None:
        """Let go of the calls of `person`, a `str(Person)`."""
        for data in [data for data, call in self._calls.items() if str(call.author) == person]:
            del self._calls[data]
