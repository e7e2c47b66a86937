"""Slash commands and presses: answered within 3 s, by the interaction's own routes, exactly once."""

from __future__ import annotations

from dataclasses import replace

import pytest

import bots.discord.listener
from bots.discord.interactions import InteractionSurface
from bots.sandbox.discord.world import Permission
from core.messages import ButtonPress, IncomingCommand, PlaceKind
from core.ports.surface import Surface
from core.streaming.operations import (
    BucketKey,
    Button,
    ButtonStyle,
    Delivered,
    FileContent,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
    Unknown,
)
from tests.discord.support import Bot, content, started

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
STOP = Button("stop:1", "Stop", ButtonStyle.DANGER)


async def _ask(bot: Bot, person: str = "Ben", chat: str = "#general") -> tuple[IncomingCommand, Surface]:
    await bot.server.invoke(person, chat, "ask", {"prompt": "why?"})
    incoming, surface = await bot.next()
    assert isinstance(incoming, IncomingCommand)
    return incoming, surface


def _id(outcome: Outcome) -> str:
    assert isinstance(outcome, Delivered), outcome
    return outcome.message_id


async def _pressed(bot: Bot, presser: str) -> tuple[ButtonPress, Surface, str]:
    await bot.server.say("Ben", "#general", "@Sluice hello")
    _, surface = await bot.next()
    answer = _id(await surface.send(content("Once", buttons=(STOP,)), None))
    await bot.server.press(presser, "#general", answer, "stop:1")
    incoming, surface = await bot.next()
    assert isinstance(incoming, ButtonPress)
    return incoming, surface, answer


async def test_a_command_is_deferred_answered_edited_and_followed_up() -> None:
    async with started() as bot:
        incoming, surface = await _ask(bot)
        assert (incoming.name, dict(incoming.arguments)) == ("ask", {"prompt": "why?"})
        assert (incoming.author.name, incoming.place.kind) == ("Ben", PlaceKind.SHARED)
        await surface.typing()
        await surface.typing()
        [(_, thinking)] = bot.shown("#general")
        assert thinking == ""
        first = _id(await surface.send(content("Be"), None))
        entry = bot.entry(first)
        assert (entry["text"], entry["command"], entry["thinking"]) == ("Be", "/ask prompt:why?", False)
        assert _id(await surface.edit(first, content("Because", buttons=(STOP,)))) == first
        assert [b["id"] for b in bot.entry(first)["buttons"]] == ["stop:1"]
        second = _id(await surface.send(content("And"), None))
        assert second != first
        assert _id(await surface.edit(second, content("And so"))) == second
        assert bot.shown("#general") == [("Sluice", "Because"), ("Sluice", "And so")]
        assert bot.count("POST", CALLBACK) == 1
        assert _id(await surface.delete(second)) == second
        assert _id(await surface.delete(first)) == first
        assert bot.shown("#general") == []


async def test_an_answer_that_is_ready_at_once_needs_no_deferral() -> None:
    async with started() as bot:
        _, surface = await _ask(bot)
        answer = _id(await surface.send(content("Because"), None))
        assert (bot.entry(answer)["text"], bot.entry(answer)["edited"]) == ("Because", 0)
        [body] = bot.bodies("POST", "/callback")
        assert body["type"] == 4


async def test_a_command_that_nobody_answers_in_time_is_deferred_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bots.discord.listener, "_ACKNOWLEDGE_COMMAND_AFTER_S", 0.0)
    async with started() as bot:
        _, surface = await _ask(bot)
        event = await bot.heard.next("message")
        assert event["message"]["thinking"]
        assert _id(await surface.send(content("Because"), None)) == event["message"]["id"]
        assert bot.shown("#general") == [("Sluice", "Because")]


async def test_a_direct_message_takes_commands_too() -> None:
    async with started() as bot:
        incoming, surface = await _ask(bot, chat="@Ben")
        assert (incoming.place.kind, incoming.place.guild_id) == (PlaceKind.PRIVATE, None)
        await surface.send(content("Because"), None)
        assert bot.shown("@Ben") == [("Sluice", "Because")]


async def test_a_command_in_a_thread_knows_the_thread_and_who_manages_it() -> None:
    async with started() as bot:
        incoming, _ = await _ask(bot, person="Ada", chat="#planning")
        assert incoming.place.kind is PlaceKind.THREAD
        assert incoming.place.parent_id == str(bot.server.world.chat("#general").id)
        assert incoming.author.manages_messages


