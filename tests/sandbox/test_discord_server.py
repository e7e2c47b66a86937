"""The local Discord's REST API, as the real discord.py and a plain HTTP client see it."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio

from bots.sandbox.discord_server import DiscordServer
from bots.sandbox.discord_world import Permission
from bots.sandbox.limits import Window, load_profile
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


async def test_the_client_paces_itself_by_the_headers(server: DiscordServer, bot: Bot) -> None:
    """Twelve edits need three windows; discord.py reads them from the headers and never sees a 429."""
    message = await bot.channel(server, "#bots").send("0")
    started = time.monotonic()
    for n in range(12):
        await message.edit(content=str(n + 1))
    assert time.monotonic() - started >= 2 * 5 * SCALE
    assert shown(server, message.id)["text"] == "12"
    assert not [r for r in server.requests if r.status == 429]


async def test_the_client_waits_out_a_429(server: DiscordServer, bot: Bot, clock: HandClock) -> None:
    """A bucket emptied by somebody else is a 429 in Discord's form, after which discord.py succeeds."""
    clock.freeze()
    channel = bot.channel(server, "#help")
    url = f"{server.url}/channels/{channel.id}/messages"
    async with raw(server) as http:
        for n in range(5):
            async with http.post(url, json={"content": str(n)}) as answer:
                assert answer.status == 200
                assert answer.headers["X-RateLimit-Remaining"] == str(4 - n)
        async with http.post(url, json={"content": "too many"}) as answer:
            body = await answer.json()
            assert answer.status == 429
            assert answer.headers["Content-Type"] == "application/json"
            assert (answer.headers["Via"], answer.headers["X-RateLimit-Scope"]) == ("1.1 google", "user")
            assert answer.headers["Retry-After"] == "1"
            assert body == {
                "message": "You are being rate limited.",
                "retry_after": 5 * SCALE,
                "global": False,
            }

    def let_time_pass(event: dict[str, Any]) -> None:
        if event["type"] == "limited":
            clock.ahead_s += event["retry_after"]

    server.subscribe(let_time_pass)
    message = await channel.send("patience")
    assert shown(server, message.id)["text"] == "patience"
    assert sum(r.status == 429 for r in server.requests) == 2


async def test_send_and_edit_and_channels_have_buckets_of_their_own(server: DiscordServer) -> None:
    """Five sends in two channels and five edits all pass at once."""
    texts = [str(n) for n in range(5)]
    async with raw(server) as http:
        answers = []
        for chat in ("#general", "#bots"):
            url = f"{server.url}/channels/{server.world.chat(chat).id}/messages"
            for text in texts:
                async with http.post(url, json={"content": text}) as answer:
                    answers.append(answer.status)
                    message = await answer.json()
            for text in texts:
                async with http.patch(f"{url}/{message['id']}", json={"content": text}) as answer:
                    answers.append(answer.status)
    assert answers == [200] * 20


async def test_the_account_has_a_limit_too(server: DiscordServer, clock: HandClock) -> None:
    """The fifty-first request within a second is a global 429, whatever its route."""
    clock.freeze()
    async with raw(server) as http:
        chats = [c.id for c in server.world.channels.values()]
        urls = [f"{server.url}/channels/{chat}/typing" for chat in chats for _ in range(4)]
        statuses = []
        for url in urls[:51]:
            async with http.post(url) as answer:
                statuses.append(answer.status)
                last = (dict(answer.headers), await answer.read())
    assert statuses == [204] * 50 + [429]
    assert last[0]["X-RateLimit-Global"] == "true"
    assert b'"global": true' in last[1]


async def test_rate_limit_headers_are_on_refusals_too(server: DiscordServer) -> None:
    """An error answer carries the bucket's headers, because it took from the bucket."""
    async with raw(server) as http, http.get(f"{server.url}/channels/1/messages/2") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, 10003)
        names = ("Limit", "Remaining", "Reset", "Reset-After", "Bucket")
        assert all(f"X-RateLimit-{name}" in answer.headers for name in names)


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


async def test_an_unknown_outcome_can_be_asked_again(server: DiscordServer, bot: Bot) -> None:
    """A socket that closes after the send leaves the message there; the nonce finds it."""
    channel = bot.channel(server, "#general")
    server.fault("drop_after", method="POST", route="*/messages")
    with pytest.raises(aiohttp.ClientError):
        await channel.send("hello", nonce="n-2")
    [sent] = server.snapshot()["messages"]
    assert (await channel.send("hello", nonce="n-2")).id == int(sent["id"])


async def test_faults_before_the_effect(server: DiscordServer, bot: Bot) -> None:
    """A closed socket, a 503 and a Cloudflare ban send nothing; a shared 429 is waited out."""
    channel = bot.channel(server, "#general")
    server.fault("drop_before", route="*/messages")
    with pytest.raises(aiohttp.ClientError):
        await channel.send("a")
    server.fault("status", status=503, route="*/messages")
    with pytest.raises(discord.DiscordServerError):
        await channel.send("b")
    server.fault("banned", route="*/messages")
    with pytest.raises(discord.HTTPException, match="1015"):
        await channel.send("c")
    assert server.snapshot()["messages"] == []
    server.fault("shared", route="*/messages", retry_after=0.01)
    assert (await channel.send("d")).content == "d"


