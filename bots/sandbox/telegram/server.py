"""A local Telegram Bot API over HTTP, for python-telegram-bot and whatever else speaks it.

Point a bot at it with `base_url(server.url + "/bot")` and `base_file_url(server.url + "/file/bot")`.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import isawaitable
from types import MappingProxyType
from typing import Any, TypeAlias

from aiohttp import web

from bots.sandbox.limits import Clock, Profile
from bots.sandbox.telegram import page
from bots.sandbox.telegram.account import Account
from bots.sandbox.telegram.documents import MAX_UPLOAD, Documents
from bots.sandbox.telegram.errors import ApiError, too_many_requests
from bots.sandbox.telegram.faults import Fault, FaultKind, Faults
from bots.sandbox.telegram.inline import Inline
from bots.sandbox.telegram.limits import FloodControl
from bots.sandbox.telegram.menu import Menu
from bots.sandbox.telegram.messages import Messages
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.topics import Topics
from bots.sandbox.telegram.usage import Usage
from bots.sandbox.telegram.webhook import Webhook
from bots.sandbox.telegram.world import Chat

_TOKEN = re.compile(r"\d+:[\w-]{35}")
_LOGGED_REQUESTS = 20_000
_Method: TypeAlias = Callable[[Params], Any | Awaitable[Any]]


@dataclass(frozen=True)
class Request:
    """One call as it was answered: `at` by the server's clock, `route` the Bot API method.

    `status` is 0 when the connection was closed instead; `chat` and `message` are the page's ids.
    """

    at: float
    method: str
    route: str
    status: int
    body: dict[str, Any]
    chat: str | None
    message: str | None


class TelegramServer(Usage):
    """The Bot API on a socket, and people's side of it."""

    def __init__(
        self,
        *,
        profile: Profile,
        clock: Clock = time.monotonic,
        token: str | None = None,
        bot_username: str = "sluice_bot",
    ) -> None:
        super().__init__(bot_username, clock)
        self.token = token or f"{self._hub.bot.id}:{secrets.token_urlsafe(32)[:35]}"
        self.url = ""
        self.requests: list[Request] = []
        self._flood = FloodControl(profile)
        self._faults = Faults()
        self.webhook = Webhook(self._hub, self._faults, scale=profile.scale)
        self._methods = {
            **_account_methods(Account(self._hub, self.webhook), Menu(self._hub)),
            **_message_methods(self._messages, self._files, self._inline),
            **_topic_methods(Topics(self._hub)),
        }
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `url` then says where. Raises OSError when the port is taken."""
        self._stopping.clear()
        app = web.Application(client_max_size=2 * MAX_UPLOAD)
        app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", self._serve_file)
        app.router.add_route("*", "/bot{token:[^/]+}/{method:[^/]+}", self._serve)
        # No access log: the token stands in every address. Cancellation tells when a poller goes.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        self.url = f"http://{bound[0]}:{bound[1]}"

    async def stop(self) -> None:
        """Answer what still waits, close every connection."""
        self._stopping.set()
        await self.webhook.close()
        self._hub.updates.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def fault(
        self,
        kind: FaultKind,
        *,
        route: str = "*",
        times: int = 1,
        status: int = 500,
        retry_after: float | None = 1.0,
        description: str = "",
        parameters: Mapping[str, object] = MappingProxyType({}),
        chat: str = "",
    ) -> Fault:
        """Make the next `times` calls fail; `route` is a pattern of method names, such as `send*`, and `chat`
        the page's id of the only chat that is meant.

        Without effect are `status`, which answers with that status and the Bot API's `description` and
        `parameters`; `html`, the same in the words of a web server in front; `limited`, one 429 (without
        `retry_after` where that is None); `flood` and `flood_bot`, after which the chat, or the bot, has
        429s for `retry_after` seconds, and for longer the more it asks. `drop_before` closes the socket and
        does nothing, `drop_after` does what was asked and closes the socket instead of answering,
        `hang_before` and `hang_after` do nothing, or that, and never answer. With the route `webhook` the two
        that drop are meant for what Telegram brings itself: lost on its way, or its answer is. What people
        can do is a deed of theirs (`people.py`, `usage.py`): delete a message, let it become too old, block
        or kick the bot, close or delete a topic, forbid to write, upgrade a group.
        """
        fault = Fault(kind, route, times, status, retry_after, description, parameters, chat)
        self._faults.add(fault)
        return fault

    def end_faults(self) -> None:
        """Let none of those that still wait happen."""
        self._faults.clear()

    def file(self, file_id: str) -> bytes | None:
        """The content of a file that hangs, or hung, on a message."""
        return self._files.download(file_id)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        params, html = Params({}), False
        fault: Fault | None = None
        try:
            self._authorise(request)
            params = await Params.read(request)
            method = self._methods.get(name.lower())
            if method is None:
                raise ApiError(404, "Not Found: method not found")
            fault = self._faults.spend(name, self._place(params))
            self._fail_before(fault, params)
            self._limit(name, params)
            result = method(params)
            if isawaitable(result):
                result = await result
            status, body = 200, {"ok": True, "result": result}
        except ApiError as error:
            status, body, html = error.code, error.body(), error.html
        kind = None if fault is None else fault.kind
        dropped = kind in ("drop_before", "drop_after", "hang_before", "hang_after")
        self._log(request, name, params, 0 if dropped else status, body)
        if kind in ("hang_before", "hang_after"):
            await self._stopping.wait()
        if dropped and request.transport is not None:
            request.transport.abort()
        if html or status == 502:  # comes from the web server in front, which speaks no JSON
            page = f"<html><h1>{status} {HTTPStatus(status).phrase}</h1></html>"
            return web.Response(status=status, text=page, content_type="text/html")
        return web.json_response(body, status=status)

    def _fail_before(self, fault: Fault | None, params: Params) -> None:
        """Raise what a fault answers instead of doing what was asked, or let its flood begin."""
        if fault is None:
            return
        if refusal := fault.refusal():
            raise refusal
        if fault.kind in ("flood", "flood_bot"):
            chat = self._chat(params) if fault.kind == "flood" else None
            self._flood.pause(None if chat is None else chat.id, fault.retry_after or 1.0, self._hub.clock())

    async def _serve_file(self, request: web.Request) -> web.Response:
        try:
            self._authorise(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        content = self._files.download(request.match_info["path"])
        if content is None:
            raise web.HTTPNotFound
        return web.Response(body=content)

    def _authorise(self, request: web.Request) -> None:
        token = request.match_info["token"]
        if not _TOKEN.fullmatch(token):
            raise ApiError(404, "Not Found")
        if not secrets.compare_digest(token, self.token):
            raise ApiError(401, "Unauthorized")

    def _limit(self, name: str, params: Params) -> None:
        chat = self._chat(params)
        retry_after = self._flood.take(
            name.lower(),
            None if chat is None else chat.id,
            group=chat is not None and chat.kind != "private",
            now=self._hub.clock(),
        )
        if retry_after:
            raise too_many_requests(retry_after)

    def _log(
        self, request: web.Request, name: str, params: Params, status: int, body: dict[str, Any]
    ) -> None:
        entry = Request(
            at=self._hub.clock(),
            method=request.method,
            route=name,
            status=status,
            body=params.logged(),
            chat=self._place(params),
            message=_message_id(params, body.get("result")),
        )
        self.requests.append(entry)
        del self.requests[:-_LOGGED_REQUESTS]
        if status == 429:
            retry_after = body.get("parameters", {}).get("retry_after")
            self._hub.emit("limited", route=name, retry_after=retry_after, chat=entry.chat)
        shown = {field: value for field, value in vars(entry).items() if field != "body"}
        self._hub.emit("request", **shown)

    def _chat(self, params: Params) -> Chat | None:
        inline = self._hub.inline_messages.get(params.text("inline_message_id") or "")
        if inline is not None:
            return inline.chat
        return self._world.chats.get(params.chat_id() or 0)

    def _place(self, params: Params) -> str | None:
        """The page's id of the chat that a call is about."""
        chat = self._chat(params)
        topic = params.text("message_thread_id") or ""
        if chat is None:
            return None
        return page.chat_key(chat, int(topic) if topic.isdecimal() else None)


