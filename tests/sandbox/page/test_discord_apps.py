"""Commands, forms, selects, menus, threads and forums in Discord's pane, with the real discord.py."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
import pytest_asyncio
from discord import app_commands
from playwright.async_api import Locator, expect

from bots.sandbox.discord.world import Permission
from tests.sandbox.discord_harness import Bot, Heard, connected
from tests.sandbox.page.harness import Sandbox
from tests.sandbox.test_discord_forms import Panel, Persona

pytestmark = pytest.mark.asyncio(loop_scope="package")

Interaction = discord.Interaction[Any]


@pytest_asyncio.fixture(loop_scope="package")
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    """A bot with /ask, /persona, /settings and a command on messages."""
    async with connected(sandbox.discord) as client:

        @client.tree.command(description="Ask the model")
        async def ask(interaction: Interaction, prompt: str, model: str = "", private: bool = False) -> None:
            client.dispatch("asked", interaction, prompt, model, private)
            await interaction.response.send_message("Because.", ephemeral=private)

        @ask.autocomplete("model")
        async def models(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
            names = ("local/tiny", "local/large", "cloud/fast")
            return [app_commands.Choice(name=n.upper(), value=n) for n in names if typed in n]

        @client.tree.command(description="Make a persona")
        async def persona(interaction: Interaction) -> None:
            await interaction.response.send_modal(Persona(client))

        @client.tree.command(description="Settings")
        @app_commands.default_permissions(manage_guild=True)
        async def settings(interaction: Interaction) -> None:
            await interaction.response.send_message("Settings", view=Panel(client), ephemeral=True)

        @client.tree.context_menu(name="Explain")
        async def explain(interaction: Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"It says: {message.content}", ephemeral=True)

        heard = Heard(sandbox.discord)
        await client.tree.sync()
        await heard.next("commands")
        yield client


def pane(sandbox: Sandbox) -> Locator:
    return sandbox.view.locator(".pane.discord")


async def more(sandbox: Sandbox, message: str, item: str) -> None:
    """Choose something in the menu of a message."""
    node = sandbox.message("discord", message)
    await node.hover()
    await node.get_by_role("button", name="More").click()
    await sandbox.view.get_by_role("menuitem", name=item).click()


async def test_options_are_completed_and_chosen_by_keys(sandbox: Sandbox, bot: Bot) -> None:
    """Tab brings the next option, its choices come from the bot, Enter picks one and then sends."""
    keys = sandbox.view.keyboard
    await sandbox.entry("Discord").fill("/as")
    await expect(sandbox.view.get_by_role("option", name="/ask")).to_be_visible()
    await keys.press("Tab")
    await keys.type("why?")
    await expect(sandbox.view.get_by_label("private", exact=True)).to_be_hidden()
    await keys.press("Tab")
    await expect(sandbox.view.get_by_label("model", exact=True)).to_be_focused()
    await keys.type("local")
    await expect(pane(sandbox).get_by_role("option")).to_have_text(["LOCAL/TINY", "LOCAL/LARGE"])
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(sandbox.view.get_by_label("model", exact=True)).to_have_value("LOCAL/LARGE")
    await pane(sandbox).get_by_role("button", name="+ private").click()
    await keys.type("tr")
    await expect(pane(sandbox).get_by_role("option")).to_have_text(["True"])
    await keys.press("Enter")
    await keys.press("Enter")
    _, prompt, model, private = await bot.next("asked")
    assert (prompt, model, private) == ("why?", "local/large", True)


async def test_no_choice_is_said_to_be_none(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.entry("Discord").fill("/ask why?")
    await pane(sandbox).get_by_role("button", name="+ model").click()
    await sandbox.view.keyboard.type("nothing like that")
    await expect(sandbox.view.get_by_text("No options match your search.")).to_be_visible()


async def test_a_private_answer_is_dismissed(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.discord.invoke("Ada", "#general", "ask", {"prompt": "x", "private": "True"})
    answer = sandbox.messages("discord").filter(has_text="Because.")
    await expect(answer).to_contain_text("Only you can see this")
    await answer.get_by_role("button", name="Dismiss message").click()
    await expect(answer).to_have_count(0)
    await sandbox.view.locator(".discord .chat-row", has_text="help").click()
    await sandbox.view.locator(".discord .chat-row", has_text="general").click()
    await expect(answer).to_have_count(0)


async def test_a_form_is_filled_in_over_the_channel(sandbox: Sandbox, bot: Bot) -> None:
    """What is required is asked for; Escape closes it and the bot hears nothing."""
    box = sandbox.entry("Discord")
    dialog = sandbox.view.get_by_role("dialog", name="A new persona")
    await box.fill("/persona ")
    await sandbox.view.keyboard.press("Enter")
    await expect(dialog).to_contain_text("Everybody here can use it.")
    await expect(dialog.get_by_label("Name")).to_be_focused()
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_label("Name").fill("Captain")
    await expect(dialog.get_by_label("Instructions")).to_have_value("Be kind.")
    await dialog.get_by_role("button", name="Model").click()
    await dialog.get_by_role("option", name="large").click()
    await dialog.get_by_role("button", name="Submit").click()
    interaction, values = await bot.next("submitted")
    assert values == ["Captain", "Be kind.", ["large"]]
    await expect(dialog).to_have_count(0)
    await interaction.response.send_message("Made.")
    await expect(sandbox.messages("discord").last).to_contain_text("Made.")
    await box.fill("/persona ")
    await sandbox.view.keyboard.press("Enter")
    await expect(dialog).to_be_visible()
    await sandbox.view.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_a_panel_is_changed_by_its_selects(sandbox: Sandbox, bot: Bot) -> None:
    """One value of a list of channels, several of another; a disabled select does not open."""
    sent = await bot.channel(sandbox.discord, "#general").send("Settings", view=Panel(bot))
    node = sandbox.message("discord", sent.id)
    await node.get_by_role("button", name="When to answer").click()
    await node.get_by_role("option", name="Replies").click()
    await expect(node.get_by_role("option", name="Mentions")).to_have_attribute("aria-selected", "true")
    await sandbox.view.keyboard.press("Escape")
    await expect(node.locator(".body")).to_have_text("When: mention, reply")
    await node.get_by_role("button", name="Where").click()
    await node.get_by_role("option", name="#help").click()
    await expect(sandbox.messages("discord").last).to_contain_text("In help.")
    await expect(node.get_by_role("button", name="Make a selection")).to_be_disabled()


async def test_the_menu_of_a_message(sandbox: Sandbox, bot: Bot) -> None:
    """The right button opens it too; it has the apps' commands, and one's own messages can be changed."""
    theirs = await sandbox.discord.say("Ben", "#general", "a lock lifts boats")
    await sandbox.message("discord", theirs).click(button="right")
    menu = sandbox.view.get_by_role("menu")
    await expect(menu.get_by_role("menuitem")).to_have_text(
        ["Reply", "Create Thread", "Copy Text", "Delete Message", "Explain"]
    )
    await menu.get_by_role("menuitem", name="Explain").click()
    await expect(sandbox.messages("discord").last).to_contain_text("It says: a lock lifts boats")
    await expect(sandbox.messages("discord").last.locator(".command-line")).to_have_text("Explain")

    mine = await sandbox.discord.say("Ada", "#general", "@Ben, first words")
    await more(sandbox, mine, "Edit Message")
    await expect(sandbox.entry("Discord")).to_have_value("@Ben, first words")
    await sandbox.entry("Discord").fill("better words")
    await sandbox.entry("Discord").press("Enter")
    await expect(sandbox.message("discord", mine)).to_contain_text("better words(edited)")
    await sandbox.entry("Discord").press("ArrowUp")
    await expect(sandbox.entry("Discord")).to_have_value("better words")
    await sandbox.entry("Discord").press("Escape")
    await expect(sandbox.entry("Discord")).to_have_value("")
    await more(sandbox, mine, "Delete Message")
    await expect(sandbox.message("discord", mine)).to_have_count(0)
    await sandbox.view.get_by_role("radio", name="Ben").check(force=True)
    others = await sandbox.discord.say("Cleo", "#general", "not Ben's")
    await sandbox.message("discord", others).click(button="right")
    await expect(menu.get_by_role("menuitem", name="Delete Message")).to_have_count(0)


async def test_a_thread_is_opened_on_a_message(sandbox: Sandbox) -> None:
    said = await sandbox.discord.say("Ben", "#general", "high water today")
    await more(sandbox, said, "Create Thread")
    dialog = sandbox.view.get_by_role("dialog", name="Create thread")
    await expect(dialog.get_by_label("Thread name")).to_have_value("high water today")
    await dialog.get_by_label("Thread name").fill("high water")
    await dialog.get_by_role("button", name="Create").click()
    await expect(sandbox.view.locator(".discord .chat-title")).to_contain_text("Thread in #general")
    await expect(sandbox.messages("discord").first).to_contain_text("high water today")
    await sandbox.view.locator(".discord .chat-row", has_text="general").click()
    link = sandbox.message("discord", said).locator(".thread-link")
    await expect(link).to_contain_text("high water")
    await sandbox.discord.close_thread("Ada", said)
    await expect(link).to_contain_text("Closed thread")
    await expect(sandbox.view.locator(".discord .chat-row", has_text="high water")).to_have_count(0)
    await link.click()
    await expect(sandbox.view.locator(".discord .chat-title")).to_contain_text("closed")
    await sandbox.discord.delete_thread("Ada", said)
    await expect(sandbox.view.locator(".discord .chat-title h2")).to_have_text("general")


async def test_a_post_is_written_in_the_forum(sandbox: Sandbox) -> None:
    await sandbox.view.locator(".discord .chat-row", has_text="ideas").click()
    await expect(sandbox.entry("Discord")).to_be_hidden()
    await sandbox.view.get_by_role("button", name="New Post").click()
    dialog = sandbox.view.get_by_role("dialog", name="New post in ideas")
    await dialog.get_by_label("Title").fill("A bridge")
    await dialog.get_by_label("Message").fill("over the gate")
    await dialog.get_by_role("button", name="Post").click()
    await expect(sandbox.view.locator(".discord .chat-title")).to_contain_text("Post in ideas")
    await expect(sandbox.messages("discord").first).to_contain_text("over the gate")
    await sandbox.view.locator(".discord .chat-row", has_text="ideas").click()
    post = sandbox.view.locator(".post")
    await expect(post).to_contain_text("A bridge")
    await sandbox.discord.say("Ben", "#A bridge", "I would help")
    await expect(post).to_contain_text("1 answer")
    await post.click()
    await expect(sandbox.messages("discord")).to_have_count(2)


async def test_each_sees_what_is_theirs(sandbox: Sandbox, bot: Bot) -> None:
    """Commands by permission, channels by right, names in one's own language."""
    await sandbox.discord.create_channel("staff", hidden_from=["Ben"])
    row = sandbox.view.locator(".discord .chat-row", has_text="staff")
    await expect(row).to_have_count(1)
    await sandbox.entry("Discord").fill("/")
    offered = pane(sandbox).get_by_role("option")
    await expect(offered.locator(".title")).to_have_text(["/ask", "/persona", "/settings"])
    await sandbox.view.get_by_role("radio", name="Ben").check(force=True)
    await expect(row).to_have_count(0)
    await sandbox.entry("Discord").fill("/")
    await expect(offered.locator(".title")).to_have_text(["/ask", "/persona"])
    sandbox.discord.grant("Ben", Permission.MANAGE_GUILD)
    await expect(offered.locator(".title")).to_have_text(["/ask", "/persona", "/settings"])

    command = {"name": "ask", "description": "Ask.", "name_localizations": {"pt-BR": "perguntar"}}
    http: Any = bot.http
    await http.bulk_upsert_global_commands(sandbox.discord.world.application_id, [command])
    await expect(offered.locator(".title")).to_have_text(["/ask"])
    await sandbox.view.get_by_label("Language of your apps").select_option("Português")
    await sandbox.entry("Discord").fill("/")
    await expect(offered.locator(".title")).to_have_text(["/perguntar"])
    await sandbox.view.get_by_role("radio", name="Ada").check(force=True)
    await expect(sandbox.view.get_by_label("Language of your apps")).to_have_value("en-US")
    await sandbox.view.get_by_role("radio", name="Ivo").check(force=True)
    await expect(sandbox.view.get_by_label("Language of your apps")).to_have_value("pt-BR")


async def test_links_and_quotes_lead_to_messages(sandbox: Sandbox, bot: Bot) -> None:
    """An address of a message opens its channel here; a quote shows what it quotes."""
    said = await sandbox.discord.say("Ben", "#help", "the key is under the stone")
    await sandbox.discord.say("Cleo", "#help", "thanks", reply_to=said)
    world = sandbox.discord.world
    url = f"https://discord.com/channels/{world.guild_id}/{world.chat('#help').id}/{said}"
    sent = await bot.channel(sandbox.discord, "#general").send(f"Ben said [where the key is]({url}).")
    await sandbox.message("discord", sent.id).get_by_role("link").click()
    await expect(sandbox.view.locator(".discord .chat-title h2")).to_have_text("help")
    node = sandbox.message("discord", said)
    await expect(node).to_have_class(re.compile("found"))
    await node.evaluate("node => node.classList.remove('found')")
    await sandbox.messages("discord").last.locator(".quote-line").click()
    await expect(node).to_have_class(re.compile("found"))
    assert len(sandbox.view.context.pages) == 1
