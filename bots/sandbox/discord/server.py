"""A local Discord: REST API, gateway and interactions for the bot; people as methods.

server = DiscordServer(profile=load_profile(scale=0.02))
await server.start()
discord.http.Route.BASE = server.url
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
await client.start(server.token)
"""

from __future__ import annotations

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable

from aiohttp import web

from bots.sandbox.discord.answers import refuse_unknown_paths
from bots.sandbox.discord.application import Application
from bots.sandbox.discord.context import Context
from bots.sandbox.discord.events import dispatch
from bots.sandbox.discord.faults import Fault, FaultKind
from bots.sandbox.discord.gateway import INTENT_MESSAGE_CONTENT, Gateway
from bots.sandbox.discord.guild import Guild
from bots.sandbox.discord.http import API_BASE, MAX_BODY_BYTES, Front, Request
from bots.sandbox.discord.interactions import Interactions
from bots.sandbox.discord.models import Change, Json, Ping
from bots.sandbox.discord.page import chat_entry, event_entry, message_entry, person_entry
from bots.sandbox.discord.payloads import Payloads
from bots.sandbox.discord.registered import RegisteredCommands
from bots.sandbox.discord.rest import Rest
from bots.sandbox.discord.threads import Threads
from bots.sandbox.discord.usage import Usage
from bots.sandbox.discord.webhook import InteractionWebhook
from bots.sandbox.discord.world import World
from bots.sandbox.limits import Clock, Profile


def _token_of(bot_id: int) -> str:
    """As Discord makes them: the bot's id in base64, a time, a signature."""
    whose = urlsafe_b64encode(str(bot_id).encode()).decode().rstrip("=")
    return f"{whose}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"


