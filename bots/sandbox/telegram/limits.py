"""Telegram's flood control: buckets per chat and for the bot, and a pause that grows when ignored.

Telegram publishes no exact limits; the figures come from a profile and are an assumption.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from bots.sandbox.limits import Enforcer, Profile, take_all

# What an update brings to a person's eyes draws from the chat; everything else only from the bot,
# and asking for updates from nothing. Methods are in lower case.
_DRAFTS = frozenset({"sendmessagedraft"})
_IN_CHAT = frozenset(
    {
        "sendmessage",
        "senddocument",
        "sendphoto",
        "editmessagetext",
        "editmessagecaption",
        "editmessagemedia",
        "editmessagereplymarkup",
        "createforumtopic",
        "editforumtopic",
        "closeforumtopic",
        "reopenforumtopic",
    }
)
_FREE = frozenset({"getupdates", "getme", "setwebhook", "deletewebhook", "getwebhookinfo"})

_Key: TypeAlias = tuple[str, int]  # the kind of bucket, and the chat it belongs to
_BOT: _Key = ("bot", 0)


class FloodControl:
    """Says for each call how long it would have to wait, and remembers who did not."""

    def __init__(self, profile: Profile) -> None:
        self._limits = profile.telegram.limits
        self._whole_seconds = profile.scale == 1.0
        self._penalty_s = profile.telegram.times["hammering_penalty_s"] * profile.scale
        self._enforcers: dict[_Key, list[Enforcer]] = {_BOT: [Enforcer(self._limits["bot"])]}
        self._paused_until: dict[_Key, float] = {}

    def take(self, method: str, chat: int | None, *, group: bool, now: float) -> float:
        """0.0 when the call may go on, else its `retry_after` in seconds.

        `chat` is None for a call that is about none. At scale 1 the answer is a whole number, as
        Telegram's is; a scaled profile rounds up to milliseconds instead, since whole seconds
        would undo the scale.
        """
        if method in _FREE:
            return 0.0
        keys = [_BOT, *self._chat_keys(method, chat, group=group)]
        paused = [key for key in keys if self._paused_until.get(key, now) > now]
        if paused:
            for key in paused:
                self._paused_until[key] += self._penalty_s
            return self._rounded(max(self._paused_until[key] for key in paused) - now)
        buckets = [bucket for key in keys for bucket in self._enforcers[key]]
        wait = take_all(buckets, now)
        if wait == 0.0:
            return 0.0
        retry_after = self._rounded(wait)
        for key in keys:
            if any(bucket.wait(now) > 0.0 for bucket in self._enforcers[key]):
                self._paused_until[key] = now + retry_after
        return retry_after

    def pause(self, chat: int | None, seconds: float, now: float) -> None:
        """Answer 429 for so long, as in a flood: to what a chat shows, or to all that the bot does."""
        key = _BOT if chat is None else ("chat", chat)
        self._paused_until[key] = max(self._paused_until.get(key, now), now + seconds)

    def _chat_keys(self, method: str, chat: int | None, *, group: bool) -> list[_Key]:
        if chat is None or method not in _DRAFTS | _IN_CHAT:
            return []
        kind = "draft" if method in _DRAFTS else "chat"
        key = (kind, chat)
        if key not in self._enforcers:
            rules = (kind, "group") if group and kind == "chat" else (kind,)
            self._enforcers[key] = [Enforcer(self._limits[rule]) for rule in rules]
        return [key]

    def _rounded(self, wait: float) -> float:
        return math.ceil(wait) if self._whole_seconds else math.ceil(wait * 1000) / 1000
