"""The commands themselves, from a person's hand on either platform to the answer that they see."""

from __future__ import annotations

from core.catalogue import say
from tests.commands.support import on_discord, on_telegram, said


async def test_a_message_on_discord_is_asked_about_with_a_form() -> None:
    async with on_discord() as (bot, service):
        message = await bot.server.say("Cleo", "#general", "Weirs are low dams.")
        await bot.server.use_on_message("Ben", "#general", message, "Ask about this")
        await bot.heard.until(lambda: bool(bot.server.open_modals("Ben")))
        [form] = bot.server.open_modals("Ben")
        assert form["title"] == say("menu.ask")
        await bot.server.submit("Ben", form["id"], {"prompt": "Is that so?"})
        stream = await service.model.opened()
        assert "Weirs are low dams." in stream.prompt[-1]
        stream.finish("It is.")
        assert (await said(bot, "It is."))["only_for"] is None


async def test_a_message_on_discord_is_summarised_for_one_person_alone() -> None:
    async with on_discord() as (bot, service):
        message = await bot.server.say("Cleo", "#general", "Weirs are low dams.")
        await bot.server.set_language("Ben", "pt-BR")
        await bot.server.use_on_message("Ben", "#general", message, "Summarise")
        stream = await service.model.opened()
        assert stream.prompt[-1].endswith(say("question.summarise", "pt-BR"))
        stream.finish("Low dams.")
        assert (await said(bot, "Low dams."))["only_for"] == str(bot.server.world.person("Ben").id)


async def test_a_private_question_is_answered_to_its_asker_alone() -> None:
    async with on_discord() as (bot, service):
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?", "private": "True"})
        (await service.model.opened()).finish("Because.")
        assert (await said(bot, "Because."))["only_for"] == str(bot.server.world.person("Ben").id)


async def test_who_installed_the_app_for_themselves_can_ask_where_the_bot_is_not() -> None:
    async with on_discord() as (bot, service):
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"}, users_own=True)
        (await service.model.opened()).finish("Because.")
        await said(bot, "Because.")


async def test_a_link_to_telegram_asks_what_to_ask_and_cancel_ends_it() -> None:
    async with on_telegram() as (chat, service):
        server = chat.server
        await server.follow("Ada", "https://t.me/sluice_bot?start=ask")
        await chat.says(say("command.ask.prompt"))
        await server.say("Ada", "Ada", "/cancel")
        await chat.says(say("cancel.done"))
        await server.follow("Ada", "https://t.me/sluice_bot?start=ask")
        await chat.says(say("command.ask.prompt"))
        await server.say("Ada", "Ada", "what is a weir?")
        stream = await service.model.opened()
        assert stream.prompt == ["what is a weir?"]
        stream.finish("A low dam.")
        await chat.says("A low dam.")


async def test_a_reply_on_telegram_has_the_message_explained() -> None:
    async with on_telegram() as (chat, service):
        message = await chat.server.say("Cleo", "Riverside", "Weirs are low dams.")
        await chat.server.say("Ben", "Riverside", "/explain@sluice_bot", reply_to=message)
        stream = await service.model.opened()
        assert "Weirs are low dams." in stream.prompt[-1]
        stream.finish("It holds water back.")
        await chat.says("It holds water back.")


async def test_options_of_a_question_are_typed_before_it_on_telegram() -> None:
    async with on_telegram() as (chat, service):
        await chat.server.say("Ada", "Ada", "/ask private=perhaps why?")
        await chat.says(say("mistake.boolean", name="private"))
        await chat.server.say("Ada", "Ada", "/ask private=yes why?")
        assert (await service.model.opened()).prompt == ["why?"]
