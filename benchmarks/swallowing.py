"""Surfaces with a real platform's limits and renderer, which take every call and show it to nobody."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from bots.discord import capabilities as discord
from bots.telegram import capabilities as telegram
from core.messages import MessageRef, Place, PlaceKind
from core.ports.surface import Capabilities
from core.streaming.operations import BucketKey, Delivered, MessageContent, OperationKind, Outcome

Keys = tuple[BucketKey, ...]


class SwallowingSurface:
    """The port `Surface`. `calls` counts sends and edits."""

    alternate = None
    address = ""
    ends_at = None
    messages_left = None
    open_form = with_rights = hears_all = None
    open_thread = None
    reading = None

    def __init__(
        self, place: Place, capabilities: Capabilities, buckets: Callable[[OperationKind], Keys]
    ) -> None:
        self.place = place
        self.capabilities = capabilities
        self.account = f"{place.platform}:1"
        self.buckets = buckets
        self.calls = 0
        self._ids = count(1)

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        self.calls += 1
        return Delivered(f"m{next(self._ids)}")

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        self.calls += 1
        return Delivered(message_id)

    async def delete(self, message_id: str) -> Outcome:
        return Delivered(message_id)

    async def typing(self) -> None:
        return None

    async def react(self, ref: MessageRef, emoji: str) -> None:
        return None


def discord_channel(number: int) -> SwallowingSurface:
    """A channel of its own for each answer: the account's 50 requests a second bind."""

    def buckets(kind: OperationKind) -> Keys:
        return discord.ACCOUNT, BucketKey(kind.value, place.chat_id)

    place = Place("discord", f"c{number}", PlaceKind.SHARED)
    return SwallowingSurface(place, discord.CHANNEL, buckets)


def discord_interaction(number: int) -> SwallowingSurface:
    """A slash command for each answer: each token's own limit binds, the account's does not."""

    def buckets(_kind: OperationKind) -> Keys:
        return (BucketKey("interaction", place.chat_id),)

    place = Place("discord", f"t{number}", PlaceKind.SHARED)
    return SwallowingSurface(place, discord.INTERACTION, buckets)


def telegram_chat(number: int) -> SwallowingSurface:
    """A private chat for each answer: the bot's 30 requests a second bind."""

    def buckets(kind: OperationKind) -> Keys:
        bot = BucketKey(telegram.BOT)
        return (bot,) if kind is OperationKind.TYPING else (bot, BucketKey(telegram.CHAT, place.chat_id))

    place = Place("telegram", f"c{number}", PlaceKind.PRIVATE)
    return SwallowingSurface(place, telegram.TELEGRAM, buckets)
