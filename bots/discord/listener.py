"""The library's client with our event handlers: what comes in goes to the core, in order and once."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

import discord
from discord import app_commands
from discord.gateway import KeepAliveHandler

from bots.discord import connection
from bots.discord.backfill import Backfill
from bots.discord.breaker import Breaker
from bots.discord.cursors import Cursors
from bots.discord.events import (
    command_event,
    deletion_event,
    edit_event,
    form_event,
    message_event,
    press_event,
    suggesting_event,
)
from bots.discord.exchange import perform
from bots.discord.identifies import Identifies
from bots.discord.interactions import InteractionSurface
from bots.discord.kept import Shelf
from bots.discord.opening import opened
from bots.discord.places import Interaction, place_of_interaction, reach_of
from bots.discord.server_time import ServerTime
from bots.discord.surface import ChannelSurface
from core.commands.registry import Registry
from core.messages import Addressed, Choice, Incoming, IncomingCommand, IncomingMessage
from core.policy.repeats import Repeats
from core.ports.alerts import Alerts
from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.surface import Handle, Suggest, Surface
from core.streaming.operations import BucketKey, Delivered

_log = logging.getLogger(__name__)
T = TypeVar("T")

_ACKNOWLEDGE_COMMAND_AFTER_S: Final = 2.0  # Discord gives up after 3 s
_SUGGEST_WITHIN_S: Final = 2.5  # the same
_ACKNOWLEDGE_PRESS_AFTER_S: Final = 0.5  # the button spins until then


class Listener(connection.Client):
    """One connection of one bot account."""

    def __init__(
        self,
        handle: Handle,
        suggest: Suggest,
        clock: Clock,
        commands: Registry,
        *,
        message_content: bool,
        breaker: Breaker,
        identifies: Identifies,
        journal: Journal | None,
        alerts: Alerts,
    ) -> None:
        self._alerts = alerts
        self._server_time = ServerTime(clock)
        super().__init__(message_content=message_content, breaker=breaker, server_time=self._server_time)
        self._handle = handle
        self._suggest = suggest
        self._registry = commands
        self._clock = clock
        self._identifies = identifies
        self._journal = journal
        self._tasks: set[asyncio.Task[Any]] = set()
        self._order: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._repeats = Repeats()
        self._catching_up: asyncio.Task[None] | None = None
        self._know_cursors(None, "")  # until it is known who we are
        self.listening = True
        self.connected = asyncio.Event()

    async def remember(self) -> None:
        """Have the cursors of an earlier process: once we know who we are, before anything comes in."""
        self._know_cursors(self._journal, self.account)
        self._start(self.cursors.load())
        self._start(self.cursors.keep_written())

    def _know_cursors(self, journal: Journal | None, account: str) -> None:
        self._shelf = Shelf(journal, self._clock, account, self._alerts)
        self.cursors = Cursors(self._shelf, journal, self._clock, account)
        self._backfill = Backfill(self, self.cursors, self._clock, self._server_time, self._hear)

    def stop_listening(self) -> None:
        """Questions are for the next process from now on, those that would still be fetched included."""
        self.listening = False
        if self._catching_up is not None:
            self._catching_up.cancel()

    @property
    def me(self) -> discord.ClientUser:
        if self.user is None:
            raise RuntimeError("an event came before the login")
        return self.user

    @property
    def known_application_id(self) -> int:
        return self.application_id or self.me.id

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Instead of the library's, which would only wait."""
        await self._identifies.take(self.account, initial=initial)

    async def on_connect(self) -> None:
        """A new session, which tells nothing of what came before it."""
        if self._catching_up is not None:
            self._catching_up.cancel()
        self._backfill.begin()
        self.connected.set()

    async def on_ready(self) -> None:
        self._catching_up = self._start(self._backfill.run())

    async def on_message(self, message: discord.Message) -> None:
        self._hear(message)

    def _hear(self, message: discord.Message) -> asyncio.Task[bool] | None:
        """A message, however it came here. A task that ends when the core has taken it, with whether it was
        new; None: the core does not."""
        channel_id = str(message.channel.id)
        incoming = message_event(message, self.me, content_granted=self.intents.message_content)
        if message.author.id == self.me.id:
            self.cursors.spoken(channel_id, message.id)
        elif incoming is not None and incoming.addressed is not Addressed.NO:
            self.cursors.spoken(channel_id, message.id - 1)
        if incoming is not None:
            return self._take(incoming)
        if self.listening:  # else what people wrote before it may not have been taken
            self.cursors.passed(channel_id, message.id)
        return None

    def _take(self, message: IncomingMessage) -> asyncio.Task[bool] | None:
        if not self._is_new(message):
            return None
        keeps = self.cursors.coming(message)
        surface = ChannelSurface(self, message.place, self.account, keeps_events=keeps)
        return self._start(self._in_order(message, surface))

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        edit = edit_event(payload.message, self.me)
        if edit is not None:
            self._deliver(edit, ChannelSurface(self, edit.place, self.account))

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        self._deleted(payload, {payload.message_id})

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        self._deleted(payload, payload.message_ids)

    async def on_interaction(self, interaction: Interaction) -> None:
        if interaction.channel is None:
            _log.info("discord: interaction %s is not answered: unknown_channel", interaction.id)
        elif interaction.type is discord.InteractionType.application_command:
            incoming = command_event(interaction, self._registry)
            command = self._registry.get(incoming.name)
            private = command is not None and command.answers_privately(incoming.arguments.get("private"))
            surface = self._surface_of(interaction, _ACKNOWLEDGE_COMMAND_AFTER_S, private=private)
            if self._deliver(incoming, surface):
                self._start(surface.acknowledge_in_time())
        elif interaction.type is discord.InteractionType.autocomplete:
            self._start(self._complete(interaction))
        elif interaction.type is discord.InteractionType.modal_submit:
            surface = self._surface_of(interaction, _ACKNOWLEDGE_COMMAND_AFTER_S)
            if self._deliver(form_event(interaction), surface):
                self._start(surface.acknowledge_in_time())
        elif interaction.type is discord.InteractionType.component and interaction.message is not None:
            surface = self._surface_of(interaction, _ACKNOWLEDGE_PRESS_AFTER_S)
            if self._deliver(press_event(interaction, interaction.message), surface):
                self._start(surface.acknowledge_in_time())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        # The library would still call `on_ready`, and find no event loop.
        if (getting_ready := self._connection._ready_task) is not None:  # noqa: SLF001
            getting_ready.cancel()
        await super().close()
        await self.end_left_sockets()

    async def end_left_sockets(self) -> None:
        """End what the library leaves of a socket that it gave up (of a refused identify): it keeps no
        reference to it, but the thread of its heartbeats does."""
        left = [
            thread
            for thread in threading.enumerate()
            if isinstance(thread, KeepAliveHandler) and thread.ws._connection is self._connection  # noqa: SLF001
        ]
        for thread in left:
            thread.stop()
        for thread in left:
            await thread.ws.socket.close()

    def _deleted(
        self,
        payload: discord.RawMessageDeleteEvent | discord.RawBulkMessageDeleteEvent,
        message_ids: set[int],
    ) -> None:
        channel, guild = self.get_channel(payload.channel_id), self.get_guild(payload.guild_id or 0)
        for message_id in sorted(message_ids):
            deletion = deletion_event(message_id, channel, payload.channel_id, guild)
            self._deliver(deletion, ChannelSurface(self, deletion.place, self.account))

    @property
    def account(self) -> str:
        return f"discord:{self.me.id}"

    async def _complete(self, interaction: Interaction) -> None:
        """Say what an argument could become; later than in 3 s nobody waits for it."""
        suggesting = suggesting_event(interaction)
        choices: tuple[Choice, ...] = ()
        if suggesting is not None and self.listening:
            with suppress(TimeoutError):
                async with asyncio.timeout(_SUGGEST_WITHIN_S):
                    choices = await self._suggest(suggesting)
        outcome = await perform(
            lambda: interaction.response.autocomplete(
                [app_commands.Choice(name=choice.label[:100], value=choice.value[:100]) for choice in choices]
            ),
            BucketKey("interaction", str(interaction.id)),
        )
        if not isinstance(outcome, Delivered):
            _log.debug("suggestions for interaction %s were not taken: %s", interaction.id, outcome)

    def _surface_of(
        self, interaction: Interaction, acknowledge_after_s: float, *, private: bool = False
    ) -> InteractionSurface:
        place = place_of_interaction(interaction)
        visible, may_send = reach_of(interaction)
        if visible:
            self.cursors.spoken(place.chat_id, interaction.id)
        channel = ChannelSurface(self, place, self.account, may_send=may_send) if visible else None
        return opened(
            interaction,
            place=place,
            account=self.account,
            channel=channel,
            clock=self._clock,
            acknowledge_after_s=acknowledge_after_s,
            private=private,
        )

    def _deliver(self, incoming: Incoming, surface: Surface) -> asyncio.Task[bool] | None:
        return self._start(self._in_order(incoming, surface)) if self._is_new(incoming) else None

    def _is_new(self, incoming: Incoming) -> bool:
        """Discord repeats events when a session is resumed, and some were fetched before they came."""
        if not self.listening and isinstance(incoming, (IncomingMessage, IncomingCommand)):
            _log.info("%s: event %s is not answered: stopping", incoming.place, incoming.event_id)
            return False
        return self._repeats.is_new(incoming.event_id)

    async def _in_order(self, incoming: Incoming, surface: Surface) -> bool:
        """Events of one place reach the core one after the other; those of others are not held up. False: an
        earlier process has dealt with it, or it could not be handled."""
        order = self._order.setdefault(str(incoming.place), asyncio.Lock())
        async with order:
            try:
                if not isinstance(incoming, IncomingMessage) or await self._keep(incoming):
                    await self._handle(incoming, surface)
                    return True
            except Exception:  # noqa: BLE001  # whatever it is, the next event must get through
                _log.exception("%s: event %s was not handled", incoming.place, incoming.event_id)
        return False

    async def _keep(self, message: IncomingMessage) -> bool:
        """False: an earlier process has dealt with it."""
        is_to_do = await self._shelf.keep(message)
        if self._shelf.is_kept(message):
            self.cursors.taken(message.place.chat_id, message.ref.message_id)
        return is_to_do

    def _start(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
