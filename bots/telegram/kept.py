"""Updates as the journal keeps them, with patience for a journal that fails.

A try to keep that failed may have been done all the same: a connection can break after the commit. So an
update that is "not new" after such a try is looked for among those that nobody has dealt with; else it would
stay unanswered until the next start.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

from bots.telegram.drafts import STOPPED
from bots.telegram.events import PLATFORM
from core.ports.alerts import Alerts, Cause
from core.ports.clock import Clock
from core.ports.journal import STARTS, Journal, Left, OthersWords, Received
from core.ports.store import StoreError
from core.service.in_time import in_time

_PATIENCE_S: Final = 3.0
"""For so long after a journal begins to fail, or is slow, people wait for their updates to be kept."""
_AGAIN_S: Final = 0.5

_ABOUT: Final = {STOPPED: "chat"}
"""By kind, who is meant where it is not `from`: a private chat has its person's id."""

_MESSAGES: Final = frozenset({"message", "edited_message"})
_PRESS: Final = "callback_query"
_REPLY: Final = "reply_to_message"
_WORDS: Final = frozenset({"text", "entities", "caption", "caption_entities"})
_UNREAD: Final = frozenset({"external_reply", "quote", "pinned_message"})
"""What holds others' words, and we never read."""
_READ: Final = frozenset({"message_id", "date", "chat", "from", "sender_chat", "text", "caption"})
"""Of what a message is a reply to, which may hold a third's words, or somebody's number."""

_T = TypeVar("_T")
logger = logging.getLogger(__name__)


class Shelf:
    """The journal, for the updates of one account. Never raises."""

    def __init__(self, journal: Journal, account: str, clock: Clock, alerts: Alerts) -> None:
        self.watches = not journal.alone
        """Others may leave something at any time, so `left` is to be asked again and again."""
        self._alerts = alerts
        self._journal = journal
        self._account = account
        self._clock = clock
        self._failing = False
        self._doubtful: set[str] = set()  # a try to keep these failed, and may have been done all the same

    async def keep(self, updates: Sequence[dict[str, Any]]) -> frozenset[str] | None:
        """The ids of those that nobody has dealt with; None when it is not certain that they are kept."""
        if not updates:
            return frozenset()
        at = self._clock.wall()
        events = [to_keep(update, self._account, at) for update in updates]
        ids = {event.id for event in events}

        async def receive() -> set[str]:
            doubted = self._doubtful & ids
            self._doubtful |= ids
            new = {event.id for event in await self._journal.receive(events)}
            if doubted - new:
                new |= doubted & {event.id for event in await self._journal.unhandled(self._account)}
            self._doubtful -= ids
            return new

        new = await self._patiently(receive)
        return None if new is None else frozenset(new)

    async def left(self) -> tuple[dict[str, Any], ...] | None:
        """The updates that were kept and nobody deals with, in order; None when the journal does not tell.
        Those that several processes were killed in the midst of are given up."""

        async def take_over() -> tuple[Left, ...]:
            return await self._journal.take_over_events(self._account)

        found = await self._patiently(take_over)
        if found is None:
            return None
        updates = [update_in(left.event) for left in found if left.taken < STARTS]
        for left in found:
            if left.taken >= STARTS:
                self._alerts.raise_(Cause.GIVEN_UP, about=self._account, why=f"event {left.event.id}")
                await self._done(left.event.id)
        return tuple(updates)

    async def done(self, update: dict[str, Any]) -> None:
        """Nothing is to be done for it. Where that cannot be kept, the next start looks at it again."""
        await self._done(event_id(update))

    async def _done(self, id_: str) -> None:
        try:
            await self._journal.handled(self._account, [id_], self._clock.wall())
        except StoreError as error:
            logger.debug("Telegram update %s is not marked as handled: %s", id_, error)

    async def _patiently(self, ask: Callable[[], Coroutine[Any, Any, _T]]) -> _T | None:
        """What it returns; None when it goes on failing. Short where it failed the last time."""
        until = self._clock.monotonic() + (_AGAIN_S if self._failing else _PATIENCE_S)
        while True:
            left_s, problem = until - self._clock.monotonic(), "it takes too long"
            try:
                found = await in_time(self._clock, left_s, ask())
            except StoreError as error:
                found, problem = None, str(error)
            if found is not None:
                self._works()
                return found
            again = self._clock.monotonic() + _AGAIN_S
            if again >= until:
                self._fails(problem)
                return None
            await self._clock.sleep_until(again)

    def _fails(self, problem: str) -> None:
        if not self._failing:
            logger.error(
                "Telegram: updates cannot be kept (%s). They are answered, and not confirmed until they can.",
                problem,
            )
        self._failing = True

    def _works(self) -> None:
        if self._failing:
            logger.info("Telegram: updates are kept again")
        self._failing = False


def to_keep(update: dict[str, Any], account: str, at: float) -> Received:
    """An update for the journal, under whoever it is from. The words of whom they reply to are kept apart; of
    ours, which the store has, and of what nobody reads only the rest."""
    author = _author(update)
    own, others = dict(update), None
    for kind in _MESSAGES & update.keys():
        if isinstance(update[kind], dict):
            message = own[kind] = {name: one for name, one in update[kind].items() if name not in _UNREAD}
            if isinstance(reply := message.get(_REPLY), dict):
                message[_REPLY] = {name: one for name, one in reply.items() if name in _READ}
            whose = _whose(message.get(_REPLY))
            if whose in {account, ""}:
                message[_REPLY] = _wordless(message[_REPLY])
            elif whose not in {author, None}:
                others = OthersWords((str(whose),), _bytes({_REPLY: message.pop(_REPLY)}))
    press = update.get(_PRESS)
    if isinstance(press, dict) and isinstance(press.get("message"), dict):
        own[_PRESS] = {**press, "message": _wordless(press["message"])}
    return Received(account, event_id(update), author, _bytes(own), at, others)


def update_in(received: Received) -> dict[str, Any]:
    """The update that was kept, without the words of others who were forgotten since."""
    update = _read(received.body)
    if received.others is not None:
        for kind in _MESSAGES & update.keys():
            update[kind] |= _read(received.others.body)
    return update


def event_id(update: dict[str, Any]) -> str:
    """`Incoming.event_id` of what is in it."""
    return str(update["update_id"])


def _whose(reply: object) -> str | None:
    """Whose words it holds, as `str(Person)`, "" where that is not told; None where it holds none."""
    if not isinstance(reply, dict) or not any(reply.get(name) for name in _WORDS):
        return None
    who = reply.get("sender_chat") or reply.get("from")
    return f"{PLATFORM}:{who['id']}" if isinstance(who, dict) and "id" in who else ""


def _wordless(message: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in message.items() if name not in {*_WORDS, *_UNREAD, _REPLY}}


def _bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _read(kept: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(kept.decode("utf-8", "surrogatepass"))
    return value


def _author(update: dict[str, Any]) -> str:
    """`str(Person)` as `events.read_update` has it, "" for nobody: an update of any shape is kept."""
    for kind, content in update.items():
        if not isinstance(content, dict):
            continue
        who = content.get("sender_chat") or content.get(_ABOUT.get(kind, "from"))
        if isinstance(who, dict) and "id" in who:
            return f"{PLATFORM}:{who['id']}"
    return ""
