"""Updates as Telegram brings them: each is kept before Telegram hears that it came.

What Telegram does (github.com/tdlib/telegram-bot-api, WebhookActor.cpp): it brings a chat's updates one after
another, the next once the one before was answered with 2xx, side by side for different chats; the presses of
one person likewise. What was answered otherwise, or not within a minute, it brings again for a day: at once,
then after 2, 4, 8 s and so on up to two minutes, or after the seconds of `Retry-After`. So
- 200 is said only of what the journal has, and 503 of all else that is Telegram's: nothing is lost by it;
- a journal that fails keeps nobody waiting: as with polling, what comes is handed over unkept, and not
  confirmed. It comes again, is known, and is kept as soon as that works;
- who does not know the secret is refused before a byte of the body is read.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from telegram.error import BadRequest, RetryAfter, TelegramError
from yarl import URL

from bots.telegram.connection import ALLOWED_UPDATES, NAME, Connection, describe, refuses_token
from bots.telegram.handover import Handover
from bots.telegram.kept import event_id
from bots.telegram.outcomes import seconds
from core.ports.alerts import Alerts, Cause
from core.ports.clock import Clock
from core.ports.platform import PlatformError
from core.settings import TelegramWebhook

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  its name
MAX_BODY: Final = 256 * 1024
"""Bytes. Telegram's own server makes no update of more than 64 KiB (Client.cpp, add_update_impl); four times
that, since one that is refused would come again for a day and hold up its chat."""
_MAX_CONNECTIONS: Final = 40  # at once; core.telegram.org/bots/api#setwebhook, its default, of 100 at most
_BODY_S: Final = 10.0  # a proxy hands on what it has got; whoever drips would hold a connection
_AGAIN_S: Final = 5
"""`Retry-After` of a 503: without it a chat would wait for two minutes after a long failure."""
_LOOK_EVERY_S: Final = 60.0
_TRIES_TO_SET: Final = 3
_LONGEST_PAUSE_S: Final = 30.0
_ANSWERED_WITHIN_S: Final = 0.7  # those that are being kept while we stop
_COMPLAINT_S: Final = 60.0
_LOOKED_AROUND: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Post:
    update: dict[str, Any]
    confirmed: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Webhook:
    """`open`, then `run`. When it ends the webhook stays set, so that Telegram keeps what comes meanwhile."""

    def __init__(
        self,
        address: TelegramWebhook,
        connection: Connection,
        clock: Clock,
        handover: Handover,
        alerts: Alerts,
        *,
        busy: Callable[[], bool],
        also: tuple[str, ...] = (),
    ) -> None:
        """`busy`: whether no more can be handed over now. `also`: kinds to get beside ALLOWED_UPDATES."""
        self._address = address
        self._path = URL(address.url).path
        self._secret = address.secret.encode()
        self._connection = connection
        self._clock = clock
        self._handover = handover
        self._alerts = alerts
        self._busy = busy
        self._also = also
        self._posts: asyncio.Queue[_Post] = asyncio.Queue(_MAX_CONNECTIONS)
        self._replayed = False
        self._runner: web.AppRunner | None = None
        self._seen_error_at = clock.wall()
        self._refused: dict[HTTPStatus, int] = {}
        self._complained_at = float("-inf")

    async def open(self) -> None:
        """Listen, then tell Telegram where. Raises PlatformError, and TelegramError of any other kind."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        # No access log: a stranger chooses what would stand in it.
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_ANSWERED_WITHIN_S, lingering_time=0.0
        )
        await self._runner.setup()
        host, port = self._address.host, self._address.port
        try:
            await web.TCPSite(self._runner, host, port).start()
            await self._set()
        except OSError as error:
            await self._stop_listening()
            raise PlatformError(
                f"TELEGRAM_WEBHOOK_LISTEN: {host}:{port} cannot be used ({error.strerror}). "
                "Stop what uses it, or name another HOST:PORT."
            ) from None
        except BadRequest as error:
            await self._stop_listening()
            raise PlatformError(
                f"Telegram does not take TELEGRAM_WEBHOOK_URL: {describe(error)}. Give it an https address "
                "that the internet can reach, on port 443, 80, 88 or 8443."
            ) from None
        except BaseException:
            await self._stop_listening()
            raise

    async def run(self) -> None:
        """Keep what comes and hand it over, until cancelled; then answer what is being kept.

        Raises PlatformError when the token is refused.
        """
        both = [asyncio.create_task(self._keep()), asyncio.create_task(self._watch())]
        try:
            ended, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            ended.pop().result()
        finally:
            await self._stop_listening()
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def confirm(self) -> None:
        """Call after `run`: each update was confirmed by its answer, but who was cancelled before that began
        still listens."""
        await self._stop_listening()

    async def _set(self) -> None:
        for tries_left in reversed(range(_TRIES_TO_SET)):
            try:
                await self._connection.bot.set_webhook(
                    self._address.url,
                    secret_token=self._address.secret,
                    allowed_updates=[*ALLOWED_UPDATES, *self._also],
                    max_connections=_MAX_CONNECTIONS,
                )
            except RetryAfter as error:  # once a second; a start that follows upon another one meets it
                pause_s = seconds(error.retry_after)
                if not tries_left or pause_s > _LONGEST_PAUSE_S:
                    raise
                await self._clock.sleep_until(self._clock.monotonic() + pause_s)
            else:
                return

    async def _stop_listening(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    # what Telegram brings

    async def _serve(self, request: web.Request) -> web.Response:
        wrong = self._wrong_with(request)
        if wrong is not None:
            return self._refuse(wrong)
        body = await _body_of(request)
        if isinstance(body, HTTPStatus):
            return self._refuse(body)
        update = _update_in(body)
        if update is None:
            return self._refuse(HTTPStatus.BAD_REQUEST)
        if await self._confirmed(update):
            return _answer(HTTPStatus.OK)
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(_AGAIN_S)})

    def _wrong_with(self, request: web.Request) -> HTTPStatus | None:
        """Why not even its body is read."""
        is_json = request.content_type == "application/json" and "Content-Encoding" not in request.headers
        findings = (
            (request.path != self._path, HTTPStatus.NOT_FOUND),
            (request.method != "POST", HTTPStatus.METHOD_NOT_ALLOWED),
            (not self._is_from_telegram(request), HTTPStatus.FORBIDDEN),
            (not is_json, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
            ((request.content_length or 0) > MAX_BODY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        )
        return next((status for found, status in findings if found), None)

    def _is_from_telegram(self, request: web.Request) -> bool:
        given = request.headers.getall(SECRET_HEADER, [])
        return len(given) == 1 and hmac.compare_digest(
            given[0].encode("utf-8", "surrogateescape"), self._secret
        )

    async def _confirmed(self, update: dict[str, Any]) -> bool:
        """Whether Telegram may forget it."""
        if self._runner is None or self._busy() or self._posts.full() or not self._handover.wants(update):
            return False
        post = _Post(update)
        self._posts.put_nowait(post)
        return await post.confirmed

    async def _keep(self) -> None:
        """All that wait are kept together: a flush of the disk for each would be slow."""
        while True:
            if not self._replayed:  # what was left behind goes before what comes now
                self._replayed = await self._handover.replay()
            posts = [await self._posts.get()]
            while not self._posts.empty():
                posts.append(self._posts.get_nowait())
            posts.sort(key=lambda post: int(post.update["update_id"]))
            new = await self._handover.keep(
                list({event_id(post.update): post.update for post in posts}.values())
            )
            for post in posts:
                handed = self._handover.hand(post.update, new)
                if not post.confirmed.done():
                    post.confirmed.set_result(handed and new is not None)

    # whether it still brings anything

    async def _watch(self) -> None:
        """Nothing that comes in says that nothing comes in any more."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + _LOOK_EVERY_S)
            await self._handover.replay()  # what another process over the same journal left behind
            try:
                await self._look()
            except TelegramError as error:
                if refuses_token(error):
                    raise self._connection.unusable(error) from None
                logger.debug("Telegram: the webhook cannot be looked at: %s", describe(error))

    async def _look(self) -> None:
        info = await self._connection.bot.get_webhook_info()
        if info.url != self._address.url:
            self._alerts.raise_(Cause.POLLER, about=NAME)
            logger.warning("Telegram: another program has taken the webhook away; it is set again.")
            await self._set()
            return
        self._alerts.clear(Cause.POLLER, about=NAME)
        failed_at = info.last_error_date.timestamp() if info.last_error_date else 0.0
        if failed_at > self._seen_error_at:
            self._seen_error_at = failed_at
            logger.warning(
                "Telegram: an update could not be brought (%s); %d wait. `sluice doctor` says what to do.",
                describe(TelegramError(info.last_error_message or "no reason given")),
                info.pending_update_count,
            )

    def _refuse(self, status: HTTPStatus) -> web.Response:
        """With a line now and then, which says how many, and nothing that a stranger chose."""
        if status in _LOOKED_AROUND:
            return _answer(status, {"Allow": "POST"})
        self._refused[status] = self._refused.get(status, 0) + 1
        now = self._clock.monotonic()
        if now - self._complained_at >= _COMPLAINT_S:
            self._complained_at = now
            counts = ", ".join(f"{number} × {refused.value}" for refused, number in self._refused.items())
            logger.warning(
                "Telegram: posts to the webhook were refused: %s (403: without the secret).", counts
            )
            self._refused.clear()
        return _answer(status)


def _answer(status: HTTPStatus, headers: dict[str, str] | None = None) -> web.Response:
    """Without a body, since Telegram would take one for a call, and without the server's version."""
    return web.Response(status=status, headers={"Server": "Sluice", **(headers or {})})


async def _body_of(request: web.Request) -> bytes | HTTPStatus:
    """The body, or why it is refused."""
    try:
        async with asyncio.timeout(_BODY_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    except TimeoutError:
        return HTTPStatus.REQUEST_TIMEOUT


def _update_in(body: bytes) -> dict[str, Any] | None:
    """The update, whatever its kind; None where it is none."""
    try:
        update: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match update:
        case {"update_id": int(number)} if isinstance(update, dict) and number is not True and number > 0:
            return update
    return None
