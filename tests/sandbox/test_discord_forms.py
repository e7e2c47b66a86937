"""Buttons in rows, selects and modals on the local Discord, made and answered by the real discord.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
import pytest_asyncio

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from tests.sandbox.discord_harness import Bot, Heard, connected, raw

Interaction = discord.Interaction[Any]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DiscordServer]:
    """A running server whose windows are fifty times shorter."""
    running = DiscordServer(profile=load_profile(scale=0.02))
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture
async def bot(server: DiscordServer) -> AsyncIterator[Bot]:
    """A connected client with /persona, which opens a form."""
    async with connected(server) as client:

        @client.tree.command(description="Make a persona.")
        async def persona(interaction: Interaction) -> None:
            await interaction.response.send_modal(Persona(client))

        await client.tree.sync()
        yield client


class Persona(discord.ui.Modal, title="A new persona"):
    """A name, instructions, a model, and a line that only tells."""

    note: discord.ui.TextDisplay[Any] = discord.ui.TextDisplay("Everybody here can use it.")
    name: discord.ui.Label[Any] = discord.ui.Label(
        text="Name", component=discord.ui.TextInput(custom_id="name", min_length=2, max_length=20)
    )
    prompt: discord.ui.Label[Any] = discord.ui.Label(
        text="Instructions",
        description="What it is told before every question.",
        component=discord.ui.TextInput(
            custom_id="prompt", style=discord.TextStyle.long, required=False, default="Be kind."
        ),
    )
    model: discord.ui.Label[Any] = discord.ui.Label(
        text="Model",
        component=discord.ui.Select(
            custom_id="model",
            options=[discord.SelectOption(label=name, value=name) for name in ("tiny", "large")],
        ),
    )

    def __init__(self, bot: Bot) -> None:
        super().__init__(custom_id="persona:new")
        self.bot = bot

    async def on_submit(self, interaction: Interaction) -> None:
        """Hand over what was filled in."""
        values = [
            getattr(label.component, kind)
            for label, kind in ((self.name, "value"), (self.prompt, "value"), (self.model, "values"))
        ]
        self.bot.dispatch("submitted", interaction, values)


async def opened(server: DiscordServer, person: str = "Ada") -> dict[str, Any]:
    """The form that /persona opens."""
    heard = Heard(server)
    await server.invoke(person, "#general", "persona", {})
    event = await heard.next("modal")
    assert event["to"] == str(server.world.person(person).id)
    modal: dict[str, Any] = event["modal"]
    return modal


async def test_a_form_is_filled_in_and_answered(server: DiscordServer, bot: Bot) -> None:
    """What a person leaves alone stays as it came; the answer goes to the new interaction."""
    modal = await opened(server)
    assert modal["title"] == "A new persona"
    kinds = [(field["kind"], field.get("label"), field.get("required")) for field in modal["fields"]]
    assert kinds == [
        ("note", None, None),
        ("text", "Name", True),
        ("text", "Instructions", False),
        ("select", "Model", True),
    ]
    assert [one["id"] for one in server.open_modals("Ada")] == [modal["id"]]
    await server.submit("Ada", modal["id"], {"name": "Captain", "model": ["large"]})
    interaction, values = await bot.next("submitted")
    assert values == ["Captain", "Be kind.", ["large"]]
    assert interaction.type is discord.InteractionType.modal_submit
    await interaction.response.send_message("Made.", ephemeral=True)
    [made] = server.snapshot()["messages"]
    assert (made["text"], made["only_for"]) == ("Made.", str(server.world.person("Ada").id))
    assert server.open_modals("Ada") == []


async def test_what_a_form_does_not_take(server: DiscordServer, bot: Bot) -> None:
    """Discord's client holds a form back that is not filled in as it asks."""
    modal = await opened(server)
    for values, words in (
        ({}, "Name is required"),
        ({"name": "x", "model": "tiny"}, "Name has the wrong length"),
        ({"name": "Captain"}, "Model is required"),
        ({"name": "Captain", "model": "huge"}, "cannot be chosen"),
        ({"name": "Captain", "model": "tiny", "age": "3"}, "no field 'age'"),
    ):
        with pytest.raises(ValueError, match=words):
            await server.submit("Ada", modal["id"], values)
    with pytest.raises(PermissionError):
        await server.submit("Ben", modal["id"], {"name": "Captain", "model": "tiny"})
    await server.close_modal("Ada", modal["id"])
    with pytest.raises(KeyError):
        await server.submit("Ada", modal["id"], {"name": "Captain", "model": "tiny"})


