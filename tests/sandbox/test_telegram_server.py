"""The local Telegram as the real python-telegram-bot meets it: polling, messages, edits, files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import ClientSession
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    Message,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    TimedOut,
)

from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import chat_id, connected_bot, shown

JSON_TYPE = {"Content-Type": "application/json"}


async def test_wrong_tokens_and_methods(telegram: TelegramServer, bot: Bot) -> None:
    """401 for a token of the right form, 404 for others and for unknown methods."""
    right, telegram.token = telegram.token, "1:" + "x" * 35
    with pytest.raises(InvalidToken, match="Unauthorized"):
        await bot.get_me()
    telegram.token = right
    with pytest.raises(InvalidToken):
        async with Bot("nonsense", base_url=telegram.url + "/bot"):
            pass
    with pytest.raises(EndPointNotFound, match="'sendRichMessage' not found"):
        await bot.do_api_request("sendRichMessage", {"chat_id": 1})
    assert [request.status for request in telegram.requests[-3:]] == [401, 404, 404]


async def test_edits_that_telegram_refuses(telegram: TelegramServer, bot: Bot) -> None:
    """Unchanged, unknown, and somebody else's messages."""
    ada = chat_id(telegram, "Ada")
    sent = await bot.send_message(ada, "same", disable_notification=True)
    assert shown(telegram, ada, sent.message_id)["silent"] is True
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("same ", ada, sent.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("other", ada, sent.message_id + 9)
    asked = await telegram.say("Ben", "Ben", "mine")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("yours", chat_id(telegram, "Ben"), int(asked))


async def test_places_that_are_closed(telegram: TelegramServer, bot: Bot) -> None:
    """Unknown, never started, blocked, kicked, moved."""
    ada, riverside = chat_id(telegram, "Ada"), chat_id(telegram, "Riverside")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(4711, "x")
    newcomer = int(await telegram.add_person("Zoe"))
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await bot.send_message(newcomer, "x")
    await telegram.block_bot("Ada")
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ada, "x")
    await telegram.unblock_bot("Ada")
    await bot.send_message(ada, "welcome back")
    await telegram.kick_bot("Ada", "Riverside")
    with pytest.raises(Forbidden, match="bot was kicked from the group chat"):
        await bot.send_message(riverside, "x")
    await telegram.add_bot_to_group("Ada", "Riverside")
    moved = int(await telegram.upgrade_group("Ada", "Riverside"))
    with pytest.raises(ChatMigrated) as migration:
        await bot.send_message(riverside, "x")
    assert migration.value.new_chat_id == moved
    assert (await bot.send_message(moved, "here")).chat.type == "supergroup"


async def test_replies(telegram: TelegramServer, bot: Bot) -> None:
    """A missing message refuses the reply unless the bot allows for it."""
    ada = chat_id(telegram, "Ada")
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(ada, "x", reply_parameters=ReplyParameters(99))
    lenient = ReplyParameters(99, allow_sending_without_reply=True)
    assert (await bot.send_message(ada, "x", reply_parameters=lenient)).reply_to_message is None


def keyboard_of(label: str, data: str = "stop:1") -> InlineKeyboardMarkup:
    """One button."""
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=data)]])


async def test_buttons_and_their_presses(telegram: TelegramServer, bot: Bot) -> None:
    """A press is an update, takes one answer, and an edit without a keyboard removes it."""
    toasts: list[dict[str, Any]] = []
    telegram.subscribe(lambda event: toasts.append(event) if event["type"] == "answer" else None)
    ada = chat_id(telegram, "Ada")
    sent = await bot.send_message(ada, "working", reply_markup=keyboard_of("Stop"))
    await bot.edit_message_reply_markup(ada, sent.message_id, reply_markup=keyboard_of("Halt"))
    assert shown(telegram, ada, sent.message_id)["edited"] == 0
    await telegram.press("Ada", "Ada", str(sent.message_id), "stop:1")
    (update,) = await bot.get_updates()
    query = update.callback_query
    assert query is not None
    assert query.message is not None
    assert (query.data, query.from_user.id, query.message.message_id) == ("stop:1", ada, sent.message_id)
    await bot.answer_callback_query(query.id, "Stopped")
    assert toasts == [{"type": "answer", "to": str(ada), "text": "Stopped"}]
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(query.id)
    edited = await bot.edit_message_text("done", ada, sent.message_id)
    assert edited.reply_markup is None  # type: ignore[union-attr]
    assert shown(telegram, ada, sent.message_id)["buttons"] == []
    for data in ("", "é" * 33):
        with pytest.raises(BadRequest, match="Button_data_invalid"):
            await bot.send_message(chat_id(telegram, "Ben"), "x", reply_markup=keyboard_of("x", data))


