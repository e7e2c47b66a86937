"""One Telegram bot, from start to close.

The library's own dispatcher is not used: it confirms updates before they are handled, and it either blocks
a Stop button behind a running answer or gives up the order within a chat. Here `Poller`, or `Webhook` where
there is an address for one, confirms what the journal has; `Desk` gives each chat an order of its own, and no
chat waits for another.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from telegram.error import TelegramError

from bots.telegram import commands, inline
from bots.telegram.capabilities import TELEGRAM
from bots.telegram.connection import NAME, Connection, describe
from bots.telegram.desk import Desk
from bots.telegram.doctor import examine, privacy_words
from bots.telegram.drafts import Drafts
from bots.telegram.events import PLATFORM
from bots.telegram.handover import Handover
from bots.telegram.kept import Shelf
from bots.telegram.polling import Poller
from bots.telegram.surface import ChatSurface, account_of
from bots.telegram.webhook import Webhook
from core.commands.registry import Registry, registry
from core.messages import Place, PlaceKind
from core.ports.alerts import Alerts, LoggedAlerts
from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.platform import Check, PlatformError
from core.ports.surface import Capabilities, Handle, Suggest, Surface, no_suggestions
from core.settings import TelegramWebhook

_CLOSE_S: Final = 1.5
_MOST_WAITING: Final = 1_000
"""More updates wait with Telegram: the core puts questions into lines of its own within milliseconds."""

logger = logging.getLogger(__name__)


class TelegramPlatform:
    """core.ports.platform.Platform for one bot token."""

    name = NAME

    def __init__(
        self,
        token: str,
        *,
        clock: Clock,
        journal: Journal,
        base_url: str | None = None,
        webhook: TelegramWebhook | None = None,
        capabilities: Capabilities = TELEGRAM,
        drafts: bool = False,
        commands: Registry | None = None,
        inline_mode: bool = False,
        alerts: Alerts | None = None,
    ) -> None:
        """`journal`: keeps what comes in. `base_url`: methods are at `{base_url}/bot<token>/METHOD`; None for
        Telegram itself. `webhook`: where Telegram brings updates; None: it is asked for them.
        `drafts`: answers in private chats grow as drafts. `commands`: those to offer; None: all there are.
        `inline_mode`: see `bots.telegram.inline`; it has to be switched on at BotFather too. `alerts`: who is
        told of another program that takes our updates."""
        self._alerts = alerts or LoggedAlerts()
        self._also = (inline.KIND,) if inline_mode else ()
        self._token = token
        self._clock = clock
        self._journal = journal
        self._base_url = base_url
        self._webhook = webhook
        self._capabilities = capabilities
        self._registry = commands or registry()
        self._drafts = Drafts() if drafts else None
        self._running: _Running | None = None
        self._ended = asyncio.Event()
        self._failure: PlatformError | None = None

    async def start(self, handle: Handle, suggest: Suggest = no_suggestions) -> str:
        """`suggest` is asked inline alone: while somebody types a command, Telegram tells nobody."""
        connection = Connection(self._token, self._base_url)
        await connection.open()
        shelf = Shelf(self._journal, account_of(connection.bot), self._clock, self._alerts)
        desk = Desk(
            connection,
            self._clock,
            handle,
            self._capabilities,
            self._drafts,
            registry=self._registry,
            shelf=shelf,
            suggest=suggest,
        )
        handover = Handover(desk.take, shelf)
        try:
            receiver = await self._receiver(connection, desk, handover)
        except (PlatformError, TelegramError) as error:
            await connection.close()
            raise (error if isinstance(error, PlatformError) else connection.unusable(error)) from None
        await _publish_commands(connection, self._registry)
        self._running = _Running(connection, desk, handover, receiver)
        self._running.task.add_done_callback(self._receiving_ended)
        us = connection.bot.bot
        return f"@{us.username}, {privacy_words(us)}"

    async def _receiver(self, connection: Connection, desk: Desk, handover: Handover) -> Poller | Webhook:
        """How updates come in, from here on or from `run` on. Raises PlatformError and TelegramError."""
        if self._webhook is None:
            await connection.bot.delete_webhook()  # and not what waits there: it is asked for then
            return Poller(connection, self._clock, handover, self._alerts, also=self._also)
        webhook = Webhook(
            self._webhook,
            connection,
            self._clock,
            handover,
            self._alerts,
            busy=lambda: desk.waiting >= _MOST_WAITING,
            also=self._also,
        )
        await webhook.open()
        return webhook

    async def wait_closed(self) -> None:
        await self._ended.wait()
        if self._failure is not None:
            raise self._failure

    async def stop_listening(self) -> None:
        """Further questions stay with Telegram, unconfirmed, for the next start."""
        if self._running is not None:
            self._running.handover.wants_questions = False

    def reopen(self, place: Place, address: str, *, in_doubt: bool = False) -> Surface | None:
        """Telegram never says what stands in a chat."""
        if self._running is None:
            return None
        return ChatSurface(self._running.connection.bot, place, self._capabilities, self._drafts)

    async def private_chat(self, person_id: str) -> Surface | None:
        """It has their id; whoever never wrote to the bot cannot be written to."""
        return self.reopen(Place(PLATFORM, person_id, PlaceKind.PRIVATE), "")

    @property
    def account(self) -> str:
        if self._running is None:
            raise RuntimeError("the platform was not started")
        return account_of(self._running.connection.bot)

    async def close(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await running.close()
        self._ended.set()

    async def check(self) -> tuple[Check, ...]:
        return await examine(self._token, self._base_url, self._webhook, now=self._clock.wall())

    def _receiving_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if not isinstance(error, PlatformError):
            logger.error("Telegram: taking updates broke down", exc_info=error)
            error = PlatformError(f"Telegram: taking updates broke down: {describe(error)}")
        self._failure = error
        self._ended.set()


async def _publish_commands(connection: Connection, registry: Registry) -> None:
    try:
        if await commands.publish(connection.bot, registry):
            logger.debug("Telegram: command menu updated")
    except TelegramError as error:  # the menu is a help to people; commands work without
        logger.warning("Telegram: command menu not updated: %s", describe(error))


class _Running:
    """What lives between start and close."""

    def __init__(
        self, connection: Connection, desk: Desk, handover: Handover, receiver: Poller | Webhook
    ) -> None:
        self.connection = connection
        self._desk = desk
        self.handover = handover
        self.receiver = receiver
        self.task = asyncio.create_task(receiver.run(), name="telegram updates")

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.receiver.confirm()
        await self._desk.close()
        await self.connection.close()
