"""What a channel's surface puts on the wire, and what people see of it."""

from __future__ import annotations

import asyncio

from bots.sandbox.discord.world import Permission
from core.messages import IncomingMessage, MessageRef
from core.ports.surface import Surface
from core.streaming.operations import (
    BucketKey,
    Button,
    ButtonStyle,
    Delivered,
    ObservedLimit,
    OperationKind,
    Outcome,
    Unknown,
)
from tests.discord.support import Bot, content, started

MESSAGES = "/channels/{channel_id}/messages"


async def _addressed(bot: Bot, chat: str = "#general") -> tuple[IncomingMessage, Surface]:
    await bot.server.say("Ben", chat, "@Sluice hello")
    incoming, surface = await bot.next()
    assert isinstance(incoming, IncomingMessage)
    return incoming, surface


def _id(outcome: Outcome) -> str:
    assert isinstance(outcome, Delivered), outcome
    return outcome.message_id


async def test_an_answer_is_a_reply_that_is_edited_and_deleted() -> None:
    async with started() as bot:
        incoming, surface = await _addressed(bot)
        answer = _id(await surface.send(content("  One\n"), incoming.ref))
        assert bot.entry(answer)["text"] == "One"
        assert bot.entry(answer)["reply_to"] == incoming.ref.message_id
        assert _id(await surface.edit(answer, content("One, two"))) == answer
        assert bot.entry(answer)["text"] == "One, two"
        assert _id(await surface.delete(answer)) == answer
        assert [author for author, _ in bot.shown("#general")] == ["Ben"]


async def test_the_same_nonce_stands_once_even_when_the_first_answer_was_lost() -> None:
    async with started() as bot:
        _, surface = await _addressed(bot)
        bot.server.fault("drop_after", method="POST")
        assert isinstance(await surface.send(content("One", nonce="n-1"), None), Unknown)
        again = _id(await surface.send(content("One", nonce="n-1"), None))
        other = _id(await surface.send(content("Two", nonce="n-2"), None))
        assert bot.shown("#general")[1:] == [("Sluice", "One"), ("Sluice", "Two")]
        assert again != other
        assert [b["enforce_nonce"] for b in bot.bodies("POST", "/messages")] == [True, True, True]


async def test_nobody_is_notified_by_a_send_an_edit_or_the_reply() -> None:
    async with started() as bot:
        bot.server.overwrite("#general", "Sluice", allow=Permission.MENTION_EVERYONE)
        incoming, surface = await _addressed(bot)
        cleo, guild = bot.server.world.person("Cleo").id, bot.server.world.guild_id
        shout = f"@everyone @\u202eeveryone <@{cleo}> <@&{guild}>"
        answer = _id(await surface.send(content(shout), incoming.ref))
        await surface.edit(answer, content(shout + " again"))
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
        _, interaction = await bot.next()
        first = _id(await interaction.send(content(shout), None))
        await interaction.edit(first, content(shout + " again"))
        second = _id(await interaction.send(content(shout), None))
        await interaction.edit(second, content(shout + " again"))
        assert bot.server.pings == []


async def test_further_pages_are_silent_and_links_show_no_previews() -> None:
    async with started() as bot:
        _, surface = await _addressed(bot)
        loud = _id(await surface.send(content("https://example.org"), None))
        quiet = _id(await surface.send(content("more", silent=True), None))
        assert [bot.entry(message)["silent"] for message in (loud, quiet)] == [False, True]
        suppress_embeds, silent = 1 << 2, 1 << 12
        flags = [body["flags"] for body in bot.bodies("POST", "/messages")]
        assert flags == [suppress_embeds, suppress_embeds | silent]


async def test_buttons_go_with_the_edit_that_brings_none() -> None:
    async with started() as bot:
        _, surface = await _addressed(bot)
        stop, other = Button("stop:1", "Stop", ButtonStyle.DANGER), Button("x", "More")
        answer = _id(await surface.send(content("One", buttons=(stop, other)), None))
        buttons = bot.entry(answer)["buttons"]
        assert [(b["id"], b["label"], b["style"]) for b in buttons] == [
            ("stop:1", "Stop", 4),
            ("x", "More", 2),
        ]
        await surface.edit(answer, content("One, two"))
        assert bot.entry(answer)["buttons"] == []