async def test_a_file_comes_with_every_kind_of_answer() -> None:
    """The first one, a deferred one, a follow-up, and an edit of each."""

    def rest(number: int) -> MessageContent:
        file = FileContent(f"code-{number}.py", f"x = {number}\n".encode())
        return replace(content("The rest."), file=file)

    async with started() as bot:
        _, at_once = await _ask(bot)
        first = _id(await at_once.send(rest(1), None))
        follow_up = _id(await at_once.send(rest(2), None))
        text = _id(await at_once.send(content("so far", buttons=(STOP,)), None))
        await at_once.edit(text, rest(3))
        await at_once.edit(first, rest(4))
        _, deferred = await _ask(bot)
        await deferred.typing()
        original = _id(await deferred.send(rest(5), None))
        shown = {}
        for message in (first, follow_up, text, original):
            [listed] = bot.entry(message)["files"]
            shown[listed["name"]] = bot.server.file(listed["id"])
            assert bot.entry(message)["buttons"] == []
        assert shown == {f"code-{n}.py": f"x = {n}\n".encode() for n in (4, 2, 3, 5)}


async def test_a_private_answer_is_for_the_asker_alone() -> None:
    async with started() as bot:
        _, surface = await _ask(bot)
        assert surface.capabilities.private_answers
        answer = _id(await surface.send(content("No.", private=True), None))
        assert bot.entry(answer)["only_for"] == str(bot.server.world.person("Ben").id)


async def test_a_private_answer_never_takes_the_place_of_a_public_deferral() -> None:
    async with started() as bot:
        _, surface = await _ask(bot)
        await surface.typing()
        answer = _id(await surface.send(content("No.", private=True), None))
        assert bot.shown("#general") == [("Sluice", "No.")]
        assert bot.entry(answer)["only_for"] == str(bot.server.world.person("Ben").id)


async def test_a_first_answer_that_was_taken_unnoticed_stands_once() -> None:
    async with started() as bot:
        _, surface = await _ask(bot)
        bot.server.fault("drop_after", route="*/callback")
        assert isinstance(await surface.send(content("Because"), None), Unknown)
        again = _id(await surface.send(content("Because of"), None))
        assert bot.shown("#general") == [("Sluice", "Because of")]
        await surface.edit(again, content("Because of it"))
        assert bot.shown("#general") == [("Sluice", "Because of it")]


async def test_a_follow_up_with_an_unknown_outcome_is_not_repeated_behind_our_back() -> None:
    async with started() as bot:
        _, surface = await _ask(bot)
        await surface.send(content("one"), None)
        bot.server.fault("status", method="POST", route="/webhooks/*", status=502)
        assert isinstance(await surface.send(content("two"), None), Unknown)
        assert bot.count("POST", "/webhooks/{application_id}/{interaction_token}") == 1


async def test_an_interaction_draws_from_its_own_bucket_and_never_shows_its_token() -> None:
    async with started() as bot:
        incoming, surface = await _ask(bot)
        assert isinstance(surface, InteractionSurface)
        keys = (BucketKey("interaction", incoming.event_id),)
        assert surface.buckets(OperationKind.SEND) == surface.buckets(OperationKind.EDIT) == keys
        await surface.typing()
        outcome = await surface.send(content("Because"), None)
        assert [limit.key for limit in outcome.observed] == [keys[0]]


async def test_an_interaction_that_has_ended_says_so_and_the_channel_is_a_second_way() -> None:
    async with started() as bot:
        incoming, surface = await _ask(bot)
        answer = _id(await surface.send(content("Beca"), None))
        bot.clock.ahead_s += 901
        outcome = await surface.edit(answer, content("Because"))
        assert isinstance(outcome, NotSent)
        assert outcome.reason is NotSentReason.EXPIRED
        channel, chat_id = surface.alternate, incoming.place.chat_id
        assert channel is not None
        assert channel.buckets(OperationKind.EDIT) == (BucketKey("account"), BucketKey("edit", chat_id))
        assert _id(await channel.edit(answer, content("Because"))) == answer
        await channel.send(content("And so"), None)
        assert bot.shown("#general") == [("Sluice", "Because"), ("Sluice", "And so")]


async def test_what_the_channel_sent_is_not_the_interactions_to_edit() -> None:
    async with started() as bot:
        _, surface = await _ask(bot)
        await surface.send(content("Because"), None)
        assert surface.alternate is not None
        second = _id(await surface.alternate.send(content("And"), None))
        outcome = await surface.edit(second, content("And so"))
        assert isinstance(outcome, NotSent)
        assert outcome.reason is NotSentReason.MESSAGE_GONE


