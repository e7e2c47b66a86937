"""Another process goes on with the answer to an interaction: the first one was killed in its midst."""

from __future__ import annotations

import json

import pytest

from bots.discord.client import DiscordPlatform
from bots.discord.surface import ChannelSurface
from bots.sandbox.discord.world import Permission
from core.adapters.clock import SystemClock
from core.messages import ButtonPress, Place, PlaceKind
from core.ports.surface import Surface
from core.streaming.operations import (
    BucketKey,
    Button,
    Delivered,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
)
from tests.discord.support import Bot, content, started

FOLLOW_UPS = ("POST", "/webhooks/{application_id}/{interaction_token}")
CHANNEL_SENDS = ("POST", "/channels/{channel_id}/messages")


async def _asked(bot: Bot, chat: str = "#general", *, users_own: bool = False) -> Surface:
    await bot.server.invoke("Ben", chat, "ask", {"prompt": "why?"}, users_own=users_own)
    _, surface = await bot.next()
    return surface


async def _reopened(
    bot: Bot, surface: Surface, *, address: str | None = None, in_doubt: bool = False
) -> Surface:
    """What a second process makes of it, after the first was killed."""
    place, address = surface.place, surface.address if address is None else address
    await bot.kill()
    await bot.start_again()
    again = bot.platform.reopen(place, address, in_doubt=in_doubt)
    assert again is not None
    assert (again.place, again.account) == (place, bot.platform.account)
    return again


def _id(outcome: Outcome) -> str:
    assert isinstance(outcome, Delivered), outcome
    return outcome.message_id


async def test_an_answer_of_two_messages_goes_on_by_its_token_alone() -> None:
    """As where the bot cannot see the channel: whichever message is named, it is edited."""
    async with started() as bot:
        bot.server.overwrite("#help", "Sluice", deny=Permission.VIEW_CHANNEL)
        surface = await _asked(bot, "#help")
        address = surface.address  # as it was kept at the turn's beginning
        await surface.typing()
        first = _id(await surface.send(content("One"), None))
        second = _id(await surface.send(content("Two"), None))
        again = await _reopened(bot, surface, address=address)
        assert again.alternate is None
        assert _id(await again.edit(second, content("Two, and"))) == second
        assert _id(await again.edit(first, content("One."))) == first
        third = _id(await again.send(content("Three"), None))
        assert third not in (first, second)
        assert _id(await again.edit(third, content("Three."))) == third
        assert bot.shown("#help") == [("Sluice", "One."), ("Sluice", "Two, and"), ("Sluice", "Three.")]
        assert _id(await again.delete(third)) == third
        assert bot.count(*CHANNEL_SENDS) == 0


async def test_an_answer_that_was_only_thought_of_takes_the_place_of_the_deferral() -> None:
    async with started() as bot:
        surface = await _asked(bot)
        await surface.typing()
        again = await _reopened(bot, surface)
        assert await again.typing() is None  # it was done
        answer = _id(await again.send(content("Because"), None))
        assert (bot.entry(answer)["text"], bot.entry(answer)["thinking"]) == ("Because", False)
        assert bot.shown("#general") == [("Sluice", "Because")]
        assert bot.count(*FOLLOW_UPS) == 0
        assert _id(await again.edit(answer, content("Because of it"))) == answer


async def test_what_stands_there_is_not_written_over_by_what_comes_next() -> None:
    """Also where nothing of it was edited before: private, so that no other way is open."""
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?", "private": "true"})
        _, surface = await bot.next()
        address = surface.address
        await surface.typing()
        await surface.send(content("One", private=True), None)
        again = await _reopened(bot, surface, address=address)
        await again.send(content("Two", private=True), None)
        await again.send(content("Three", private=True), None)
        assert bot.shown("#general") == [("Sluice", "One"), ("Sluice", "Two"), ("Sluice", "Three")]


