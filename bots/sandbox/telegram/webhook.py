"""The webhook's side of Telegram: brings each update until it is taken.

As in Telegram's own server (github.com/tdlib/telegram-bot-api, WebhookActor.cpp and Client.cpp), one that was
started with `--local` and so brings to plain http too: a chat's updates one after another, the next once the
one before was answered with 2xx; the presses of one person in a line of their own; lines side by side, at
most `max_connections`. What fails comes again at once, then after 2, 4, 8 s up to a minute, or after
`Retry-After`.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from bots.sandbox.telegram.errors import bad_request, too_many_requests
from bots.sandbox.telegram.faults import Faults
from bots.sandbox.telegram.hub import Hub

MAX_CONNECTIONS: Final = 40  # core.telegram.org/bots/api#setwebhook, where none is asked for
_SET_APART_S: Final = 1.0
_LONGEST_DELAY_S: Final = 60.0
_LONGEST_RETRY_AFTER_S: Final = 3600.0
_ANSWER_WITHIN: Final = aiohttp.ClientTimeout(total=60.0)
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_BY_PERSON: Final = frozenset({"callback_query", "inline_query", "chosen_inline_result", "chat_member"})


@dataclass(frozen=True)
class Target:
    """Where updates are brought, and how."""

    url: str
    secret: str
    max_connections: int


@dataclass(frozen=True)
class Post:
    """One try to bring an update. `status` is 0 where no answer came, and `error` "" where it was taken;
    `pause_s` goes by before the next one, before it is scaled."""

    update_id: int
    status: int
    error: str
    pause_s: float


class Webhook:
    """None is set at first. `posts`: each try, in the order in which they ended."""

    def __init__(self, hub: Hub, faults: Faults, *, scale: float) -> None:
        """`scale`: of the pauses between tries."""
        self.target: Target | None = None
        self.posts: list[Post] = []
        self._hub = hub
        self._faults = faults
        self._scale = scale
        self._session: aiohttp.ClientSession | None = None
        self._free = asyncio.Semaphore(MAX_CONNECTIONS)
        self._lines: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._may_be_set_at = float("-inf")
        self._error = ""
        self._failed_at = 0.0
        hub.updates.on_added = self._begin

    def check(self, target: Target) -> None:
        """Raises ApiError where Telegram would not take it."""
        parts = urlsplit(target.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise bad_request("invalid webhook URL specified")
        if len(target.secret) > 256:
            raise bad_request("secret token is too long")
        if not _SECRET.fullmatch(target.secret):
            raise bad_request("secret token contains unallowed characters")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        now = self._hub.clock()
        if now < self._may_be_set_at:
            raise too_many_requests(1)
        self._may_be_set_at = now + _SET_APART_S * self._scale

    def set(self, target: Target | None) -> None:
        """Bring updates there from now on; None: nowhere. What waits goes on waiting."""
        if target == self.target:
            return
        self._end()
        self.target, self._error, self._failed_at = target, "", 0.0
        self._hub.updates.present(target is not None)
        if target is not None:
            self._free = asyncio.Semaphore(target.max_connections)
            self._begin()

    def info(self) -> dict[str, Any]:
        """getWebhookInfo, without what it says of the queue."""
        info: dict[str, Any] = {"url": "", "has_custom_certificate": False}
        if self.target is not None:
            info |= {
                "url": self.target.url,
                "max_connections": self.target.max_connections,
                "ip_address": "127.0.0.1",
            }
        if self._error:
            info |= {"last_error_date": int(self._failed_at), "last_error_message": self._error}
        return info

    async def close(self) -> None:
        """Bring nothing more."""
        tasks = self._end()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _end(self) -> list[asyncio.Task[None]]:
        tasks = list(self._lines.values())
        for task in tasks:
            task.cancel()
        self._lines.clear()
        return tasks

    def _begin(self) -> None:
        if self.target is None:
            return
        for update in self._hub.updates.waiting:
            line = _line_of(update)
            if line not in self._lines:
                self._lines[line] = asyncio.create_task(self._bring_all(line, self.target))

    async def _bring_all(self, line: tuple[str, int], target: Target) -> None:
        while update := next((one for one in self._hub.updates.waiting if _line_of(one) == line), None):
            await self._bring(update, target)
        del self._lines[line]

    async def _bring(self, update: dict[str, Any], target: Target) -> None:
        """Until it is taken, or a day has gone."""
        number, delay_s, failures = int(update["update_id"]), 1.0, 0
        while not self._hub.updates.is_expired(number):
            async with self._free:
                status, error, pause_s = await self._try(update, target)
            if error and not pause_s and failures:
                pause_s = delay_s = min(delay_s * 2, _LONGEST_DELAY_S)
            self._note(Post(number, status, error, pause_s))
            if not error:
                break
            failures += 1
            await asyncio.sleep(pause_s * self._scale)
        self._hub.updates.forget(number)

    def _note(self, post: Post) -> None:
        if post.error:
            self._error, self._failed_at = post.error, self._hub.unix_time()
        else:
            self._hub.updates.forget(post.update_id)
        self.posts.append(post)
        self._hub.updates.present(not post.error)
        self._hub.emit("webhook", update=post.update_id, status=post.status)

    async def _try(self, update: dict[str, Any], target: Target) -> tuple[int, str, float]:
        """The answer's status, what is wrong with it, and its `Retry-After` in seconds."""
        fault = self._faults.spend("webhook", None)
        lost = None if fault is None else fault.kind
        answer = (0, "Connection closed", 0.0)
        if lost != "drop_before":
            answer = await self._answer(update, target)
        return (0, "Connection closed", 0.0) if lost == "drop_after" else answer

    async def _answer(self, update: dict[str, Any], target: Target) -> tuple[int, str, float]:
        headers = {"Content-Type": "application/json"}
        if target.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = target.secret
        self._session = self._session or aiohttp.ClientSession(timeout=_ANSWER_WITHIN)
        body = json.dumps(update).encode()
        try:
            async with self._session.post(
                target.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
        except aiohttp.ClientConnectorError:
            return 0, "Connection refused", 0.0
        except TimeoutError:
            return 0, "Read timeout expired", 0.0
        except aiohttp.ClientError:
            return 0, "Connection closed", 0.0
        if 200 <= answer.status <= 299:
            return answer.status, "", 0.0
        again = answer.headers.get("Retry-After", "")
        after_s = min(float(again), _LONGEST_RETRY_AFTER_S) if again.isdecimal() else 0.0
        return answer.status, f"Wrong response from the webhook: {answer.status} {answer.reason}", after_s


def _line_of(update: dict[str, Any]) -> tuple[str, int]:
    """What wait for each other: a chat's messages and edits, and the presses of one person."""
    kind, content = next((kind, content) for kind, content in update.items() if kind != "update_id")
    if kind in _BY_PERSON:
        return kind, content["from"]["id"]
    chat = content.get("chat", {}).get("id", 0)
    return ("message" if kind in ("message", "edited_message") else kind), chat