async def callback(server: DiscordServer, interaction: Interaction, body: dict[str, Any]) -> tuple[int, Any]:
    """Answer an interaction by hand; the status and body."""
    url = f"{server.url}/interactions/{interaction.id}/{interaction.token}/callback"
    async with raw(server) as http, http.post(url, json=body) as answer:
        return answer.status, None if answer.status == 204 else await answer.json()


async def test_a_form_only_as_a_first_answer(server: DiscordServer, bot: Bot) -> None:
    """Not after deferring, and not in answer to a form; a wrong one is named field by field."""
    got: asyncio.Queue[Interaction] = asyncio.Queue()
    await bot.http.bulk_upsert_global_commands(
        server.world.application_id, [{"name": "raw", "description": "By hand."}]
    )

    async def on_interaction(interaction: Interaction) -> None:
        got.put_nowait(interaction)

    bot.event(on_interaction)
    await server.invoke("Ada", "#general", "raw", {})
    interaction = await got.get()
    text = {"type": 4, "custom_id": "t", "style": 1, "label": "Text"}
    form = {"custom_id": "f", "title": "T" * 46, "components": [{"type": 1, "components": [text]}] * 6}
    status, body = await callback(server, interaction, {"type": 9, "data": form})
    assert (status, body["errors"]["data"].keys()) == (400, {"title", "components"})
    row = {"type": 1, "components": [text | {"style": 3, "label": "L" * 46}]}
    form = {"custom_id": "f", "title": "T", "components": [row]}
    status, body = await callback(server, interaction, {"type": 9, "data": form})
    wrong = body["errors"]["data"]["components"]["0"]["components"]["0"]
    assert (status, wrong.keys()) == (400, {"style", "label"})

    form["components"] = [{"type": 1, "components": [text]}]
    assert await callback(server, interaction, {"type": 9, "data": form}) == (204, None)
    status, body = await callback(server, interaction, {"type": 5})
    assert (status, body["code"]) == (400, 40060)
    [modal] = server.open_modals("Ada")
    await server.submit("Ada", modal["id"], {"t": "hello"})
    submitted = await got.get()
    assert submitted.data is not None
    sent: Any = submitted.data
    assert sent["components"][0]["components"][0]["value"] == "hello"
    for not_allowed in (6, 7, 8, 9):
        status, _ = await callback(server, submitted, {"type": not_allowed, "data": form})
        assert status == 400
    await submitted.response.defer(thinking=True)
    status, body = await callback(server, submitted, {"type": 9, "data": form})
    assert (status, body["code"]) == (400, 40060)


class Panel(discord.ui.View):
    """A settings panel: selects, and a button that opens a form."""

    def __init__(self, bot: Bot) -> None:
        super().__init__(timeout=None)
        self.bot = bot

    @discord.ui.select(
        custom_id="when",
        placeholder="When to answer",
        min_values=1,
        max_values=2,
        options=[
            discord.SelectOption(label="Mentions", value="mention", default=True),
            discord.SelectOption(label="Replies", value="reply", description="To its own messages."),
            discord.SelectOption(label="Always", value="always"),
        ],
    )
    async def when(self, interaction: Interaction, select: discord.ui.Select[Panel]) -> None:
        """Change the panel itself."""
        await interaction.response.edit_message(content=f"When: {', '.join(sorted(select.values))}")

    @discord.ui.select(cls=discord.ui.ChannelSelect, custom_id="where", placeholder="Where")
    async def where(self, interaction: Interaction, select: discord.ui.ChannelSelect[Panel]) -> None:
        """Say which channel, in private."""
        await interaction.response.send_message(f"In {select.values[0].name}.", ephemeral=True)

    @discord.ui.select(cls=discord.ui.UserSelect, custom_id="who", disabled=True)
    async def who(self, interaction: Interaction, select: discord.ui.UserSelect[Panel]) -> None:
        """Never called here."""

    @discord.ui.button(label="Persona", custom_id="edit", style=discord.ButtonStyle.primary)
    async def edit(self, interaction: Interaction, button: discord.ui.Button[Panel]) -> None:
        """Open the form."""
        await interaction.response.send_modal(Persona(self.bot))


