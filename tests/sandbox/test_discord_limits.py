"""The local Discord's rate limits and faults, as the real discord.py and a plain HTTP client see them."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.limits import Window, load_profile
from tests.sandbox.discord_harness import Bot, HandClock, Heard, connected, raw

SCALE = 0.05


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


async def test_eight_streams_side_by_side(server: DiscordServer, bot: Bot) -> None:
    """Eight messages edited at once through one bucket all end with their own text."""
    channel = bot.channel(server, "#general")
    messages = [await channel.send(str(n)) for n in range(8)]

    async def stream(message: discord.Message) -> None:
        for step in range(3):
            await message.edit(content=f"{message.id} {step}")

    await asyncio.gather(*map(stream, messages))
    assert [shown(server, m.id)["text"] for m in messages] == [f"{m.id} 2" for m in messages]


async def test_a_fault_can_wait_for_its_turn(server: DiscordServer) -> None:
    """The first requests pass; Cloudflare's pages carry neither `Via` nor a time."""
    url = f"{server.url}/channels/{server.world.chat('#general').id}/typing"
    server.fault("blocked", method="POST", after=2)
    server.fault("disliked", method="POST", after=2)
    answers = []
    async with raw(server) as http:
        for _ in range(5):
            async with http.post(url) as answer:
                page = await answer.text()
                answers.append((answer.status, re.findall(r"<span>(\d+)</span>", page)))
                assert "Retry-After" not in answer.headers
    assert answers == [(204, []), (204, []), (403, ["1015"]), (403, ["1020"]), (204, [])]
