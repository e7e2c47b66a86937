"""Discord's answers and failures become the outcomes that the core acts on: one request each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bots.discord import exchange
from bots.discord.breaker import FIRST_PAUSE_S, LONGEST_TOLD_S
from bots.discord.capabilities import ACCOUNT
from bots.sandbox.discord.faults import FaultKind
from bots.sandbox.discord.world import Permission
from core.ports.surface import Surface
from core.streaming.operations import BucketKey, Button, Delivered, NotSent, NotSentReason, Outcome, Unknown
from tests.discord.support import Bot, content, started


async def _surface(bot: Bot, chat: str = "#general") -> Surface:
    await bot.server.say("Ben", chat, "@Sluice hello")
    _, surface = await bot.next()
    return surface


def _reason(outcome: Outcome) -> NotSentReason:
    assert isinstance(outcome, NotSent), outcome
    return outcome.reason


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, NotSentReason.REJECTED),
        (401, NotSentReason.PLACE_GONE),
        (403, NotSentReason.PLACE_GONE),
        (404, NotSentReason.REJECTED),
        (413, NotSentReason.REJECTED),
        (500, None),
        (502, None),
        (503, NotSentReason.UNAVAILABLE),
        (504, None),
        (524, None),
    ],
)
async def test_a_status_without_a_code_of_its_own(status: int, expected: NotSentReason | None) -> None:
    async with started() as bot:
        surface = await _surface(bot)
        bot.server.fault("status", method="POST", status=status)
        outcome = await surface.send(content("One"), None)
        assert isinstance(outcome, Unknown) if expected is None else _reason(outcome) is expected
        assert bot.count("POST", "/channels/{channel_id}/messages") == 1


@pytest.mark.parametrize("kind", ["limited", "shared", "global", "banned"])
async def test_a_429_is_told_at_once_with_its_pause_and_its_bucket(kind: FaultKind) -> None:
    async with started() as bot:
        surface = await _surface(bot)
        bot.server.fault(kind, method="POST", retry_after=33.5)
        outcome = await surface.send(content("One"), None)
        assert isinstance(outcome, NotSent)
        whole_account = kind in ("global", "banned")
        key = ACCOUNT if whole_account else BucketKey("send", surface.place.chat_id)
        pause = FIRST_PAUSE_S if kind == "banned" else 33.5
        assert (outcome.reason, outcome.retry_after_s, outcome.key) == (
            NotSentReason.RATE_LIMITED,
            pause,
            key,
        )


async def test_no_time_that_was_told_holds_a_bucket_for_good() -> None:
    async with started() as bot:
        surface = await _surface(bot)
        bot.server.fault("limited", method="POST", retry_after=1e12)
        outcome = await surface.send(content("One"), None)
        assert isinstance(outcome, NotSent)
        assert outcome.retry_after_s == LONGEST_TOLD_S


async def test_a_429_on_an_interaction_names_the_interaction() -> None:
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
        incoming, surface = await bot.next()
        bot.server.fault("limited", route="*/callback", retry_after=1.25)
        outcome = await surface.send(content("One"), None)
        assert isinstance(outcome, NotSent)
        assert (outcome.retry_after_s, outcome.key) == (1.25, BucketKey("interaction", incoming.event_id))
        assert isinstance(await surface.send(content("One"), None), Delivered)


@pytest.mark.parametrize(("fault", "taken"), [("drop_before", False), ("drop_after", True)])
async def test_a_connection_that_breaks_after_the_request_was_written_leaves_it_unknown(
    fault: FaultKind, taken: bool
) -> None:
    async with started() as bot:
        surface = await _surface(bot)
        bot.server.fault(fault, method="POST")
        assert isinstance(await surface.send(content("One"), None), Unknown)
        assert (("Sluice", "One") in bot.shown("#general")) is taken


async def test_a_server_that_cannot_be_reached_took_nothing() -> None:
    async with started() as bot:
        surface = await _surface(bot)
        await bot.server.stop()
        assert _reason(await surface.send(content("One"), None)) is NotSentReason.UNAVAILABLE


async def test_after_closing_nothing_is_sent_and_nothing_is_raised() -> None:
    async with started() as bot:
        surface = await _surface(bot)
        await bot.platform.close()
        assert _reason(await surface.send(content("One"), None)) is NotSentReason.UNAVAILABLE


async def test_a_deleted_message_is_gone_and_its_place_is_not() -> None:
    async with started() as bot:
        surface = await _surface(bot)
        sent = await surface.send(content("One"), None)
        assert isinstance(sent, Delivered)
        await bot.server.delete("Ada", "#general", sent.message_id)
        assert _reason(await surface.edit(sent.message_id, content("Two"))) is NotSentReason.MESSAGE_GONE
        assert _reason(await surface.delete(sent.message_id)) is NotSentReason.MESSAGE_GONE
        assert isinstance(await surface.send(content("Three"), None), Delivered)


async def _deleted(bot: Bot) -> None:
    await bot.server.delete_channel("Ada", "#help")


async def _hidden(bot: Bot) -> None:
    bot.server.overwrite("#help", "Sluice", deny=Permission.VIEW_CHANNEL)


async def _muted(bot: Bot) -> None:
    bot.server.overwrite("#help", "Sluice", deny=Permission.SEND_MESSAGES)


@pytest.mark.parametrize("lose", [_deleted, _hidden, _muted])
async def test_a_place_that_is_deleted_hidden_or_muted_is_gone(
    lose: Callable[[Bot], Awaitable[None]],
) -> None:
    async with started() as bot:
        surface = await _surface(bot, "#help")
        await lose(bot)
        assert _reason(await surface.send(content("One"), None)) is NotSentReason.PLACE_GONE


async def test_a_person_who_takes_no_direct_messages_is_gone() -> None:
    async with started() as bot:
        surface = await _surface(bot, "@Ben")
        await bot.server.close_private("Ben")
        assert _reason(await surface.send(content("One"), None)) is NotSentReason.PLACE_GONE


async def test_an_archived_thread_takes_no_edits() -> None:
    async with started() as bot:
        surface = await _surface(bot, "#planning")
        sent = await surface.send(content("One"), None)
        assert isinstance(sent, Delivered)
        bot.server.world.chat("#planning").archived = True
        assert _reason(await surface.edit(sent.message_id, content("Two"))) is NotSentReason.ARCHIVED
        await bot.server.close_thread("Ada", "#planning", locked=True)
        assert _reason(await surface.send(content("Three"), None)) is NotSentReason.PLACE_GONE


async def test_a_locked_thread_takes_no_messages() -> None:
    async with started() as bot:
        surface = await _surface(bot, "#planning")
        await bot.server.close_thread("Ada", "#planning", archived=False, locked=True)
        assert _reason(await surface.send(content("One"), None)) is NotSentReason.PLACE_GONE


async def test_edits_of_an_old_message_are_slowed_and_not_given_up() -> None:
    async with started(scale=1.0) as bot:
        surface = await _surface(bot)
        sent = await surface.send(content("One"), None)
        assert isinstance(sent, Delivered)
        bot.clock.ahead_s += 3_700
        bot.clock.freeze()
        outcomes = [await surface.edit(sent.message_id, content(f"{count}")) for count in range(4)]
        assert all(isinstance(outcome, Delivered) for outcome in outcomes[:3])
        last = outcomes[3]
        assert isinstance(last, NotSent)
        assert last.reason is NotSentReason.RATE_LIMITED
        assert last.retry_after_s == pytest.approx(6.0, abs=0.1)


async def test_a_payload_that_discord_refuses_is_rejected_without_its_text_in_the_log_line() -> None:
    async with started() as bot:
        surface = await _surface(bot)
        outcome = await surface.send(content("secret " * 400), None)
        assert isinstance(outcome, NotSent)
        assert outcome.reason is NotSentReason.REJECTED
        assert "50035" in outcome.detail
        assert "secret" not in outcome.detail


async def test_what_the_library_refuses_by_itself_is_rejected_without_a_request() -> None:
    async with started() as bot:
        surface = await _surface(bot)
        before = len(bot.server.requests)
        too_many = tuple(Button(f"b:{count}", "x") for count in range(26))  # 25 fit in a view
        assert _reason(await surface.send(content("One", buttons=too_many), None)) is NotSentReason.REJECTED
        assert len(bot.server.requests) == before


async def test_no_answer_within_the_time_limit_leaves_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "REQUEST_TIMEOUT_S", 0.05)
    async with started() as bot:
        surface = await _surface(bot)
        bot.server.fault("hang_after", method="POST")
        assert isinstance(await surface.send(content("One"), None), Unknown)


async def test_an_interaction_that_was_left_for_too_long_has_expired() -> None:
    async with started() as bot:
        await bot.server.invoke("Ben", "#general", "ask", {"prompt": "why?"})
        _, surface = await bot.next()
        bot.clock.ahead_s += 4
        outcome = await surface.send(content("No", private=True), None)
        assert _reason(outcome) is NotSentReason.EXPIRED
        assert surface.alternate is not None
        assert isinstance(await surface.alternate.send(content("Because"), None), Delivered)