async def test_choosing_in_a_panel(server: DiscordServer, bot: Bot) -> None:
    """Values reach the view; an update changes the panel; a disabled select does nothing."""
    sent = await bot.channel(server, "#general").send("Settings", view=Panel(bot))
    message = str(sent.id)
    [shown] = server.snapshot()["messages"]
    assert [[part["kind"] for part in row] for row in shown["rows"]] == [
        ["select"],
        ["select"],
        ["select"],
        ["button"],
    ]
    when = shown["rows"][0][0]
    assert (when["min"], when["max"], when["placeholder"]) == (1, 2, "When to answer")
    assert [(o["value"], o["chosen"]) for o in when["options"]][:2] == [("mention", True), ("reply", False)]
    assert (shown["rows"][1][0]["of"], shown["rows"][2][0]["disabled"]) == ("channels", True)

    heard = Heard(server)
    await server.choose("Ben", "#general", message, "when", ["reply", "mention"])
    assert (await heard.next("edit"))["message"]["text"] == "When: mention, reply"
    await server.choose("Ben", "#general", message, "where", ["#help"])
    private = (await heard.next("message"))["message"]
    assert (private["text"], private["only_for"]) == ("In help.", str(server.world.person("Ben").id))
    for select, values, words in (
        ("when", [], "between 1 and 2"),
        ("when", ["mention", "reply", "always"], "between 1 and 2"),
        ("when", ["never"], "cannot be chosen"),
        ("who", ["Ada"], "no select"),
        ("edit", ["x"], "no select"),
    ):
        with pytest.raises(ValueError, match=words):
            await server.choose("Ben", "#general", message, select, values)


async def test_a_form_opened_by_a_button_may_change_its_message(server: DiscordServer, bot: Bot) -> None:
    """UPDATE_MESSAGE answers the form, and the message under the button becomes what it says."""
    sent = await bot.channel(server, "#general").send("Settings", view=Panel(bot))
    heard = Heard(server)
    await server.press("Ada", "#general", str(sent.id), "edit")
    modal = (await heard.next("modal"))["modal"]
    await server.submit("Ada", modal["id"], {"name": "Captain", "model": "tiny"})
    interaction, _ = await bot.next("submitted")
    await interaction.response.edit_message(content="Settings of Captain")
    assert (await heard.next("edit"))["message"]["text"] == "Settings of Captain"
    assert len(server.snapshot()["messages"]) == 1


async def test_a_message_that_is_gone_is_not_updated(server: DiscordServer, bot: Bot) -> None:
    """Discord knows it no more, and it does not come back."""
    url = f"{server.url}/channels/{server.world.chat('#general').id}/messages"
    async with raw(server) as http:
        async with http.post(url, json={"content": "x", "components": [_row(_button("b"))]}) as answer:
            message = (await answer.json())["id"]
        await server.press("Ada", "#general", message, "b")
        interaction = await bot.next("interaction")
        async with http.delete(f"{url}/{message}") as answer:
            assert answer.status == 204
    with pytest.raises(discord.NotFound) as gone:
        await interaction.response.edit_message(content="y")
    assert gone.value.code == 10008
    assert server.snapshot()["messages"] == []


@pytest.mark.parametrize(
    ("rows", "path", "code"),
    [
        ([{"type": 1, "components": []}], "0.components", "BASE_TYPE_REQUIRED"),
        ([{"type": 2}], "0.type", "BASE_TYPE_CHOICES"),
        ("six rows", "", "BASE_TYPE_MAX_LENGTH"),
        ("six buttons", "0.components", "BASE_TYPE_BAD_LENGTH"),
        ("long id", "0.components.0.custom_id", "BASE_TYPE_BAD_LENGTH"),
        ("select beside a button", "0.components.0", "COMPONENT_LAYOUT_WIDTH_EXCEEDED"),
        ("26 options", "0.components.0.options", "BASE_TYPE_BAD_LENGTH"),
        ("one value twice", "0.components.0.options.1.value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED"),
        ("too many to choose", "0.components.0.max_values", "COMPONENT_MAX_VALUES_INVALID"),
    ],
)
async def test_components_that_discord_refuses(
    server: DiscordServer, rows: Any, path: str, code: str
) -> None:
    """Each is named where it stands."""
    named = {
        "six rows": [_row(_button(str(n))) for n in range(6)],
        "six buttons": [_row(*(_button(str(n)) for n in range(6)))],
        "long id": [_row(_button("x" * 101))],
        "select beside a button": [_row(_select("a"), _button("b"))],
        "26 options": [_row(_select(*map(str, range(26))))],
        "one value twice": [_row(_select("a", "a"))],
        "too many to choose": [_row(_select("a", max_values=2))],
    }
    components = named[rows] if isinstance(rows, str) else rows
    url = f"{server.url}/channels/{server.world.chat('#general').id}/messages"
    async with raw(server) as http, http.post(url, json={"content": "x", "components": components}) as answer:
        node = (await answer.json())["errors"]["components"]
    for part in filter(None, path.split(".")):
        node = node[part]
    assert (answer.status, node["_errors"][0]["code"]) == (400, code)


def _row(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(children)}


def _button(custom_id: str) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "x", "custom_id": custom_id}


def _select(*values: str, **more: Any) -> dict[str, Any]:
    return {"type": 3, "custom_id": "s", "options": [{"label": v, "value": v} for v in values], **more}
