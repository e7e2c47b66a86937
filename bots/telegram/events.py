"""Telegram's updates as the core's events. Pure: what has to be asked for is asked elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeVar

from telegram import (
    CallbackQuery,
    Chat,
    ChatMember,
    ChatMemberAdministrator,
    ChatMemberOwner,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageEntity,
    Update,
    User,
)
from telegram.constants import ChatType

from bots.telegram.commands import parse_command
from core.commands.registry import Registry
from core.messages import (
    Addressed,
    BotAdded,
    ButtonPress,
    Incoming,
    IncomingCommand,
    IncomingMessage,
    MessageEdited,
    MessageRef,
    Person,
    Place,
    PlaceKind,
    PlaceMoved,
    Quote,
)

PLATFORM: Final = "telegram"
CHOSEN: Final = "|"
"""Between a select's data and the value that was chosen, in what a button brings back."""
Asked = TypeVar("Asked", ButtonPress, IncomingCommand)
_GROUPS: Final = frozenset({ChatType.GROUP, ChatType.SUPERGROUP})
_OUTSIDE: Final = frozenset({ChatMember.LEFT, ChatMember.BANNED})


@dataclass(frozen=True, slots=True)
class Ignored:
    """An update that is no event for the core; `reason` is a code for the log."""

    reason: str


def read_update(update: Update, us: User, registry: Registry) -> Incoming | Ignored:
    """The event in an update. What its author may do in the chat is still to be found out."""
    event_id = str(update.update_id)
    if update.message is not None:
        moved = _moved(event_id, update.message)
        return moved or _message(event_id, update.message, us, registry)
    if update.edited_message is not None:
        return _edit(event_id, update.edited_message, us, registry)
    if update.callback_query is not None:
        return _press(event_id, update.callback_query)
    if update.my_chat_member is not None:
        return _membership(event_id, update.my_chat_member, us)
    return Ignored("unknown_kind")


def _message(
    event_id: str, message: Message, us: User, registry: Registry
) -> IncomingMessage | IncomingCommand | Ignored:
    place = _place(message.chat, message)
    if place is None:
        return Ignored("unknown_chat_type")
    ref = _ref(message)
    author = _author(message)
    written = message.text or message.caption or ""
    has_attachments = message.effective_attachment is not None
    if not written and not has_attachments:
        return Ignored("service_message")
    text, mentioned, others = _without_mention(written, message.entities or message.caption_entities, us)
    quote = _quote(message, us)
    command = parse_command(text, registry)
    if command is not None:
        if command.addressee and command.addressee != (us.username or "").lower():
            return Ignored("command_for_another_bot")
        private = place.kind is PlaceKind.PRIVATE
        # A bare command in a group that we do not have may be another bot's.
        if command.command or command.addressee or mentioned or private:
            return IncomingCommand(event_id, place, author, command.name, command.arguments, ref, quote)
    return IncomingMessage(
        event_id,
        place,
        author,
        ref,
        text,
        _addressed(place, mentioned, quote),
        quote,
        has_attachments,
        others,
    )


def _moved(event_id: str, message: Message) -> PlaceMoved | None:
    """Said in the old chat and in the new one, in either order (core.telegram.org/bots/api#message)."""
    place = _place(message.chat, message)
    if place is None:
        return None
    if message.migrate_to_chat_id is not None:
        return PlaceMoved(event_id, replace(place, chat_id=str(message.migrate_to_chat_id)), place)
    if message.migrate_from_chat_id is not None:
        return PlaceMoved(event_id, place, replace(place, chat_id=str(message.migrate_from_chat_id)))
    return None


def _edit(event_id: str, message: Message, us: User, registry: Registry) -> MessageEdited | Ignored:
    """Of a question asked by command it is what stands behind the command that counts."""
    place = _place(message.chat, message)
    written = message.text or message.caption
    if place is None or not written:
        return Ignored("edit_without_text")
    text, *_ = _without_mention(written, message.entities or message.caption_entities, us)
    command = parse_command(text, registry)
    if command is not None and command.command:
        text = command.arguments.get("prompt", "")
    return MessageEdited(event_id, place, _author(message), _ref(message), text)


def _press(event_id: str, query: CallbackQuery) -> ButtonPress | Ignored:
    message = query.message
    if message is None or query.data is None:
        return Ignored("press_without_message")
    place = _place(message.chat, message if isinstance(message, Message) else None)
    if place is None:
        return Ignored("unknown_chat_type")
    ref = MessageRef(str(message.chat.id), str(message.message_id))
    data, chosen, value = query.data.partition(CHOSEN)
    values = (value,) if chosen else ()
    stands = isinstance(message, Message) and _has(message, query.data)
    return ButtonPress(event_id, place, person_of(query.from_user), ref, data, values=values, stands=stands)