@pytest.mark.parametrize("came", [True, False], ids=["it stood", "it did not"])
async def test_a_first_message_that_may_stand_is_not_sent_again(came: bool) -> None:
    async with started() as bot:
        surface = await _asked(bot)
        address = surface.address
        await surface.typing()
        if came:
            await surface.send(content("One"), None)
        again = await _reopened(bot, surface, address=address, in_doubt=True)
        first = _id(await again.send(content("One, marked"), None))
        second = _id(await again.send(content("Two"), None))
        assert _id(await again.edit(first, content("One, once"))) == first
        assert first != second
        assert bot.shown("#general") == [("Sluice", "One, once"), ("Sluice", "Two")]


async def test_where_it_is_not_known_what_stands_there_nothing_is_sent() -> None:
    async with started() as bot:
        surface = await _asked(bot)
        await surface.typing()
        again = await _reopened(bot, surface)
        bot.server.fault("drop_before", method="GET", route="/webhooks/*", times=9)
        assert not isinstance(await again.send(content("Because"), None), Delivered)
        bot.server.fault("status", method="GET", route="/webhooks/*", status=502)
        bot.server._front.faults._waiting[0].times = 0
        assert not isinstance(await again.send(content("Because"), None), Delivered)
        await again.send(content("Because"), None)
        assert bot.shown("#general") == [("Sluice", "Because")]
        assert bot.count(*FOLLOW_UPS) == 0


async def test_a_deferral_that_somebody_deleted_leaves_room_below() -> None:
    async with started() as bot:
        surface = await _asked(bot)
        await surface.typing()
        [deferral] = bot.server.world.chat("#general").messages
        await bot.server.delete("Ada", "#general", str(deferral))
        again = await _reopened(bot, surface)
        assert isinstance(await again.send(content("Because"), None), Delivered)
        assert bot.shown("#general") == [("Sluice", "Because")]


async def test_an_address_that_was_asked_for_late_knows_that_the_first_message_stands() -> None:
    async with started() as bot:
        surface = await _asked(bot)
        await surface.typing()
        await surface.send(content("One"), None)
        again = await _reopened(bot, surface)
        await again.send(content("Two"), None)
        assert bot.shown("#general") == [("Sluice", "One"), ("Sluice", "Two")]


async def test_a_deferral_that_never_came_is_dead_and_the_channel_answers() -> None:
    async with started() as bot:
        surface = await _asked(bot)
        again = await _reopened(bot, surface)
        refused = await again.send(content("Because"), None)
        assert isinstance(refused, NotSent)
        assert refused.reason is NotSentReason.EXPIRED
        assert again.alternate is not None
        await again.alternate.send(content("Because"), None)
        assert bot.shown("#general") == [("Sluice", "Because")]


async def test_what_the_channel_sent_is_edited_there() -> None:
    """The token cannot, and a message's id does not tell which way it went."""
    async with started() as bot:
        surface = await _asked(bot)
        await surface.send(content("One"), None)
        assert surface.alternate is not None
        second = _id(await surface.alternate.send(content("Two"), None))
        again = await _reopened(bot, surface)
        assert _id(await again.edit(second, content("Two."))) == second
        assert bot.shown("#general") == [("Sluice", "One"), ("Sluice", "Two.")]


async def test_a_private_answer_stays_private_and_ends_with_its_token() -> None:
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?", "private": "true"})
        _, surface = await bot.next()
        await surface.typing()
        address, place = surface.address, surface.place
        again = await _reopened(bot, surface)
        answer = _id(await again.send(content("Yours", private=True), None))
        ben = str(bot.server.world.person("Ben").id)
        assert bot.entry(answer)["only_for"] == ben
        more = _id(await again.send(content("More", private=True), None))
        assert bot.entry(more)["only_for"] == ben
        gone = await again.edit("123", content("in public?"))
        assert isinstance(gone, NotSent)
        assert gone.reason is NotSentReason.MESSAGE_GONE
        bot.clock.move(871.0)
        assert bot.platform.reopen(place, address) is None


