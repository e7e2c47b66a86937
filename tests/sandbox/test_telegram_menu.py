"""Command menus, deep links, keyboards and answers to presses on the local Telegram, by the real library."""

from __future__ import annotations

from typing import Any

import pytest
import telegram as ptb
from telegram.error import BadRequest, Forbidden

from bots.sandbox.telegram.server import TelegramServer
from tests.sandbox.telegram_harness import ManualClock, chat_id, shown


def names(menu: list[dict[str, str]]) -> list[str]:
    return [command["command"] for command in menu]


async def test_the_menu_of_a_person_in_a_chat(telegram: TelegramServer, bot: ptb.Bot) -> None:
    """The narrowest scope that has commands wins, in the person's language before any."""
    riverside, ben = chat_id(telegram, "Riverside"), chat_id(telegram, "Ben")
    await bot.set_my_commands([("everywhere", "x")])
    assert names(telegram.menu("Ben", "Ben")) == ["everywhere"]
    await bot.set_my_commands([("private", "x")], scope=ptb.BotCommandScopeAllPrivateChats())
    await bot.set_my_commands([("privado", "x")], ptb.BotCommandScopeAllPrivateChats(), language_code="pt")
    await bot.set_my_commands([("group", "x")], ptb.BotCommandScopeAllGroupChats())
    await bot.set_my_commands([("admins", "x")], ptb.BotCommandScopeAllChatAdministrators())
    assert names(telegram.menu("Ben", "Ben")) == ["private"]
    assert names(telegram.menu("Ivo", "Ivo")) == ["privado"]
    assert [names(telegram.menu(who, "Riverside")) for who in ("Ben", "Ada")] == [["group"], ["admins"]]
    await bot.set_my_commands([("here", "x")], ptb.BotCommandScopeChat(riverside))
    assert [names(telegram.menu(who, "Riverside")) for who in ("Ben", "Ada")] == [["here"], ["here"]]
    await bot.set_my_commands([("run", "x")], ptb.BotCommandScopeChatAdministrators(riverside))
    await bot.set_my_commands([("ben", "x")], ptb.BotCommandScopeChatMember(riverside, ben))
    assert [names(telegram.menu(who, "Riverside")) for who in ("Cleo", "Ben", "Ada")] == [
        ["here"],
        ["ben"],
        ["run"],
    ]
    await telegram.promote("Ada", "Riverside", "Cleo")
    assert names(telegram.menu("Cleo", "Riverside")) == ["run"]
    await telegram.set_language("Ben", "pt-br")
    assert names(telegram.menu("Ben", "Ben")) == ["privado"]
    kept = await bot.get_my_commands(ptb.BotCommandScopeAllPrivateChats(), language_code="pt")
    assert [command.command for command in kept] == ["privado"]
    assert await bot.get_my_commands(ptb.BotCommandScopeAllPrivateChats(), language_code="de") == ()
    await bot.delete_my_commands(ptb.BotCommandScopeAllPrivateChats(), language_code="pt")
    assert names(telegram.menu("Ivo", "Ivo")) == ["private"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"commands": [("Ask", "x")]}, "BOT_COMMAND_INVALID"),
        ({"commands": [("a" * 33, "x")]}, "BOT_COMMAND_INVALID"),
        ({"commands": [("ask", "x" * 257)]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ({"commands": [(f"c{n}", "x") for n in range(101)]}, "BOT_COMMANDS_TOO_MUCH"),
        ({"commands": [("ask", "x")], "language_code": "pt-br"}, "LANG_CODE_INVALID"),
        ({"commands": [("ask", "x")], "scope": ptb.BotCommandScopeChat(77)}, "chat not found"),
    ],
)
async def test_commands_that_telegram_refuses(bot: ptb.Bot, given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=f"(?i){words}"):
        await bot.set_my_commands(**given)


async def test_a_deep_link_starts_the_bot(telegram: TelegramServer, bot: ptb.Bot) -> None:
    """A person who never wrote opens the private chat by a link; other links lead elsewhere."""
    newcomer = await telegram.add_person("Noor")
    with pytest.raises(Forbidden):
        await bot.send_message(int(newcomer), "hello")
    await telegram.follow("Noor", "https://t.me/sluice_bot?start=chat_7-x")
    [update] = await bot.get_updates()
    assert update.message is not None
    assert update.message.text == "/start chat_7-x"
    assert [entity.type for entity in update.message.entities] == ["bot_command"]
    await bot.send_message(int(newcomer), "welcome")
    await telegram.start_bot("Ada")
    for elsewhere in (
        "https://t.me/other_bot?start=x",
        "https://example.org",
        f"t.me/sluice_bot?start={'x' * 65}",
    ):
        with pytest.raises(ValueError, match="out of the sandbox"):
            await telegram.follow("Noor", elsewhere)