def _has(message: Message, data: str) -> bool:
    """Whether there is such a button under it: a client may send any data for any message."""
    keyboard = message.reply_markup.inline_keyboard if message.reply_markup is not None else ()
    return any(button.callback_data == data for row in keyboard for button in row)


def _membership(event_id: str, change: ChatMemberUpdated, us: User) -> BotAdded | Ignored:
    place = _place(change.chat, None)
    if place is None or change.chat.type not in _GROUPS:
        return Ignored("membership_outside_groups")
    if _is_inside(change.old_chat_member) or not _is_inside(change.new_chat_member):
        return Ignored("not_added")
    is_admin = change.new_chat_member.status == ChatMember.ADMINISTRATOR
    hears_everything = is_admin or bool(us.can_read_all_group_messages)
    return BotAdded(event_id, place, person_of(change.from_user), hears_everything)


def _is_inside(member: ChatMember) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status not in _OUTSIDE


def _place(chat: Chat, message: Message | None) -> Place | None:
    """Where a message stands. A forum's General topic is the chat itself: Telegram gives it no id."""
    in_topic = message is not None and message.is_topic_message and message.message_thread_id is not None
    topic = str(message.message_thread_id) if message is not None and in_topic else None
    if chat.type == ChatType.PRIVATE:
        kind = PlaceKind.PRIVATE
    elif chat.type in _GROUPS:
        kind = PlaceKind.THREAD if topic else PlaceKind.SHARED
    else:
        return None
    return Place(PLATFORM, str(chat.id), kind, topic_id=topic, name=chat.title or "")


def _ref(message: Message) -> MessageRef:
    return MessageRef(str(message.chat.id), str(message.message_id))


def person_of(user: User) -> Person:
    """Who it is, with nothing of what they may do anywhere."""
    return Person(
        PLATFORM, str(user.id), user.full_name, is_bot=user.is_bot, locale=user.language_code or None
    )


def _author(message: Message) -> Person:
    """Who wrote. For a chat that speaks (a channel, an anonymous admin) Telegram names a stand-in bot."""
    chat = message.sender_chat
    if chat is not None:
        return Person(PLATFORM, str(chat.id), chat.title or chat.full_name or "", is_bot=True)
    if message.from_user is None:
        return Person(PLATFORM, str(message.chat.id), message.chat.title or "", is_bot=True)
    return person_of(message.from_user)


def _quote(message: Message, us: User) -> Quote | None:
    """What is replied to, one level deep, in this chat only.

    In a topic, Telegram makes each message a reply to the one that created the topic.
    """
    original = message.reply_to_message
    if original is None or original.chat.id != message.chat.id:
        return None
    if message.is_topic_message and original.message_id == message.message_thread_id:
        return None
    by_us = original.from_user is not None and original.from_user.id == us.id
    text = original.text or original.caption or ""
    author = _author(original)
    return Quote(_ref(original), author.name, text, by_us, author.id, author_roles=frozenset())


def _addressed(place: Place, mentioned: bool, quote: Quote | None) -> Addressed:
    if place.kind is PlaceKind.PRIVATE:
        return Addressed.PRIVATE
    if mentioned:
        return Addressed.MENTION
    return Addressed.REPLY if quote is not None and quote.by_us else Addressed.NO


def _without_mention(text: str, entities: tuple[MessageEntity, ...], us: User) -> tuple[str, bool, bool]:
    """The text without mentions of us, whether there were any, and whether there were any of others.

    Entities count in UTF-16 units.
    """
    raw = text.encode("utf-16-le", "surrogatepass")
    handle = f"@{us.username}".lower()
    ours, others = [], False
    for entity in entities:
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        name = raw[start:end].decode("utf-16-le", "replace").lower()
        if (entity.type == MessageEntity.MENTION and name == handle) or (
            entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == us.id
        ):
            ours.append((start, end))
        else:
            others |= entity.type in {MessageEntity.MENTION, MessageEntity.TEXT_MENTION}
    for start, end in sorted(ours, reverse=True):
        before, after = raw[:start], raw[end:]
        if after.startswith(_SPACE) and (not before or before.endswith(_SPACE)):
            after = after[len(_SPACE) :]
        raw = before + after
    return raw.decode("utf-16-le", "replace").strip(), bool(ours), others


_SPACE: Final = " ".encode("utf-16-le")


def with_rights(event: Asked, member: ChatMember | None) -> Asked:
    """The event by somebody of whom it is now known what they may do: nothing where that is None."""
    return replace(event, author=person_with_rights(event.author, member))


def person_with_rights(person: Person, member: ChatMember | None) -> Person:
    """Somebody of whom it is now known what they may do."""
    admin = isinstance(member, ChatMemberAdministrator)
    owner = isinstance(member, ChatMemberOwner)
    return replace(
        person,
        manages_messages=owner
        or (isinstance(member, ChatMemberAdministrator) and member.can_delete_messages),
        manages_place=owner or admin,
        manages_channel=owner or admin,
    )
