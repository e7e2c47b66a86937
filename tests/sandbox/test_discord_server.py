"""The local Discord's REST API, as the real discord.py and a plain HTTP client see it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.discord.world import Permission
from bots.sandbox.limits import load_profile
from tests.sandbox.discord_harness import Bot, HandClock, Heard, connected, raw

SCALE = 0.05
NOBODY = discord.AllowedMentions.none()


@pytest.fixture
def clock() -> HandClock:
    """The server's clock."""
    return HandClock()


@pytest_asyncio.fixture
async def server(clock: HandClock) -> AsyncIterator[DiscordServer]:
    """A running server whose windows are twenty times shorter."""
    running = DiscordServer(profile=load_profile(scale=SCALE), clock=clock)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture
async def bot(server: DiscordServer) -> AsyncIterator[Bot]:
    """A connected discord.py client."""
    async with connected(server) as client:
        yield client


def shown(server: DiscordServer, message_id: int | str) -> dict[str, Any]:
    """A message as the page shows it."""
    return next(m for m in server.snapshot()["messages"] if m["id"] == str(message_id))


async def test_message_reply_and_edit(server: DiscordServer, bot: Bot) -> None:
    """A person's message reaches the client; its reply and edit reach the page."""
    asked = await server.say("Ada", "#general", "hello @Sluice")
    message: discord.Message = await bot.next("message")
    assert (message.author.display_name, message.guild and message.guild.name) == ("Ada", "Riverside")
    assert bot.user in message.mentions

    answer = await message.reply("first", allowed_mentions=NOBODY, silent=True)
    await answer.edit(content="first and second", allowed_mentions=NOBODY)
    entry = shown(server, answer.id)
    assert (entry["text"], entry["reply_to"], entry["edited"]) == ("first and second", asked, 1)
    assert (entry["silent"], entry["author"]["bot"]) == (True, True)
    assert server.pings == []


@pytest.mark.parametrize(
    ("content", "code"), [("x" * 2001, 50035), ("", 50006), ("  \n ", 50006), ("\U0001f600" * 2001, 50035)]
)
async def test_content_limits(server: DiscordServer, bot: Bot, content: str, code: int) -> None:
    """Too long is 50035, empty 50006; nothing is sent."""
    with pytest.raises(discord.HTTPException) as refused:
        await bot.channel(server, "#general").send(content)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert server.snapshot()["messages"] == []


async def test_the_limit_counts_code_points_and_trims(server: DiscordServer, bot: Bot) -> None:
    """Two thousand astral characters fit; white space around a message is dropped."""
    channel = bot.channel(server, "#general")
    assert (await channel.send("\U0001f600" * 2000)).content == "\U0001f600" * 2000
    assert (await channel.send("  kept  inside \n")).content == "kept  inside"


async def test_the_same_nonce_is_the_same_message(server: DiscordServer, bot: Bot, clock: HandClock) -> None:
    """With `enforce_nonce` a second send returns the first message, for a few minutes."""
    channel = bot.channel(server, "#general")
    first = await channel.send("once", nonce="n-1")
    assert (await channel.send("twice", nonce="n-1")).id == first.id
    assert [m["text"] for m in server.snapshot()["messages"]] == ["once"]
    clock.ahead_s += 301
    assert (await channel.send("later", nonce="n-1")).id != first.id


async def test_guilds_by_rest_alone(server: DiscordServer, bot: Bot) -> None:
    """What a check of permissions needs is there without the gateway."""
    server.overwrite("#help", "Sluice", deny=Permission.SEND_MESSAGES)
    [partial] = [guild async for guild in bot.fetch_guilds(limit=None, with_counts=False)]
    guild = await bot.fetch_guild(partial.id, with_counts=False)
    assert bot.user is not None
    me = await guild.fetch_member(bot.user.id)
    may_send = {c.name: c.permissions_for(me).send_messages for c in await guild.fetch_channels()}
    assert may_send == {"general": True, "help": False, "bots": True}
    with pytest.raises(discord.NotFound) as nobody:
        await guild.fetch_member(42)
    assert nobody.value.code == 10007


async def test_pings_are_computed(server: DiscordServer, bot: Bot) -> None:
    """Without `allowed_mentions` a mention notifies, on send and again on edit; code spans never do."""
    channel = bot.channel(server, "#general")
    ben = server.world.person("Ben")
    message = await channel.send(f"<@{ben.id}>")
    await message.edit(content=f"<@{ben.id}> again")
    assert [(p.kind, p.target, p.by_edit) for p in server.pings] == [
        ("user", str(ben.id), False),
        ("user", str(ben.id), True),
    ]
    server.pings.clear()
    await channel.send(f"`<@{ben.id}>` and \\<@{ben.id}>")
    await channel.send(f"<@{ben.id}> @everyone", allowed_mentions=NOBODY)
    await message.edit(content=f"<@{ben.id}>", allowed_mentions=NOBODY)
    assert server.pings == []


