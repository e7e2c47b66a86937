"""What a command gets when somebody uses it, and what it can do then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from core.catalogue import say
from core.commands.command import Command
from core.commands.services import Services
from core.messages import Form, IncomingCommand, MessageRef, Person, Place, Suggesting, owned
from core.ports.surface import Surface
from core.service.languages import language_of
from core.service.notices import unseen_by_others
from core.service.showing import Showing
from core.streaming.operations import Delivered, FileContent, Row
from core.streaming.view_settings import Foot

Value = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Somebody used a command, or what it had shown. `event_id`: the platform's, the same when repeated."""

    command: Command
    event_id: str
    person: Person
    surface: Surface
    services: Services
    ref: MessageRef | None = None  # the message that carried it; of a press: the one that was pressed

    @property
    def place(self) -> Place:
        return owned(self.surface.place, self.person)

    @property
    def unseen_by_others(self) -> bool:
        """Whether a private reply would reach the asker alone."""
        return unseen_by_others(self.surface)

    @property
    def private_files(self) -> bool:
        """Whether a private reply may carry a file or controls; else it is a line, or for all to see."""
        return self.unseen_by_others and not self.surface.capabilities.private_lines_only

    def spelled(self, command: Command | None = None) -> str:
        """How this command, or another one, is written here."""
        groups = self.surface.capabilities.command_groups
        return self.services.registry.spelled(command or self.command, in_groups=groups)

    @property
    def locale(self) -> str | None:
        """In which language the person reads here."""
        return language_of(self.person, self.place)

    def say(self, key: str, **values: object) -> str:
        """A text of the catalogue in the reader's language."""
        own = self.command.words.get(key)
        return own.format_map(values) if own else say(key, self.locale, **values)

    def reply(
        self,
        text: str,
        controls: tuple[Row, ...] = (),
        *,
        private: bool | None = None,
        file: FileContent | None = None,
        repeatable: bool | None = None,
        about: MessageRef | None = None,
    ) -> Showing | None:
        """Say something, Markdown; None when this person is told too much already.

        `private`, `repeatable`: as the command says unless given; nothing was changed so far, so all may be
        done again should the process be killed before this is out. With a `file` at most 1,024 characters.
        `about`: the message that it is a reply to, unless that is the command's own.
        """
        again = self.command.repeatable if repeatable is None else repeatable
        private = self.command.private if private is None else private
        alone = private and self.surface.capabilities.private_answers
        return self.services.chat.notices.reply(
            self.surface,
            self.person,
            text,
            ref=about or self.ref,
            foot=Foot(self._signed(controls, alone=alone), file),
            private=private,
            event_id=self.event_id if again else "",
        )

    def _signed(self, controls: tuple[Row, ...], *, alone: bool) -> tuple[Row, ...]:
        """`alone`: nobody else sees them, so nobody else may press them."""
        signer = self.services.chat.signer
        return signer.rows(controls, self.surface.place, self.person if alone else None)

    @property
    def _panel(self) -> MessageRef | None:
        """The bot's message whose control was used."""
        return None

    @property
    def _spoken(self) -> MessageRef | None:
        """The person's own message that brought it; without one, the bot's."""
        return self.ref

    async def open_form(self, form: Form) -> bool:
        """Ask several texts at once; they come back to the command's `press`, which `form.data` has to name.

        Only as the first thing that is done, and soon. Where there are no forms, one text is asked for after
        the other. False: it could not be shown.
        """
        signed = self.services.chat.signer.sign(form.data, self.surface.place, self.person)
        form = replace(form, data=signed)
        if self.surface.open_form is None:
            return self.services.questions.ask(
                form, self.person, self.surface, self._spoken, self._panel, event_id=self.event_id
            )
        return isinstance(await self.surface.open_form(form), Delivered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Occasion):
    """A command was given. `arguments` are of their kinds, and hold only those that were given."""

    incoming: IncomingCommand
    arguments: Mapping[str, Value]

    def text(self, name: str) -> str:
        """A text or choice as given, "" where it was not."""
        return str(self.arguments.get(name, ""))

    def flag(self, name: str) -> bool:
        return bool(self.arguments.get(name, False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Press(Occasion):
    """A button, a select or a form of the command's was used.

    `data`: the control's own. `values`: chosen from a select. `fields`: of a form, by name.
    """

    data: str
    values: tuple[str, ...] = ()
    alone: bool = False  # it stands where nobody else sees it
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    answer: MessageRef | None = None  # the person's message that was a form's last answer, where it was asked

    @property
    def _panel(self) -> MessageRef | None:
        return self.ref

    @property
    def _spoken(self) -> MessageRef | None:
        return self.answer or self.ref

    def update(self, text: str, controls: tuple[Row, ...] = ()) -> Showing | None:
        """Make the message that was pressed stand so: it is edited in its place."""
        if self.ref is None:
            return self.reply(text, controls)
        return self.services.chat.notices.update(
            self.surface, self.person, self.ref, text, foot=Foot(self._signed(controls, alone=self.alone))
        )


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Somebody is typing an argument, and would like to see what it could become."""

    suggesting: Suggesting
    services: Services

    def say(self, key: str, **values: object) -> str:
        """A text of the catalogue in the reader's language."""
        return say(key, language_of(self.suggesting.author, self.suggesting.place), **values)
