"""A Discord surface for the contract suite: the real library on a local Discord, over sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, TypeAlias

from bots.discord.connection import Client, log_in
from bots.discord.surface import ChannelSurface
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.discord.world import Permission
from bots.sandbox.limits import load_profile
from core.messages import Place, PlaceKind
from core.ports.surface import Surface
from core.streaming.operations import FileContent
from tests.discord.support import library_restored

Failure: TypeAlias = Literal[
    "rate_limited", "unavailable", "unknown_taken", "unknown_not_taken", "message_gone", "place_gone"
]

_CHAT = "#general"


class Bench:
    """A surface on a channel, what people see there, and failures on demand."""

    def __init__(self, surface: Surface, server: DiscordServer) -> None:
        self.surface = surface
        self._server = server

    async def shown(self) -> list[tuple[str, str]]:
        """Message id and text of each of the bot's messages, in order of creation."""
        messages = self._server.world.chat(_CHAT).messages.values()
        return [(str(m.id), m.content) for m in messages if m.author == self._server.world.bot]

    async def files(self) -> list[FileContent | None]:
        messages = self._server.world.chat(_CHAT).messages.values()
        carried = [message.files for message in messages if message.author == self._server.world.bot]
        return [FileContent(files[0].name, files[0].content) if files else None for files in carried]

    async def forbid_files(self) -> None:
        self._server.overwrite(_CHAT, self._server.world.bot.name, deny=Permission.ATTACH_FILES)

    async def fail_next(self, how: Failure) -> None:
        """Make the next operation fail; from then on, a gone message or place stays gone."""
        match how:
            case "rate_limited":
                self._server.fault("limited", retry_after=0.01)
            case "unavailable":
                self._server.fault("status", status=503)
            case "unknown_taken":
                self._server.fault("drop_after")
            case "unknown_not_taken":
                self._server.fault("drop_before")
            case "message_gone":
                for message_id, _ in await self.shown():
                    await self._server.delete(self._server.world.owner.name, _CHAT, message_id)
            case "place_gone":
                self._server.overwrite(_CHAT, self._server.world.bot.name, deny=Permission.VIEW_CHANNEL)


@asynccontextmanager
async def discord_surface() -> AsyncIterator[Bench]:
    """A fresh local Discord whose limits pass a thousand times faster."""
    server = DiscordServer(profile=load_profile(scale=0.001))
    await server.start()
    client = Client(message_content=False)
    try:
        with library_restored():
            await log_in(client, server.token, server.url)
            chat_id, guild_id = str(server.world.chat(_CHAT).id), str(server.world.guild_id)
            place = Place("discord", chat_id, PlaceKind.SHARED, guild_id=guild_id)
            yield Bench(ChannelSurface(client, place, f"discord:{server.world.bot.id}"), server)
    finally:
        await client.close()
        await server.stop()
