"""The local Discord's gateway: intents, resume, invalid sessions, close codes."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio
from aiohttp import WSMsgType

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import load_profile
from tests.sandbox.discord_harness import HandClock, Heard, connected, intents, raw


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DiscordServer]:
    """A running server."""
    running = DiscordServer(profile=load_profile(scale=0.05))
    await running.start()
    yield running
    await running.stop()


async def test_the_addresses_agree(server: DiscordServer) -> None:
    """Both gateway endpoints name the address that the server listens on; one needs no token."""
    async with raw(server) as http, http.get(f"{server.url}/gateway/bot") as answer:
        assert (await answer.json())["url"] == server.gateway_url
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/gateway") as answer:
        assert (await answer.json())["url"] == server.gateway_url


async def test_a_wrong_token_is_a_login_failure(server: DiscordServer) -> None:
    """discord.py reads the 401 as it does on the live platform."""
    right, server.token = server.token, "wrong"
    with pytest.raises(discord.LoginFailure):
        async with connected(server):
            pass
    server.token = right


async def test_content_without_the_intent(server: DiscordServer) -> None:
    """Content is empty, except in direct messages, own messages and those that mention the bot."""
    async with connected(server, intents(message_content=False)) as bot:
        await server.say("Ada", "#general", "secret", files=[("a.txt", b"a")])
        hidden = await bot.next("message")
        assert (hidden.content, hidden.attachments, hidden.author.display_name) == ("", [], "Ada")
        await server.say("Ada", "#general", "for @Sluice")
        assert (await bot.next("message")).clean_content == "for @sluice"
        await server.say("Ada", "@Ada", "in private")
        assert (await bot.next("message")).content == "in private"
        own = await bot.channel(server, "#general").send("my own")
        assert (await bot.next("message")).content == own.content == "my own"
        await server.say("Ben", "#general", "a reply", reply_to=str(own.id))
        assert (await bot.next("message")).content == "a reply"
        await server.say("Ben", "#general", "a quiet reply", reply_to=str(own.id), ping=False)
        quiet = await bot.next("message")
        assert (quiet.content, quiet.reference.resolved.content) == ("", "my own")
        assert (await quiet.channel.fetch_message(hidden.id)).content == "secret"


async def test_an_application_without_the_intent(server: DiscordServer) -> None:
    """Identifying with it closes with 4014; without it the bot starts and REST hides content too."""
    server.grant_message_content(False)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with connected(server):
            pass
    async with connected(server, intents(message_content=False)) as bot:
        application = await bot.application_info()
        assert not application.flags.gateway_message_content_limited
        await server.say("Ada", "#general", "secret")
        message = await bot.next("message")
        assert (await message.channel.fetch_message(message.id)).content == ""


@pytest.mark.parametrize("how", ["ask_reconnect", "cut_gateway"])
async def test_resume_misses_nothing(server: DiscordServer, how: str) -> None:
    """After opcode 7, or a cut connection, the client resumes and gets what was said meanwhile."""
    heard = Heard(server)
    async with connected(server) as bot:
        assert (await heard.next("online"))["online"]
        getattr(server, how)()
        assert not (await heard.next("online"))["online"]
        await server.say("Ada", "#general", "while you were away")
        await bot.next("resumed")
        assert (await bot.next("message")).content == "while you were away"
        assert bot.has("ready") is False
        await bot.channel(server, "#general").send("back")


async def test_an_invalid_session_identifies_again(server: DiscordServer) -> None:
    """After opcode 9 the client starts a new session."""
    async with connected(server) as bot:
        server.invalidate_sessions()
        await bot.next("ready")
        await server.say("Ada", "#general", "hello")
        assert (await bot.next("message")).content == "hello"


async def test_a_resume_can_repeat_what_was_had(server: DiscordServer) -> None:
    """As the live gateway does where it is not sure."""
    async with connected(server) as bot:
        await server.say("Ada", "#general", "hello")
        first = await bot.next("message")
        server.cut_gateway(replays=1)
        await bot.next("resumed")
        assert (await bot.next("message")).id == first.id


async def test_a_lost_session_never_tells_what_it_missed(server: DiscordServer) -> None:
    """The client identifies again, and hears only what comes from then on."""
    async with connected(server) as bot:
        await bot.next("connect")
        server.lose_sessions()
        await server.say("Ada", "#general", "missed")
        await bot.next("connect")
        assert server.identifies == 2
        await server.say("Ada", "#general", "heard")
        assert (await bot.next("message")).content == "heard"


async def test_a_deleted_channel_takes_its_threads_along(server: DiscordServer) -> None:
    """The client is told of each."""
    async with connected(server) as bot:
        await server.delete_channel("Ada", "#general")
        assert (await bot.next("raw_thread_delete")).thread is not None
        assert (await bot.next("guild_channel_delete")).name == "general"
        assert not [c for c in server.world.channels.values() if c.name in ("general", "planning")]
        with pytest.raises(PermissionError):
            await server.delete_channel("Ben", "#help")


async def test_members_can_be_asked_for(server: DiscordServer) -> None:
    """The guild comes with the bot alone; a member is found by name over the gateway, or by REST."""
    async with connected(server) as bot:
        guild = bot.guilds[0]
        assert [member.id for member in guild.members] == [guild.me.id]
        assert guild.member_count == len(server.world.users)
        [ada] = await guild.query_members("ad")
        assert ada.display_name == "Ada"
        assert (await guild.fetch_member(ada.id)).guild_permissions.value == ada.guild_permissions.value
        assert guild.owner_id == ada.id


async def test_typing_of_people_reaches_the_bot(server: DiscordServer) -> None:
    """TYPING_START carries who and where."""
    async with connected(server) as bot:
        await server.type("Ben", "#help")
        channel, person, _ = await bot.next("typing")
        assert (channel.name, person.display_name) == ("help", "Ben")


class Socket:
    """A gateway connection spoken by hand."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, op: int, data: Any = None) -> None:
        """Send one payload."""
        await self._socket.send_json({"op": op, "d": data})

    async def receive(self) -> Any:
        """The next payload, or the code that the server closed with."""
        message = await self._socket.receive(timeout=5)
        return json.loads(message.data) if message.type is WSMsgType.TEXT else message.data