async def test_everyone_needs_the_permission(server: DiscordServer, bot: Bot) -> None:
    """`@everyone` notifies only with Mention Everyone; escaping stops it, but not past a bidi mark."""
    channel = bot.channel(server, "#general")
    await channel.send("@everyone")
    assert server.pings == []
    server.overwrite("#general", "Sluice", allow=Permission.MENTION_EVERYONE)
    await channel.send(discord.utils.escape_mentions("@everyone @here"))
    assert server.pings == []
    await channel.send(discord.utils.escape_mentions("@every\u202eone"))
    assert [p.kind for p in server.pings] == ["everyone"]


async def test_a_reply_notifies_unless_told_otherwise(server: DiscordServer, bot: Bot) -> None:
    """`replied_user` is a notification of its own."""
    await server.say("Ben", "#general", "question")
    message: discord.Message = await bot.next("message")
    await message.reply("quiet", allowed_mentions=NOBODY)
    assert server.pings == []
    await message.reply("loud")
    assert [p.kind for p in server.pings] == ["reply"]


async def test_contradicting_allowed_mentions(server: DiscordServer) -> None:
    """Parsing all users and listing some is refused, as Discord documents."""
    url = f"{server.url}/channels/{server.world.chat('#general').id}/messages"
    rules = {"parse": ["users"], "users": ["1"]}
    body = {"content": "x", "allowed_mentions": rules}
    async with raw(server) as http, http.post(url, json=body) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, 50035)


async def test_overwrites_decide(server: DiscordServer, bot: Bot) -> None:
    """Without Send it is 50013, without View 50001; other channels are as before."""
    channel = bot.channel(server, "#help")
    server.overwrite("#help", "Sluice", deny=Permission.SEND_MESSAGES)
    await bot.next("guild_channel_update")
    assert not channel.permissions_for(channel.guild.me).send_messages
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send("x")
    assert refused.value.code == 50013
    server.overwrite("#help", "Sluice", deny=Permission.EMBED_LINKS | Permission.ATTACH_FILES)
    for extra in ({"embed": discord.Embed(title="x")}, {"file": discord.File(io.BytesIO(b"x"), "x.txt")}):
        with pytest.raises(discord.Forbidden) as refused:
            await channel.send("x", **extra)
        assert refused.value.code == 50013
    server.overwrite("#help", "@everyone", deny=Permission.VIEW_CHANNEL)
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send("x")
    assert refused.value.code == 50001
    await server.say("Ada", "#help", "unseen")
    await server.say("Ada", "#general", "seen")
    assert (await bot.next("message")).content == "seen"


async def test_other_bots_and_roles(server: DiscordServer, bot: Bot) -> None:
    """Another bot's message is marked as one, and the bot's own role is known as such."""
    await server.say("Beacon", "#general", "beep")
    message: discord.Message = await bot.next("message")
    assert message.author.bot
    role = bot.guilds[0].self_role
    assert role is not None
    await server.say("Ada", "#general", f"<@&{role.id}> hello")
    addressed: discord.Message = await bot.next("message")
    assert (addressed.role_mentions, addressed.mentions) == ([role], [])


async def test_people_have_permissions_too(server: DiscordServer) -> None:
    """A person whom a channel shuts out can neither write nor use commands there."""
    server.overwrite("#bots", "Ben", deny=Permission.VIEW_CHANNEL)
    with pytest.raises(PermissionError):
        await server.say("Ben", "#bots", "hello?")
    with pytest.raises(PermissionError):
        await server.invoke("Ben", "#bots", "ask", {})
    with pytest.raises(PermissionError):
        await server.say("Ben", "@Ada", "not my conversation")


async def test_unknown_things(server: DiscordServer, bot: Bot) -> None:
    """A deleted message is 10008, a made-up channel 10003, another's message 50005."""
    channel = bot.channel(server, "#general")
    sent = await channel.send("short-lived")
    await sent.delete()
    with pytest.raises(discord.NotFound) as gone:
        await sent.edit(content="too late")
    assert gone.value.code == 10008
    with pytest.raises(discord.NotFound) as nowhere:
        await bot.fetch_channel(42)
    assert nowhere.value.code == 10003
    asked = await server.say("Ada", "#general", "mine")
    with pytest.raises(discord.Forbidden) as others:
        await channel.get_partial_message(int(asked)).edit(content="yours")
    assert others.value.code == 50005


async def test_unknown_paths_and_tokens_answer_in_discords_form(server: DiscordServer) -> None:
    """401, 404 and 405 are JSON with a code, and their type is exactly `application/json`."""
    async with aiohttp.ClientSession() as http:
        for method, path, status in (
            ("GET", "/users/@me", 401),
            ("GET", "/nowhere", 404),
            ("DELETE", "/users/@me", 405),
        ):
            async with http.request(method, server.url + path) as answer:
                assert answer.status == status
                assert answer.headers["Content-Type"] == "application/json"
                assert (await answer.json())["code"] == 0


