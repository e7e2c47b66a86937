"""Discord as a platform: its events go to the core, each with the surface where an answer belongs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final
from weakref import WeakValueDictionary

import discord
from discord import app_commands

from bots.discord import commands, connection, doctor
from bots.discord.events import (
    Interaction,
    command_event,
    deletion_event,
    edit_event,
    form_event,
    message_event,
    place_of_interaction,
    press_event,
    reach_of,
    suggesting_event,
)
from bots.discord.exchange import perform
from bots.discord.interactions import InteractionSurface
from bots.discord.surface import ChannelSurface
from core.commands.registry import Registry, registry
from core.messages import Choice, Incoming, IncomingCommand, IncomingMessage, Place
from core.ports.clock import Clock
from core.ports.platform import Check, PlatformError
from core.ports.surface import Handle, Suggest, Surface, no_suggestions
from core.streaming.operations import BucketKey, Delivered

_log = logging.getLogger(__name__)

_START_TIMEOUT_S: Final = 30.0
_CLOSE_TIMEOUT_S: Final = 1.5
_ACKNOWLEDGE_COMMAND_AFTER_S: Final = 2.0  # Discord gives up after 3 s
_SUGGEST_WITHIN_S: Final = 2.5  # the same
_ACKNOWLEDGE_PRESS_AFTER_S: Final = 0.5  # the button spins until then


class DiscordPlatform:
    """One bot account of Discord, over discord.py."""

    name = "Discord"

    def __init__(
        self,
        token: str,
        *,
        clock: Clock,
        api_base_url: str | None = None,
        commands: Registry | None = None,
    ) -> None:
        """`api_base_url`: a REST base such as `http://127.0.0.1:9000/api/v10`; None: Discord itself.
        `commands`: those to offer; None: all that there are."""
        self._token = token
        self._clock = clock
        self._api_base_url = api_base_url
        self._registry = commands or registry()
        self._client: _Client | None = None
        self._running: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    async def start(self, handle: Handle, suggest: Suggest = no_suggestions) -> str:
        connection.quieten()
        for message_content in (True, False):
            client = self._client = _Client(
                handle, suggest, self._clock, self._registry, message_content=message_content
            )
            try:
                notes = await self._connect(client)
            except discord.PrivilegedIntentsRequired:
                await self._disconnect()
                continue
            except BaseException:
                await self._disconnect()
                raise
            return _ready_line(client, notes)
        raise PlatformError("Discord asks for an intent that was not requested. Try again later.")

    async def wait_closed(self) -> None:
        if self._running is None:
            raise PlatformError("Discord was not started.")
        closed = asyncio.create_task(self._closed.wait())
        await asyncio.wait({self._running, closed}, return_when=asyncio.FIRST_COMPLETED)
        closed.cancel()
        if not self._closed.is_set():
            raise _ended(self._running)

    async def stop_listening(self) -> None:
        if self._client is not None:
            self._client.listening = False

    def reopen(self, place: Place, address: str) -> Surface | None:
        client = self._client
        return None if client is None else ChannelSurface(client, place, client.account)

    @property
    def account(self) -> str:
        if self._client is None:
            raise RuntimeError("the platform was not started")
        return self._client.account

    async def close(self) -> None:
        self._closed.set()
        await self._disconnect()

    async def check(self) -> tuple[Check, ...]:
        connection.quieten()
        return await doctor.check(self._token, self._api_base_url)

    async def _connect(self, client: _Client) -> list[str]:
        """Log in, register the commands, open the gateway. Returns what does not work, for people."""
        await connection.log_in(client, self._token, self._api_base_url)
        notes = [] if client.intents.message_content else [doctor.CONTENT_IS_OFF]
        try:
            await commands.sync(client, client.known_application_id, self._registry)
        except discord.HTTPException as problem:
            notes.append(f"the slash commands could not be registered (HTTP {problem.status})")
        running = self._running = asyncio.create_task(client.connect(), name="discord gateway")
        connected = asyncio.create_task(client.connected.wait())
        try:
            await asyncio.wait(
                {running, connected}, timeout=_START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            connected.cancel()
        if running.done():
            refused = running.exception()
            raise refused if isinstance(refused, discord.PrivilegedIntentsRequired) else _ended(running)
        if not client.connected.is_set():
            raise PlatformError("Discord's gateway cannot be reached. Check that web sockets get through.")
        return notes

    async def _disconnect(self) -> None:
        client, running, self._client = self._client, self._running, None
        if client is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await client.close()
        except TimeoutError:  # the gateway does not answer our goodbye
            await client.http.close()
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class _Client(connection.Client):
    """The library's client, with our event handlers."""

    def __init__(
        self, handle: Handle, suggest: Suggest, clock: Clock, commands: Registry, *, message_content: bool
    ) -> None:
        super().__init__(message_content=message_content)
        self._handle = handle
        self._suggest = suggest
        self._registry = commands
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._order: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.listening = True
        self.connected = asyncio.Event()

    @property
    def me(self) -> discord.ClientUser:
        if self.user is None:
            raise RuntimeError("an event came before the login")
        return self.user

    @property
    def known_application_id(self) -> int:
        return self.application_id or self.me.id

    async def on_connect(self) -> None:
        self.connected.set()

    async def on_message(self, message: discord.Message) -> None:
        incoming = message_event(message, self.me, content_granted=self.intents.message_content)
        if incoming is not None:
            self._deliver(incoming, ChannelSurface(self, incoming.place, self.account))

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
        await super().close()

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
        channel = ChannelSurface(self, place, self.account, may_send=may_send) if visible else None
        return InteractionSurface(
            interaction,
            place,
            self.account,
            channel,
            self._clock,
            acknowledge_after_s=acknowledge_after_s,
            private=private,
        )

    def _deliver(self, incoming: Incoming, surface: Surface) -> bool:
        if not self.listening and isinstance(incoming, (IncomingMessage, IncomingCommand)):
            _log.info("%s: event %s is not answered: stopping", incoming.place, incoming.event_id)
            return False
        self._start(self._in_order(incoming, surface))
        return True

    async def _in_order(self, incoming: Incoming, surface: Surface) -> None:
        """Events of one place reach the core one after the other; those of others are not held up."""
        order = self._order.setdefault(str(incoming.place), asyncio.Lock())
        async with order:
            try:
                await self._handle(incoming, surface)
            except Exception:  # noqa: BLE001  # whatever it is, the next event must get through
                _log.exception("%s: event %s was not handled", incoming.place, incoming.event_id)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ready_line(client: _Client, notes: list[str]) -> str:
    count = len(client.guilds)
    where = f"in {count} server" + ("" if count == 1 else "s")
    return "; ".join([f"{client.me} (id {client.me.id}) {where}", *notes])


def _ended(running: asyncio.Task[None]) -> PlatformError:
    problem = None if running.cancelled() else running.exception()
    match problem:
        case discord.ConnectionClosed(code=4004):
            return PlatformError("Discord no longer takes the token. Set DISCORD_TOKEN to the new one.")
        case discord.PrivilegedIntentsRequired():
            return PlatformError(
                "Discord took the Message Content intent away. Start again to go on without."
            )
        case discord.ConnectionClosed(code=code):
            return PlatformError(f"Discord's gateway closed the connection for good (code {code}).")
        case _:
            return PlatformError(f"The connection to Discord ended ({type(problem).__name__}).")
