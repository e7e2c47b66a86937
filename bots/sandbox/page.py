"""The sandbox's web page: both local platforms side by side, live, in a browser.

page = SandboxPage(discord, telegram, note="a 135-million-parameter demo of streaming, no assistant")
await page.start()

A web socket carries JSON both ways. To the browser: one `hello` with everything, then
`{"platform", "event"}` for each event of a server, `{"figures"}`, and `{"ticket", "refused", "result"}`
in answer to what a person did. From the browser: the structs of `deeds.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from bots.sandbox.address import SERVED_BY, page_url
from bots.sandbox.deeds import AnyDeed, Complete, Inline, Platform, perform
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.entrance import KEY, holders_of, own_host_only
from bots.sandbox.images import picture
from bots.sandbox.telegram.server import TelegramServer

Json: TypeAlias = dict[str, Any]

STATIC: Final = Path(__file__).parent / "static"
# Spelled out, since a system's own table may call JavaScript something that nosniff then blocks.
CONTENT_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Server": SERVED_BY,
}
MAX_REQUEST_BYTES: Final = 64 * 1024
WAITING_EVENTS: Final = 2_000  # a browser that lags further behind starts again from a snapshot
KEPT_FIGURES: Final = 50
HEARTBEAT_S: Final = 20.0


Waiting: TypeAlias = asyncio.Queue[Json | None]  # None: too far behind, begin again


class SandboxPage:
    """Serves the page and keeps every open browser up to date.

    `note` says in a few words whose model answers; port 0 takes a free port. `key`: only who brings it is let
    in; None lets in everybody who reaches it, as on loopback.
    """

    def __init__(
        self,
        discord: DiscordServer,
        telegram: TelegramServer,
        *,
        note: str,
        host: str = "127.0.0.1",
        port: int = 8765,
        key: str | None = None,
    ) -> None:
        self._discord = discord
        self._telegram = telegram
        self._note = note
        self._host = host
        self._port = port
        self._key = key
        self._counts = {"discord": Counter[str](), "telegram": Counter[str]()}
        self._figures: dict[tuple[str, str, str], Json] = {}
        self._browsers: dict[web.WebSocketResponse, Waiting] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._unsubscribe: list[Callable[[], None]] = []
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where a browser here finds the page, once it has started, with the key; see `page_url`."""
        url = page_url(self._host, self._port)
        return f"{url}?{KEY}={self._key}" if self._key else url

    async def start(self) -> None:
        """Listen. Raises `OSError` when the address is taken or not ours to listen on."""
        app = web.Application(middlewares=[own_host_only, *([holders_of(self._key)] if self._key else [])])
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/socket", self._serve_socket)
        app.router.add_get("/files/{platform:discord|telegram}/{id}/{name}", self._serve_upload)
        app.router.add_get("/{name:[a-z_]*(?:\\.[a-z]+)?}", _serve_file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        if all(channel.kind != "forum" for channel in self._discord.world.channels.values()):
            await self._discord.create_channel("ideas", "forum")
            await self._discord.open_private("Ada", "Ben")
        self._unsubscribe = [
            self._discord.subscribe(partial(self._take, "discord")),
            self._telegram.subscribe(partial(self._take, "telegram")),
        ]

    async def stop(self) -> None:
        """Let go of the browsers, which then wait for the next start, and stop listening."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        for task in self._asking:
            task.cancel()
        for browser in list(self._browsers):
            await browser.close(code=WSCloseCode.GOING_AWAY)
        if self._runner is not None:
            await self._runner.cleanup()

    def figures(self, figures: Json) -> None:
        """Show how one answer is doing; call again whenever that changes.

        Keys: `platform`, `chat`, `message` (ids; the answer's first message), `edits`, `age_s` (of visible
        text, now), `mean_age_s`, `first_text_s`, `final_lag_s` (None before the end), `limited`, `done`.
        """
        key = (figures["platform"], figures["chat"], figures["message"])
        self._figures[key] = figures
        if len(self._figures) > KEPT_FIGURES:
            del self._figures[next(iter(self._figures))]
        self._tell({"figures": figures})

    def _take(self, platform: Platform, event: Json) -> None:
        self._counts[platform][event["type"]] += 1
        self._tell({"platform": platform, "event": event})

    def _tell(self, news: Json) -> None:
        for waiting in list(self._browsers.values()):
            _offer(waiting, news)

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="Only the sandbox's own page may connect.\n")
        browser = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_REQUEST_BYTES)
        await browser.prepare(request)
        waiting: Waiting = asyncio.Queue()
        waiting.put_nowait(self._hello())
        self._browsers[browser] = waiting
        sending = asyncio.create_task(_send_all(browser, waiting))
        try:
            async for message in browser:
                if message.type is WSMsgType.TEXT:
                    deed: AnyDeed = msgspec.json.decode(message.data, type=AnyDeed)
                    if isinstance(
                        deed, Complete | Inline
                    ):  # the bot may take its time, others not wait for it
                        self._begin(browser, deed)
                    else:
                        await self._perform(browser, deed)
        except msgspec.DecodeError:
            await browser.close(code=WSCloseCode.POLICY_VIOLATION)
        finally:
            self._browsers.pop(browser, None)
            sending.cancel()
            await asyncio.wait([sending])
        return browser

    async def _serve_upload(self, request: web.Request) -> web.Response:
        """A file of a message: as plain text unless a picture, since nothing that a model wrote may run."""
        server = self._discord if request.match_info["platform"] == "discord" else self._telegram
        content = server.file(request.match_info["id"])
        if content is None:
            raise web.HTTPNotFound
        if shown := picture(content):
            return web.Response(body=content, content_type=shown.mime_type)
        return web.Response(body=content, content_type="text/plain", charset="utf-8")

    def _hello(self) -> Json:
        return {
            "hello": {
                "note": self._note,
                "discord": self._discord.snapshot() | self._counted("discord"),
                "telegram": self._telegram.snapshot() | self._counted("telegram"),
                "figures": list(self._figures.values()),
            }
        }

    def _counted(self, platform: Platform) -> Json:
        counts = self._counts[platform]
        return {"requests": counts["request"], "limited": counts["limited"]}

    def _begin(self, browser: web.WebSocketResponse, deed: AnyDeed) -> None:
        task = asyncio.create_task(self._perform(browser, deed))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _perform(self, browser: web.WebSocketResponse, deed: AnyDeed) -> None:
        refused = result = None
        try:
            result = await perform(deed, self._discord, self._telegram)
        except KeyError:
            refused = "That chat, person or message is no longer there."
        except (PermissionError, ValueError) as error:
            refused = str(error)
        if waiting := self._browsers.get(browser):
            _offer(waiting, {"ticket": deed.ticket, "refused": refused, "result": result})


async def _send_all(browser: web.WebSocketResponse, waiting: Waiting) -> None:
    with contextlib.suppress(ConnectionError):  # it left; the receiving side notices too
        while (news := await waiting.get()) is not None:
            await browser.send_json(news)
        await browser.close(code=WSCloseCode.TRY_AGAIN_LATER)


def _offer(waiting: Waiting, news: Json) -> None:
    if waiting.qsize() < WAITING_EVENTS:
        waiting.put_nowait(news)
    elif waiting.qsize() == WAITING_EVENTS:
        waiting.put_nowait(None)


async def _serve_file(request: web.Request) -> web.StreamResponse:
    path = STATIC / (request.match_info["name"] or "index.html")
    if path.suffix not in CONTENT_TYPES or not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Content-Type": f"{CONTENT_TYPES[path.suffix]}; charset=utf-8"})


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
