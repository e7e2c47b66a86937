"""Where answers appear: a chat, or a topic of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from telegram import (
    Bot,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bots.telegram.capabilities import BOT, CHAT, DRAFT, GROUP, TELEGRAM
from bots.telegram.connection import describe
from bots.telegram.drafts import DRAFT_S, Drafts, with_stop
from bots.telegram.links import link_of
from bots.telegram.markup import addressed_to, entities_of, keyboard_of, markup_of
from bots.telegram.outcomes import outcome_of
from bots.telegram.rights import hears_all
from bots.telegram.topics import open_topic
from core.messages import MessageRef, Person, Place, PlaceKind
from core.ports.surface import Capabilities, NotOpened, Opened, OpenThread
from core.streaming.operations import (
    BucketKey,
    Delivered,
    FileContent,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
    Unknown,
)

_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)

logger = logging.getLogger(__name__)


def account_of(bot: Bot) -> str:
    return f"telegram:{bot.id}"


class ChatSurface:
    """core.ports.surface.Surface for a private chat, a group, or one topic."""

    alternate: ChatSurface | None = None
    address = ""
    ends_at = messages_left = open_form = reading = None
    with_rights: Callable[[Person], Awaitable[Person]] | None = None
    presser: Person | None = None  # of a control, to which all that is said here answers

    def __init__(
        self, bot: Bot, place: Place, capabilities: Capabilities = TELEGRAM, drafts: Drafts | None = None
    ) -> None:
        """`drafts`: where those shown are noted down; None: none are, and previews are edits."""
        self._bot = bot
        self._drafts = drafts if place.kind is PlaceKind.PRIVATE else None
        self._capabilities = replace(capabilities, draft_lasts_s=DRAFT_S) if self._drafts else capabilities
        self._doubtful = False  # a send may stand there or not: no second one while Telegram has a bad time
        self._topic = None if place.topic_id is None else int(place.topic_id)
        self._stand_in(place)

    @property
    def account(self) -> str:
        return account_of(self._bot)

    @property
    def place(self) -> Place:
        return self._place

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @property
    def hears_all(self) -> Callable[[], Awaitable[bool]] | None:
        return self._hears_all if self._many else None

    @property
    def open_thread(self) -> OpenThread | None:
        return self._open_topic if self._place.kind is PlaceKind.SHARED else None

    def buckets(self, kind: OperationKind) -> tuple[BucketKey, ...]:
        account = BucketKey(BOT)
        if kind is OperationKind.DRAFT:
            return account, BucketKey(DRAFT, self._place.chat_id)
        return (account,) if kind is OperationKind.TYPING else (account, self._bucket)

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        if content.draft_id and self._drafts is not None:
            return await self._show_draft(content, self._drafts)
        reply = None
        if reply_to is not None and reply_to.chat_id == self._place.chat_id:
            reply = ReplyParameters(int(reply_to.message_id), allow_sending_without_reply=True)
        if self._doubtful and not isinstance(await self.typing(), Delivered):
            return NotSent(NotSentReason.UNAVAILABLE, detail="not reachable since a send of unknown outcome")
        self._doubtful = False
        if content.wants_reply and self.presser is not None and self._many:
            content = addressed_to(self.presser, content)
        outcome = await outcome_of(self._send(content, reply), moved=self._moved)
        self._doubtful = isinstance(outcome, Unknown)
        return outcome

    async def _send(self, content: MessageContent, reply: ReplyParameters | None) -> Message:
        if content.file is not None:
            return await self._send_file(content, content.file, reply)
        return await self._bot.send_message(
            self._chat,
            content.body.text,
            entities=entities_of(content),
            link_preview_options=_NO_PREVIEW,
            disable_notification=content.silent,
            message_thread_id=self._topic,
            reply_parameters=reply,
            reply_markup=markup_of(content, among_many=self._many),
        )

    async def edit(self, message_id: str, content: MessageContent) -> Outcome:
        if content.keeps_text:
            call = self._bot.edit_message_reply_markup(
                self._chat, int(message_id), reply_markup=keyboard_of(content.controls)
            )
            return await outcome_of(call, message_id, self._moved)
        if content.file is not None:
            return await outcome_of(
                self._edit_file(message_id, content, content.file), message_id, self._moved
            )
        edited = self._bot.edit_message_text(
            content.body.text,
            self._chat,
            int(message_id),
            entities=entities_of(content),
            link_preview_options=_NO_PREVIEW,
            reply_markup=keyboard_of(content.controls),
        )
        return await outcome_of(edited, message_id, self._moved)

    async def delete(self, message_id: str) -> Outcome:
        call = self._bot.delete_message(self._chat, int(message_id))
        return await outcome_of(call, message_id, self._moved)

    async def typing(self) -> Outcome:
        call = self._bot.send_chat_action(self._chat, ChatAction.TYPING, message_thread_id=self._topic)
        return await outcome_of(call, moved=self._moved)

    async def react(self, ref: MessageRef, emoji: str) -> None:
        try:
            await self._bot.set_message_reaction(int(ref.chat_id), int(ref.message_id), emoji)
        except TelegramError as error:
            logger.debug("reaction in %s failed: %s", self._place, describe(error))

    def _stand_in(self, place: Place) -> None:
        self._place, self._chat = place, int(place.chat_id)
        # Telegram's group ids are negative; a topic in a private chat is still that person's chat.
        self._many = self._chat < 0
        self._bucket = BucketKey(GROUP if self._many else CHAT, place.chat_id)

    def _moved(self, chat: int) -> None:
        """The group became a supergroup: go there. What stands in the old one takes no edit."""
        self._stand_in(replace(self._place, chat_id=str(chat)))

    async def _hears_all(self) -> bool:
        return await hears_all(self._bot, self._chat)

    async def _open_topic(self, name: str, on: MessageRef | None) -> Opened | NotOpened:
        place = await open_topic(self._bot, self._place, name)
        if isinstance(place, NotOpened):
            return place
        surface = ChatSurface(self._bot, place, self._capabilities, self._drafts)
        return Opened(surface, link_of(place, MessageRef(place.chat_id, place.topic_id or "")) or "")

    async def _show_draft(self, content: MessageContent, drafts: Drafts) -> Outcome:
        for button in content.buttons:
            drafts.shown(self._chat, content.draft_id, button.data)
        call = self._bot.send_message_draft(
            self._chat,
            content.draft_id,
            content.body.text,
            entities=entities_of(content),
            message_thread_id=self._topic,
            api_kwargs=with_stop(bool(content.buttons)),
        )
        return await outcome_of(call)

    async def _send_file(
        self, content: MessageContent, file: FileContent, reply: ReplyParameters | None
    ) -> Message:
        if file.picture:
            return await self._bot.send_photo(
                self._chat,
                file.data,
                content.body.text,
                filename=file.name,
                caption_entities=entities_of(content),
                disable_notification=content.silent,
                message_thread_id=self._topic,
                reply_parameters=reply,
                reply_markup=markup_of(content, among_many=self._many),
            )
        return await self._bot.send_document(
            self._chat,
            file.data,
            content.body.text,
            filename=file.name,
            caption_entities=entities_of(content),
            disable_content_type_detection=True,
            disable_notification=content.silent,
            message_thread_id=self._topic,
            reply_parameters=reply,
            reply_markup=markup_of(content, among_many=self._many),
        )

    async def _edit_file(self, message_id: str, content: MessageContent, file: FileContent) -> Message | bool:
        """A message of text may get a file so (core.telegram.org/bots/api#editmessagemedia)."""
        text, entities = content.body.text, entities_of(content)
        media: InputMediaPhoto | InputMediaDocument
        if file.picture:
            media = InputMediaPhoto(file.data, text, caption_entities=entities, filename=file.name)
        else:
            media = InputMediaDocument(
                file.data,
                text,
                caption_entities=entities,
                disable_content_type_detection=True,
                filename=file.name,
            )
        return await self._bot.edit_message_media(
            media, self._chat, int(message_id), reply_markup=keyboard_of(content.controls)
        )
