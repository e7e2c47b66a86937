"""Discord as a platform: one bot account, started, reached and closed."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import discord

from bots.discord import commands, connection, doctor
from bots.discord.addresses import InteractionAddress
from bots.discord.breaker import Breaker
from bots.discord.exchange import Answer, ask
from bots.discord.identifies import Identifies, check_left
from bots.discord.listener import Listener
from bots.discord.opening import reopened
from bots.discord.places import PLATFORM
from bots.discord.surface import ChannelSurface
from core.commands.registry import Registry, registry
from core.messages import Place, PlaceKind
from core.ports.alerts import Alerts, LoggedAlerts
from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.platform import Check, PlatformError
from core.ports.surface import Handle, Suggest, Surface, no_suggestions

_log = logging.getLogger(__name__)

_START_TIMEOUT_S: Final = 30.0
_CLOSE_TIMEOUT_S: Final = 1.5
_WRITE_TIMEOUT_S: Final = 0.4


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
        journal: Journal | None = None,
        alerts: Alerts | None = None,
    ) -> None:
        """`api_base_url`: a REST base such as `http://127.0.0.1:9000/api/v10`; None: Discord itself.
        `commands`: those to offer; None: all that there are. `journal`: keeps how far channels were heard
        and how often we connected; None: nothing outlives the process. `alerts`: who is told of a ban, and of
        messages that are given up."""
        self._token = token
        self._clock = clock
        self._api_base_url = api_base_url
        self._registry = commands or registry()
        self._journal = journal
        self._alerts = alerts or LoggedAlerts()
        self._breaker = Breaker(clock.monotonic, alerts=self._alerts)
        self._identifies = Identifies(journal, clock)
        self._client: Listener | None = None
        self._running: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    async def start(self, handle: Handle, suggest: Suggest = no_suggestions) -> str:
        connection.quieten()
        for message_content in (True, False):
            client = self._client = Listener(
                handle,
                suggest,
                self._clock,
                self._registry,
                message_content=message_content,
                breaker=self._breaker,
                identifies=self._identifies,
                journal=self._journal,
                alerts=self._alerts,
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
            self._client.stop_listening()

    def reopen(self, place: Place, address: str, *, in_doubt: bool = False) -> Surface | None:
        client = self._client
        if client is None:
            return None
        if not address:
            return ChannelSurface(client, place, client.account)
        kept = InteractionAddress.read(address)
        return (
            None
            if kept is None
            else reopened(
                client, kept, place=place, account=client.account, clock=self._clock, in_doubt=in_doubt
            )
        )

    async def private_chat(self, person_id: str) -> Surface | None:
        client = self._client
        if client is None or not person_id.isdecimal():
            return None
        answer = await ask(lambda: client.http.start_private_message(int(person_id)))
        if not isinstance(answer, Answer) or "id" not in answer.fields:
            _log.info("discord: no private chat with %s: %s", person_id, answer)
            return None
        place = Place(PLATFORM, str(answer.fields["id"]), PlaceKind.PRIVATE)
        return ChannelSurface(client, place, client.account)

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

    async def _connect(self, client: Listener) -> list[str]:
        """Log in, register the commands, open the gateway. Returns what does not work, for people."""
        gateway = await connection.log_in(client, self._token, self._api_base_url)
        check_left(gateway.remaining, gateway.reset_after_s)
        await client.remember()
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
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT_S):
                await client.cursors.write(last=True)
        except TimeoutError:
            _log.warning("discord: how far channels were heard was not written in time")


def _ready_line(client: Listener, notes: list[str]) -> str:
    count = len(client.guilds)
    where = f"in {count} server" + ("" if count == 1 else "s")
    return "; ".join([f"{client.me} (id {client.me.id}) {where}", *notes])


def _ended(running: asyncio.Task[None]) -> PlatformError:
    problem = None if running.cancelled() else running.exception()
    match problem:
        case PlatformError():
            return problem
        case discord.ConnectionClosed(code=4004):
            return PlatformError("Discord no longer takes the token. Set DISCORD_TOKEN to the new one.")
        case discord.ConnectionClosed(code=4011):
            return PlatformError(
                f"Discord lets one connection (shard) serve {connection.GUILDS_OF_A_SHARD:,} servers at most,"
                " Sluice has one, and this bot is in more. Take it out of some, or share them out among"
                " several bots, each with a token and a data folder of its own."
            )
        case discord.PrivilegedIntentsRequired():
            return PlatformError(
                "Discord took the Message Content intent away. Start again to go on without."
            )
        case discord.ConnectionClosed(code=code):
            return PlatformError(f"Discord's gateway closed the connection for good (code {code}).")
        case _:
            return PlatformError(f"The connection to Discord ended ({type(problem).__name__}).")
