"""Where every event goes first: commands and what belongs to them are checked here and run, all else goes to
the chat service."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from core.catalogue import say
from core.commands import gate
from core.commands.arguments import Mistake, missing, read
from core.commands.call import Call, Press
from core.commands.command import Command
from core.commands.permission import IN_THE_LOG, refusal
from core.commands.questions import Questions
from core.commands.registry import Registry, registry
from core.commands.services import Services
from core.commands.suggestions import suggestions
from core.commands.unfinished import UnfinishedCalls
from core.configuration import Configuration
from core.conversation.preferences import opens_to
from core.messages import (
    Addressed,
    ButtonPress,
    Choice,
    FormSubmitted,
    Incoming,
    IncomingCommand,
    IncomingMessage,
    MessageDeleted,
    MessageRef,
    PlaceMoved,
    Suggesting,
    owned,
)
from core.policy.access import Access
from core.ports.chart import DrawChart
from core.ports.clock import Clock
from core.ports.surface import Surface
from core.service.chat import ChatService
from core.service.door import unanswered
from core.service.in_time import ends_within
from core.service.languages import language_of, reading_here
from core.service.notices import unseen_by_others
from core.service.personal_data import PersonalData
from core.service.room import Room
from core.service.spending import Spending
from core.service.usage import UsageBook

log = logging.getLogger(__name__)

_OF_NOBODY: Final = (MessageDeleted, PlaceMoved)
HOLDS_UP_S: Final = 2.0
"""How long an event may keep those behind it waiting, which come in order; a store may take longer."""


class Dispatcher:
    """Give `handle` and `suggest` to each platform: see `core.ports.surface`."""

    def __init__(
        self,
        chat: ChatService,
        access: Access,
        clock: Clock,
        commands: Registry | None = None,
        *,
        configuration: Callable[[], Configuration],
        spending: Spending,
        usage: UsageBook,
        personal: PersonalData,
        draw: DrawChart,
    ) -> None:
        self.services = Services(
            chat,
            access,
            commands or registry(),
            Questions(chat.notices, clock),
            clock,
            configuration,
            spending,
            usage,
            personal,
            draw,
        )
        self._unfinished = UnfinishedCalls(self.services.questions)
        self._clock = clock
        self._room = Room(in_all=1_000, each=20)
        self._late: Counter[str] = Counter()  # by place: events that took longer
        personal.register(chat.forgotten)
        personal.register(self._forgotten)

    async def handle(self, incoming: Incoming, surface: Surface) -> None:
        """Take an event; returns soon and never raises."""
        events = self.services.chat.events
        events.hold(surface, incoming.event_id)
        who = incoming.event_id if isinstance(incoming, _OF_NOBODY) else str(incoming.author)
        if not self._room.enter(who):
            self._too_much(incoming, surface)
            events.release(surface, incoming.event_id)
            return
        place = str(incoming.place)
        name = f"event {incoming.event_id} in {place}"
        task = self.services.chat.beside(self._handled(incoming, surface, who), name)
        if self._late[place] or not await ends_within(self._clock, HOLDS_UP_S, task):
            self._late[place] += 1
            task.add_done_callback(lambda _: self._no_longer_late(place))

    async def _handled(self, incoming: Incoming, surface: Surface, who: str) -> None:
        try:
            await self._route(incoming, surface)
        except Exception:
            # The edge to the platforms: one event must not end the delivery of the next.
            log.exception("event %s in %s failed", incoming.event_id, incoming.place)
        finally:
            self._room.leave(who)
            self.services.chat.events.release(surface, incoming.event_id)

    def _no_longer_late(self, place: str) -> None:
        self._late[place] -= 1
        if not self._late[place]:
            del self._late[place]

    def _too_much(self, incoming: Incoming, surface: Surface) -> None:
        if isinstance(incoming, _OF_NOBODY):
            log.warning("event %s is passed over: too much is under way", incoming.event_id)
            return
        person, place = incoming.author, incoming.place
        unanswered("busy", incoming.event_id, place, person)
        if isinstance(incoming, IncomingMessage) and incoming.addressed is Addressed.NO:
            return
        if not self.services.chat.door.serves(person, place):
            return
        ref = incoming.ref if isinstance(incoming, IncomingMessage | IncomingCommand) else None
        words = say("busy", language_of(person, place))
        self.services.chat.notices.tell(
            surface, person, words, ref=ref, reaction="reaction.sorry", event_id=incoming.event_id
        )

    async def suggest(self, suggesting: Suggesting) -> tuple[Choice, ...]:
        """See `core.commands.suggestions`."""
        return await suggestions(suggesting, self.services)

    async def _forgotten(self, person: str) -> None:
        """See `core.service.personal_data.Forgotten`."""
        self.services.questions.forget(person)
        self._unfinished.forget(person)

    async def _route(self, incoming: Incoming, surface: Surface) -> None:
        services = self.services
        incoming = await self._as_known(incoming, surface)
        if isinstance(incoming, IncomingMessage) and services.access.unclaimed:
            incoming = self._as_claim(incoming, surface)
        if isinstance(incoming, IncomingMessage):
            services.chat.listening.overhear(incoming)
        if gate.passes(incoming, surface, services):
            await self._admitted(services.chat.surroundings.without_denied_quotes(incoming), surface)

    async def _admitted(self, incoming: Incoming, surface: Surface) -> None:
        services = self.services
        if isinstance(incoming, IncomingMessage) and services.questions.expects(incoming):
            if not services.chat.door.is_new(incoming):
                return
            form = services.questions.take(incoming, surface)
            if form is not None:
                await self._submitted(form, surface)
            return
        match incoming:
            case IncomingCommand():
                if services.chat.door.is_new(incoming):
                    await self._command(incoming, surface)
            case FormSubmitted():
                if services.chat.door.is_new(incoming):
                    await self._submitted(incoming, surface)
            case ButtonPress() if (command := self.services.registry.owner_of(incoming.data)) is not None:
                if services.chat.door.is_new(incoming):
                    await self._press(command, incoming, incoming.ref, surface)
            case _:
                await services.chat.handle(incoming, surface)

    async def _as_known(self, incoming: Incoming, surface: Surface) -> Incoming:
        """The event, by a person of whom it is known what they read, in a place whose choices are known."""
        if isinstance(incoming, MessageDeleted | PlaceMoved):
            return incoming
        incoming = replace(incoming, place=owned(incoming.place, incoming.author))
        await self.services.chat.know(incoming.place)
        chosen = self.services.chat.choices.known(incoming.place)
        reader = reading_here(incoming.author, chosen)
        if surface.with_rights is not None and not opens_to(chosen, reader):  # unless they manage it
            reader = await surface.with_rights(reader)
        return incoming if reader is incoming.author else replace(incoming, author=reader)

    async def _command(self, incoming: IncomingCommand, surface: Surface) -> None:
        command = self.services.registry.get(incoming.name)
        person, locale = incoming.author, language_of(incoming.author, incoming.place)
        if person.is_bot:
            unanswered("bot_author", incoming.event_id, incoming.place, person)
            return
        if command is None:
            unanswered("unknown_command", incoming.event_id, incoming.place, person)
            # In a group it may be meant for another bot.
            if unseen_by_others(surface):
                self._tell(incoming, surface, say("unknown_command", locale))
            return
        if not self._may(command, incoming, surface, incoming.ref):
            return
        if command.name != "cancel":
            self._drop_form(incoming, surface)
        asks = bool(command.form) and missing(command, incoming.arguments)
        if asks and await self._unfinished.ask(command, incoming, surface):
            return
        try:
            arguments = read(command, incoming.arguments)
        except Mistake as mistake:
            reason = f"what stands behind /{command.name} is not understood"
            unanswered(reason, incoming.event_id, incoming.place, person)
            usage = self._usage(command, surface)
            self._tell(incoming, surface, say(mistake.key, locale, **mistake.values, usage=usage))
            return
        if command.about_message and incoming.target is None and incoming.quote is None:
            spelled = self._spelled(command, surface)
            self._tell(incoming, surface, say("message.none", locale, command=spelled))
            return
        call = Call(
            command=command,
            event_id=incoming.event_id,
            person=person,
            surface=surface,
            services=self.services,
            ref=incoming.ref,
            incoming=incoming,
            arguments=arguments,
        )
        try:
            await command.run(call)
        except Exception:
            log.exception("/%s in %s failed", command.name, incoming.place)
            call.reply(call.say("unusable.failed"), private=True)

    def _drop_form(self, incoming: IncomingCommand, surface: Surface) -> None:
        questions, person = self.services.questions, incoming.author
        if questions.loses(person, incoming.place):
            words = say("form.dropped", language_of(person, incoming.place))
            self.services.chat.notices.reply(surface, person, words, ref=incoming.ref)
        questions.drop(person, incoming.place)

    async def _press(
        self,
        command: Command,
        incoming: ButtonPress | FormSubmitted,
        ref: MessageRef | None,
        surface: Surface,
    ) -> None:
        signer, stands = self.services.chat.signer, isinstance(incoming, FormSubmitted) or incoming.stands
        data = signer.read(incoming.data, incoming.place, incoming.author) if stands else None
        if data is None:
            unanswered("button_over", incoming.event_id, incoming.place, incoming.author)
            words = say("button.over", language_of(incoming.author, incoming.place))
            self.services.chat.notices.reply(surface, incoming.author, words, ref=None)
            return
        if command.press is None or not self._may(command, incoming, surface, None):
            return
        press = Press(
            command=command,
            event_id=incoming.event_id,
            person=incoming.author,
            surface=surface,
            services=self.services,
            ref=ref,
            data=data,
            alone=isinstance(incoming, ButtonPress)
            and signer.is_for(incoming.author, incoming.data, incoming.place),
            values=incoming.values if isinstance(incoming, ButtonPress) else (),
            fields=incoming.fields if isinstance(incoming, FormSubmitted) else {},
            answer=incoming.answer if isinstance(incoming, FormSubmitted) else None,
        )
        try:
            await command.press(press)
        except Exception:
            log.exception("a press of /%s in %s failed", command.name, incoming.place)
            press.reply(press.say("unusable.failed"), private=True)

    async def _submitted(self, form: FormSubmitted, surface: Surface) -> None:
        """A form's texts go where it was opened: to a call that lacked arguments, or to a command's press."""
        finished = self._unfinished.finished(form)
        command = self.services.registry.owner_of(form.data)
        if finished is not None:
            await self._command(finished, surface)
        elif command is not None:
            await self._press(command, form, form.ref, surface)
        else:
            unanswered("form_over", form.event_id, form.place, form.author)
            words = say("form.over", language_of(form.author, form.place))
            self.services.chat.notices.reply(surface, form.author, words, ref=form.answer or form.ref)

    def _may(
        self,
        command: Command,
        incoming: IncomingCommand | ButtonPress | FormSubmitted,
        surface: Surface,
        ref: MessageRef | None,
    ) -> bool:
        """Whether this person may use the command here; who may not is told why."""
        door = self.services.chat.door
        if not command.for_strangers and not door.takes(incoming, surface):
            return False
        why_not = refusal(command, incoming.author, incoming.place, self.services.access)
        if why_not is None:
            return True
        reason = f"/{command.name} is {IN_THE_LOG[why_not]}"
        unanswered(reason, incoming.event_id, incoming.place, incoming.author)
        words = say(
            why_not, language_of(incoming.author, incoming.place), command=self._spelled(command, surface)
        )
        self.services.chat.notices.tell(
            surface,
            incoming.author,
            words,
            ref=ref,
            reaction="reaction.refused",
            event_id=incoming.event_id,
        )
        return False

    def _as_claim(self, message: IncomingMessage, surface: Surface) -> IncomingMessage | IncomingCommand:
        """The command that a message was meant as: what start-up prints, pasted, is mere text on Discord."""
        if not unseen_by_others(surface):
            self.services.access.burn_codes_in(message.text)
        elif message.text.startswith("/claim "):
            code = {"code": message.text.removeprefix("/claim ")}
            return IncomingCommand(
                message.event_id, message.place, message.author, "claim", code, message.ref
            )
        return message

    def _spelled(self, command: Command, surface: Surface) -> str:
        return self.services.registry.spelled(command, in_groups=surface.capabilities.command_groups)

    def _usage(self, command: Command, surface: Surface) -> str:
        words = [f"<{a.name}>" if a.required else f"[{a.name}]" for a in command.arguments]
        return "`" + " ".join([self._spelled(command, surface), *words]) + "`"

    def _tell(self, incoming: IncomingCommand, surface: Surface, words: str) -> None:
        self.services.chat.notices.reply(
            surface, incoming.author, words, ref=incoming.ref, event_id=incoming.event_id
        )
