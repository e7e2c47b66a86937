"""A channel, thread or direct message of Discord, by the bot account's own routes.

These routes remember nonces: a send that is repeated after an unknown outcome stands once.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Awaitable
from functools import partial
from typing import Any, Final

import discord

from bots.discord.capabilities import ACCOUNT, CHANNEL, KEPT
from bots.discord.exchange import MISSING_PERMISSIONS, Answer, ask, outcome_of, perform
from bots.discord.reading import DiscordReading
from core.messages import MessageRef, Place, PlaceKind
from core.ports.surface import Capabilities, NoThread, NotOpened, Opened, OpenThread
from core.streaming.operations import (
    BucketKey,
    Button,
    ButtonStyle,
    Delivered,
    MessageContent,
    NotSent,
    OperationKind,
    Outcome,
    Row,
    Select,
)

_log = logging.getLogger(__name__)
NOBODY: Final = discord.AllowedMentions.none()  # `replied_user` included
"""For every send and every edit: Discord parses an edit again, with the default allowances."""

_HAS_A_THREAD: Final = 160004  # whose id is the message's (docs: "Start Thread from Message")
_NO_THREADS_HERE: Final = 50024  # "cannot execute action on this channel type": a voice channel's chat
_NEWS_THREAD: Final = 10  # docs: "Channel Types"
_PUBLIC_THREAD: Final = 11
_ARCHIVE_AFTER_MIN: Final = 1_440  # without activity; what clients offer first
_CREATE_THREADS, _SEND_IN_THREADS = "Create Public Threads", "Send Messages in Threads"
_STYLES = {ButtonStyle.PLAIN: discord.ButtonStyle.secondary, ButtonStyle.DANGER: discord.ButtonStyle.danger}


class ChannelSurface:
    """Bound to one place. Each call is one request, and what became of it is its outcome."""

    alternate = ends_at = messages_left = open_form = with_rights = hears_all = None
    address = ""

    def __init__(
        self,
        client: discord.Client,
        place: Place,
        account: str,
        *,
        may_send: bool = True,
        keeps_events: bool = False,
    ) -> None:
        """`may_send`: False where the bot may only see the place, and so change what stands there.
        `keeps_events`: what came in by it is kept (kept.py)."""
        self.capabilities: Capabilities = KEPT if keeps_events else CHANNEL
        self._client = client
        self._place = place
        self._account = account
        self._may_send = may_send
        self._channel = client.get_partial_messageable(int(place.chat_id))

    @property
    def account(self) -> str:
        return self._account

    @property
    def place(self) -> Place:
        return self._place

    @property
    def open_thread(self) -> OpenThread | None:
        below = self._place.kind is PlaceKind.SHARED and self._place.guild_id is not None
        return self._open_thread if below else None

    @property
    def reading(self) -> DiscordReading:
        return DiscordReading(self._client, self._place)

    def buckets(self, kind: OperationKind) -> tuple[BucketKey, ...] | None:
        if kind is OperationKind.DRAFT or (kind is OperationKind.SEND and not self._may_send):
            return None
        return ACCOUNT, self._key(kind)

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        key = self._key(OperationKind.SEND)
        return await perform(lambda: self._send(content, reply_to), key, with_file=bool(content.file))

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        key = self._key(OperationKind.EDIT)
        call = partial(self._edit, message_id, content)
        return await perform(call, key, message_id, with_file=bool(content.file))

    async def delete(self, message_id: str) -> Outcome:
        key = self._key(OperationKind.DELETE)
        return await perform(lambda: self._message(message_id).delete(), key, message_id)

    async def typing(self) -> Outcome:
        return await perform(self._typing, self._key(OperationKind.TYPING))

    async def react(self, ref: MessageRef, emoji: str) -> None:
        key = BucketKey("reaction", ref.chat_id)
        outcome = await perform(lambda: self._message(ref.message_id).add_reaction(emoji), key)
        if not isinstance(outcome, Delivered):
            _log.debug("%s: a reaction was not taken: %s", self._place, outcome)

    async def _open_thread(self, name: str, on: MessageRef | None) -> Opened | NotOpened:
        if missing := self._missing_for_threads():
            return NotOpened(NoThread.PERMISSION, missing)
        http, channel_id = self._client.http, int(self._place.chat_id)
        channel = self._client.get_channel(channel_id)
        of_news = isinstance(channel, discord.TextChannel) and channel.is_news()

        def call() -> Awaitable[object]:
            if on is not None and on.chat_id == self._place.chat_id:
                return http.start_thread_with_message(
                    channel_id, int(on.message_id), name=name, auto_archive_duration=_ARCHIVE_AFTER_MIN
                )
            return http.start_thread_without_message(
                channel_id,
                name=name,
                auto_archive_duration=_ARCHIVE_AFTER_MIN,
                type=_NEWS_THREAD if of_news else _PUBLIC_THREAD,
            )

        answer = await ask(call)
        if isinstance(answer, Answer) and answer.status < 300:
            return self._opened(str(answer.fields["id"]))
        if isinstance(answer, Answer) and answer.code == _HAS_A_THREAD and on is not None:
            return self._opened(on.message_id)  # by a process that was killed then, or by a person
        if isinstance(answer, Answer) and answer.code == _NO_THREADS_HERE:
            return NotOpened(NoThread.NONE)
        if isinstance(answer, Answer) and answer.code == MISSING_PERMISSIONS:
            return NotOpened(NoThread.PERMISSION, _CREATE_THREADS)
        outcome = outcome_of(answer, BucketKey("thread", "")) if isinstance(answer, Answer) else answer
        _log.info("%s: no thread was opened: %s", self._place, outcome)
        retry_after_s = outcome.retry_after_s if isinstance(outcome, NotSent) else 0.0
        return NotOpened(NoThread.FAILED, retry_after_s=retry_after_s or 0.0)

    def _opened(self, thread_id: str) -> Opened:
        guild_id = self._place.guild_id
        place = Place(
            self._place.platform,
            thread_id,
            PlaceKind.THREAD,
            guild_id=guild_id,
            parent_id=self._place.chat_id,
            category_id=self._place.category_id,
            name=self._place.name,
        )
        link = f"https://discord.com/channels/{guild_id}/{thread_id}"
        surface = ChannelSurface(self._client, place, self._account)
        return Opened(surface, link, hears_all=self._client.intents.message_content)

    def _missing_for_threads(self) -> str:
        """The permission that we lack, as far as is known here: a thread in which we could not answer is of
        no use."""
        channel = self._client.get_channel(int(self._place.chat_id))
        if not isinstance(channel, discord.abc.GuildChannel):
            return ""
        may = channel.permissions_for(channel.guild.me)
        if not may.create_public_threads:
            return _CREATE_THREADS
        return "" if may.send_messages_in_threads else _SEND_IN_THREADS

    async def _send(self, content: MessageContent, reply_to: MessageRef | None) -> None:
        await self._channel.send(
            content.body.text,
            nonce=content.nonce or None,  # type: ignore[arg-type]  # goes out with `enforce_nonce`
            reference=self._reference(reply_to),  # type: ignore[arg-type]  # its stubs miss None
            allowed_mentions=NOBODY,
            mention_author=False,
            silent=content.silent,
            suppress_embeds=True,
            view=view_of(content.controls),  # type: ignore[arg-type]  # its stubs miss None
            files=files_of(content) or None,  # type: ignore[arg-type]  # the same
        )

    async def _edit(self, message_id: str, content: MessageContent) -> None:
        await self._message(message_id).edit(**edited(content))

    async def _typing(self) -> None:
        await self._channel.typing()

    def _key(self, kind: OperationKind) -> BucketKey:
        return BucketKey(kind.value, self._place.chat_id)

    def _message(self, message_id: str) -> discord.PartialMessage:
        return self._channel.get_partial_message(int(message_id))

    def _reference(self, reply_to: MessageRef | None) -> discord.MessageReference | None:
        """None also where we may not read the history: Discord would refuse the whole message."""
        if reply_to is None or not self._reads_history():
            return None
        return self._message(reply_to.message_id).to_reference(fail_if_not_exists=False)

    def _reads_history(self) -> bool:
        channel = self._client.get_channel(int(self._place.chat_id))
        if not isinstance(channel, (discord.abc.GuildChannel, discord.Thread)):
            return True
        try:
            return channel.permissions_for(channel.guild.me).read_message_history
        except discord.ClientException:  # a thread whose channel is not known yet
            return True


def edited(content: MessageContent) -> dict[str, Any]:
    """The arguments of every edit. Attachments are named only with a new one, or where none is to be left:
    else Discord keeps what hangs there, as it keeps a text that is not named."""
    if content.keeps_text:
        return {"allowed_mentions": NOBODY, "view": view_of(content.controls)}
    return {
        "content": content.body.text,
        "allowed_mentions": NOBODY,
        "view": view_of(content.controls),
        **({"attachments": files_of(content)} if content.file or content.replaces else {}),
    }


def files_of(content: MessageContent) -> list[discord.File]:
    """The file as the library wants it: read once, so made anew for each call."""
    return [discord.File(io.BytesIO(content.file.data), content.file.name)] if content.file else []


def view_of(controls: tuple[Row, ...]) -> discord.ui.View | None:
    """The controls as a payload: presses come back by their custom id, also after a restart.

    Raises ValueError for more rows, or more buttons in one, than a message has room for.
    """
    if not controls:
        return None
    view = discord.ui.View(timeout=None)
    for number, row in enumerate(controls):
        for item in (_select(row),) if isinstance(row, Select) else map(_button, row):
            item.row = number
            view.add_item(item)
    return view


def _button(button: Button) -> discord.ui.Item[discord.ui.View]:
    return discord.ui.Button(style=_STYLES[button.style], label=button.label, custom_id=button.data)


def _select(select: Select) -> discord.ui.Item[discord.ui.View]:
    return discord.ui.Select(
        custom_id=select.data,
        placeholder=select.placeholder or None,
        options=[
            discord.SelectOption(label=option.label[:100], value=option.value, default=option.chosen)
            for option in select.options
        ],
    )