@pytest.mark.parametrize("may_send", [True, False])
async def test_an_ended_token_leaves_the_channel_as_far_as_the_bot_may(may_send: bool) -> None:
    async with started() as bot:
        if not may_send:
            bot.server.overwrite("#help", "Sluice", deny=Permission.SEND_MESSAGES)
        surface = await _asked(bot, "#help")
        answer = _id(await surface.send(content("Beca"), None))
        bot.clock.move(871.0)
        again = await _reopened(bot, surface)
        assert isinstance(again, ChannelSurface)
        assert _id(await again.edit(answer, content("Because"))) == answer
        assert (again.buckets(OperationKind.SEND) is not None) is may_send


async def test_an_ended_token_leaves_nothing_where_the_bot_cannot_see() -> None:
    async with started() as bot:
        surface = await _asked(bot, users_own=True)
        place, address = surface.place, surface.address
        bot.clock.move(871.0)
        assert bot.platform.reopen(place, address) is None


async def test_its_time_goes_on_where_it_was() -> None:
    async with started() as bot:
        surface = await _asked(bot)
        await surface.send(content("One"), None)
        assert surface.ends_at is not None
        left = surface.ends_at - bot.clock.monotonic()
        bot.clock.move(100.0)
        again = await _reopened(bot, surface)
        assert again.ends_at is not None
        assert again.ends_at - bot.clock.monotonic() == pytest.approx(left - 100.0, abs=5.0)
        key = BucketKey("interaction", str(json.loads(surface.address)["id"]))
        assert again.buckets(OperationKind.EDIT) == (key,)
        bot.clock.move(771.0)
        assert again.buckets(OperationKind.EDIT) is None


async def test_an_app_of_a_users_own_has_the_follow_ups_that_were_left() -> None:
    async with started() as bot:
        surface = await _asked(bot, users_own=True)
        for number in range(3):
            await surface.send(content(f"page {number}"), None)
        again = await _reopened(bot, surface)
        assert again.messages_left == surface.messages_left == 3


async def test_a_pressed_message_is_edited_on() -> None:
    """An answer that takes the place of what was pressed (Retry)."""
    async with started() as bot:
        await bot.server.say("Ben", "#general", "@Sluice hello")
        _, channel = await bot.next()
        answer = _id(await channel.send(content("Once", buttons=(Button("retry:1", "Retry"),)), None))
        await bot.server.press("Ben", "#general", answer, "retry:1")
        event, surface = await bot.next()
        assert isinstance(event, ButtonPress)
        assert _id(await surface.edit(answer, content("Tw"))) == answer
        again = await _reopened(bot, surface)
        assert again.open_form is None
        assert _id(await again.edit(answer, content("Twice"))) == answer
        assert bot.shown("#general")[-1] == ("Sluice", "Twice")


async def test_a_channel_needs_no_address() -> None:
    async with started() as bot:
        await bot.server.say("Ben", "#planning", "@Sluice hello")
        _, surface = await bot.next()
        assert surface.address == ""
        again = await _reopened(bot, surface)
        await again.send(content("Hello"), None)
        assert bot.shown("#planning")[-1] == ("Sluice", "Hello")


async def test_what_another_version_wrote_is_not_reached() -> None:
    async with started() as bot:
        surface = await _asked(bot)
        address = json.dumps(json.loads(surface.address) | {"v": 2})
        assert bot.platform.reopen(surface.place, address) is None


async def test_the_token_stands_in_no_words_about_it() -> None:
    async with started() as bot:
        surface = await _asked(bot)
        token = json.loads(surface.address)["token"]
        assert token
        assert token not in repr(surface) + repr(vars(surface)["_kept"])


def test_nothing_is_reopened_before_the_start() -> None:
    """Who we are is not known."""
    platform = DiscordPlatform("a.b.c", clock=SystemClock())
    assert platform.reopen(Place("discord", "1", PlaceKind.SHARED), "") is None