async def test_keyboards_in_rows(telegram: TelegramServer, bot: ptb.Bot, telegram_clock: ManualClock) -> None:
    """Each kind of button says what it does; only those that call back are pressed."""
    button = ptb.InlineKeyboardButton
    keyboard = ptb.InlineKeyboardMarkup(
        [
            [button("◀", callback_data="previous"), button("2/3", callback_data="none")],
            [button("Site", url="https://example.org"), button("Share", switch_inline_query="tides")],
            [
                button("Here", switch_inline_query_current_chat=""),
                button("Copy", copy_text=ptb.CopyTextButton("x = 1")),
            ],
        ]
    )
    ada = chat_id(telegram, "Ada")
    sent = await bot.send_message(ada, "choose", reply_markup=keyboard)
    rows = shown(telegram, ada, sent.message_id)["rows"]
    assert [[(one["does"], one["id"]) for one in row] for row in rows] == [
        [("callback_data", "previous"), ("callback_data", "none")],
        [("url", "https://example.org"), ("switch_inline_query", "tides")],
        [("switch_inline_query_current_chat", ""), ("copy_text", "x = 1")],
    ]
    await telegram.press("Ada", "Ada", str(sent.message_id), "previous")
    with pytest.raises(KeyError):
        await telegram.press("Ada", "Ada", str(sent.message_id), "https://example.org")
    for wrong, words in (
        (button("x", callback_data="é" * 33), "BUTTON_DATA_INVALID"),
        (button("x", url="nowhere"), "Wrong HTTP URL"),
        (button("x"), "text buttons are unallowed"),
    ):
        telegram_clock.now += 5
        with pytest.raises(BadRequest, match=f"(?i){words}"):
            await bot.send_message(ada, "choose", reply_markup=ptb.InlineKeyboardMarkup([[wrong]]))


async def test_a_press_is_answered_by_a_line_a_box_or_a_link(telegram: TelegramServer, bot: ptb.Bot) -> None:
    heard: list[dict[str, Any]] = []
    telegram.subscribe(lambda event: heard.append(event) if event["type"] in ("answer", "open") else None)
    ada = chat_id(telegram, "Ada")
    keyboard = ptb.InlineKeyboardMarkup([[ptb.InlineKeyboardButton("Go", callback_data="go")]])
    sent = await bot.send_message(ada, "choose", reply_markup=keyboard)
    queries = []
    for _ in range(3):
        await telegram.press("Ada", "Ada", str(sent.message_id), "go")
    for update in await bot.get_updates():
        assert update.callback_query is not None
        queries.append(update.callback_query)
    await queries[0].answer("Not now.")
    await queries[1].answer("Only administrators may do that.", show_alert=True)
    with pytest.raises(BadRequest, match=r"(?i)URL_INVALID"):
        await queries[2].answer(url="https://example.org")
    await queries[2].answer(url="https://t.me/sluice_bot?start=settings")
    assert [(event["type"], event.get("alert"), event.get("url")) for event in heard] == [
        ("answer", None, None),
        ("answer", True, None),
        ("open", None, "https://t.me/sluice_bot?start=settings"),
    ]


async def test_a_forced_reply(telegram: TelegramServer, bot: ptb.Bot) -> None:
    """The page opens a reply for those who are meant; an edit takes no such markup."""
    riverside = chat_id(telegram, "Riverside")
    asked = await telegram.say("Ben", "Riverside", "/persona@sluice_bot")
    forced = ptb.ForceReply(selective=True, input_field_placeholder="Its name")
    sent = await bot.send_message(
        riverside, "Which name?", reply_to_message_id=int(asked), reply_markup=forced
    )
    assert sent.reply_markup is None
    ben = str(chat_id(telegram, "Ben"))
    entry = shown(telegram, riverside, sent.message_id)
    assert entry["force_reply"] == {"placeholder": "Its name", "of": [ben]}
    everybody = await bot.send_message(riverside, "Whose turn?", reply_markup=ptb.ForceReply())
    assert shown(telegram, riverside, everybody.message_id)["force_reply"]["of"] is None
    with pytest.raises(BadRequest):
        await bot.edit_message_text("Which?", riverside, sent.message_id, reply_markup=forced)  # type: ignore[arg-type]


async def test_a_forced_reply_of_whom_the_text_mentions(telegram: TelegramServer, bot: ptb.Bot) -> None:
    riverside, ben = chat_id(telegram, "Riverside"), chat_id(telegram, "Ben")
    mention = ptb.MessageEntity("text_mention", 0, 3, user=ptb.User(ben, "Ben", is_bot=False))
    forced = ptb.ForceReply(selective=True)
    named = await bot.send_message(riverside, "Ben: which?", entities=[mention], reply_markup=forced)
    assert shown(telegram, riverside, named.message_id)["force_reply"]["of"] == [str(ben)]


async def test_the_language_of_who_writes(telegram: TelegramServer, bot: ptb.Bot) -> None:
    await telegram.say("Ivo", "Ivo", "olá")
    await telegram.say("Ada", "Ada", "hello")
    codes = [
        update.effective_user.language_code for update in await bot.get_updates() if update.effective_user
    ]
    assert codes == ["pt-br", "en"]
    people = {person["name"]: person["language"] for person in telegram.snapshot()["people"]}
    assert (people["Ivo"], people["Ada"]) == ("pt-br", "en")
