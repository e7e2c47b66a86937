"""Presses on our buttons: read, and handed to what they ask for. Nobody is left without a word."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from core.catalogue import say
from core.messages import ButtonPress
from core.ports.surface import Surface
from core.service.buttons import Action, Buttons, Pressed, action_of
from core.service.caller import Caller
from core.service.continuing import Continuing
from core.service.conversations import Conversations
from core.service.door import Door, unanswered
from core.service.events import Events
from core.service.exchanges import DONE, Exchanges
from core.service.languages import language_of
from core.service.notices import Notices
from core.service.queue import TurnQueue
from core.service.resuming import Resuming
from core.service.room import Room

log = logging.getLogger(__name__)

_OVER: Mapping[Action | None, str] = {
    Action.CONTINUE: "continue.over",
    Action.RETRY: "button.over",
    Action.VARIANT: "button.over",
    Action.RESUME: "button.over",
}


class Presses:
    """`take` returns at once; Stop has been done by then."""

    def __init__(
        self,
        *,
        buttons: Buttons,
        conversations: Conversations,
        exchanges: Exchanges,
        continuing: Continuing,
        resuming: Resuming,
        queue: TurnQueue,
        door: Door,
        notices: Notices,
        events: Events,
    ) -> None:
        self._buttons = buttons
        self._store = conversations.store
        self._exchanges = exchanges
        self._continuing = continuing
        self._resuming = resuming
        self._queue = queue
        self._door = door
        self._notices = notices
        self._events = events
        self._room = Room(in_all=500, each=10)

    def take(self, press: ButtonPress, surface: Surface) -> None:
        """Do what the button says, or tell why not."""
        if not self._door.is_new(press):
            return
        pressed = self._buttons.read(press)
        if pressed is None:
            self._tell(press, surface, _OVER.get(action_of(press.data), "stop.over"))
        elif pressed.action is Action.STOP:
            self._stop(pressed, press, surface)
        elif self._door.takes(press, surface):
            if self._room.enter(str(press.author)):
                doing = self._do(pressed, press, surface)
                self._events.run_for(surface, press.event_id, doing, f"press in {press.place}")
            else:
                self._tell(press, surface, "busy")

    def _stop(self, pressed: Pressed, press: ButtonPress, surface: Surface) -> None:
        turn = self._queue.find(pressed.id)
        if turn is None or turn.question.place.chat_id != press.place.chat_id:
            self._tell(press, surface, "stop.over")
        elif press.author.id != turn.question.asker.id and not press.author.manages_messages:
            self._tell(press, surface, "stop.not_yours")
        else:
            key = self._exchanges.end(turn)
            shows = turn.showing is not None and not turn.showing.lost
            # That it was stopped stands under the answer itself in a moment.
            if key != "stop.done" or not shows or surface.capabilities.private_lines_pass:
                self._tell(press, surface, key)

    async def _do(self, pressed: Pressed, press: ButtonPress, surface: Surface) -> None:
        try:
            key = await self._done(pressed, press, surface)
        except Exception:
            log.exception("a press in %s failed", press.place)
            key = "unusable.failed"
        finally:
            self._room.leave(str(press.author))
        self._tell(press, surface, key)

    async def _done(self, pressed: Pressed, press: ButtonPress, surface: Surface) -> str:
        caller = Caller(press.place, press.author, surface, press.event_id, pressed=True)
        match pressed.action:
            case Action.RETRY:
                question = await self._store.message(pressed.id)
                if question is None:
                    return "retry.unknown"
                return (await self._exchanges.retry_question(caller, question, press.ref)).key
            case Action.VARIANT:
                return await self._exchanges.step(caller, pressed.id, pressed.number)
            case Action.CONTINUE:
                return await self._continuing.go_on_from(caller, pressed.id, press.ref)
            case _:
                return await self._resuming.resume(caller, pressed.id)

    def _tell(self, press: ButtonPress, surface: Surface, key: str) -> None:
        if key not in {"", "stop.done", "resume.done"}:
            unanswered(key.replace(".", "_"), press.event_id, press.place, press.author)
        if key and not press.answers_itself:
            words = say(key, language_of(press.author, press.place))
            repeatable = key not in {*DONE, "unusable.failed"}
            event_id = press.event_id if repeatable else ""
            self._notices.reply(surface, press.author, words, ref=None, event_id=event_id)
