"""Whole answers through faults: the driver and the real library on a local Telegram, all in virtual time.

What people see is judged by the promise; what the server was asked by its log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from telegram import Bot

from bots.sandbox.limits import load_profile
from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.capabilities import TELEGRAM
from bots.telegram.surface import ChatSurface
from core.catalogue import say
from core.messages import Place, PlaceKind
from core.service.driver import Driver
from core.service.showing import Showing
from core.streaming.answer import Answer, Ending
from core.streaming.operations import Button, FileContent, NotSentReason
from tests.fakes.clock import FakeClock
from tests.promise import broken_promise

WORDS = [f"word{number} " for number in range(60)]
LONG = [f"A sentence with the number {number} in it. " for number in range(300)]
BOLD = ["Some ", "**bold words** ", "and `code`, ", "then more ", "and more. "] * 6
STEP_S = 0.05
STOP = Button("stop:1", "Stop")


@dataclass
class Stage:
    """One answer on its way to one place."""

    server: TelegramServer
    clock: FakeClock
    bot: Bot
    place: Place
    driver: Driver
    answer: Answer = field(default_factory=Answer)

    def surface(self) -> ChatSurface:
        return ChatSurface(self.bot, self.place)

    def show(self) -> Showing:
        return self.driver.show(self.answer, self.surface(), stop=STOP)

    async def passes(self, seconds: float) -> None:
        """Let time pass; the server answers within no time."""
        for _ in range(round(seconds / STEP_S)):
            await self.clock.advance(STEP_S)
            async with asyncio.timeout(10):
                while any(account._tasks for account in self.driver._accounts.values()):  # noqa: ASYNC110
                    await asyncio.sleep(0)

    async def says(self, words: Sequence[str]) -> None:
        """Ten words a second."""
        for word in words:
            self.answer.append(word, self.clock.monotonic())
            self.driver.changed(self.answer)
            await self.passes(0.1)

    async def ends(self, showing: Showing, within_s: float = 60.0) -> NotSentReason | None:
        """The model ends; why not all of it can be shown."""
        self.answer.end(Ending.COMPLETE, self.clock.monotonic())
        self.driver.changed(self.answer)
        over = asyncio.ensure_future(showing.finished())
        for _ in range(round(within_s)):
            await self.passes(1.0)
            if over.done():
                break
        shown = await asyncio.wait_for(over, 1)
        return shown.reason

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [message for message in self.server.snapshot()["messages"] if message["author"]["bot"]]

    @property
    def pages(self) -> list[str | FileContent]:
        return [message["text"] for message in self.messages]

    def broken(self) -> str | None:
        return broken_promise(self.answer.text, self.pages, TELEGRAM.renderer)

    def asked(self, pattern: str = "") -> list[float]:
        """When the server was asked for anything that people see."""
        shows = ("sendmessage", "editmessagetext")
        return [
            request.at
            for request in self.server.requests
            if request.route.lower() in shows and pattern in request.route
        ]


@asynccontextmanager
async def stage(chat: str = "Ada") -> AsyncIterator[Stage]:
    clock = FakeClock()
    server = TelegramServer(profile=load_profile(), clock=clock.monotonic)
    await server.start()
    driver = Driver(clock)
    try:
        async with Bot(server.token, base_url=f"{server.url}/bot") as bot:
            entry = next(entry for entry in server.snapshot()["chats"] if entry["name"] == chat)
            chat_id, _, topic = entry["id"].partition("/")
            shared = PlaceKind.THREAD if topic else PlaceKind.SHARED
            kind = shared if chat_id.startswith("-") else PlaceKind.PRIVATE
            yield Stage(server, clock, bot, Place("telegram", chat_id, kind, topic_id=topic or None), driver)
            await driver.close(clock.monotonic())
    finally:
        await server.stop()


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as ready:
        yield ready


SEND, EDIT = "sendMessage", "editMessageText"
ONCE: list[tuple[str, dict[str, Any]]] = [
    ("429", {"kind": "limited", "retry_after": 3}),
    ("429 without retry_after", {"kind": "limited", "retry_after": None}),
    ("429 of a web server", {"kind": "html", "status": 429}),
    ("a flood in the chat", {"kind": "flood", "retry_after": 7}),
    ("a flood of the whole bot", {"kind": "flood_bot", "retry_after": 7}),
    ("500", {"kind": "status", "status": 500}),
    ("500 in HTML", {"kind": "html", "status": 500}),
    ("502", {"kind": "status", "status": 502}),
    ("504 in HTML", {"kind": "html", "status": 504}),
    ("a lost request", {"kind": "drop_before"}),
]


@pytest.mark.parametrize("route", [SEND, EDIT])
@pytest.mark.parametrize("fault", [fault for _, fault in ONCE], ids=[name for name, _ in ONCE])
async def test_what_was_not_done_is_made_good(on: Stage, fault: dict[str, Any], route: str) -> None:
    """At the first text, and in the middle; none of these is doubled, since none was taken."""
    played = on.server.fault(route=route, **fault)
    showing = on.show()
    await on.says(WORDS)
    assert await on.ends(showing) is None
    assert on.broken() is None
    assert len(on.messages) == 1
    assert played.times == 0


@pytest.mark.parametrize("fault", [fault for _, fault in ONCE], ids=[name for name, _ in ONCE])
async def test_the_last_edit_is_never_dropped(on: Stage, fault: dict[str, Any]) -> None:
    showing = on.show()
    await on.says(WORDS)
    played = on.server.fault(route=EDIT, **fault)
    assert await on.ends(showing) is None
    assert on.broken() is None
    assert played.times == 0


async def test_nothing_is_asked_within_a_pause(on: Stage) -> None:
    """Who asks during a flood makes it longer: 30 s stay 30 s."""
    showing = on.show()
    await on.says(WORDS[:20])
    on.server.fault("flood", route=EDIT, retry_after=30)
    await on.says(WORDS[20:])
    [refused] = [request.at for request in on.server.requests if request.status == 429]
    assert await on.ends(showing) is None
    assert on.broken() is None
    assert [at for at in on.asked() if refused < at < refused + 30] == []


async def test_floods_one_after_the_other_are_all_waited_out(on: Stage) -> None:
    """Each time one request, and not one more."""
    showing = on.show()
    await on.says(WORDS[:10])
    for _ in range(4):
        on.server.fault("flood", route=EDIT, retry_after=5)
    await on.says(WORDS[10:])
    assert await on.ends(showing) is None
    assert on.broken() is None
    refusals = [request.at for request in on.server.requests if request.status == 429]
    assert len(refusals) == 4
    assert all(later - earlier >= 5 for earlier, later in pairwise(refusals))


async def test_a_send_that_was_taken_unknown_to_us_is_doubled_once(on: Stage) -> None:
    """What Telegram has no nonces against: the first text stands twice, and the answer is whole."""
    on.server.fault("drop_after", route=SEND)
    showing = on.show()
    await on.says(WORDS)
    assert await on.ends(showing) is None
    first, *rest = on.pages
    assert len(rest) == 1
    assert broken_promise(on.answer.text, rest, TELEGRAM.renderer) is None
    assert isinstance(first, str)
    assert on.answer.text.startswith(first)


async def test_a_send_that_is_taken_unknown_to_us_again_and_again_is_not_doubled_twice(on: Stage) -> None:
    on.server.fault("drop_after", route=SEND, times=99)
    showing = on.show()
    await on.says(WORDS)
    assert await on.ends(showing) is NotSentReason.UNAVAILABLE
    text, copy, *marks = [message["text"] for message in on.messages]
    assert copy.startswith(text)
    assert marks == [say("ending.broken")] * 2


async def test_no_second_send_is_tried_while_telegram_has_a_bad_time(on: Stage) -> None:
    """It would be of unknown outcome too: first something that does no harm has to get through."""
    outage = on.server.fault("html", route="send*", status=502, times=999)
    showing = on.show()
    await on.says(WORDS)
    await on.passes(20.0)
    assert len(on.asked(SEND)) == 1
    outage.times = 0
    assert await on.ends(showing) is None
    assert on.broken() is None
    assert len(on.messages) == 1


@pytest.mark.parametrize("times", [1, 3])
async def test_an_edit_of_unknown_outcome_is_decided_by_the_next(on: Stage, times: int) -> None:
    """In the middle and at the end, taken or not: one message, once."""
    showing = on.show()
    await on.says(WORDS[:10])
    on.server.fault("drop_after", route=EDIT, times=times)
    await on.says(WORDS[10:])
    on.server.end_faults()
    on.server.fault("drop_after", route=EDIT, times=times)
    assert await on.ends(showing) is None
    assert on.broken() is None
    assert len(on.messages) == 1


async def test_a_message_that_was_deleted_takes_the_answer_with_it(on: Stage) -> None:
    """Whoever deleted it does not want to see it again."""
    showing = on.show()
    await on.says(WORDS[:20])
    await on.server.delete("Ada", "Ada", on.messages[0]["id"])
    await on.says(WORDS[20:])
    asked = len(on.asked())
    assert showing.lost
    assert await on.ends(showing) is NotSentReason.MESSAGE_GONE
    assert on.messages == []
    assert len(on.asked()) == asked


async def kick(server: TelegramServer) -> None:
    await server.kick_bot("Ada", "Riverside")


async def block(server: TelegramServer) -> None:
    await server.block_bot("Ada")


async def close_topic(server: TelegramServer) -> None:
    await server.close_topic("Ada", "Workshop/Ideas")


async def delete_topic(server: TelegramServer) -> None:
    await server.delete_topic("Ada", "Workshop/Ideas")


async def forbid(server: TelegramServer) -> None:
    await server.forbid_messages("Riverside")


@pytest.mark.parametrize(
    ("chat", "deed", "words"),
    [
        ("Ada", block, WORDS),
        ("Riverside", kick, WORDS),
        ("Riverside", forbid, LONG),  # what stands there may still be edited
        ("Ideas", close_topic, LONG),
        ("Ideas", delete_topic, WORDS),
    ],
)
async def test_where_the_place_is_gone_nothing_more_is_asked(
    chat: str, deed: Callable[[TelegramServer], Awaitable[None]], words: Sequence[str]
) -> None:
    """Also when that comes to light with a new message alone. What stands there is right."""
    async with stage(chat) as on:
        showing = on.show()
        await on.says(words[:20])
        stood = on.pages
        await deed(on.server)
        await on.says(words[20:])
        assert showing.lost
        asked = len(on.asked())
        reason = await on.ends(showing)
        assert reason in {NotSentReason.PLACE_GONE, NotSentReason.MESSAGE_GONE}
        assert len(on.asked()) == asked
        if deed is not delete_topic:
            assert len(on.pages) == len(stood) == 1
            page = on.pages[0]
            assert isinstance(page, str)
            assert broken_promise(on.answer.text[: len(page)], on.pages, TELEGRAM.renderer) is None


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 400, "description": "Bad Request: chat not found"}, NotSentReason.PLACE_GONE),
        ({"status": 403, "description": "Forbidden: user is deactivated"}, NotSentReason.PLACE_GONE),
        ({"status": 400, "description": "Bad Request: CHAT_WRITE_FORBIDDEN"}, NotSentReason.PLACE_GONE),
        (
            {"status": 400, "description": "Bad Request: have no rights to send a message"},
            NotSentReason.PLACE_GONE,
        ),
        ({"status": 401, "description": "Unauthorized"}, NotSentReason.PLACE_GONE),
    ],
)
async def test_a_place_that_was_never_open_is_asked_once(
    on: Stage, fault: dict[str, Any], reason: NotSentReason
) -> None:
    on.server.fault("status", route=SEND, times=99, **fault)
    showing = on.show()
    await on.says(WORDS)
    assert await on.ends(showing) is reason
    assert len(on.asked()) == 1


@pytest.mark.parametrize("route", [SEND, EDIT])
async def test_entities_that_are_refused_are_left_out_once(on: Stage, route: str) -> None:
    """One retry as plain text, and it stays so: the words are all there."""
    on.server.fault(
        "status",
        route=route,
        status=400,
        description="Bad Request: can't parse entities: entity at offset 5 is beyond the text",
    )
    showing = on.show()
    await on.says(BOLD)
    assert await on.ends(showing) is None
    [message] = on.messages
    assert "bold words" in message["text"]
    assert message["text"].endswith("and more.")
    assert len([request for request in on.server.requests if request.status == 400]) == 1


@pytest.mark.parametrize("final", [False, True])
async def test_below_a_message_that_is_too_old_the_answer_goes_on(on: Stage, final: bool) -> None:
    """In a new message, from where the old one stands: nothing is lost, nothing stands twice."""
    showing = on.show()
    await on.says(WORDS[:30] if not final else WORDS)
    await on.server.let_age("Ada", on.messages[0]["id"])
    await on.says(WORDS[30:] if not final else ["The end, ", "at last."])
    assert await on.ends(showing) is None
    assert on.broken() is None
    assert len(on.messages) == 2


@pytest.mark.parametrize("begun", [False, True])
async def test_an_answer_goes_along_with_a_group_that_becomes_a_supergroup(begun: bool) -> None:
    """What the old chat shows stays there, the rest comes in the new one, and all of it once."""
    async with stage("Riverside") as on:
        showing = on.show()
        await on.says(WORDS[:30] if begun else [])
        old_pages = on.pages
        new = await on.server.upgrade_group("Ada", "Riverside")
        await on.says(WORDS[30:] if begun else WORDS)
        assert await on.ends(showing) is None
        assert len(old_pages) == len(on.pages) == 1 if begun else not old_pages
        assert broken_promise(on.answer.text, old_pages + on.pages, TELEGRAM.renderer) is None
        assert {message["chat"] for message in on.messages} == {new}
        chats = [ref.chat_id for ref in showing.messages]
        assert chats == ([on.place.chat_id, new] if begun else [new])


async def test_an_edit_that_changes_nothing_is_a_success(on: Stage) -> None:
    """After an edit of unknown outcome that was taken, the same again is refused as not modified."""
    showing = on.show()
    await on.says(WORDS)
    on.server.fault("drop_after", route=EDIT)
    assert await on.ends(showing) is None
    assert on.broken() is None
    words = [
        request.status for request in on.server.requests if request.route == EDIT and request.status == 400
    ]
    assert len(words) == 1


CODE = [
    "Here it is:\n\n```python\n",
    *[f"value_{number} = {number} * {number}\n" for number in range(600)],
    "```\n",
]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 413, "description": "Request Entity Too Large"},
        {"status": 400, "description": "Bad Request: file is too big"},
        {"kind": "html", "status": 413},
    ],
)
async def test_a_file_that_is_refused_comes_as_text(on: Stage, fault: dict[str, Any]) -> None:
    """A file too big, or one that a server in front does not let through."""
    on.server.fault(**{"kind": "status", "route": "sendDocument", "times": 99, **fault})
    showing = on.show()
    for at in range(0, len(CODE), 20):
        await on.says(["".join(CODE[at : at + 20])])
    assert await on.ends(showing, within_s=120.0) is None
    assert on.broken() is None
    refused = [request.route for request in on.server.requests if request.status in {400, 413}]
    assert refused == ["sendDocument"]
