"""Who is not Telegram gets nothing in: no post without the secret, and none that is no update."""

from __future__ import annotations

import asyncio
import gzip
import hmac
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from multidict import CIMultiDict

from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.webhook import MAX_BODY, SECRET_HEADER
from core.settings import TelegramWebhook
from tests.telegram.brittle import Process, texts
from tests.telegram.harness import SECRET, Bot, local_webhook

UPDATE = json.dumps(
    {
        "update_id": 7,
        "message": {
            "message_id": 1,
            "date": 1_800_000_000,
            "chat": {"id": 5, "type": "private"},
            "from": {"id": 5, "is_bot": False, "first_name": "Ada"},
            "text": "hello",
        },
    }
).encode()


@dataclass(frozen=True)
class Post:
    """What somebody sends, as Telegram would but for what is given."""

    secrets: tuple[str, ...] = (SECRET,)
    method: str = "POST"
    path: str = ""
    body: bytes = UPDATE
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False


@dataclass
class Door:
    bot: Bot
    process: Process
    webhook: TelegramWebhook
    session: aiohttp.ClientSession

    async def __call__(self, post: Post) -> int:
        headers = CIMultiDict({"Content-Type": "application/json", **post.headers})
        for secret in post.secrets:
            headers.add(SECRET_HEADER, secret)
        body = _in_chunks(post.body) if post.chunked else post.body
        async with self.session.request(
            post.method, self.webhook.url + post.path, data=body, headers=headers
        ) as answer:
            assert await answer.read() == b""  # Telegram would take one for a call
            return answer.status


async def _in_chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body


@pytest.fixture
async def door(server: TelegramServer) -> AsyncIterator[Door]:
    process, webhook = Process(), local_webhook()
    async with (
        process.bot(server, webhook) as bot,
        aiohttp.ClientSession() as session,
    ):
        yield Door(bot, process, webhook, session)


NOT_TELEGRAM = {
    "none": Post(()),
    "empty": Post(("",)),
    "wrong": Post((SECRET[::-1],)),
    "its beginning": Post((SECRET[:-1],)),
    "longer": Post((SECRET + "0",)),
    "other case": Post((SECRET.swapcase(),)),
    "not ASCII": Post((SECRET[:-1] + "é",)),
    "twice": Post((SECRET, SECRET)),
    "a wrong one before": Post(("x", SECRET)),
    "a wrong one after": Post((SECRET, "x")),
    "joined by a proxy": Post((f"{SECRET}, {SECRET}",)),
    "in the address": Post((), path=f"?secret_token={SECRET}"),
    "as authorization": Post((), headers={"Authorization": f"Bearer {SECRET}"}),
}
NO_UPDATE = {
    "read": (Post(method="GET", body=b""), 405),
    "put": (Post(method="PUT"), 405),
    "elsewhere": (Post(path="/"), 404),
    "under it": (Post(path="/../telegram2"), 404),
    "a form": (Post(headers={"Content-Type": "application/x-www-form-urlencoded"}), 415),
    "text": (Post(headers={"Content-Type": "text/plain"}), 415),
    "packed": (Post(body=gzip.compress(UPDATE), headers={"Content-Encoding": "gzip"}), 415),
    "too large": (Post(body=b" " * (MAX_BODY + 1)), 413),
    "too large and never said so": (Post(body=b" " * (MAX_BODY + 1), chunked=True), 413),
    "nothing": (Post(body=b""), 400),
    "half": (Post(body=UPDATE[:-1]), 400),
    "no UTF-8": (Post(body=b'{"update_id": 7, "message": "\xff"}'), 400),
    "deep": (Post(body=b"[" * 100_000), 400),
    "a list": (Post(body=b"[" + UPDATE + b"]"), 400),
    "no id": (Post(body=b'{"message": {}}'), 400),
    "an id in words": (Post(body=b'{"update_id": "7"}'), 400),
    "an id that is true": (Post(body=b'{"update_id": true}'), 400),
    "an id below one": (Post(body=b'{"update_id": -7}'), 400),
}


@pytest.mark.parametrize("post", NOT_TELEGRAM.values(), ids=NOT_TELEGRAM)
async def test_without_the_secret_nothing_is_handled_or_written(door: Door, post: Post) -> None:
    assert await door(post) == 403
    assert not door.process.journal.asked.is_set()
    assert await door(Post()) == 200
    assert await texts(door.bot, 1) == ["hello"]
    assert door.bot.idle


@pytest.mark.parametrize(("post", "status"), NO_UPDATE.values(), ids=NO_UPDATE)
async def test_what_is_no_update_is_neither_handled_nor_written(door: Door, post: Post, status: int) -> None:
    """Also from whoever knows the secret; without it, it is refused before that is looked at."""
    assert await door(post) == status
    assert not door.process.journal.asked.is_set()
    assert await door(Post()) == 200
    assert await texts(door.bot, 1) == ["hello"]
    assert door.bot.idle


async def test_no_byte_of_a_body_is_waited_for_without_the_secret(door: Door) -> None:
    """The answer comes, and the connection ends, while 10 GB are still announced."""
    reader, writer = await asyncio.open_connection(door.webhook.host, door.webhook.port)
    head = "POST /telegram HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1"
    writer.write(f"{head}{'0' * 10}\r\n{SECRET_HEADER}: wrong\r\n\r\n".encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"Python" not in answer
    writer.close()


async def test_the_secret_is_compared_in_constant_time(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the one function that is made for it, whole."""
    compared: list[tuple[bytes, bytes]] = []
    really = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return really(one, other)

    monkeypatch.setattr("bots.telegram.webhook.hmac.compare_digest", compare)
    assert await door(Post((SECRET[:-1] + "x",))) == 403
    assert await door(Post()) == 200
    assert compared == [((SECRET[:-1] + "x").encode(), SECRET.encode()), (SECRET.encode(), SECRET.encode())]


async def test_an_update_that_comes_twice_at_once_is_handled_once(door: Door) -> None:
    assert list(await asyncio.gather(door(Post()), door(Post()))) == [200, 200]
    assert await texts(door.bot, 1) == ["hello"]
    assert door.bot.idle


async def test_neither_secret_nor_token_nor_what_a_stranger_chose_is_logged(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG; and a storm of refusals is one line."""
    with caplog.at_level(logging.DEBUG):
        for _ in range(20):
            await door(Post(("a-stranger's-words",)))
        await door(Post(body=b"{", headers={"X-Else": SECRET}))
        await door(Post())
        await texts(door.bot, 1)
    lines = [record.getMessage() for record in caplog.records]
    for line in lines:
        assert SECRET not in line
        assert door.bot.server.token not in line
        assert "a-stranger" not in line
    assert len([line for line in lines if "refused" in line]) == 1