class DiscordServer(Usage):
    """The face: start and stop, what happened, faults, and (from `Usage` and `People`) what people do.

    `clock` is seconds that never run backwards; a test that moves it ages messages and tokens.
    """

    def __init__(self, *, profile: Profile, clock: Clock = time.monotonic, token: str | None = None) -> None:
        world = World(clock)
        self.token = token or _token_of(world.bot.id)
        self.url = ""
        self._subscribers: list[Callable[[Json], None]] = []
        self._runner: web.AppRunner | None = None
        self._payloads = Payloads(world)
        context = Context(world, self._payloads, profile.discord, clock, self.token, self._report)
        self._front = Front(context)
        self._gateway = Gateway(context)
        self._rest = Rest(context)
        interactions = Interactions(context, self._gateway)
        super().__init__(world, self._payloads, RegisteredCommands(context), interactions)
        self._parts = (
            self._rest,
            Threads(context),
            Guild(context),
            Application(context, self._gateway),
            self._commands,
            interactions,
            InteractionWebhook(context, interactions),
        )
        world.listen(self._on_change)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `url` and `gateway_url` are known from then on."""
        app = web.Application(middlewares=[refuse_unknown_paths], client_max_size=2 * MAX_BODY_BYTES)
        for part in self._parts:
            self._front.add(app, part.routes())
        app.router.add_get("/", self._gateway.handle)
        app.router.add_get(r"/attachments/{channel_id:\d+}/{file_id}/{name}", self._attachment)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}{API_BASE}"
        self._payloads.origin = f"http://{host}:{port}"
        self._gateway.url = f"ws://{host}:{port}"

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        self._interactions.stop()
        self._front.stop()
        await self._gateway.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def gateway_url(self) -> str:
        """Where the gateway listens, as `GET /gateway/bot` says too."""
        return self._gateway.url

    @property
    def online(self) -> bool:
        """Whether a client of the bot is connected and identified."""
        return any(session.outbox is not None for session in self._gateway.sessions.values())

    @property
    def requests(self) -> list[Request]:
        """Every REST request so far, oldest first."""
        return self._front.requests

    @property
    def pings(self) -> list[Ping]:
        """Every notification that the bot's messages and edits caused."""
        return self.world.pings

    def snapshot(self) -> Json:
        """Everything that a page which just connected needs to draw."""
        channels = self.world.channels.values()
        return {
            "platform": "discord",
            "bot": person_entry(self.world, self.world.bot),
            "chats": [chat_entry(self.world, channel) for channel in channels],
            "people": [person_entry(self.world, account) for account in self.world.users.values()],
            "messages": [message_entry(self.world, m) for c in channels for m in c.messages.values()],
            "commands": self._commands.all,
            "online": self.online,
        }

    def subscribe(self, callback: Callable[[Json], None]) -> Callable[[], None]:
        """Call `callback` with every event from now on; returns how to unsubscribe."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def grant_message_content(self, granted: bool) -> None:
        """Give the application the Message Content intent or take it away, as its portal does.

        Without it, identifying with the intent closes with 4014.
        """
        kept = self._gateway.granted_intents & ~INTENT_MESSAGE_CONTENT
        self._gateway.granted_intents = kept | (INTENT_MESSAGE_CONTENT if granted else 0)
        self._rest.content_intent = granted

    def end_tokens(self) -> None:
        """End the token of every interaction so far, before its time."""
        self._interactions.end_tokens()

    def fault(
        self,
        kind: FaultKind,
        *,
        method: str = "*",
        route: str = "*",
        times: int = 1,
        after: int = 0,
        status: int = 500,
        retry_after: float = 1.0,
    ) -> Fault:
        """Make the next `times` requests fail, once `after` have passed; `route` is a pattern such as
        `*/messages/*`.

        `status` answers with that status; `limited`, `shared` and `global` with a 429 of that scope;
        `banned` and `blocked` with Cloudflare's ban (429, 403), `disliked` with its refusal of this one
        request; `drop_before` closes the socket and does nothing, `drop_after` does what was asked and
        closes the socket instead of answering; `hang_before` and `hang_after` do nothing, or what was asked,
        and never answer.
        """
        fault = Fault(kind, method, route, times, status, retry_after, after)
        self._front.faults.add(fault)
        return fault

    def ask_reconnect(self) -> None:
        """Tell the client to reconnect and resume (opcode 7)."""
        self._gateway.reconnect()

    def invalidate_sessions(self) -> None:
        """Tell the client that its session is gone (opcode 9)."""
        self._gateway.invalidate()

    def cut_gateway(self, *, replays: int = 0) -> None:
        """Drop the web socket without a word; the session can be resumed. The next resume repeats also the
        last `replays` events that the client has had."""
        self._gateway.replays = replays
        self._gateway.cut()

    def lose_sessions(self) -> None:
        """Drop the web socket and every session with it: what happens until the client has identified again
        is never told."""
        self._gateway.cut()
        self._gateway.sessions.clear()

    @property
    def identifies(self) -> int:
        """How often clients have identified."""
        return self._gateway.identified

    def spend_identifies(self, number: int) -> None:
        """Count so many more of the day's identifies as made."""
        self._gateway.identified += number

    def be_in_more_guilds(self, number: int) -> None:
        """From now on the bot is in so many besides this one; of them the gateway counts the number alone."""
        self._gateway.other_guilds = number

    def _on_change(self, change: Change) -> None:
        dispatch(self.world, self._payloads, self._gateway, change)
        self._report(event_entry(self.world, change))

    def _report(self, event: Json) -> None:
        for callback in list(self._subscribers):
            callback(event)

    def file(self, file_id: str) -> bytes | None:
        """The content of a file that hangs on a message."""
        messages = (
            message for channel in self.world.channels.values() for message in channel.messages.values()
        )
        hanging = (file for message in messages for file in message.files)
        files = (*hanging, *self.world.uploads.values())
        return next((file.content for file in files if str(file.id) == file_id), None)

    async def _attachment(self, request: web.Request) -> web.Response:
        content = self.file(request.match_info["file_id"])
        if content is None:
            raise web.HTTPNotFound
        return web.Response(body=content)
