"""Where updates become events and reach the core: in order within a chat, side by side between chats."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final

from telegram import InlineQuery, Update
from telegram.error import TelegramError

from bots.telegram import inline
from bots.telegram.connection import Connection, describe
from bots.telegram.drafts import STOPPED, Drafts
from bots.telegram.events import Ignored, person_with_rights, read_update, with_rights
from bots.telegram.kept import Shelf
from bots.telegram.outcomes import outcome_of
from bots.telegram.press_surface import PressSurface
from bots.telegram.rights import Rights
from bots.telegram.surface import ChatSurface
from core.commands.registry import Registry
from core.messages import BotAdded, ButtonPress, Incoming, IncomingCommand, Person, Place
from core.ports.clock import Clock
from core.ports.surface import Capabilities, Handle, Suggest, no_suggestions
from core.streaming.operations import Delivered

_PRESS_GRACE_S: Final = 1.0  # for a private answer that is on its way when `handle` has returned

logger = logging.getLogger(__name__)


class Desk:
    """Takes updates over and calls `handle` for each event in them."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        handle: Handle,
        capabilities: Capabilities,
        drafts: Drafts | None = None,
        *,
        registry: Registry,
        shelf: Shelf,
        suggest: Suggest = no_suggestions,
    ) -> None:
        """`drafts`: answers in private chats grow as drafts, which are noted down there. `shelf`: told of
        updates that the core never sees; of the others the core tells the journal itself. `suggest`: asked
        what to offer to whoever types inline."""
        self._bot = connection.bot
        self._clock = clock
        self._handle = handle
        self._capabilities = capabilities
        self._drafts = drafts
        self._registry = registry
        self._shelf = shelf
        self._suggest = suggest
        self._rights = Rights(connection.bot, clock)
        self._last_in_chat: dict[int, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0  # updates that the core has not dealt with yet, or has not put into its own lines

    def take(self, raw: dict[str, Any]) -> None:
        """Take an update over. Never raises."""
        try:
            update = Update.de_json(raw, self._bot)
            event = (
                self._stopped(raw) if STOPPED in raw else read_update(update, self._bot.bot, self._registry)
            )
        except Exception as error:  # noqa: BLE001  one update of an unknown shape must not stop all others
            logger.error("Telegram update %s cannot be read: %s", raw.get("update_id"), describe(error))
            self._apart(self._shelf.done(raw))
            return
        if isinstance(event, Ignored) and update.inline_query is None:
            self._apart(self._shelf.done(raw))
        chat = update.effective_chat.id if update.effective_chat is not None else 0
        if isinstance(event, ButtonPress):
            chat = int(event.place.chat_id)
        if update.inline_query is not None:
            self._apart(self._offer(update.inline_query))
            return
        before = self._last_in_chat.get(chat)
        task = asyncio.create_task(self._deliver(before, update, event))
        self._last_in_chat[chat] = task
        self.waiting += 1
        task.add_done_callback(lambda done: self._forget(chat, done))

    async def close(self) -> None:
        """End what is still in work."""
        tasks = [*self._last_in_chat.values(), *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _apart(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what no chat's next event has to wait for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _offer(self, query: InlineQuery) -> None:
        outcome = await inline.answer(query, self._bot.username, self._suggest)
        if not isinstance(outcome, Delivered):
            logger.debug("inline query %s not answered: %s", query.id, outcome)

    def _stopped(self, raw: dict[str, Any]) -> ButtonPress | Ignored:
        press = self._drafts.press(raw) if self._drafts is not None else None
        return press or Ignored("unknown_draft")

    def _forget(self, chat: int, done: asyncio.Task[None]) -> None:
        self.waiting -= 1
        if self._last_in_chat.get(chat) is done:
            del self._last_in_chat[chat]

    async def _deliver(
        self, before: asyncio.Task[None] | None, update: Update, event: Incoming | Ignored
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        query = update.callback_query
        if isinstance(event, Ignored):
            chat = update.effective_chat.id if update.effective_chat is not None else None
            logger.info("Telegram update %s in chat %s ignored: %s", update.update_id, chat, event.reason)
            if query is not None:
                await outcome_of(self._bot.answer_callback_query(query.id))
        elif isinstance(event, ButtonPress) and query is not None:
            await self._deliver_press(event, query.id)
        else:
            if isinstance(event, BotAdded):
                event = await self._as_heard_now(update, event)
            if isinstance(event, IncomingCommand) and self._weighs_rights(event):
                event = with_rights(event, await self._rights.member(event.place, event.author))
            surface = ChatSurface(self._bot, event.place, self._capabilities, self._drafts)
            surface.with_rights = partial(self._with_rights, event.place)
            await self._call(event, surface)

    async def _with_rights(self, place: Place, person: Person) -> Person:
        return person_with_rights(person, await self._rights.member(place, person))

    def _weighs_rights(self, event: IncomingCommand) -> bool:
        command = self._registry.get(event.name)
        return command is not None and command.knows_rights

    async def _as_heard_now(self, update: Update, added: BotAdded) -> BotAdded:
        """Privacy mode is changed at BotFather while we run, and counts from when the bot is added again."""
        try:
            read_again = read_update(update, await self._bot.get_me(), self._registry)
        except TelegramError as error:
            logger.info("Telegram update %s: privacy mode is not known: %s", added.event_id, describe(error))
            return added
        return read_again if isinstance(read_again, BotAdded) else added

    async def _deliver_press(self, press: ButtonPress, query_id: str) -> None:
        member = await self._rights.member(press.place, press.author)
        surface = PressSurface(
            self._bot, press.place, query_id, self._capabilities, self._drafts, presser=press.author
        )
        await self._call(with_rights(press, member), surface)
        self._apart(self._finish(surface))

    async def _finish(self, surface: PressSurface) -> None:
        """End the spinning of a button that got no private answer."""
        grace = asyncio.create_task(self._clock.sleep_until(self._clock.monotonic() + _PRESS_GRACE_S))
        answered = asyncio.create_task(surface.answered.wait())
        try:
            await asyncio.wait([grace, answered], return_when=asyncio.FIRST_COMPLETED)
        finally:
            grace.cancel()
            answered.cancel()
        await surface.answer_empty()

    async def _call(self, event: Incoming, surface: ChatSurface) -> None:
        try:
            await self._handle(event, surface)
        except Exception:
            logger.exception("Telegram update %s in %s failed", event.event_id, event.place)
