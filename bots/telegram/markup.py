"""What a message carries besides its text, in Telegram's own types: entities, and what hangs under it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from telegram import ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, User

from bots.telegram.entities import Entity, utf16_length
from bots.telegram.events import CHOSEN
from bots.telegram.markdown import MAX_UNITS, TelegramRenderer
from core.messages import Person
from core.streaming.inline import escaped_line
from core.streaming.operations import Button, ButtonStyle, MessageContent, Row, Select

_STYLES: Final = {ButtonStyle.PLAIN: None, ButtonStyle.DANGER: "danger"}
_TICK: Final = "✓"
_LINE, _MOST_BESIDE = 40, 3  # characters of a phone's line; buttons in it


def entities_of(content: MessageContent) -> list[MessageEntity]:
    """How its text is formatted, and whom it mentions."""
    return [
        MessageEntity(
            entity.type,
            entity.offset,
            entity.length,
            url=entity.url,
            language=entity.language,
            user=User(int(entity.user_id), "", is_bot=False) if entity.user_id else None,
        )
        for entity in content.body.entities
        if isinstance(entity, Entity)
    ]


def addressed_to(person: Person, content: MessageContent) -> MessageContent:
    """The same with their name before it, as a mention. A selective reply is asked of those who are mentioned
    and of whoever wrote what the message replies to (core.telegram.org/bots/api#forcereply): below a message
    of ours that is nobody."""
    name = TelegramRenderer().render(escaped_line(person.name)).text or "…"  # nobody else is mentioned in it
    text = f"{name}: {content.body.text}"
    if utf16_length(text) > MAX_UNITS:
        return content
    before = utf16_length(text) - utf16_length(content.body.text)
    mention = Entity("text_mention", 0, utf16_length(name), user_id=person.id)
    moved = [
        replace(entity, offset=entity.offset + before)
        for entity in content.body.entities
        if isinstance(entity, Entity)
    ]
    return replace(content, body=replace(content.body, text=text, entities=(mention, *moved)))


def markup_of(content: MessageContent, *, among_many: bool) -> InlineKeyboardMarkup | ForceReply | None:
    """What hangs under a new message. Among many the reply is asked of whoever is mentioned or replied to."""
    if content.controls or not content.wants_reply:
        return keyboard_of(content.controls)
    return ForceReply(selective=among_many)


def keyboard_of(controls: tuple[Row, ...]) -> InlineKeyboardMarkup | None:
    """None takes a keyboard away, as an edit without one does."""
    if not controls:
        return None
    rows: list[list[InlineKeyboardButton]] = []
    for row in controls:
        rows += _wrapped(_options(row) if isinstance(row, Select) else [_button(button) for button in row])
    return InlineKeyboardMarkup(rows)


def _button(button: Button) -> InlineKeyboardButton:
    return InlineKeyboardButton(button.label, callback_data=button.data, style=_STYLES[button.style])


def _options(select: Select) -> list[InlineKeyboardButton]:
    """A select as buttons; what is chosen has a tick."""
    return [
        InlineKeyboardButton(
            f"{_TICK} {option.label}" if option.chosen else option.label,
            callback_data=f"{select.data}{CHOSEN}{option.value}",
        )
        for option in select.options
    ]


def _wrapped(buttons: list[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """As many beside each other as a phone has room for."""
    rows: list[list[InlineKeyboardButton]] = []
    for button in buttons:
        beside = [*rows[-1], button] if rows else []  # all in a row are as wide
        if beside and len(beside) <= min(_MOST_BESIDE, _LINE // max(len(one.text) for one in beside)):
            rows[-1] = beside
        else:
            rows.append([button])
    return rows
