"""Where every event goes first: commands to their handlers, all else to the chat service."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from core.catalogue import say
from core.conversation.history import Question
from core.messages import Incoming, IncomingCommand, IncomingMessage
from core.policy.access import Access, Claim
from core.ports.surface import Surface
from core.service.chat import ChatService
from core.service.door import unanswered
from core.service.languages import language_of
from core.service.notices import unseen_by_others

log = logging.getLogger(__name__)

_CLAIM_WORDS: Final = {
    Claim.WRONG: "claim.wrong",
    Claim.LOCKED: "claim.locked",
    Claim.CLOSED: "claim.closed",
}


class Dispatcher:
    """Give `handle` to each platform: it is a `core.ports.surface.Handle`."""

    def __init__(self, chat: ChatService, access: Access) -> None:
        self._chat = chat
        self._access = access
        self._handlers: dict[str, Callable[[IncomingCommand, Surface], None]] = {
            "ask": self._ask,
            "help": self._help,
            "start": self._start,
            "claim": self._claim,
        }

    async def handle(self, incoming: Incoming, surface: Surface) -> None:
        """Take an event; returns soon and never raises."""
        try:
            if isinstance(incoming, IncomingMessage) and self._access.unclaimed:
                incoming = self._as_claim(incoming, surface)
            if isinstance(incoming, IncomingCommand):
                self._command(incoming, surface)
            else:
                await self._chat.handle(incoming, surface)
        except Exception:
            # The edge to the platforms: one event must not end the delivery of the next.
            log.exception("event %s in %s failed", incoming.event_id, incoming.place)

    def _command(self, command: IncomingCommand, surface: Surface) -> None:
        if not self._chat.door.is_new(command):
            return
        if command.author.is_bot:
            unanswered("bot_author", command.event_id, command.place, command.author)
            return
        handler = self._handlers.get(command.name)
        if handler is None:
            unanswered("unknown_command", command.event_id, command.place, command.author)
            # In a group it may be meant for another bot.
            if unseen_by_others(surface):
                self._reply(command, surface, "unknown_command")
            return
        handler(command, surface)

    def _ask(self, command: IncomingCommand, surface: Surface) -> None:
        if not self._chat.door.admits(command, surface, ref=command.ref):
            return
        self._chat.ask(
            Question(
                command.event_id,
                command.place,
                command.author,
                command.arguments.get("prompt", ""),
                command.ref,
                command.quote,
            ),
            surface,
        )

    def _help(self, command: IncomingCommand, surface: Surface) -> None:
        self._reply(command, surface, "help")

    def _start(self, command: IncomingCommand, surface: Surface) -> None:
        if self._chat.door.admits(command, surface, ref=command.ref):
            self._reply(command, surface, "start")

    def _claim(self, command: IncomingCommand, surface: Surface) -> None:
        code = command.arguments.get("code", "")
        if not unseen_by_others(surface):
            self._burn_codes_in(code)
            self._reply(command, surface, "claim.private")
            return
        try:
            claim = self._access.claim(command.author, code)
        except OSError as error:
            log.error("the first admin cannot be stored: %s", error)
            self._reply(command, surface, "claim.not_stored")
            return
        log.info("claim by %s: %s", command.author, claim.value)
        if claim is Claim.ACCEPTED:
            self._reply(command, surface, "claimed", entry=str(command.author))
        else:
            self._reply(command, surface, _CLAIM_WORDS[claim])

    def _as_claim(self, message: IncomingMessage, surface: Surface) -> IncomingMessage | IncomingCommand:
        """The command that a message was meant as: what start-up prints, pasted, is mere text on Discord."""
        if not unseen_by_others(surface):
            self._burn_codes_in(message.text)
        elif message.text.startswith("/claim "):
            code = {"code": message.text.removeprefix("/claim ")}
            return IncomingCommand(
                message.event_id, message.place, message.author, "claim", code, message.ref
            )
        return message

    def _burn_codes_in(self, text: str) -> None:
        """After others could read this."""
        for word in text.split() if self._access.unclaimed else ():
            if renewed := self._access.renew_code_if_shown(word):
                log.warning("the claim code was sent where others could read it; the new one is %s", renewed)

    def _reply(self, command: IncomingCommand, surface: Surface, key: str, **values: object) -> None:
        words = say(key, language_of(command.author, command.place), **values)
        self._chat.notices.reply(surface, command.author, words, ref=command.ref)