async def test_history(server: DiscordServer, bot: Bot) -> None:
    """History comes newest first and pages by id; without the permission it is empty."""
    ids = [int(await server.say("Ada", "#general", str(n))) for n in range(6)]
    channel = bot.channel(server, "#general")
    assert [m.content async for m in channel.history(limit=3)] == ["5", "4", "3"]
    older = channel.history(limit=2, before=discord.Object(ids[3]))
    assert [m.content async for m in older] == ["2", "1"]
    newer = channel.history(limit=2, after=discord.Object(ids[3]))
    assert [m.content async for m in newer] == ["4", "5"]
    assert (await channel.fetch_message(ids[0])).content == "0"
    server.overwrite("#general", "Sluice", deny=Permission.READ_MESSAGE_HISTORY)
    assert [m async for m in channel.history(limit=3)] == []


async def test_direct_messages(server: DiscordServer, bot: Bot) -> None:
    """A person writes to the bot, the bot writes to a person, and one who closed that is 50007."""
    await server.say("Cleo", "@Cleo", "psst")
    message: discord.Message = await bot.next("message")
    assert (message.content, message.guild) == ("psst", None)
    ben = await bot.fetch_user(server.world.person("Ben").id)
    sent = await ben.send("hello Ben")
    assert shown(server, sent.id)["chat"] == str(server.world.chat("@Ben").id)
    server.world.closed_dms.add(ben.id)
    with pytest.raises(discord.Forbidden) as refused:
        await ben.send("again")
    assert refused.value.code == 50007


async def test_threads(server: DiscordServer, bot: Bot) -> None:
    """The bot opens a thread on a message and writes in it; people's threads reach the bot."""
    await server.say("Ada", "#general", "let us talk")
    message: discord.Message = await bot.next("message")
    thread = await message.create_thread(name="talk")
    await thread.send("here")
    assert [m["chat"] for m in server.snapshot()["messages"]][-1] == str(message.id) == str(thread.id)
    parents = {chat["id"]: chat["parent"] for chat in server.snapshot()["chats"]}
    assert parents[str(thread.id)] == str(server.world.chat("#general").id)
    opened = await server.open_thread("Ben", "#general", "other")
    joined = await bot.next("thread_create")
    while str(joined.id) != opened:
        joined = await bot.next("thread_create")
    await server.say("Ben", opened, "in here")
    assert (await bot.next("message")).channel.id in (thread.id, joined.id)
    await thread.edit(archived=True)
    fetched = await bot.fetch_channel(thread.id)
    assert isinstance(fetched, discord.Thread)
    assert fetched.archived


async def test_reactions_typing_and_deletes(server: DiscordServer, bot: Bot) -> None:
    """What the bot does shows on the page, what people do reaches the bot."""
    heard = Heard(server)
    await server.say("Ada", "#general", "hi")
    message: discord.Message = await bot.next("message")
    await message.add_reaction("⏳")
    assert shown(server, message.id)["reactions"] == [{"emoji": "⏳", "by": str(bot.user and bot.user.id)}]
    assert bot.user is not None
    await message.remove_reaction("⏳", bot.user)
    assert shown(server, message.id)["reactions"] == []
    async with message.channel.typing():
        assert (await heard.next("typing"))["for_s"] == 10.0
    await server.react("Ben", "#general", str(message.id), "👍")
    while (await bot.next("raw_reaction_add")).emoji.name != "👍":
        pass
    await server.delete("Ada", "#general", str(message.id))
    assert (await bot.next("raw_message_delete")).message_id == message.id


async def test_files_go_both_ways(server: DiscordServer, bot: Bot) -> None:
    """A multipart body becomes an attachment, and an attachment can be read back."""
    channel = bot.channel(server, "#general")
    rest = discord.File(io.BytesIO(b"the rest"), "answer.md", description="all of it")
    sent = await channel.send("see file", file=rest)
    assert await sent.attachments[0].read() == b"the rest"
    [listed] = shown(server, sent.id)["files"]
    assert (listed["name"], listed["size"], server.file(listed["id"])) == ("answer.md", 8, b"the rest")
    await sent.edit(attachments=[])
    assert shown(server, sent.id)["files"] == []
    await sent.edit(attachments=[discord.File(io.BytesIO(b"again"), "answer.md")])
    [listed] = shown(server, sent.id)["files"]
    assert server.file(listed["id"]) == b"again"
    server.overwrite("#general", "Sluice", deny=Permission.ATTACH_FILES)
    with pytest.raises(discord.Forbidden, match="50013"):
        await sent.edit(attachments=[discord.File(io.BytesIO(b"more"), "answer.md")])
    server.overwrite("#general", "Sluice")
    await server.say("Ada", "#general", "", files=[("a.txt", b"abc")])
    received = await bot.next("message")
    while received.author.bot:
        received = await bot.next("message")
    assert await received.attachments[0].read() == b"abc"


async def test_the_log_and_the_events_name_no_token(server: DiscordServer, bot: Bot) -> None:
    """Every request is an event and a log line with the route's template."""
    heard = Heard(server)
    sent = await bot.channel(server, "#general").send("x")
    event = await heard.next("request")
    assert (event["route"], event["status"]) == ("/channels/{channel_id}/messages", 200)
    assert (event["chat"], event["message"]) == (str(sent.channel.id), str(sent.id))
    assert server.requests[-1].body["content"] == "x"
    assert server.token not in repr(server.requests)
