"""The gateway: sessions over web sockets, version 10 in JSON, with zlib or zstd stream compression."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import json
import secrets
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from bots.sandbox.discord.context import Context
from bots.sandbox.discord.models import Channel, Json
from bots.sandbox.discord.payloads import user
from bots.sandbox.limits import Enforcer

INTENT_GUILDS = 1 << 0
INTENT_GUILD_MEMBERS = 1 << 1
INTENT_GUILD_PRESENCES = 1 << 8
INTENT_MESSAGE_CONTENT = 1 << 15
PRIVILEGED_INTENTS = INTENT_GUILD_MEMBERS | INTENT_GUILD_PRESENCES | INTENT_MESSAGE_CONTENT
# The bits of an intent in the guild, and in direct messages.
MESSAGES = (1 << 9, 1 << 12)
MEMBERS = (INTENT_GUILD_MEMBERS, 0)
REACTIONS = (1 << 10, 1 << 13)
TYPING = (1 << 11, 1 << 14)
_KNOWN_INTENTS = (1 << 26) - 1
# As a network has it: the library notes when a heartbeat went once it has gone, and takes an answer that is
# there already for that of the heartbeat before.
_ACK_AFTER_S = 0.05
_MAX_PAYLOAD_BYTES = 4096
_KEPT_EVENTS = 1000
_GUILDS_OF_A_SHARD = 2500  # docs: "Gateway", "Sharding"
_GUILDS_OF_A_GOOD_SHARD = 1000  # the same: what is recommended


class _Compressor(Protocol):
    def __call__(self, data: bytes) -> bytes: ...


@dataclass
class Session:
    """An identified client: what it wants, and the events it may ask for again."""

    id: str
    intents: int
    sequence: int = 0
    sent: deque[Json] = field(default_factory=lambda: deque(maxlen=_KEPT_EVENTS))
    outbox: asyncio.Queue[Json] | None = None
    left_at: float = 0.0

    def dispatch(self, event: str, data: Json | None) -> None:
        """Number an event, keep it for a resume, and send it when a socket is attached."""
        self.sequence += 1
        payload = {"op": 0, "t": event, "s": self.sequence, "d": data}
        self.sent.append(payload)
        if self.outbox is not None:
            self.outbox.put_nowait(payload)


class _CloseError(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Gateway:
    """All sessions of the bot."""

    def __init__(self, context: Context) -> None:
        self._world = context.world
        self._payloads = context.payloads
        self._limits = context.limits
        self._clock = context.clock
        self._token = context.token
        self._report = context.report
        self.url = ""
        self.granted_intents = PRIVILEGED_INTENTS
        self.sessions: dict[str, Session] = {}
        self.identified = 0
        self.other_guilds = 0
        self.replays = 0
        self._identifies = Enforcer(context.limits.limits["identify"])
        self._sockets: dict[web.WebSocketResponse, asyncio.Transport] = {}

    @property
    def application_flags(self) -> int:
        """The application's flags for its privileged intents, in their form for few servers."""
        limited = ((INTENT_GUILD_PRESENCES, 13), (INTENT_GUILD_MEMBERS, 15), (INTENT_MESSAGE_CONTENT, 19))
        return sum(1 << bit for intent, bit in limited if self.granted_intents & intent)

    @property
    def shards(self) -> int:
        """How many are recommended."""
        return 1 + self.other_guilds // _GUILDS_OF_A_GOOD_SHARD

    def dispatch(
        self,
        event: str,
        channel: Channel | None,
        intents: tuple[int, int] | None,
        data: Callable[[bool], Json],
    ) -> None:
        """Send an event to every session that wants it and may see it.

        `intents` are the bits in the guild and in a DM, None for events that need none; `data` gets
        whether the session may read message content.
        """
        if channel is not None and not self._world.permissions(self._world.bot, channel):
            return
        needed = 0 if intents is None else intents[1 if channel and not channel.in_guild else 0]
        for session in self.sessions.values():
            if not needed or session.intents & needed:
                session.dispatch(event, data(bool(session.intents & INTENT_MESSAGE_CONTENT)))

    def reconnect(self) -> None:
        """Ask every client to reconnect and resume (opcode 7)."""
        self._tell_all({"op": 7, "d": None, "s": None, "t": None})

    def invalidate(self) -> None:
        """Forget every session and say so (opcode 9, not resumable)."""
        self._tell_all({"op": 9, "d": False, "s": None, "t": None})
        self.sessions.clear()

    def cut(self) -> None:
        """Drop every connection without a word; the sessions can be resumed."""
        for transport in self._sockets.values():
            transport.abort()

    async def close(self, code: int = 1001) -> None:
        """Close every connection."""
        for socket in list(self._sockets):
            await socket.close(code=code)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one web socket until it closes."""
        socket = web.WebSocketResponse(compress=False, autoclose=True)
        await socket.prepare(request)
        outbox: asyncio.Queue[Json] = asyncio.Queue()
        compress = _compressor(request.query.get("compress"))
        writer = asyncio.create_task(_write(socket, outbox, compress))
        if request.transport is not None:
            self._sockets[socket] = request.transport
        session: Session | None = None
        try:
            interval_ms = int(self._limits.times["heartbeat_s"] * 1000)
            outbox.put_nowait({"op": 10, "s": None, "t": None, "d": {"heartbeat_interval": interval_ms}})
            sends = Enforcer(self._limits.limits["gateway_send"])
            while (payload := await self._receive(socket, sends)) is not None:
                session = self._answer(payload, session, outbox)
        except _CloseError as closed:
            await socket.close(code=closed.code, message=str(closed).encode())
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer
            self._sockets.pop(socket, None)
            if session is not None:
                self._detach(session, outbox, socket.close_code)
        return socket

    def _detach(self, session: Session, outbox: asyncio.Queue[Json], code: int | None) -> None:
        if session.outbox is outbox:
            session.outbox = None
            session.left_at = self._clock()
            self._report({"type": "online", "online": False})
        # A client that says goodbye with one of these ends its session.
        if code in (1000, 1001):
            self.sessions.pop(session.id, None)

    async def _receive(self, socket: web.WebSocketResponse, sends: Enforcer) -> Json | None:
        try:
            # Discord forgives a missed heartbeat's tail, then hangs up.
            message = await socket.receive(timeout=self._limits.times["heartbeat_s"] * 1.5)
        except TimeoutError:
            raise _CloseError(4009, "Session timed out.") from None
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return None
        if sends.take(self._clock()):
            raise _CloseError(4008, "Rate limited.")
        try:
            payload = json.loads(message.data)
        except ValueError:
            raise _CloseError(4002, "Error while decoding payload.") from None
        if not isinstance(payload, dict) or len(message.data) > _MAX_PAYLOAD_BYTES:
            raise _CloseError(4002, "Error while decoding payload.")
        return payload

    def _answer(self, payload: Json, session: Session | None, outbox: asyncio.Queue[Json]) -> Session | None:
        data = payload.get("d")
        match payload.get("op"):
            case 1:
                ack = {"op": 11, "s": None, "t": None, "d": None}
                asyncio.get_running_loop().call_later(_ACK_AFTER_S, outbox.put_nowait, ack)
            case 2 if session is not None:
                raise _CloseError(4005, "Already authenticated.")
            case 2:
                return self._identify(data if isinstance(data, dict) else {}, outbox)
            case 6:
                return self._resume(data if isinstance(data, dict) else {}, outbox) or session
            case 3 | 4 | 8 if session is None:
                raise _CloseError(4003, "Not authenticated.")
            case 8 if session is not None and isinstance(data, dict):
                self._members_chunk(session, data)
            case 3 | 4:
                pass
            case _:
                raise _CloseError(4001, "Unknown opcode.")
        return session

    def _identify(self, data: Json, outbox: asyncio.Queue[Json]) -> Session | None:
        self._authenticate(data)
        intents = data.get("intents")
        if not isinstance(intents, int) or intents & ~_KNOWN_INTENTS:
            raise _CloseError(4013, "Invalid intent(s).")
        if intents & PRIVILEGED_INTENTS & ~self.granted_intents:
            raise _CloseError(4014, "Disallowed intent(s).")
        match data.get("shard", [0, 1]):
            case [int(shard), int(shards)] if 0 <= shard < shards:
                if 1 + self.other_guilds > _GUILDS_OF_A_SHARD * shards:
                    raise _CloseError(4011, "Sharding required.")
            case _:
                raise _CloseError(4010, "Invalid shard.")
        if self._identifies.take(self._clock()):
            outbox.put_nowait({"op": 9, "s": None, "t": None, "d": False})
            return None
        self.identified += 1
        self._forget_left()
        session = Session(secrets.token_hex(16), intents, outbox=outbox)
        self.sessions[session.id] = session
        guild_id = str(self._world.guild_id)
        ready: Json = {
            "v": 10,
            "user": user(self._world.bot) | {"verified": True, "mfa_enabled": False},
            "guilds": [{"id": guild_id, "unavailable": True}],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "shard": data.get("shard", [0, 1]),
            "application": {"id": str(self._world.application_id), "flags": self.application_flags},
            "private_channels": [],
        }
        session.dispatch("READY", ready)
        if intents & INTENT_GUILDS:
            everybody = bool(intents & INTENT_GUILD_PRESENCES)
            members = list(self._world.users.values()) if everybody else [self._world.bot]
            session.dispatch("GUILD_CREATE", self._payloads.guild(members))
        self._report({"type": "online", "online": True})
        return session

    def _resume(self, data: Json, outbox: asyncio.Queue[Json]) -> Session | None:
        self._authenticate(data)
        self._forget_left()
        session = self.sessions.get(str(data.get("session_id")))
        seen = data.get("seq")
        oldest = session.sent[0]["s"] if session and session.sent else 1
        if session is None or not isinstance(seen, int) or seen < oldest - 1:
            outbox.put_nowait({"op": 9, "s": None, "t": None, "d": False})
            return None
        if seen > session.sequence:
            raise _CloseError(4007, "Invalid seq.")
        session.outbox = outbox
        seen, self.replays = seen - self.replays, 0
        for event in itertools.filterfalse(lambda event: event["s"] <= seen, session.sent):
            outbox.put_nowait(event)
        session.dispatch("RESUMED", {})
        self._report({"type": "online", "online": True})
        return session

    def _forget_left(self) -> None:
        """Forget the sessions that nobody resumed in time."""
        oldest = self._clock() - self._limits.times["resume_s"]
        kept = {
            key: one for key, one in self.sessions.items() if one.outbox is not None or one.left_at > oldest
        }
        self.sessions = kept

    def _authenticate(self, data: Json) -> None:
        if str(data.get("token", "")).removeprefix("Bot ") != self._token:
            raise _CloseError(4004, "Authentication failed.")

    def _members_chunk(self, session: Session, data: Json) -> None:
        wanted = {str(user_id) for user_id in data.get("user_ids") or ()}
        query = str(data.get("query") or "").lower()
        people = [
            account
            for account in self._world.users.values()
            if (str(account.id) in wanted if wanted else account.name.lower().startswith(query))
        ]
        limit = data.get("limit") or len(people)
        chunk: Json = {
            "guild_id": str(self._world.guild_id),
            "members": [self._payloads.member_with_user(account) for account in people[:limit]],
            "chunk_index": 0,
            "chunk_count": 1,
        }
        if data.get("nonce") is not None:
            chunk["nonce"] = data["nonce"]
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    def _tell_all(self, payload: Json) -> None:
        for session in self.sessions.values():
            if session.outbox is not None:
                session.outbox.put_nowait(payload)


async def _write(
    socket: web.WebSocketResponse, outbox: asyncio.Queue[Json], compress: _Compressor | None
) -> None:
    while True:
        text = json.dumps(await outbox.get())
        if compress is None:
            await socket.send_str(text)
        else:
            await socket.send_bytes(compress(text.encode()))


def _compressor(kind: str | None) -> _Compressor | None:
    """One shared compression context per connection, flushed after every payload."""
    if kind == "zlib-stream":
        context = zlib.compressobj()
        return lambda data: context.compress(data) + context.flush(zlib.Z_SYNC_FLUSH)
    return _zstd() if kind == "zstd-stream" else None


def _zstd() -> _Compressor:
    """What discord.py asks for where it can: Python's own from 3.14 on, or the `zstandard` package."""
    zstd: Any
    try:
        zstd = importlib.import_module("compression.zstd")
    except ImportError:
        zstd = importlib.import_module("zstandard")
        stream = zstd.ZstdCompressor().compressobj()
        return lambda data: stream.compress(data) + stream.flush(zstd.COMPRESSOBJ_FLUSH_BLOCK)
    compressor = zstd.ZstdCompressor()
    return lambda data: bytes(compressor.compress(data, compressor.FLUSH_BLOCK))