async def test_a_reply_to_a_message_that_is_gone_is_sent_without_it() -> None:
    async with started() as bot:
        incoming, surface = await _addressed(bot)
        await bot.server.delete("Ben", "#general", incoming.ref.message_id)
        answer = _id(await surface.send(content("One"), incoming.ref))
        assert bot.entry(answer)["reply_to"] is None


async def test_where_the_history_cannot_be_read_the_answer_is_no_reply() -> None:
    async with started() as bot:
        bot.server.overwrite("#help", "Sluice", deny=Permission.READ_MESSAGE_HISTORY)
        incoming, surface = await _addressed(bot, "#help")
        answer = _id(await surface.send(content("One"), incoming.ref))
        assert bot.entry(answer)["reply_to"] is None


async def test_typing_and_reactions_show_and_their_failures_are_swallowed() -> None:
    async with started() as bot:
        incoming, surface = await _addressed(bot)
        await surface.typing()
        assert (await bot.heard.next("typing"))["chat"] == incoming.place.chat_id
        await surface.react(incoming.ref, "⏳")
        assert [r["emoji"] for r in bot.entry(incoming.ref.message_id)["reactions"]] == ["⏳"]
        await surface.react(MessageRef(incoming.place.chat_id, "1"), "⏳")
        bot.server.fault("drop_after", route="*/typing")
        await surface.typing()


async def test_every_operation_draws_from_the_account_and_its_own_bucket() -> None:
    async with started() as bot:
        incoming, surface = await _addressed(bot, "#planning")
        assert surface.buckets(OperationKind.DRAFT) is None
        for kind in set(OperationKind) - {OperationKind.DRAFT}:
            assert surface.buckets(kind) == (BucketKey("account"), BucketKey(kind, incoming.place.chat_id))
            assert set(surface.capabilities.rate_limits) >= {
                key.family for key in surface.buckets(kind) or ()
            }
        assert surface.account == f"discord:{bot.server.world.bot.id}"


async def test_each_outcome_carries_the_limits_of_its_own_request() -> None:
    async with started(scale=1.0) as bot:
        bot.clock.freeze()
        incoming, surface = await _addressed(bot)
        sent = await surface.send(content("One"), None)
        edited = await surface.edit(_id(sent), content("Two"))
        chat_id = incoming.place.chat_id
        assert sent.observed == (ObservedLimit(BucketKey("send", chat_id), 5, 4, 5.0),)
        assert edited.observed == (ObservedLimit(BucketKey("edit", chat_id), 5, 4, 5.0),)


async def test_concurrent_outcomes_do_not_mix_up_their_limits() -> None:
    async with started(scale=1.0) as bot:
        bot.clock.freeze()
        surfaces = [(await _addressed(bot, chat))[1] for chat in ("#general", "#help", "#bots")]
        outcomes = await asyncio.gather(*(surface.send(content("One"), None) for surface in surfaces))
        keys = [limit.key.id for outcome in outcomes for limit in outcome.observed]
        assert keys == [surface.place.chat_id for surface in surfaces]


async def test_the_request_that_drains_a_bucket_returns_at_once() -> None:
    async with started(scale=100.0) as bot:
        _, surface = await _addressed(bot)
        for count in range(5):  # the library would sleep 500 s in the fifth
            outcome = await asyncio.wait_for(surface.send(content(f"{count}"), None), 10)
        assert [limit.remaining for limit in outcome.observed] == [0]
        _, interaction = await _interaction(bot)
        for count in range(5):
            outcome = await asyncio.wait_for(interaction.send(content(f"{count}"), None), 10)
        assert [limit.remaining for limit in outcome.observed] == [0]


async def test_many_at_once_in_one_channel_do_not_wait_for_the_librarys_limiter() -> None:
    async with started(scale=1e-6) as bot:
        _, surface = await _addressed(bot)
        answers = [_id(await surface.send(content("…"), None)) for _ in range(8)]
        edits = [surface.edit(answer, content(f"{count}")) for count in range(5) for answer in answers]
        outcomes = await asyncio.wait_for(asyncio.gather(*edits), 10)
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert {bot.entry(answer)["edited"] for answer in answers} == {5}


async def _interaction(bot: Bot) -> tuple[object, Surface]:
    await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
    return await bot.next()
