"""The places of a case over sockets: a local Discord or Telegram, what breaks there, and what people see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final
from unittest import mock

from bots.discord import backfill, connection
from bots.discord import markdown as discord_text
from bots.discord.client import DiscordPlatform
from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.discord.world import Permission
from bots.sandbox.limits import load_profile
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram import markdown as telegram_text
from bots.telegram.client import TelegramPlatform
from core.messages import Place
from core.ports.clock import Clock
from core.ports.journal import Journal
from core.ports.platform import Platform as Bot
from core.streaming.rendering import Renderer
from tests.discord.support import library_restored
from tests.fakes.moved_clock import MovedClock
from tests.faults.cases import PAGE_UNITS, Fault, On, Platform

IDENTIFY_PAUSE_S: Final = 5.0
_LONG_S: Final = 280.0
_SHOWS: Final = "/[cw]*[s}l]"  # of a channel or a webhook: a message, but no typing


class Site(ABC):
    """`shown`: called whenever a message of ours came to stand there or was changed, before we hear of it."""

    renderer: Renderer
    asker = "Ben"

    def __init__(self, server: DiscordServer | TelegramServer, clock: MovedClock) -> None:
        self.clock = clock
        self.history: list[tuple[str, str]] = []  # (message, text), as they were taken
        self.gone_at: float | None = None  # when we were told so
        self.shown: Callable[[], None] = lambda: None
        self._server = server
        self._lost = False
        self._left_behind: list[str] = []  # in a chat that moved
        self._played: list[tuple[Fault, Any]] = []
        self._done: list[Fault] = []
        server.subscribe(self._see)

    @property
    def world(self) -> Site:
        return self

    @property
    def struck(self) -> list[Fault]:
        """Every fault as often as it was met."""
        met = [one for one, played in self._played for _ in range(one.times - played.times)]
        return [*met, *self._done]

    @property
    def texts(self) -> list[str]:
        shown = (one for one in self._server.snapshot()["messages"] if _is_ours(one))
        return self._left_behind + [text for one in shown if (text := str(one["text"]))]

    def now_at(self, place: Place) -> Place:
        return place

    @property
    def asked(self) -> list[tuple[float, str, str]]:
        """Every request for something that people see."""
        return [(one.at, one.method, one.route) for one in self._server.requests if self.shows(one)]

    @property
    def taken_unheard(self) -> int:
        """New messages of which we never heard."""
        if not any(fault.kind is Platform.UNKNOWN_TAKEN for fault in self.struck):
            return 0
        return sum(one.status == 0 and self.sends(one) for one in self._server.requests)

    def arm(self, fault: Fault) -> bool:
        """Have the next requests meet it. False where it is something that people do: see `do`."""
        assert isinstance(fault.kind, Platform)
        named = self.played.get(fault.kind)
        if named is not None:
            self._played.append((fault, self._fault(fault.times, dict(named))))
        return named is not None

    @property
    def heard(self) -> bool:
        """Whether it is known there that the question came to us, for which no time is left."""
        return True

    def may_do(self, fault: Fault) -> bool:
        """Nobody deletes a message before it is there."""
        return fault.kind not in {Platform.MESSAGE_GONE, Platform.FROZEN} or bool(self.texts)

    async def do(self, fault: Fault) -> None:
        assert isinstance(fault.kind, Platform)
        self._lost |= fault.kind is Platform.PLACE_GONE
        await self.deeds[fault.kind]()
        self._done.append(fault)

    def _see(self, event: dict[str, Any]) -> None:
        refused = event["type"] == "request" and event["status"] >= 400
        if refused and self._lost and self.gone_at is None and self.shows(SimpleNamespace(**event)):
            self.gone_at = self.clock.monotonic()
        if event["type"] == "draft":
            self.shown()
        if event["type"] in {"message", "edit"} and _is_ours(event["message"]) and event["message"]["text"]:
            message = event["message"]
            self.history.append((f"{message['chat']} {message['id']}", message["text"]))
            self.shown()

    def _first(self) -> dict[str, Any]:
        found: dict[str, Any] = next(filter(_is_ours, self._server.snapshot()["messages"]))
        return found

    played: Mapping[Platform, Mapping[str, Any]]
    """What the server itself can be told to do, in its words."""

    @property
    @abstractmethod
    def deeds(self) -> Mapping[Platform, Callable[[], Awaitable[object]]]: ...

    @abstractmethod
    def _fault(self, times: int, named: dict[str, Any]) -> Any: ...

    @abstractmethod
    def shows(self, request: Any) -> bool: ...

    @abstractmethod
    def sends(self, request: Any) -> bool: ...

    @abstractmethod
    def bot(self, clock: Clock, journal: Journal) -> Bot:
        """That of a new process."""

    @abstractmethod
    async def ask(self) -> None: ...

    @abstractmethod
    async def hang_up(self, bot: Bot) -> None:
        """Close the sockets of a process that was killed: what the system does for it."""

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()


def _is_ours(message: dict[str, Any]) -> bool:
    return message["author"]["name"] == "Sluice" and not message["service"]


class DiscordSite(Site):
    renderer = discord_text.DiscordRenderer()
    played = MappingProxyType(
        {
            Platform.LIMITED_USER: {"kind": "limited", "retry_after": 2.0},
            Platform.LIMITED_GLOBAL: {"kind": "global", "retry_after": 2.0},
            Platform.LIMITED_SHARED: {"kind": "shared", "retry_after": 2.0},
            Platform.LIMITED_SILENT: {"kind": "banned"},
            Platform.LIMITED_LONG: {"kind": "limited", "retry_after": _LONG_S},
            Platform.UNAVAILABLE: {"kind": "status", "status": 502},
            Platform.UNKNOWN_TAKEN: {"kind": "drop_after"},
            Platform.UNKNOWN_NOT_TAKEN: {"kind": "drop_before"},
            Platform.REJECTED: {"kind": "status", "status": 400},
        }
    )

    def __init__(self, on: On, clock: MovedClock) -> None:
        self.server = DiscordServer(profile=load_profile(), clock=clock)
        super().__init__(self.server, clock)
        self._on = on
        if on is On.ALONE:
            self.server.overwrite("#help", "Sluice", deny=Permission.VIEW_CHANNEL)

    @property
    def deeds(self) -> Mapping[Platform, Callable[[], Awaitable[object]]]:
        return {
            Platform.MESSAGE_GONE: lambda: self.server.delete("Ada", "#help", self._first()["id"]),
            Platform.PLACE_GONE: lambda: self.server.delete_channel("Ada", "#help"),
            Platform.EXPIRED: self._end_tokens,
        }

    @property
    def heard(self) -> bool:
        by_command = self._on is not On.CHANNEL
        return not by_command or any(one.route.endswith("/callback") for one in self.server.requests)

    async def _end_tokens(self) -> None:
        self.server.end_tokens()

    def _fault(self, times: int, named: dict[str, Any]) -> Any:
        return self.server.fault(route=_SHOWS, times=times, **named)

    def shows(self, request: Any) -> bool:
        by_channel = request.route.startswith("/channels/{channel_id}/messages")
        return request.method in {"POST", "PATCH"} and (by_channel or request.route.startswith("/webhooks/"))

    def sends(self, request: Any) -> bool:
        return self.shows(request) and request.method == "POST"

    def bot(self, clock: Clock, journal: Journal) -> DiscordPlatform:
        return DiscordPlatform(self.server.token, clock=clock, api_base_url=self.server.url, journal=journal)

    async def ask(self) -> None:
        if self._on is On.CHANNEL:
            await self.server.say(self.asker, "#help", "@Sluice a tale?")
        else:
            await self.server.invoke(self.asker, "#help", "ask", {"prompt": "a tale?"})

    async def hang_up(self, bot: Bot) -> None:
        assert isinstance(bot, DiscordPlatform)
        client = bot._client
        if client is not None:
            self.server.lose_sessions()
            await client.http.close()
            await client.end_left_sockets()
        self.clock.move(IDENTIFY_PAUSE_S)  # the gateway takes no second identify sooner


class TelegramSite(Site):
    renderer = telegram_text.TelegramRenderer()
    played = MappingProxyType(
        {
            Platform.LIMITED_USER: {"kind": "limited", "retry_after": 2},
            Platform.LIMITED_GLOBAL: {"kind": "flood_bot", "retry_after": 2},
            Platform.LIMITED_SHARED: {"kind": "flood", "retry_after": 2},
            Platform.LIMITED_SILENT: {"kind": "limited", "retry_after": None},
            Platform.LIMITED_LONG: {"kind": "flood", "retry_after": int(_LONG_S)},
            Platform.UNAVAILABLE: {"kind": "html", "status": 502},
            Platform.UNKNOWN_TAKEN: {"kind": "drop_after"},
            Platform.UNKNOWN_NOT_TAKEN: {"kind": "drop_before"},
            Platform.REJECTED: {
                "kind": "status",
                "status": 400,
                "description": "Bad Request: can't parse entities: entity at offset 5 is beyond the text",
            },
        }
    )

    def __init__(self, on: On, clock: MovedClock) -> None:
        self.server = TelegramServer(profile=load_profile(), clock=clock)
        super().__init__(self.server, clock)
        self._drafts = on is On.DRAFTS
        self._chat = self.asker if self._drafts else "Riverside"
        self._moved_to = ""

    @property
    def deeds(self) -> Mapping[Platform, Callable[[], Awaitable[object]]]:
        server = self.server
        return {
            Platform.MESSAGE_GONE: lambda: server.delete("Ada", self._chat, self._first()["id"]),
            Platform.PLACE_GONE: lambda: (
                server.block_bot(self.asker) if self._drafts else server.kick_bot("Ada", self._chat)
            ),
            Platform.FROZEN: lambda: server.let_age(self._chat, self._first()["id"]),
            Platform.MOVED: self._move,
        }

    async def _move(self) -> None:
        self._left_behind = self.texts
        self._moved_to = await self.server.upgrade_group("Ada", self._chat)

    def now_at(self, place: Place) -> Place:
        return replace(place, chat_id=self._moved_to or place.chat_id)

    def _fault(self, times: int, named: dict[str, Any]) -> Any:
        return self.server.fault(route="*message*", times=times, **named)

    def shows(self, request: Any) -> bool:
        return str(request.route).lower() in {"sendmessage", "editmessagetext", "sendmessagedraft"}

    def sends(self, request: Any) -> bool:
        return str(request.route).lower() == "sendmessage"

    def bot(self, clock: Clock, journal: Journal) -> TelegramPlatform:
        return TelegramPlatform(
            self.server.token, clock=clock, journal=journal, base_url=self.server.url, drafts=self._drafts
        )

    async def ask(self) -> None:
        text = "a tale?" if self._drafts else "@sluice_bot a tale?"
        await self.server.say(self.asker, self._chat, text)

    async def hang_up(self, bot: Bot) -> None:
        assert isinstance(bot, TelegramPlatform)
        if bot._running is not None:
            await bot._running.connection.close()


def site(on: On, clock: MovedClock) -> Site:
    """Where questions on this kind of surface are asked."""
    return (TelegramSite if on in {On.CHAT, On.DRAFTS} else DiscordSite)(on, clock)


@contextmanager
def small_pages() -> Iterator[None]:
    """Pages as small as in the matrix, so that its text has as many; guilds that are there at once."""
    with ExitStack() as stack:
        for module, name in ((discord_text, "CONTENT_LIMIT"), (telegram_text, "MAX_UNITS")):
            stack.enter_context(mock.patch.object(module, name, PAGE_UNITS))
        for renderer in (discord_text.DiscordRenderer, telegram_text.TelegramRenderer):
            stack.enter_context(mock.patch.object(renderer, "page_units", PAGE_UNITS))
        stack.enter_context(mock.patch.object(connection, "GUILDS_COME_WITHIN_S", 0.02))
        stack.enter_context(mock.patch.object(backfill, "REQUESTS_PER_S", 1_000.0))
        stack.enter_context(library_restored())
        yield