async def test_an_interaction_closes_before_its_token_ends() -> None:
    async with started() as bot:
        _, surface = await _ask(bot)
        assert surface.ends_at is not None
        assert surface.ends_at - bot.clock.monotonic() == pytest.approx(830.0, abs=5.0)
        bot.clock.ahead_s += 860
        assert surface.buckets(OperationKind.EDIT)
        bot.clock.ahead_s += 20
        assert surface.buckets(OperationKind.EDIT) is None


async def test_there_is_no_second_way_where_the_bot_cannot_see_the_channel() -> None:
    async with started() as bot:
        bot.server.overwrite("#help", "Sluice", deny=Permission.VIEW_CHANNEL)
        _, surface = await _ask(bot, chat="#help")
        assert surface.alternate is None
        assert isinstance(await surface.send(content("Because"), None), Delivered)


@pytest.mark.parametrize("chat", ["#help", "#planning"])
async def test_the_second_way_sends_nothing_where_the_bot_may_only_look(chat: str) -> None:
    async with started() as bot:
        denied = Permission.SEND_MESSAGES | Permission.SEND_MESSAGES_IN_THREADS
        bot.server.overwrite("#general" if chat == "#planning" else chat, "Sluice", deny=denied)
        _, surface = await _ask(bot, person="Ada", chat=chat)
        assert surface.alternate is not None
        assert surface.alternate.buckets(OperationKind.SEND) is None
        answer = _id(await surface.send(content("Because"), None))
        assert _id(await surface.alternate.edit(answer, content("Because of it"))) == answer


async def test_a_direct_message_has_a_second_way_too() -> None:
    async with started() as bot:
        _, surface = await _ask(bot, chat="@Ben")
        assert surface.alternate is not None
        assert surface.alternate.buckets(OperationKind.SEND)


async def test_an_app_of_a_users_own_counts_its_follow_ups() -> None:
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"}, users_own=True)
        _, surface = await bot.next()
        assert surface.alternate is None
        left = []
        for number in range(6):
            left.append(surface.messages_left)
            await surface.send(content(f"page {number}"), None)
        assert left == [6, 5, 4, 3, 2, 1]
        assert surface.messages_left == 0
        outcome = await surface.send(content("one too many"), None)
        assert isinstance(outcome, NotSent)
        assert outcome.reason is NotSentReason.FULL


async def test_an_app_of_the_server_may_send_as_many_as_it_takes() -> None:
    async with started() as bot:
        _, surface = await _ask(bot)
        assert surface.messages_left is None


async def test_a_press_says_what_was_pressed_and_is_answered_in_private() -> None:
    async with started() as bot:
        incoming, surface, answer = await _pressed(bot, "Cleo")
        assert (incoming.data, incoming.ref.message_id) == ("stop:1", answer)
        assert incoming.author.name == "Cleo"
        told = _id(await surface.send(content("Only Ben can.", private=True), None))
        assert bot.entry(told)["only_for"] == str(bot.server.world.person("Cleo").id)
        assert bot.entry(answer)["text"] == "Once"


async def test_a_press_without_an_answer_is_acknowledged_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bots.discord.listener, "_ACKNOWLEDGE_PRESS_AFTER_S", 0.0)
    async with started() as bot:
        _, surface, answer = await _pressed(bot, "Ben")
        while (await bot.heard.next("request"))["route"] != CALLBACK:
            pass
        [body] = bot.bodies("POST", "/callback")
        assert body["type"] == 6
        assert (bot.entry(answer)["text"], bot.entry(answer)["edited"]) == ("Once", 0)
        told = _id(await surface.send(content("Stopped.", private=True), None))
        assert bot.entry(told)["only_for"] == str(bot.server.world.person("Ben").id)
        assert bot.entry(answer)["text"] == "Once"


async def test_buttons_work_after_a_restart_of_the_bot() -> None:
    async with started() as bot:
        await bot.server.say("Ben", "#general", "@Sluice hello")
        _, surface = await bot.next()
        answer = _id(await surface.send(content("Once", buttons=(STOP,)), None))
        await bot.platform.close()
        await bot.platform.start(bot.handle)
        await bot.server.press("Ben", "#general", answer, "stop:1")
        incoming, _ = await bot.next()
        assert isinstance(incoming, ButtonPress)
        assert incoming.data == "stop:1"
