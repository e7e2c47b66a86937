"""Menus, keyboards, alerts, inline mode and photos in Telegram's pane, with the real library behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import telegram as ptb
from playwright.async_api import expect

from tests.sandbox.page.harness import Sandbox
from tests.sandbox.telegram_harness import chat_id, connected_bot, png

pytestmark = pytest.mark.asyncio(loop_scope="package")

Button = ptb.InlineKeyboardButton


@pytest_asyncio.fixture(loop_scope="package")
async def bot(sandbox: Sandbox) -> AsyncIterator[ptb.Bot]:
    """PTB's Bot on the local Telegram."""
    async with connected_bot(sandbox.telegram) as connected:
        yield connected


async def updates(bot: ptb.Bot) -> list[ptb.Update]:
    """What is new, confirmed."""
    found = list(await bot.get_updates(timeout=5))
    await bot.get_updates(offset=found[-1].update_id + 1, timeout=0)
    return found


async def test_the_menu_button_by_place_and_language(sandbox: Sandbox, bot: ptb.Bot) -> None:
    """It is there once there are commands; what is chosen is sent at once."""
    menu = sandbox.view.get_by_role("button", name="Commands")
    await expect(menu).to_be_hidden()
    await bot.set_my_commands([("new", "Start over"), ("help", "What I can do")])
    await bot.set_my_commands([("novo", "Recomeçar")], language_code="pt")
    await bot.set_my_commands([("ask", "Ask")], scope=ptb.BotCommandScopeAllGroupChats())
    await menu.click()
    offered = sandbox.view.locator(".telegram .menu .title")
    await expect(offered).to_have_text(["/new", "/help"])
    await sandbox.view.get_by_role("option", name="/help").click()
    [update] = await updates(bot)
    assert update.message is not None
    assert update.message.text == "/help"
    await sandbox.view.locator(".telegram .chat-row", has_text="Riverside").click()
    await menu.click()
    await expect(offered).to_have_text(["/ask"])
    await sandbox.view.get_by_role("radio", name="Ivo").check(force=True)
    await sandbox.view.locator(".telegram .chat-row", has_text="Sluice").click()
    await menu.click()
    await expect(offered).to_have_text(["/novo"])


async def test_rows_of_buttons_and_what_a_press_says(sandbox: Sandbox, bot: ptb.Bot) -> None:
    ada = chat_id(sandbox.telegram, "Ada")
    rows = [
        [Button("◀", callback_data="p"), Button("2/3", callback_data="n")],
        [Button("Retry", callback_data="r")],
    ]
    sent = await bot.send_message(ada, "An answer", reply_markup=ptb.InlineKeyboardMarkup(rows))
    node = sandbox.message("telegram", sent.message_id)
    buttons = node.locator(".keyboard-row button")
    await expect(buttons).to_have_count(3)
    boxes = [await button.bounding_box() for button in await buttons.all()]
    tops = [round(box["y"]) for box in boxes if box]
    assert tops[0] == tops[1] < tops[2]
    await node.get_by_role("button", name="Retry").click()
    [update] = await updates(bot)
    assert update.callback_query is not None
    await update.callback_query.answer("Ask Ada for that.", show_alert=True)
    alert = sandbox.view.get_by_role("dialog", name="Sluice")
    await expect(alert).to_contain_text("Ask Ada for that.")
    await alert.get_by_role("button", name="OK").click()
    await expect(alert).to_have_count(0)


async def test_one_is_asked_to_reply(sandbox: Sandbox, bot: ptb.Bot) -> None:
    """The entry box answers that message, and says what it is about."""
    ada = chat_id(sandbox.telegram, "Ada")
    forced = ptb.ForceReply(input_field_placeholder="Its name")
    sent = await bot.send_message(ada, "Which name?", reply_markup=forced)
    box = sandbox.entry("Telegram")
    await expect(box).to_have_attribute("placeholder", "Its name")
    await expect(sandbox.view.locator(".telegram .reply-bar")).to_contain_text("Which name?")
    await box.fill("Captain")
    await box.press("Enter")
    update = (await updates(bot))[-1]
    assert update.message is not None
    assert update.message.reply_to_message is not None
    assert update.message.reply_to_message.message_id == sent.message_id
    await expect(box).to_have_attribute("placeholder", "Message")