async def test_an_injected_429_shows_an_empty_bucket(server: DiscordServer) -> None:
    """Its headers agree with its body, as those of a real one do; a global one has no bucket."""
    url = f"{server.url}/channels/{server.world.chat('#general').id}/typing"
    server.fault("limited", retry_after=2.5)
    server.fault("global", retry_after=1.5)
    async with raw(server) as http:
        async with http.post(url) as answer:
            body = await answer.json()
            assert (answer.status, body["retry_after"], body["global"]) == (429, 2.5, False)
            assert answer.headers["X-RateLimit-Remaining"] == "0"
            assert answer.headers["X-RateLimit-Reset-After"] == "2.500"
        async with http.post(url) as answer:
            body = await answer.json()
            assert (answer.status, body["retry_after"], body["global"]) == (429, 1.5, True)
            assert "X-RateLimit-Bucket" not in answer.headers


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


async def test_a_request_that_hangs_took_effect(server: DiscordServer) -> None:
    """A client that gives up waiting does not know that its message is there."""
    server.fault("hang_after", method="POST", route="*/messages")
    url = f"{server.url}/channels/{server.world.chat('#general').id}/messages"
    heard = Heard(server)
    async with raw(server) as http:
        waiting = asyncio.ensure_future(http.post(url, json={"content": "there"}))
        await heard.next("request")
        assert not waiting.done()
        waiting.cancel()
    assert [m["text"] for m in server.snapshot()["messages"]] == ["there"]
    assert [r.status for r in server.requests] == [0]


async def test_too_many_invalid_requests_are_a_ban() -> None:
    """After ten thousand 401, 403 and 429 in ten minutes even a good request is refused by Cloudflare."""
    profile = load_profile()
    limits = {**profile.discord.limits, "invalid_requests": Window(3, 600.0)}
    strict = dataclasses.replace(profile, discord=dataclasses.replace(profile.discord, limits=limits))
    server = DiscordServer(profile=strict)
    await server.start()
    async with aiohttp.ClientSession() as http:
        for _ in range(3):
            async with http.get(f"{server.url}/users/@me") as answer:
                assert answer.status == 401
    async with raw(server) as http, http.get(f"{server.url}/users/@me") as answer:
        assert (answer.status, "Via" in answer.headers) == (429, False)
        assert await answer.text() == "error code: 1015"
    await server.stop()


@pytest.mark.parametrize("profile", ["documented", "second"])
async def test_every_profile_is_enforced(profile: str, clock: HandClock) -> None:
    """The bucket of edits holds what the profile says, with room for no more."""
    limits = load_profile(profile)
    rule = limits.discord.limits["edit_message"]
    assert isinstance(rule, Window)
    clock.freeze()
    server = DiscordServer(profile=limits, clock=clock)
    await server.start()
    heard = Heard(server)
    url = f"{server.url}/channels/{server.world.chat('#general').id}/messages"
    async with raw(server) as http:
        async with http.post(url, json={"content": "0"}) as answer:
            sent = await answer.json()
        statuses = []
        for n in range(rule.limit + 1):
            async with http.patch(f"{url}/{sent['id']}", json={"content": str(n)}) as answer:
                statuses.append(answer.status)
    assert statuses == [200] * rule.limit + [429]
    limited = await heard.next("limited")
    assert limited["route"] == "/channels/{channel_id}/messages/{message_id}"
    assert limited["retry_after"] == rule.per_s
    await server.stop()


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


async def test_old_messages_have_their_own_limit(server: DiscordServer, bot: Bot, clock: HandClock) -> None:
    """Past an hour the fourth edit within the window is error 30046, with a 429."""
    channel = bot.channel(server, "#general")
    sent = await channel.send("0")
    clock.freeze()
    clock.ahead_s += 3601
    url = f"{server.url}/channels/{channel.id}/messages/{sent.id}"
    answers = []
    async with raw(server) as http:
        for n in range(4):
            async with http.patch(url, json={"content": str(n)}) as answer:
                answers.append((answer.status, (await answer.json()).get("code")))
    assert answers == [(200, None)] * 3 + [(429, 30046)]


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
    assert shown(server, sent.id)["files"] == [{"name": "answer.md", "size": 8}]
    await sent.edit(attachments=[])
    assert shown(server, sent.id)["files"] == []
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


async def test_eight_streams_side_by_side(server: DiscordServer, bot: Bot) -> None:
    """Eight messages edited at once through one bucket all end with their own text."""
    channel = bot.channel(server, "#general")
    messages = [await channel.send(str(n)) for n in range(8)]

    async def stream(message: discord.Message) -> None:
        for step in range(3):
            await message.edit(content=f"{message.id} {step}")

    await asyncio.gather(*map(stream, messages))
    assert [shown(server, m.id)["text"] for m in messages] == [f"{m.id} 2" for m in messages]