@pytest_asyncio.fixture
async def socket(server: DiscordServer) -> AsyncIterator[Socket]:
    """An open connection that has had its hello."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(server.gateway_url + "?v=10&encoding=json") as opened,
    ):
        by_hand = Socket(opened)
        assert (await by_hand.receive())["d"] == {"heartbeat_interval": 41_250}
        yield by_hand


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (2, {"token": "wrong", "intents": 0}, 4004),
        (2, {"token": "right", "intents": 1 << 40}, 4013),
        (2, {"token": "right", "intents": 0, "shard": [1, 1]}, 4010),
        (3, {"status": "online"}, 4003),
        (99, None, 4001),
        (1, "x" * 5000, 4002),
    ],
)
async def test_close_codes(server: DiscordServer, socket: Socket, op: int, data: Any, code: int) -> None:
    """Each mistake has its documented close code."""
    if isinstance(data, dict) and data.get("token") == "right":
        data["token"] = server.token
    await socket.send(op, data)
    assert await socket.receive() == code


async def test_heartbeats_and_a_second_identify(server: DiscordServer, socket: Socket) -> None:
    """A heartbeat is acknowledged before and after identifying; identifying twice closes with 4005."""
    await socket.send(1)
    assert (await socket.receive())["op"] == 11
    identify = {"token": server.token, "intents": 0, "properties": {}}
    await socket.send(2, identify)
    ready = await socket.receive()
    assert (ready["t"], ready["s"], ready["d"]["resume_gateway_url"]) == ("READY", 1, server.gateway_url)
    await socket.send(1, 1)
    assert (await socket.receive())["op"] == 11
    await socket.send(2, identify)
    assert await socket.receive() == 4005


async def test_too_many_sends(server: DiscordServer, socket: Socket) -> None:
    """The hundred and twenty-first payload within the window closes with 4008."""
    for _ in range(120):
        await socket.send(1)
    assert [(await socket.receive())["op"] for _ in range(120)] == [11] * 120
    await socket.send(1)
    assert await socket.receive() == 4008


async def test_a_resume_of_nothing(server: DiscordServer, socket: Socket) -> None:
    """An unknown session is answered with opcode 9, and the client may identify on the same socket."""
    await socket.send(6, {"token": server.token, "session_id": "gone", "seq": 3})
    assert (await socket.receive()) == {"op": 9, "d": False, "s": None, "t": None}
    await socket.send(2, {"token": server.token, "intents": 1})
    assert [(await socket.receive())["t"] for _ in range(2)] == ["READY", "GUILD_CREATE"]


async def test_a_silent_client_is_dropped() -> None:
    """Without heartbeats the connection closes with 4009."""
    profile = load_profile()
    times = {**profile.discord.times, "heartbeat_s": 0.02}
    hasty = dataclasses.replace(profile, discord=dataclasses.replace(profile.discord, times=times))
    server = DiscordServer(profile=hasty)
    await server.start()
    async with aiohttp.ClientSession() as http, http.ws_connect(server.gateway_url) as opened:
        by_hand = Socket(opened)
        assert (await by_hand.receive())["op"] == 10
        assert await by_hand.receive() == 4009
    await server.stop()


async def test_a_session_is_kept_for_a_while_only() -> None:
    """Who comes back after too long has to identify again."""
    clock = HandClock()
    server = DiscordServer(profile=load_profile(scale=0.01), clock=clock)
    await server.start()
    heard = Heard(server)
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(server.gateway_url) as opened:
            by_hand = Socket(opened)
            assert (await by_hand.receive())["op"] == 10
            await by_hand.send(2, {"token": server.token, "intents": 0})
            session_id = (await by_hand.receive())["d"]["session_id"]
            server.cut_gateway()
            while (await heard.next("online"))["online"]:
                pass
        clock.ahead_s += 181
        async with http.ws_connect(server.gateway_url) as opened:
            by_hand = Socket(opened)
            assert (await by_hand.receive())["op"] == 10
            await by_hand.send(6, {"token": server.token, "session_id": session_id, "seq": 1})
            assert (await by_hand.receive())["op"] == 9
    await server.stop()


async def test_identifying_too_soon() -> None:
    """A second identify within five seconds is an invalid session, as for a bot that restarts in a hurry."""
    server = DiscordServer(profile=load_profile())
    await server.start()
    answers = []
    async with aiohttp.ClientSession() as http:
        for _ in range(2):
            async with http.ws_connect(server.gateway_url) as opened:
                by_hand = Socket(opened)
                assert (await by_hand.receive())["op"] == 10
                await by_hand.send(2, {"token": server.token, "intents": 0})
                answers.append((await by_hand.receive())["op"])
    assert answers == [0, 9]
    await server.stop()


async def test_zlib_stream_is_one_context(server: DiscordServer) -> None:
    """Every compressed payload ends with a sync flush and continues the same stream."""
    context = zlib.decompressobj()
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(server.gateway_url + "?v=10&encoding=json&compress=zlib-stream") as opened,
    ):
        for op in (10, 11):
            payload = await opened.receive_bytes(timeout=5)
            assert payload.endswith(b"\x00\x00\xff\xff")
            assert json.loads(context.decompress(payload))["op"] == op
            await opened.send_json({"op": 1, "d": None})
