"""A Telegram surface for the contract suite: the real library on a local Bot API, over sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias

from telegram import Bot
from telegram.request import HTTPXRequest, RequestData

from bots.sandbox.limits import load_profile
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.drafts import Drafts
from bots.telegram.surface import ChatSurface
from core.messages import Place, PlaceKind
from core.ports.surface import Surface
from core.streaming.operations import FileContent

_PERSON = "Ada"
_NOBODY_LISTENS = "http://127.0.0.1:1"

Failure: TypeAlias = Literal[
    "rate_limited", "unavailable", "unknown_taken", "unknown_not_taken", "message_gone", "place_gone"
]


class Bench:
    """A surface on a private chat, what the person there sees, and failures on demand."""

    def __init__(self, surface: Surface, server: TelegramServer, request: _Misdirectable) -> None:
        self.surface = surface
        self._server = server
        self._request = request

    async def shown(self) -> list[tuple[str, str]]:
        """Message id and text of each of the bot's messages, in order of creation."""
        return [(message["id"], message["text"]) for message in self._messages()]

    async def files(self) -> list[FileContent | None]:
        return [
            FileContent(files[0]["name"], self._server.file(files[0]["id"]) or b"") if files else None
            for files in (message["files"] for message in self._messages())
        ]

    async def forbid_files(self) -> None:
        await self._server.forbid_documents(_PERSON)

    def _messages(self) -> list[dict[str, Any]]:
        return [
            message
            for message in self._server.snapshot()["messages"]
            if message["chat"] == self.surface.place.chat_id and message["author"]["bot"]
        ]

    async def fail_next(self, how: Failure) -> None:
        """Make the next operation fail; from then on, a gone message or place stays gone."""
        match how:
            case "rate_limited":
                self._server.fault("limited", retry_after=0.01)
            case "unavailable":
                self._request.misdirect_next = True
            case "unknown_taken":
                self._server.fault("drop_after")
            case "unknown_not_taken":
                self._server.fault("drop_before")
            case "message_gone":
                for message_id, _ in await self.shown():
                    await self._server.delete_own(_BOT_NAME, self.surface.place.chat_id, message_id)
            case "place_gone":
                await self._server.block_bot(_PERSON)


_BOT_NAME = "Sluice"


class _Misdirectable(HTTPXRequest):
    """The library's HTTP, one call of which can be sent to where nobody listens."""

    misdirect_next = False

    async def do_request(  # type: ignore[override]  # the time-outs pass through as they are
        self, url: str, method: str, request_data: RequestData | None = None, **timeouts: object
    ) -> tuple[int, bytes]:
        if self.misdirect_next:
            self.misdirect_next = False
            url = f"{_NOBODY_LISTENS}/{url.rpartition('/')[2]}"
        return await super().do_request(url, method, request_data, **timeouts)  # type: ignore[arg-type]


@asynccontextmanager
async def telegram_surface(*, drafts: bool = False) -> AsyncIterator[Bench]:
    """A fresh local Telegram whose limits pass a thousand times faster."""
    server = TelegramServer(profile=load_profile(scale=0.001))
    await server.start()
    request = _Misdirectable()
    try:
        async with Bot(server.token, base_url=f"{server.url}/bot", request=request) as bot:
            chat_id = next(chat["id"] for chat in server.snapshot()["chats"] if chat["name"] == _PERSON)
            place = Place("telegram", chat_id, PlaceKind.PRIVATE)
            surface = ChatSurface(bot, place, drafts=Drafts() if drafts else None)
            yield Bench(surface, server, request)
    finally:
        await server.stop()
