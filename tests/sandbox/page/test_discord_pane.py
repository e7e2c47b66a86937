"""Discord's pane, with the real discord.py behind it."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any

import aiohttp
import discord
import pytest
from playwright.async_api import expect

from tests.sandbox.discord_harness import Heard, connected
from tests.sandbox.page.harness import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_an_answer_grows_in_its_own_node(sandbox: Sandbox) -> None:
    async with connected(sandbox.discord) as bot:
        message = await bot.channel(sandbox.discord, "#general").send("Once")
        node = sandbox.message("discord", message.id)
        await expect(node.locator(".body")).to_have_text("Once")
        await expect(node).to_have_attribute("data-author-bot", "true")
        await expect(node.get_by_text("BOT", exact=True)).to_be_visible()
        await expect(node.get_by_text("(edited)")).to_have_count(0)
        await node.evaluate("node => { node.isTheSame = true; }")

        for edits, text in enumerate(("Once **upon", "Once **upon a** time"), start=1):
            await message.edit(content=text)
            await expect(node).to_have_attribute("data-edits", str(edits))
        await expect(node.locator(".body")).to_have_text("Once upon a time")
        await expect(node.locator(".body strong")).to_have_text("upon a")
        await expect(node.get_by_text("(edited)")).to_be_visible()
        assert await node.evaluate("node => node.isTheSame")

        await message.delete()
        await expect(node).to_have_count(0)


async def test_a_file_stands_below_its_message_and_opens(sandbox: Sandbox) -> None:
    async with connected(sandbox.discord) as bot:
        message = await bot.channel(sandbox.discord, "#general").send("Lines so far: 2")
        node = sandbox.message("discord", message.id)
        await expect(node.locator(".body")).to_have_text("Lines so far: 2")
        page = "<script>document.title = 'no'</script>\n" * 40
        rest = discord.File(io.BytesIO(page.encode()), "code.html")
        await message.edit(content="The rest.", attachments=[rest])
        await expect(node.locator(".body")).to_have_text("The rest.")
        await expect(node.locator(".file")).to_have_text("code.html1.5 KB")
        async with sandbox.view.expect_popup() as popup:
            await node.get_by_role("link", name="code.html").click()
        opened = await popup.value
        assert await opened.locator("body").inner_text() == page
        assert await opened.title() == ""
        await opened.close()


async def test_a_slash_command_is_chosen_filled_and_answered(sandbox: Sandbox) -> None:
    async with connected(sandbox.discord) as bot:
        asked: asyncio.Queue[tuple[discord.Interaction[Any], str]] = asyncio.Queue()

        @bot.tree.command(name="ask", description="Ask the model")
        async def ask(interaction: discord.Interaction[Any], prompt: str) -> None:
            await interaction.response.defer()
            asked.put_nowait((interaction, prompt))

        heard = Heard(sandbox.discord)
        await bot.tree.sync()
        await heard.next("commands")
        await sandbox.entry("Discord").fill("/")
        option = sandbox.view.get_by_role("option", name="/ask")
        await expect(option).to_have_attribute("aria-selected", "true")
        await sandbox.entry("Discord").press("Enter")
        field = sandbox.view.get_by_label("prompt", exact=True)
        await field.press("Enter")
        await expect(field).to_have_attribute("aria-invalid", "true")
        await field.fill("why?")
        await field.press("Enter")

        interaction, prompt = await asked.get()
        assert (prompt, interaction.user.display_name) == ("why?", "Ada")
        answer = sandbox.messages("discord").last
        await expect(answer.locator(".body")).to_have_text("Sluice is thinking…")
        await expect(answer.get_by_text("/ask prompt:why?")).to_be_visible()
        await interaction.edit_original_response(content="Because.")
        await expect(answer.locator(".body")).to_have_text("Because.")
        await expect(sandbox.entry("Discord")).to_be_focused()

        await sandbox.entry("Discord").fill("/ask and then?")
        await expect(field).to_have_value("and then?")
        await field.press("Escape")
        await expect(sandbox.entry("Discord")).to_have_value("")


async def test_the_arrow_chooses_a_command_and_sends_it_as_enter_does(sandbox: Sandbox) -> None:
    async with connected(sandbox.discord) as bot:
        more = discord.app_commands.Group(name="more", description="More")

        @more.command(description="What was used")
        async def usage(interaction: discord.Interaction[Any]) -> None:
            await interaction.response.send_message("Nothing yet.")

        bot.tree.add_command(more)
        heard = Heard(sandbox.discord)
        await bot.tree.sync()
        await heard.next("commands")
        arrow = sandbox.view.get_by_role("button", name="Send to Discord")
        chosen = sandbox.view.locator(".discord .command-name")
        await sandbox.entry("Discord").fill("/more usage")
        await expect(sandbox.view.get_by_role("option", name="/more usage")).to_be_visible()
        for away in (False, True):
            if away:  # where the list is closed by then
                await sandbox.entry("Discord").fill("/more usage")
                await sandbox.view.locator(".discord .chat-head").click()
                await expect(sandbox.view.get_by_role("option", name="/more usage")).to_be_hidden()
            await arrow.click()
            await expect(chosen).to_have_text("/more usage")
            await arrow.click()
            assert (await heard.next("message"))["message"]["command"] == "/more usage"
            await expect(sandbox.entry("Discord")).to_have_value("")


async def test_a_refused_command_is_given_back_as_one(sandbox: Sandbox) -> None:
    async with connected(sandbox.discord) as bot:

        @bot.tree.command(name="ask", description="Ask the model")
        async def ask(interaction: discord.Interaction[Any], prompt: str) -> None:
            await interaction.response.send_message(prompt)

        heard = Heard(sandbox.discord)
        await bot.tree.sync()
        await heard.next("commands")
        await sandbox.view.get_by_role("radio", name="Ben").check(force=True)
        await sandbox.entry("Discord").fill("/ask why?")
        sandbox.discord.overwrite("#general", "@everyone", deny=1 << 31)
        field = sandbox.view.get_by_label("prompt", exact=True)
        await field.press("Enter")
        await expect(sandbox.view.locator(".discord .toast")).to_be_visible()
        await expect(field).to_have_value("why?")


async def test_an_ephemeral_answer_is_seen_by_one(sandbox: Sandbox) -> None:
    async with connected(sandbox.discord) as bot:

        @bot.tree.command(name="help", description="Help")
        async def help_(interaction: discord.Interaction[Any]) -> None:
            await interaction.response.send_message("Between us.", ephemeral=True)

        await bot.tree.sync()
        await sandbox.discord.invoke("Ada", "#general", "help", {})
        answer = sandbox.messages("discord").filter(has_text="Between us.")
        await expect(answer.get_by_text("Only you can see this")).to_be_visible()
        await sandbox.view.get_by_role("radio", name="Ben").check(force=True)
        await expect(sandbox.view.locator(".user-panel")).to_contain_text("Ben")
        await expect(answer).to_have_count(0)


async def test_the_bots_own_reaction_is_drawn_where_no_font_has_it(sandbox: Sandbox) -> None:
    message = await sandbox.discord.say("Ada", "#general", "the second question")
    url = f"{sandbox.discord.url}/channels/{sandbox.general}/messages/{message}/reactions/👀/@me"
    headers = {"Authorization": f"Bot {sandbox.discord.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.put(url) as done:
        assert done.status == 204
    reaction = sandbox.message("discord", message).locator(".reaction")
    await expect(reaction.get_by_role("img", name="👀").locator("svg")).to_be_visible()
    await expect(reaction).to_have_text("1")


async def test_our_bot_is_told_from_another(sandbox: Sandbox) -> None:
    bots = [person["name"] for person in sandbox.discord.snapshot()["people"] if person["bot"]]
    assert len(bots) == 2
    await sandbox.entry("Discord").press_sequentially("@")
    for name, about in zip(bots, ("the bot", "another bot"), strict=True):
        option = sandbox.view.get_by_role("option").filter(has_text=f"@{name}")
        await expect(option.locator(".about")).to_have_text(about)


async def test_a_mention_is_completed_and_becomes_a_real_one(sandbox: Sandbox) -> None:
    heard = Heard(sandbox.discord)
    box = sandbox.entry("Discord")
    await box.press_sequentially("hey @slu")
    await expect(sandbox.view.get_by_role("option", name="@Sluice")).to_be_visible()
    await box.press("Tab")
    await box.press_sequentially("hi")
    await box.press("Enter")
    sent = (await heard.next("message"))["message"]
    assert sent["text"] == f"hey <@{sandbox.discord.world.bot.id}> hi"
    await expect(sandbox.message("discord", sent["id"]).locator(".mention")).to_have_text("@Sluice")


async def test_a_reply_quotes_what_it_answers(sandbox: Sandbox) -> None:
    first = await sandbox.discord.say("Ben", "#general", "Is it raining?")
    heard = Heard(sandbox.discord)
    node = sandbox.message("discord", first)
    await node.hover()
    await node.get_by_role("button", name="Reply").click()
    await expect(sandbox.view.get_by_text("Replying to Ben")).to_be_visible()
    await sandbox.entry("Discord").fill("No.")
    await sandbox.entry("Discord").press("Enter")
    sent = (await heard.next("message"))["message"]
    assert (sent["reply_to"], sent["author"]["name"]) == (first, "Ada")
    await expect(sandbox.message("discord", sent["id"]).locator(".quote-line")).to_have_text(
        re.compile("@Ben.*Is it raining")
    )


async def test_a_button_survives_edits_and_is_pressed(sandbox: Sandbox) -> None:
    async with connected(sandbox.discord) as bot:
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label="Stop", custom_id="stop"))
        message = await bot.channel(sandbox.discord, "#general").send("One", view=view)
        button = sandbox.message("discord", message.id).get_by_role("button", name="Stop")
        await button.focus()
        await message.edit(content="One two", view=view)
        await expect(sandbox.message("discord", message.id).locator(".body")).to_have_text("One two")
        await expect(button).to_be_focused()
        await button.press("Enter")
        interaction = await bot.next("interaction")
        assert interaction.data["custom_id"] == "stop"
        await interaction.response.defer()


async def test_what_is_refused_is_said_and_given_back(sandbox: Sandbox) -> None:
    sandbox.discord.overwrite("#general", "@everyone", deny=1 << 11)
    await sandbox.view.get_by_role("radio", name="Ben").check(force=True)
    await sandbox.entry("Discord").fill("may I?")
    await sandbox.entry("Discord").press("Enter")
    await expect(sandbox.view.locator(".discord .toast")).to_contain_text("SEND_MESSAGES")
    await expect(sandbox.entry("Discord")).to_have_value("may I?")
