"""The real python-telegram-bot on a local Telegram, for these tests."""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from telegram import Bot
from telegram.request import HTTPXRequest

from bots.sandbox.limits import load_profile
from bots.sandbox.telegram.server import TelegramServer


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds since nothing in particular."""
        return self.now


@asynccontextmanager
async def local_telegram(
    clock: ManualClock, profile: str = "documented", scale: float = 1.0
) -> AsyncIterator[TelegramServer]:
    """A server that listens, and is stopped at the end."""
    server = TelegramServer(profile=load_profile(profile, scale=scale), clock=clock)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def connected_bot(server: TelegramServer, **request: Any) -> AsyncIterator[Bot]:
    """PTB's Bot, initialised over the socket."""
    bot = Bot(
        server.token,
        base_url=server.url + "/bot",
        base_file_url=server.url + "/file/bot",
        request=HTTPXRequest(connection_pool_size=16, **request),
    )
    async with bot:
        yield bot


def chat_id(telegram: TelegramServer, name: str) -> int:
    """The Bot API's id of a seeded chat."""
    entry = next(c for c in telegram.snapshot()["chats"] if name in (c["name"], c["group"]))
    return int(entry["id"].split("/")[0])


def shown(telegram: TelegramServer, chat: int, message: int) -> dict[str, Any]:
    """A message as the page sees it."""
    wanted = (str(chat), str(message))
    found: dict[str, Any] = next(m for m in telegram.snapshot()["messages"] if (m["chat"], m["id"]) == wanted)
    return found


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