async def test_a_document_goes_up_and_comes_down(telegram: TelegramServer, bot: Bot) -> None:
    """Multipart in, the same bytes out."""
    content = b"line\n" * 1000
    ada = chat_id(telegram, "Ada")
    sent = await bot.send_document(ada, content, caption="the rest", filename="answer.md")
    assert sent.document is not None
    [listed] = shown(telegram, ada, sent.message_id)["files"]
    assert (listed["name"], listed["size"], telegram.file(listed["id"])) == ("answer.md", 5000, content)
    assert telegram.requests[-1].body["document"] == {"name": "answer.md", "size": 5000}
    file = await bot.get_file(sent.document.file_id)
    assert bytes(await file.download_as_bytearray()) == content
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await bot.edit_message_text("x", ada, sent.message_id)


async def test_a_message_of_text_can_get_a_document_and_another_one(
    telegram: TelegramServer, bot: Bot
) -> None:
    """As editMessageMedia is documented: it may add media to text messages."""
    ada = chat_id(telegram, "Ada")
    sent = await bot.send_message(ada, "working", reply_markup=keyboard_of("Stop"))
    for content in (b"one", b"two"):
        media = InputMediaDocument(content, "the rest", filename="answer.md")
        edited = await bot.edit_message_media(media, ada, sent.message_id)
        assert isinstance(edited, Message)
        assert edited.document is not None
        assert (edited.caption, edited.text, edited.reply_markup) == ("the rest", None, None)
        [listed] = shown(telegram, ada, sent.message_id)["files"]
        assert telegram.file(listed["id"]) == content


async def test_what_a_document_may_not_be(telegram: TelegramServer, bot: Bot) -> None:
    """The same again, a longer caption than Telegram takes, or any where they are forbidden."""
    ben, cleo = chat_id(telegram, "Ben"), chat_id(telegram, "Cleo")
    sent = await bot.send_document(ben, b"x", caption="the rest", filename="a.md")
    assert sent.document is not None
    again = InputMediaDocument(sent.document.file_id, "the rest")
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_media(again, ben, sent.message_id)
    long = InputMediaDocument(b"x", "y" * 1_025, filename="a.md")
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.edit_message_media(long, ben, sent.message_id)
    await telegram.forbid_documents("Cleo")
    with pytest.raises(BadRequest, match="Not enough rights to send documents"):
        await bot.send_document(cleo, b"x", filename="a.md")


async def test_commands_by_scope_and_language(telegram: TelegramServer, bot: Bot) -> None:
    """Each scope and language holds its own list."""
    await bot.set_my_commands([BotCommand("ask", "Ask")])
    await bot.set_my_commands([BotCommand("fragen", "Fragen")], language_code="de")
    await bot.set_my_commands([BotCommand("help", "Help")], scope=BotCommandScopeAllGroupChats())
    assert [c.command for c in await bot.get_my_commands()] == ["ask"]
    assert [c.command for c in await bot.get_my_commands(language_code="de")] == ["fragen"]
    groups = BotCommandScopeAllGroupChats()
    assert [c.command for c in await bot.get_my_commands(scope=groups)] == ["help"]
    assert await bot.get_my_commands(scope=groups, language_code="de") == ()
    assert telegram.snapshot()["commands"] == [{"command": "ask", "description": "Ask"}]
    await bot.delete_my_commands()
    assert await bot.get_my_commands() == ()
    assert [c.command for c in await bot.get_my_commands(language_code="de")] == ["fragen"]
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([("Ask", "capitals")])


async def test_reactions(telegram: TelegramServer, bot: Bot) -> None:
    """One emoji of Telegram's list, which a page shows beside the message."""
    asked = int(await telegram.say("Ada", "Ada", "done?"))
    ada = chat_id(telegram, "Ada")
    await bot.set_message_reaction(ada, asked, "👀")
    assert shown(telegram, ada, asked)["reactions"] == [{"emoji": "👀", "by": str(bot.id)}]
    await bot.set_message_reaction(ada, asked)
    assert shown(telegram, ada, asked)["reactions"] == []
    with pytest.raises(BadRequest, match="Reaction_invalid"):
        await bot.set_message_reaction(ada, asked, "🚀")


