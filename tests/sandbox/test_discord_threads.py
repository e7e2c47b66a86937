"""Threads, forums, deletions and who may read what on the local Discord, seen by the real discord.py."""

from __future__ import annotations

from collections.abc import AsyncIterator

import discord
import pytest
import pytest_asyncio

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.discord.world import Permission
from bots.sandbox.limits import load_profile
from tests.sandbox.discord_harness import Bot, HandClock, Heard, connected, raw


@pytest.fixture
def clock() -> HandClock:
    """The server's clock."""
    return HandClock()


@pytest_asyncio.fixture
async def server(clock: HandClock) -> AsyncIterator[DiscordServer]:
    """A running server whose windows are fifty times shorter."""
    running = DiscordServer(profile=load_profile(scale=0.02), clock=clock)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture
async def bot(server: DiscordServer) -> AsyncIterator[Bot]:
    """A connected client that hears of members too."""
    wanted = discord.Intents.default()
    wanted.message_content = wanted.members = True
    async with connected(server, wanted) as client:
        yield client


def refusal(caught: pytest.ExceptionInfo[discord.HTTPException]) -> tuple[int, int]:
    return caught.value.status, caught.value.code


async def test_a_thread_on_a_message_leads_back_to_it(server: DiscordServer, bot: Bot) -> None:
    """It has the message's id, the message is marked, and its first line is the message."""
    said = await server.say("Ada", "#general", "let us talk")
    message: discord.Message = await bot.next("message")
    thread = await message.create_thread(name="talk", auto_archive_duration=60)
    assert (str(thread.id), thread.auto_archive_duration, thread.me is not None) == (said, 60, True)
    fetched = await message.channel.fetch_message(message.id)
    assert (fetched.flags.has_thread, fetched.thread and fetched.thread.id) == (True, thread.id)
    [first] = [line async for line in thread.history()]
    assert (first.type, first.system_content) == (discord.MessageType.thread_starter_message, "let us talk")
    with pytest.raises(discord.HTTPException) as again:
        await message.create_thread(name="again")
    assert refusal(again) == (400, 160004)
    shown = [m for m in server.snapshot()["messages"] if m["chat"] == said]
    assert [(m["text"], m["author"]["name"]) for m in shown] == [("let us talk", "Ada")]


async def test_a_thread_without_a_message_is_announced(server: DiscordServer, bot: Bot) -> None:
    """The channel says who started it; in a thread or with a wrong name none can be made."""
    channel = bot.channel(server, "#general")
    thread = await channel.create_thread(name="plans", type=discord.ChannelType.public_thread)
    line: discord.Message = await bot.next("message")
    assert (line.type, line.content) == (discord.MessageType.thread_created, "plans")
    assert line.reference is not None
    assert line.reference.channel_id == thread.id
    with pytest.raises(discord.HTTPException) as unnamed:
        await channel.create_thread(name="x" * 101, type=discord.ChannelType.public_thread)
    assert refusal(unnamed) == (400, 50035)
    inside = await thread.send("in here")
    with pytest.raises(discord.HTTPException) as nested:
        await inside.create_thread(name="deeper")
    assert refusal(nested) == (400, 50024)


async def test_archived_and_locked(server: DiscordServer, bot: Bot) -> None:
    """A message opens an archived thread again; a locked one takes none, nor edits while archived."""
    channel = bot.channel(server, "#general")
    thread = await channel.create_thread(name="plans", type=discord.ChannelType.public_thread)
    sent = await thread.send("one")
    await thread.edit(archived=True)
    assert [t.id async for t in channel.archived_threads()] == [thread.id]
    with pytest.raises(discord.HTTPException) as archived:
        await sent.edit(content="two")
    assert refusal(archived) == (400, 50083)
    await server.say("Ben", str(thread.id), "still there?")
    assert not server.world.chat(str(thread.id)).archived

    with pytest.raises(PermissionError):
        await server.close_thread("Ben", str(thread.id), locked=True)
    await server.close_thread("Ada", str(thread.id), archived=False, locked=True)
    with pytest.raises(discord.HTTPException) as locked:
        await thread.send("three")
    assert refusal(locked) == (400, 160005)
    with pytest.raises(PermissionError, match="locked"):
        await server.say("Ben", str(thread.id), "and me?")
    with pytest.raises(discord.HTTPException) as closed:
        await thread.edit(locked=False)
    assert refusal(closed) == (403, 50013)
    await server.delete_thread("Ada", str(thread.id))
    assert (await bot.next("raw_thread_delete")).thread_id == thread.id
    with pytest.raises(discord.NotFound):
        await bot.fetch_channel(thread.id)


