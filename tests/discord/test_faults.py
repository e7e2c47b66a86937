"""What Discord does on a bad day, in the midst of an answer: over the real library, with the promise checked.

The adapter, the core's driver and the local Discord share a clock on which a minute passes in seconds, under
the documented limits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bots.discord import exchange
from bots.discord.breaker import FIRST_PAUSE_S
from bots.discord.markdown import DiscordRenderer
from bots.sandbox.discord.faults import FaultKind
from bots.sandbox.discord.world import Permission
from tests.discord.test_routes import (
    CHANNEL_EDITS,
    CHANNEL_SENDS,
    Sluice,
    ends_with,
    exact,
    sluice,
    tale,
)
from tests.promise import broken_promise
from tests.service.scripted_model import Stream

MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = MESSAGES + "/{message_id}"
WORDS = [*tale(90), "The end."]
LONG = [*tale(300), "The end."]


async def _asked(service: Sluice, chat: str = "#help", person: str = "Ben") -> Stream:
    """Ask by a message, so that the answer goes the channel's way alone."""
    await service.bot.server.say(person, chat, "@Sluice a tale?")
    return await service.model.opened()


async def _told(service: Sluice, stream: Stream, words: list[str] = WORDS, chat: str = "#help") -> None:
    """Tell it all, and see that it stands there exactly once."""
    await service.tell(stream, words)
    stream.finish()
    await service.until(ends_with(service, "The end.", chat))
    assert exact(service, words, chat) is None


def _times(service: Sluice, method: str, route: str) -> list[float]:
    return [r.at for r in service.bot.server.requests if (r.method, r.route) == (method, route)]


@pytest.mark.parametrize("kind", ["limited", "shared", "global"])
@pytest.mark.parametrize(("method", "route"), [CHANNEL_SENDS, CHANNEL_EDITS])
async def test_a_429_is_waited_out(kind: FaultKind, method: str, route: str) -> None:
    """Of a person, of a limit that others share, of the whole account; of a send and in mid-stream."""
    async with sluice() as service:
        after = 0 if method == "POST" else 2
        service.bot.server.fault(kind, method=method, route=route, after=after, retry_after=4.0)
        await _told(service, await _asked(service))
        times = _times(service, method, route)
        assert [status for _, status in service.refusals] == [429]
        assert times[after + 1] - times[after] >= 4.0


async def test_a_429_of_the_account_holds_back_every_channel() -> None:
    async with sluice() as service:
        one, other = await _asked(service), await _asked(service, "#bots", "Cleo")
        service.bot.server.fault("global", method="PATCH", route=MESSAGE, after=2, retry_after=6.0)
        await service.tell(one, WORDS[:30])
        await service.tell(other, WORDS)
        await service.tell(one, WORDS[30:])
        for stream in (one, other):
            stream.finish()
        for chat in ("#help", "#bots"):
            await service.until(ends_with(service, "The end.", chat))
            assert exact(service, WORDS, chat) is None
        [refused] = [r.at for r in service.bot.server.requests if r.status == 429]
        flying_s = 1.0  # what was on its way
        meanwhile = [r for r in service.bot.server.requests if refused + flying_s < r.at < refused + 6.0]
        assert meanwhile == []


@pytest.mark.parametrize("kind", ["banned", "blocked"])
async def test_a_ban_in_mid_stream_is_waited_out_in_silence(kind: FaultKind) -> None:
    async with sluice() as service:
        stream = await _asked(service)
        service.bot.server.fault(kind, method="PATCH", route=MESSAGE, after=2)
        await service.tell(stream, WORDS[:60])
        await service.bot.heard.until(lambda: bool(service.refusals))
        asked = len(service.bot.server.requests)
        await service.tell(stream, WORDS[60:])
        stream.finish()
        assert len(service.bot.server.requests) == asked
        service.bot.clock.move(FIRST_PAUSE_S)
        await service.until(ends_with(service, "The end.", "#help"))
        assert exact(service, WORDS, "#help") is None
        assert len(service.refusals) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(("method", "route"), [CHANNEL_SENDS, CHANNEL_EDITS])