async def test_a_message_is_edited_and_deleted(sandbox: Sandbox, bot: ptb.Bot) -> None:
    said = await sandbox.telegram.say("Ada", "Ada", "How far is Mrs?")
    node = sandbox.message("telegram", said)
    await node.click(button="right")
    await sandbox.view.get_by_role("menuitem", name="Edit").click()
    await sandbox.entry("Telegram").fill("How far is Mars?")
    await sandbox.entry("Telegram").press("Enter")
    await expect(node.locator(".body")).to_have_text("How far is Mars?")
    assert [update.edited_message.text for update in await updates(bot) if update.edited_message] == [
        "How far is Mars?"
    ]
    await node.hover()
    await node.get_by_role("button", name="More").click()
    await sandbox.view.get_by_role("menuitem", name="Delete").click()
    await expect(node).to_have_count(0)


async def test_inline_results_are_offered_while_one_types(sandbox: Sandbox, bot: ptb.Bot) -> None:
    await sandbox.telegram.set_inline(enabled=True)
    await sandbox.view.locator(".telegram .chat-row", has_text="Riverside").click()
    box = sandbox.entry("Telegram")
    await box.press_sequentially("@sluice_bot tides", delay=1)
    query = None
    while query is None or query.query != "tides":
        query = (await updates(bot))[-1].inline_query
    content = ptb.InputTextMessageContent("High at noon.")
    await query.answer([ptb.InlineQueryResultArticle("1", "The tides", content, description="at the gate")])
    result = sandbox.view.get_by_role("option", name="The tides")
    await expect(result).to_contain_text("at the gate")
    await box.press("Enter")
    sent = sandbox.messages("telegram").last
    await expect(sent.locator(".body")).to_have_text("High at noon.")
    await expect(sent.locator(".via")).to_have_text("via Sluice")
    await expect(box).to_have_value("")


async def test_a_link_to_the_bot_stays_on_the_page(sandbox: Sandbox, bot: ptb.Bot) -> None:
    """In a text and on a button."""
    riverside = chat_id(sandbox.telegram, "Riverside")
    await sandbox.view.locator(".telegram .chat-row", has_text="Riverside").click()
    url = "https://t.me/sluice_bot?start=settings"
    keyboard = ptb.InlineKeyboardMarkup([[Button("Open", url=url)]])
    sent = await bot.send_message(riverside, "Set it up in private.", reply_markup=keyboard)
    await sandbox.message("telegram", sent.message_id).get_by_role("link", name="Open").click()
    [update] = await updates(bot)
    assert update.message is not None
    assert (update.message.chat.type, update.message.text) == ("private", "/start settings")
    await expect(sandbox.messages("telegram").last.locator(".body")).to_have_text("/start settings")
    assert len(sandbox.view.context.pages) == 1


async def test_a_photo_shows_itself(sandbox: Sandbox, bot: ptb.Bot) -> None:
    ada = chat_id(sandbox.telegram, "Ada")
    sent = await bot.send_photo(ada, png(320, 120), caption="1,200 tokens today", filename="usage.png")
    node = sandbox.message("telegram", sent.message_id)
    await expect(node.locator(".body")).to_have_text("1,200 tokens today")
    image = node.get_by_role("img", name="usage.png")
    await expect(image).to_be_visible()
    assert await image.evaluate("async (image) => (await image.decode(), image.naturalWidth)") == 320
    await bot.set_my_commands([("new", "Start over")])


async def test_a_topic_that_is_closed_says_so(sandbox: Sandbox, bot: ptb.Bot) -> None:
    await sandbox.view.locator(".telegram .chat-row", has_text="Ideas").click()
    ideas = next(chat["id"] for chat in sandbox.telegram.snapshot()["chats"] if chat["name"] == "Ideas")
    await sandbox.telegram.close_topic("Ada", ideas)
    await expect(sandbox.view.locator(".telegram .chat-title")).to_contain_text("closed topic in Workshop")
    await expect(sandbox.messages("telegram").last).to_contain_text("Ada closed the topic")


async def test_a_link_to_a_message_opens_its_topic(sandbox: Sandbox, bot: ptb.Bot) -> None:
    ideas = next(chat["id"] for chat in sandbox.telegram.snapshot()["chats"] if chat["name"] == "Ideas")
    said = await sandbox.telegram.say("Ben", ideas, "a bridge")
    group, topic = ideas.split("/")
    url = f"https://t.me/c/{group.removeprefix('-100')}/{topic}/{said}"
    ada = chat_id(sandbox.telegram, "Ada")
    link = ptb.MessageEntity("text_link", 4, 4, url=url)
    sent = await bot.send_message(ada, "Ben said it.", entities=[link])
    await sandbox.message("telegram", sent.message_id).get_by_role("link").click()
    await expect(sandbox.view.locator(".telegram .chat-title h2")).to_have_text("Ideas")
    await expect(sandbox.message("telegram", said)).to_be_visible()
    assert len(sandbox.view.context.pages) == 1
