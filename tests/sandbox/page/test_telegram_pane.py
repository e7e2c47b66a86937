"""Telegram's pane, with the real python-telegram-bot behind it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import telegram as ptb
from playwright.async_api import expect

from bots.telegram.entities import Entity
from bots.telegram.markdown import TelegramRenderer, reasoning_above
from tests.sandbox.page.harness import Sandbox
from tests.sandbox.telegram_harness import chat_id, connected_bot

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_question_and_its_growing_answer(sandbox: Sandbox) -> None:
    async with connected_bot(sandbox.telegram) as bot:
        await sandbox.entry("Telegram").fill("How far is Mars? 🚀")
        await sandbox.entry("Telegram").press("Enter")
        (update,) = await bot.get_updates(timeout=5)
        assert update.message is not None
        assert update.message.text == "How far is Mars? 🚀"
        chat = update.message.chat_id

        await bot.send_chat_action(chat, "typing")
        await expect(sandbox.view.locator(".telegram .typing-line")).to_contain_text("Sluice is typing")
        keyboard = ptb.InlineKeyboardMarkup([[ptb.InlineKeyboardButton("Stop", callback_data="stop")]])
        sent = await bot.send_message(chat, "About", reply_to_message_id=update.message.message_id)
        node = sandbox.message("telegram", sent.message_id)
        await expect(node.locator(".body")).to_have_text("About")
        await expect(node.locator(".quote-line")).to_contain_text("How far is Mars? 🚀")
        await expect(sandbox.view.locator(".telegram .typing-line")).to_be_empty()
        await expect(node.locator(".edited")).to_have_count(0)
        for edits, text in enumerate(("About 225", "About 225 million km"), start=1):
            await bot.edit_message_text(text, chat, sent.message_id, reply_markup=keyboard)
            await expect(node.locator(".body")).to_have_text(text)
            await expect(node).to_have_attribute("data-edits", str(edits))
        await expect(node.locator(".edited")).to_have_text("edited")

        await node.get_by_role("button", name="Stop").click()
        (pressed,) = await bot.get_updates(offset=update.update_id + 1, timeout=5)
        assert pressed.callback_query is not None
        assert pressed.callback_query.data == "stop"
        await pressed.callback_query.answer("Stopping.")
        await expect(sandbox.view.locator(".telegram .toast")).to_have_text("Stopping.")


async def test_typing_ends_in_the_list_of_chats_when_its_time_is_over(sandbox: Sandbox) -> None:
    """Also where no message ends it: a variant comes by edits alone."""
    await sandbox.view.clock.install()
    await sandbox.view.reload()
    row = sandbox.view.locator(".telegram .chat-row.private .preview")
    async with connected_bot(sandbox.telegram) as bot:
        ada = chat_id(sandbox.telegram, "Ada")
        sent = await bot.send_message(ada, "About 225 million km")
        await expect(row).to_have_text("About 225 million km")
        await bot.send_chat_action(ada, "typing")
        await expect(row).to_have_text("typing…")
        await bot.edit_message_text("It varies.", ada, sent.message_id)
        await expect(sandbox.message("telegram", sent.message_id).locator(".body")).to_have_text("It varies.")
        await sandbox.view.clock.fast_forward("00:10")
        await expect(row).to_have_text("It varies.")


async def test_a_draft_stands_below_the_messages_and_can_be_stopped(sandbox: Sandbox) -> None:
    async with connected_bot(sandbox.telegram) as bot:
        ada = chat_id(sandbox.telegram, "Ada")
        updates = await bot.get_updates(timeout=0)
        offset = updates[-1].update_id + 1 if updates else None
        draft = sandbox.view.locator(".telegram .draft")
        await bot.send_message_draft(ada, 7, "About")
        await expect(draft.locator(".bubble")).to_have_text("About")
        await expect(draft.get_by_role("button", name="Stop")).to_have_count(0)
        stoppable = {"can_stop": True, "keep_on_stop": True}
        await bot.send_message_draft(ada, 7, "About 225", api_kwargs=stoppable)
        await draft.get_by_role("button", name="Stop").click()
        (stopped,) = await bot.get_updates(offset=offset, timeout=5)
        assert stopped.api_kwargs["stopped_message_generation"]["draft_id"] == 7
        await expect(draft.locator(".bubble")).to_have_text("About 225")
        await expect(draft.get_by_role("button", name="Stop")).to_have_count(0)
        sent = await bot.send_message(ada, "About 225 million km")
        await expect(sandbox.message("telegram", sent.message_id).locator(".body")).to_contain_text("million")
        await expect(draft).to_be_empty()


async def test_a_file_comes_into_the_message_that_announced_it(sandbox: Sandbox) -> None:
    async with connected_bot(sandbox.telegram) as bot:
        ada = chat_id(sandbox.telegram, "Ada")
        sent = await bot.send_message(ada, "Lines so far: 2")
        node = sandbox.message("telegram", sent.message_id)
        await expect(node.locator(".file")).to_have_count(0)
        media = ptb.InputMediaDocument(b"x = '\xc3\xa9'\n" * 2, "The rest.", filename="code.py")
        await bot.edit_message_media(media, ada, sent.message_id)
        await expect(node.locator(".body")).to_have_text("The rest.")
        await expect(node.locator(".file")).to_have_text("code.py18 bytes")
        async with sandbox.view.expect_popup() as popup:
            await node.get_by_role("link", name="code.py").click()
        opened = await popup.value
        assert await opened.locator("body").inner_text() == "x = 'é'\n" * 2
        await opened.close()


async def test_what_the_model_thought_is_a_quote_that_opens(sandbox: Sandbox) -> None:
    async with connected_bot(sandbox.telegram) as bot:
        body = reasoning_above(TelegramRenderer().render("**Because.**"), "💭 They ask why. " * 20)
        entities = [
            ptb.MessageEntity(entity.type, entity.offset, entity.length)
            for entity in body.entities
            if isinstance(entity, Entity)
        ]
        ada = chat_id(sandbox.telegram, "Ada")
        sent = await bot.send_message(ada, body.text, entities=entities)
        node = sandbox.message("telegram", sent.message_id)
        quote = node.locator(".expandable")
        await expect(quote).to_contain_text("💭 They ask why.")
        await expect(node.locator("strong")).to_have_text("Because.")
        folded = await quote.evaluate("node => node.clientHeight")
        await quote.click()
        await expect(quote).to_have_attribute("aria-expanded", "true")
        assert await quote.evaluate("node => node.clientHeight") > 1.5 * folded


async def test_a_group_has_its_own_chat_and_unread_mark(sandbox: Sandbox) -> None:
    await sandbox.telegram.say("Ben", "Riverside", "anybody here?")
    row = sandbox.view.locator(".telegram .chat-row", has_text="Riverside")
    await expect(row.locator(".badge")).to_have_text("1")
    await row.click()
    await expect(row.locator(".badge")).to_have_count(0)
    await expect(sandbox.messages("telegram").last.locator(".author")).to_contain_text("Ben")
    await sandbox.entry("Telegram").fill("/ask why?")
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sandbox.telegram.subscribe(heard.put_nowait)
    await sandbox.entry("Telegram").press("Enter")
    event = await heard.get()
    assert event["message"]["text"] == "/ask why?"
    assert event["message"]["chat"] == str(chat_id(sandbox.telegram, "Riverside"))


async def test_the_command_menu_fills_the_box(sandbox: Sandbox) -> None:
    async with connected_bot(sandbox.telegram) as bot:
        await bot.set_my_commands([("ask", "Ask the model"), ("help", "What I can do")])
        box = sandbox.entry("Telegram")
        await box.fill("/")
        await expect(sandbox.view.get_by_role("option", name="/help")).to_be_visible()
        await box.press("ArrowDown")
        await box.press("Enter")
        await expect(box).to_have_value("/help ")


async def test_a_command_that_is_typed_whole_is_sent(sandbox: Sandbox) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with connected_bot(sandbox.telegram) as bot:
        await bot.set_my_commands([("newest", "What is new"), ("new", "Begin anew")])
        sandbox.telegram.subscribe(heard.put_nowait)
        box = sandbox.entry("Telegram")
        offered = sandbox.view.locator(".telegram .menu").get_by_role("option")
        await box.fill("/new")
        await expect(offered).to_have_count(2)
        await box.press("Enter")
        event = await heard.get()
        assert event["message"]["text"] == "/new"
        await expect(box).to_have_value("")
        await box.fill("/newe")
        await expect(offered).to_have_count(1)
        await box.press("Enter")
        await expect(box).to_have_value("/newest ")


async def test_a_topic_is_a_chat_of_its_own(sandbox: Sandbox) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sandbox.telegram.subscribe(heard.put_nowait)
    await sandbox.view.locator(".telegram .chat-row", has_text="Ideas").click()
    await sandbox.entry("Telegram").fill("a bridge")
    await sandbox.entry("Telegram").press("Enter")
    event = await heard.get()
    ideas = next(chat for chat in sandbox.telegram.snapshot()["chats"] if chat["name"] == "Ideas")
    assert event["message"]["chat"] == ideas["id"]
    await expect(sandbox.messages("telegram").last.locator(".body")).to_have_text("a bridge")