async def test_calls_in_json_and_in_the_query(telegram: TelegramServer) -> None:
    """Other clients send their parameters so, and Telegram does not mind the case of a method."""
    ada = chat_id(telegram, "Ada")
    address = f"{telegram.url}/bot{telegram.token}"
    async with ClientSession() as client:
        body = {"chat_id": ada, "text": "json", "entities": [{"type": "bold", "offset": 0, "length": 4}]}
        async with client.post(f"{address}/SENDMESSAGE", json=body) as response:
            assert (await response.json())["result"]["entities"] == body["entities"]
        async with client.get(f"{address}/sendMessage", params={"chat_id": ada, "text": "query"}) as response:
            assert (await response.json())["result"]["text"] == "query"
        async with client.post(f"{address}/sendMessage", data=b"{", headers=JSON_TYPE) as response:
            assert (await response.json()) == {
                "ok": False,
                "error_code": 400,
                "description": "Bad Request: can't parse JSON object",
            }
        for wrong in ("--5", "@somebody", "9" * 30):
            async with client.get(f"{address}/getChat", params={"chat_id": wrong}) as response:
                assert (await response.json())["description"] == "Bad Request: chat not found"


async def test_the_page_gets_plain_data(telegram: TelegramServer, bot: Bot) -> None:
    """Snapshot and events are ready for JSON, with the keys that both platforms share."""
    events: list[dict[str, Any]] = []
    unsubscribe = telegram.subscribe(events.append)
    asked = await telegram.say("Ada", "Riverside", "/ask@sluice_bot why")
    riverside = chat_id(telegram, "Riverside")
    await bot.send_chat_action(riverside, "typing")
    sent = await bot.send_message(riverside, "Because", reply_parameters=ReplyParameters(int(asked)))
    await bot.edit_message_text("Because so", riverside, sent.message_id)
    unsubscribe()
    await telegram.say("Ada", "Riverside", "unseen")
    json.dumps([events, telegram.snapshot()])
    assert [event["type"] for event in events] == [
        "message",
        "typing",
        "request",
        "message",
        "request",
        "edit",
        "request",
    ]
    at = telegram.requests[-1].at
    assert events[-1] == {
        "type": "request",
        "at": at,
        "method": "POST",
        "route": "editMessageText",
        "status": 200,
        "chat": str(riverside),
        "message": str(sent.message_id),
    }
    edited = events[-2]["message"]
    assert {"id", "chat", "author", "text", "entities", "buttons", "reply_to", "edited"} <= set(edited)
    assert (edited["author"]["username"], edited["service"]) == ("sluice_bot", False)
    topics = [m for m in telegram.snapshot()["messages"] if "created the topic" in m["text"]]
    assert all(message["service"] for message in topics)
    assert topics


async def test_deleting(telegram: TelegramServer, bot: Bot) -> None:
    """One's own in a group, others' too as an administrator."""
    riverside = chat_id(telegram, "Riverside")
    theirs = int(await telegram.say("Ben", "Riverside", "noise"))
    mine = (await bot.send_message(riverside, "mine")).message_id
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await bot.delete_message(riverside, theirs)
    assert await bot.delete_message(riverside, mine)
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(riverside, mine)
    await telegram.promote_bot("Ada", "Riverside")
    assert await bot.delete_messages(riverside, [theirs, mine])
    assert theirs not in [int(m["id"]) for m in telegram.snapshot()["messages"]]
    admins = {m.user.first_name for m in await bot.get_chat_administrators(riverside)}
    assert admins == {"Ada", "Sluice"}


async def test_faults_leave_the_effect_that_they_say(telegram: TelegramServer) -> None:
    """Refused before, lost after, never answered: the three ways a send can go."""
    async with connected_bot(telegram, read_timeout=0.3) as bot:
        ada = chat_id(telegram, "Ada")
        telegram.fault("drop_before", route="sendMessage")
        with pytest.raises(NetworkError):
            await bot.send_message(ada, "before")
        telegram.fault("drop_after", route="sendMessage")
        with pytest.raises(NetworkError):
            await bot.send_message(ada, "after")
        telegram.fault("hang_after", route="sendMessage")
        with pytest.raises(TimedOut):
            await bot.send_message(ada, "hanging")
        telegram.fault("status", route="send*", status=502)
        with pytest.raises(NetworkError, match="Bad Gateway"):
            await bot.send_message(chat_id(telegram, "Ben"), "gateway")
    assert [m["text"] for m in telegram.snapshot()["messages"] if m["text"].islower()] == ["after", "hanging"]
    assert [r.status for r in telegram.requests if r.route == "sendMessage"] == [0, 0, 0, 502]