def _message_id(params: Params, result: object) -> str | None:
    """The message that a call made, or was about."""
    made = result.get("message_id") if isinstance(result, dict) else None
    return str(made) if made else params.text("message_id")


# The Bot API's methods by name, in lower case, since it does not mind the case.


def _account_methods(account: Account, menu: Menu) -> dict[str, _Method]:
    return {
        "getme": account.get_me,
        "getupdates": account.get_updates,
        "setwebhook": account.set_webhook,
        "deletewebhook": account.delete_webhook,
        "getwebhookinfo": account.get_webhook_info,
        "answercallbackquery": account.answer_callback_query,
        "setmycommands": menu.set_my_commands,
        "getmycommands": menu.get_my_commands,
        "deletemycommands": menu.delete_my_commands,
        "getchat": account.get_chat,
        "getchatmember": account.get_chat_member,
        "getchatadministrators": account.get_chat_administrators,
        "getchatmembercount": account.get_chat_member_count,
        "leavechat": account.leave_chat,
    }


def _message_methods(messages: Messages, files: Documents, inline: Inline) -> dict[str, _Method]:
    return {
        "sendmessage": messages.send_message,
        "senddocument": files.send_document,
        "sendphoto": files.send_photo,
        "sendmessagedraft": messages.send_message_draft,
        "sendchataction": messages.send_chat_action,
        "editmessagetext": messages.edit_message_text,
        "editmessagecaption": files.edit_message_caption,
        "editmessagemedia": files.edit_message_media,
        "editmessagereplymarkup": messages.edit_message_reply_markup,
        "deletemessage": messages.delete_message,
        "deletemessages": messages.delete_messages,
        "setmessagereaction": messages.set_message_reaction,
        "answerinlinequery": inline.answer_inline_query,
        "getfile": files.get_file,
    }


def _topic_methods(topics: Topics) -> dict[str, _Method]:
    return {
        "createforumtopic": topics.create_forum_topic,
        "editforumtopic": topics.edit_forum_topic,
        "closeforumtopic": topics.close_forum_topic,
        "reopenforumtopic": topics.reopen_forum_topic,
        "deleteforumtopic": topics.delete_forum_topic,
    }