async def test_a_server_that_fails_is_asked_again(status: int, method: str, route: str) -> None:
    async with sluice() as service:
        stream = await _asked(service)
        service.bot.server.fault("status", method=method, route=route, status=status, times=2)
        await _told(service, stream)
        assert len(service.pages("#help")) == 1
        assert [refused for _, refused in service.refusals] == [status] * 2


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "hang_after"])
@pytest.mark.parametrize("nth", [0, 1])
async def test_a_send_of_which_nobody_knows_stands_once(
    fault: FaultKind, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first message and the second: a nonce tells the next try from another message."""
    monkeypatch.setattr(exchange, "REQUEST_TIMEOUT_S", 0.2)
    async with sluice() as service:
        stream = await _asked(service)
        service.bot.server.fault(fault, method="POST", route=MESSAGES, after=nth)
        await _told(service, stream, LONG)
        assert len(service.pages("#help")) == 2
        assert len(_times(service, *CHANNEL_SENDS)) == 3


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status"])
async def test_an_interactions_first_message_is_sent_until_it_is_known_to_stand(kind: FaultKind) -> None:
    """It takes the place of the deferral, so it stands once however often it is sent."""
    async with sluice() as service:
        stream = await service.asked("#help")
        await service.bot.heard.next("message")  # it is thinking
        service.bot.server.fault(kind, method="PATCH", route="/webhooks/*", status=502, times=4)
        await service.tell(stream, WORDS)
        stream.finish()
        await service.until(ends_with(service, "The end.", "#help"))
        assert exact(service, WORDS, "#help") is None


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "hang_after"])
async def test_an_edit_of_which_nobody_knows_is_made_again(
    fault: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "REQUEST_TIMEOUT_S", 0.2)
    async with sluice() as service:
        stream = await _asked(service)
        service.bot.server.fault(fault, method="PATCH", route=MESSAGE, after=1, times=2)
        await _told(service, stream)


Lose = Callable[[Sluice], Awaitable[None]]


async def _message_deleted(service: Sluice) -> None:
    [message] = [m for m in service.bot.server.world.chat("#help").messages.values() if m.author.bot]
    await service.bot.server.delete("Ada", "#help", str(message.id))


async def _channel_deleted(service: Sluice) -> None:
    await service.bot.server.delete_channel("Ada", "#help")


async def _hidden(service: Sluice) -> None:
    service.bot.server.overwrite("#help", "Sluice", deny=Permission.VIEW_CHANNEL)


@pytest.mark.parametrize("lose", [_message_deleted, _channel_deleted, _hidden])
async def test_what_is_gone_is_asked_for_once_and_the_model_is_let_go(lose: Lose) -> None:
    async with sluice() as service:
        stream = await _asked(service)
        await service.tell(stream, WORDS[:40])
        await service.until(lambda: bool(service.pages("#help")))
        await lose(service)
        await service.tell(stream, WORDS[40:60])
        await stream.closed.wait()
        asked = len(service.bot.server.requests)
        await service.bot.clock.sleep_until(service.bot.clock.monotonic() + 30.0)
        assert len(service.bot.server.requests) == asked
        assert len(service.refusals) <= 1  # where the event came first, none


async def test_a_right_to_send_that_is_lost_leaves_what_may_be_edited() -> None:
    """A first message goes on growing; where a second would be needed, it ends."""
    async with sluice() as service:
        stream = await _asked(service)
        await service.tell(stream, LONG[:60])
        await service.until(lambda: bool(service.pages("#help")))
        service.bot.server.overwrite("#help", "Sluice", deny=Permission.SEND_MESSAGES)
        await service.tell(stream, LONG[60:])
        await stream.closed.wait()
        await service.bot.heard.until(lambda: bool(service.refusals))
        [page] = service.pages("#help")
        assert isinstance(page, str)
        assert len(page) > 1_000
        assert "".join(LONG).startswith(page)
        assert [status for _, status in service.refusals] == [403]


async def _archived(service: Sluice) -> None:
    await service.bot.server.close_thread("Ada", "#planning")


async def _archived_and_locked(service: Sluice) -> None:
    await service.bot.server.close_thread("Ada", "#planning", locked=True)


async def _locked(service: Sluice) -> None:
    await service.bot.server.close_thread("Ada", "#planning", archived=False, locked=True)


async def test_in_a_thread_that_is_archived_the_answer_goes_on_in_a_new_message() -> None:
    """It takes no edit; a message opens it, as Discord does by itself."""
    async with sluice() as service:
        stream = await _asked(service, "#planning")
        await service.tell(stream, WORDS[:40])
        await service.until(lambda: bool(service.pages("#planning")))
        await _archived(service)
        await service.tell(stream, WORDS[40:])
        stream.finish()
        await service.until(ends_with(service, "The end.", "#planning"))
        assert exact(service, WORDS, "#planning") is None
        assert len(service.pages("#planning")) == 2
        assert [status for _, status in service.refusals] == [400]
        assert not service.bot.server.world.chat("#planning").archived


async def test_a_thread_that_is_archived_and_locked_is_left_as_it_is() -> None:
    """A moderator closed it: that is tried once."""
    async with sluice() as service:
        stream = await _asked(service, "#planning")
        await service.tell(stream, WORDS[:40])
        await service.until(lambda: bool(service.pages("#planning")))
        await _archived_and_locked(service)
        await service.tell(stream, WORDS[40:60])
        await stream.closed.wait()
        assert len(service.pages("#planning")) == 1
        assert [status for _, status in service.refusals] == [400, 400]
        assert service.bot.server.world.chat("#planning").archived


async def test_a_thread_that_is_archived_opens_for_a_message() -> None:
    """As Discord does by itself."""
    async with sluice() as service:
        stream = await _asked(service, "#planning")
        await _archived(service)
        await _told(service, stream, chat="#planning")
        assert not service.bot.server.world.chat("#planning").archived


async def test_a_thread_that_is_locked_takes_no_message() -> None:
    async with sluice() as service:
        stream = await _asked(service, "#planning")
        await _locked(service)
        await service.tell(stream, WORDS[:40])
        await stream.closed.wait()
        assert service.pages("#planning") == []
        assert [(route, status) for route, status in service.refusals if route == MESSAGES] == [
            (MESSAGES, 400)  # the typing sign may have been refused before
        ]


async def test_who_takes_no_direct_messages_is_asked_once() -> None:
    async with sluice() as service:
        stream = await _asked(service, "@Ben")
        await service.bot.server.close_private("Ben")
        await service.tell(stream, WORDS[:40])
        await stream.closed.wait()
        assert service.pages("@Ben") == []
        assert [(r, s) for r, s in service.refusals if r == MESSAGES] == [(MESSAGES, 403)]


async def test_an_answer_older_than_an_hour_is_edited_more_slowly_and_complete() -> None:
    async with sluice() as service:
        stream = await _asked(service)
        await service.tell(stream, WORDS[:20])
        await service.until(lambda: bool(service.pages("#help")))
        service.bot.clock.move(3_700.0)
        await _told_rest(service, stream, 20)
        assert {status for _, status in service.refusals} == {429}  # 3 in 6 s, where 5 in 5 s is usual


async def test_a_token_that_ends_with_nothing_shown_leaves_the_channel() -> None:
    async with sluice() as service:
        stream = await service.asked("#help")
        service.bot.server.end_tokens()
        await _told(service, stream)
        assert service.routes[CHANNEL_SENDS] == 1


async def test_a_private_answer_whose_token_ends_is_asked_for_no_more() -> None:
    async with sluice() as service:
        service.private = True
        stream = await service.asked("#help")
        await service.tell(stream, WORDS[:40])
        await service.until(lambda: bool(service.pages("#help")))
        service.bot.server.end_tokens()
        await service.tell(stream, WORDS[40:])
        await stream.closed.wait()
        [page] = service.pages("#help")
        assert isinstance(page, str)
        assert broken_promise("".join(WORDS), [page], DiscordRenderer()) is not None
        assert [status for _, status in service.refusals] == [401]


async def test_a_session_that_is_invalidated_in_mid_stream_loses_nothing() -> None:
    async with sluice() as service:
        stream = await _asked(service)
        await service.tell(stream, WORDS[:40])
        service.bot.server.invalidate_sessions()
        await _told_rest(service, stream, 40)
        again = await _asked(service, "#bots")
        await _told(service, again, chat="#bots")


async def _told_rest(service: Sluice, stream: Stream, start: int) -> None:
    await service.tell(stream, WORDS[start:])
    stream.finish()
    await service.until(ends_with(service, "The end.", "#help"))
    assert exact(service, WORDS, "#help") is None
