"""Updates that the local Telegram does not make, as Telegram documents them, read through the library."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import Update, User

from bots.telegram.events import Ignored, read_update
from core.commands.registry import registry
from core.messages import (
    Addressed,
    BotAdded,
    ButtonPress,
    Incoming,
    IncomingCommand,
    IncomingMessage,
    PlaceKind,
)

US = User(7, "Sluice", True, username="sluice_bot")
ADA = {"id": 5, "is_bot": False, "first_name": "Ada", "last_name": "L"}
GROUP = {"id": -9, "type": "supergroup", "title": "Riverside"}
PRIVATE = {"id": 5, "type": "private", "first_name": "Ada"}
CHANNEL = {"id": -1, "type": "channel", "title": "News"}
PHOTO = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]


def read(**content: Any) -> Incoming | Ignored:
    update = Update.de_json({"update_id": 3, **content}, None)
    return read_update(update, US, registry())


def message(**fields: Any) -> Incoming | Ignored:
    return read(message={"message_id": 11, "date": 1, "chat": GROUP, "from": ADA, **fields})


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


def test_a_caption_is_text() -> None:
    """With its own entities, and the file told of."""
    event = message(
        photo=PHOTO, caption="@sluice_bot what is it?", caption_entities=[entity("mention", 0, 11)]
    )
    assert isinstance(event, IncomingMessage)
    assert (event.text, event.addressed, event.has_attachments) == ("what is it?", Addressed.MENTION, True)
    assert (event.author.id, event.author.name) == ("5", "Ada L")
    bare = message(photo=PHOTO)
    assert isinstance(bare, IncomingMessage)
    assert (bare.text, bare.has_attachments) == ("", True)


@pytest.mark.parametrize(
    ("text", "entities", "expected", "addressed"),
    [
        ("hi @SLUICE_bot you", [entity("mention", 3, 11)], "hi you", Addressed.MENTION),
        ("😀 @sluice_bot", [entity("mention", 3, 11)], "😀", Addressed.MENTION),
        ("Sluice hi", [entity("text_mention", 0, 6, user=US.to_dict())], "hi", Addressed.MENTION),
        ("@sluice_botx hi", [entity("mention", 0, 12)], "@sluice_botx hi", Addressed.NO),
        ("`@sluice_bot` hi", [entity("code", 0, 13)], "`@sluice_bot` hi", Addressed.NO),
        ("Ada hi", [entity("text_mention", 0, 3, user=ADA)], "Ada hi", Addressed.NO),
        ("@sluice_bot", [entity("mention", 0, 11)], "", Addressed.MENTION),
    ],
)
def test_only_a_mention_of_us_is_one(
    text: str, entities: list[dict[str, Any]], expected: str, addressed: Addressed
) -> None:
    """By entity, not by searching the text; it is taken out."""
    event = message(text=text, entities=entities)
    assert isinstance(event, IncomingMessage)
    assert (event.text, event.addressed) == (expected, addressed)


def test_a_client_need_not_tell_its_language() -> None:
    silent, telling = message(text="hi"), message(text="hi", **{"from": {**ADA, "language_code": "pt"}})
    assert isinstance(silent, IncomingMessage)
    assert isinstance(telling, IncomingMessage)
    assert (silent.author.locale, telling.author.locale) == (None, "pt")


def test_who_speaks_as_a_chat_counts_as_a_bot() -> None:
    """An anonymous admin or a channel: nobody to whom the answer's cost could be laid."""
    event = message(text="hi", sender_chat=GROUP, **{"from": {**ADA, "id": 1087968824, "is_bot": True}})
    assert isinstance(event, IncomingMessage)
    assert (event.author.id, event.author.name, event.author.is_bot) == ("-9", "Riverside", True)
    nobody = read(message={"message_id": 11, "date": 1, "chat": GROUP, "text": "hi"})
    assert isinstance(nobody, IncomingMessage)
    assert nobody.author.is_bot


def test_a_reply_to_another_chat_is_no_quote() -> None:
    """What is private elsewhere does not enter here."""
    original = {"message_id": 2, "date": 1, "chat": PRIVATE, "from": ADA, "text": "secret"}
    event = message(text="look", reply_to_message=original)
    assert isinstance(event, IncomingMessage)
    assert event.quote is None


def test_a_topic_in_a_private_chat_is_kept() -> None:
    """The place stays private, the answer stays in the topic."""
    event = message(chat=PRIVATE, text="hi", is_topic_message=True, message_thread_id=40)
    assert isinstance(event, IncomingMessage)
    assert (event.place.kind, event.place.topic_id) == (PlaceKind.PRIVATE, "40")


def test_a_thread_of_replies_is_no_topic() -> None:
    """Telegram numbers those too, outside forums."""
    event = message(text="hi", message_thread_id=40)
    assert isinstance(event, IncomingMessage)
    assert (event.place.kind, event.place.topic_id) == (PlaceKind.SHARED, None)


def test_a_command_in_a_caption_and_one_with_a_foreign_script() -> None:
    """Only [A-Za-z0-9_] names a command."""
    event = message(photo=PHOTO, caption="/ask what is it?")
    assert isinstance(event, IncomingCommand)
    assert dict(event.arguments) == {"prompt": "what is it?"}
    for text in ("/", "/é hi", "/ ask", "/usr/bin", "/" + "a" * 33):
        assert isinstance(message(text=text), IncomingMessage)


def test_a_press_under_a_message_that_telegram_no_longer_shows() -> None:
    """Chat and message id are enough; a press on a message sent by way of inline mode has neither."""
    query: dict[str, Any] = {"id": "8", "from": ADA, "chat_instance": "1", "data": "stop:1"}
    event = read(callback_query={**query, "message": {"chat": GROUP, "message_id": 4, "date": 0}})
    assert isinstance(event, ButtonPress)
    assert (event.ref.chat_id, event.ref.message_id, event.data) == ("-9", "4", "stop:1")
    assert read(callback_query={**query, "inline_message_id": "x"}) == Ignored("press_without_message")


@pytest.mark.parametrize(
    ("old", "new", "chat", "added"),
    [
        ({"status": "left"}, {"status": "member"}, GROUP, True),
        ({"status": "kicked", "until_date": 0}, {"status": "member"}, GROUP, True),
        ({"status": "member"}, {"status": "left"}, GROUP, False),
        ({"status": "member"}, {"status": "member"}, GROUP, False),
        ({"status": "left"}, {"status": "member"}, PRIVATE, False),
        ({"status": "left"}, {"status": "member"}, CHANNEL, False),
    ],
)
def test_only_coming_into_a_group_is_being_added(
    old: dict[str, Any], new: dict[str, Any], chat: dict[str, Any], added: bool
) -> None:
    """Unblocking in private and changes of rights are not."""
    change = {"chat": chat, "from": ADA, "date": 1}
    user = {"user": US.to_dict()}
    event = read(my_chat_member={**change, "old_chat_member": old | user, "new_chat_member": new | user})
    assert isinstance(event, BotAdded) is added


def test_service_messages_and_unknown_kinds_are_ignored_with_a_reason() -> None:
    """For the log."""
    assert message(new_chat_members=[ADA]) == Ignored("service_message")
    assert message(chat=CHANNEL, text="x") == Ignored("unknown_chat_type")
    edited = {"message_id": 11, "date": 1, "edit_date": 2, "chat": PRIVATE, "from": ADA}
    assert read(edited_message=edited) == Ignored("edit_without_text")
    assert read(edited_channel_post={**edited, "text": "hi"}) == Ignored("unknown_kind")