async def test_a_forum_has_posts_and_no_messages(server: DiscordServer, bot: Bot) -> None:
    """People and the bot write posts; the first message of a post has its id."""
    forum_id = await server.create_channel("ideas", "forum")
    forum = await bot.next("guild_channel_create")
    assert isinstance(forum, discord.ForumChannel)
    post = await server.open_post("Ben", forum_id, "A bridge", "over the river")
    heard: discord.Thread = await bot.next("thread_create")
    first: discord.Message = await bot.next("message")
    assert (str(heard.id), str(first.id), first.content) == (post, post, "over the river")
    assert isinstance(first.channel, discord.Thread)
    assert first.channel.parent_id == forum.id
    made = await forum.create_thread(name="A ferry", content="across the river")
    assert made.thread.id == made.message.id
    starter = await made.thread.fetch_message(made.thread.id)
    assert starter.content == "across the river"
    active = {thread.name for thread in await forum.guild.active_threads()}
    assert {"A bridge", "A ferry"} <= active
    async with raw(server) as http:
        url = f"{server.url}/channels/{forum_id}"
        async with http.post(f"{url}/messages", json={"content": "x"}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, 50008)
        async with http.post(f"{url}/threads", json={"name": "No message"}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, 50035)
        async with http.post(f"{url}/threads", json={"name": "Empty", "message": {"content": ""}}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, 50006)
    assert "Empty" not in [chat["name"] for chat in server.snapshot()["chats"]]


async def test_what_people_change_reaches_the_bot(server: DiscordServer, bot: Bot) -> None:
    """Edits and deletions, one by one and many at once."""
    said = await server.say("Ada", "#general", "one")
    await server.edit_own("Ada", "#general", said, "two")
    edited = await bot.next("raw_message_edit")
    assert (str(edited.message_id), edited.data["content"], edited.data["edited_timestamp"] is None) == (
        said,
        "two",
        False,
    )
    await server.delete("Ada", "#general", said)
    assert str((await bot.next("raw_message_delete")).message_id) == said
    several = [await server.say("Ben", "#general", str(n)) for n in range(3)]
    with pytest.raises(PermissionError):
        await server.delete_many("Ben", "#general", several)
    await server.delete_many("Ada", "#general", several)
    assert {str(n) for n in (await bot.next("raw_bulk_message_delete")).message_ids} == set(several)
    assert server.snapshot()["messages"] == []


async def test_the_bot_deletes_many_at_once(server: DiscordServer, bot: Bot, clock: HandClock) -> None:
    """With the permission, two to a hundred, none older than two weeks."""
    channel = bot.channel(server, "#general")
    heard = Heard(server)
    mine = [await channel.send(str(n)) for n in range(3)]
    with pytest.raises(discord.Forbidden):
        await channel.delete_messages(mine)
    server.overwrite("#general", "Sluice", allow=Permission.MANAGE_MESSAGES)
    await channel.delete_messages(mine[:2])
    gone = await heard.next("delete_bulk")
    assert [message["text"] for message in gone["messages"]] == ["0", "1"]
    url = f"{server.url}/channels/{channel.id}/messages/bulk-delete"
    async with raw(server) as http:
        async with http.post(url, json={"messages": [str(mine[2].id)]}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, 50016)
        clock.ahead_s += 15 * 86_400
        fresh = await server.say("Ben", "#general", "new")
        async with http.post(url, json={"messages": [str(mine[2].id), fresh]}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, 50034)


async def test_a_chain_of_replies(server: DiscordServer, bot: Bot) -> None:
    """Each message carries the one that it answers, and leads to the next; a deleted one is known as gone."""
    first = await server.say("Ada", "#general", "one")
    second = await server.say("Ben", "#general", "two", reply_to=first)
    await server.say("Cleo", "#general", "three", reply_to=second)
    third: discord.Message = await bot.next("message")
    while third.content != "three":
        third = await bot.next("message")
    assert third.reference is not None
    assert isinstance(third.reference.resolved, discord.Message)
    middle = await third.channel.fetch_message(third.reference.resolved.id)
    assert middle.reference is not None
    assert str(middle.reference.message_id) == first
    await server.delete("Ada", "#general", first)
    orphan = await third.channel.fetch_message(int(second))
    assert orphan.reference is not None
    assert isinstance(orphan.reference.resolved, discord.DeletedReferencedMessage)


async def test_history_around_a_message(server: DiscordServer, bot: Bot) -> None:
    ids = [await server.say("Ada", "#general", str(n)) for n in range(9)]
    around = bot.channel(server, "#general").history(limit=3, around=discord.Object(int(ids[4])))
    assert sorted([m.content async for m in around]) == ["3", "4", "5"]


async def test_who_may_read_a_channel(server: DiscordServer, bot: Bot) -> None:
    """A person's rights follow from roles and overwrites; where the bot sees nothing it gets 50001."""
    hidden = await server.create_channel("staff", hidden_from=["Ben"])
    channel: discord.TextChannel = await bot.next("guild_channel_create")

    async def reads(name: str) -> bool:
        member = await channel.guild.fetch_member(server.world.person(name).id)
        return channel.permissions_for(member).read_messages

    assert [await reads(name) for name in ("Ada", "Ben", "Cleo")] == [True, False, True]
    with pytest.raises(PermissionError):
        await server.say("Ben", hidden, "hello?")
    entry = next(chat for chat in server.snapshot()["chats"] if chat["id"] == hidden)
    assert str(server.world.person("Ben").id) not in entry["readers"]
    assert next(c for c in server.snapshot()["chats"] if c["name"] == "general")["readers"] is None

    server.grant("Cleo", Permission.MANAGE_GUILD)
    assert (await bot.next("member_update"))[1].guild_permissions.manage_guild
    server.overwrite("#staff", "Sluice", deny=Permission.VIEW_CHANNEL)
    for path in ("", "/messages", f"/messages/{await server.say('Ada', hidden, 'among us')}"):
        async with raw(server) as http, http.get(f"{server.url}/channels/{hidden}{path}") as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, 50001)
