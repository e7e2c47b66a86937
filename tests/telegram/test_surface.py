"""Operations on a local Telegram: what people see, and what each answer of the server means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bots.sandbox.telegram.server import TelegramServer
from bots.telegram.connection import LONGEST_PAUSE_S
from bots.telegram.markdown import TelegramRenderer
from bots.telegram.outcomes import outcome_of
from bots.telegram.surface import ChatSurface
from core.adapters.bar_chart import draw_bars
from core.messages import ButtonPress, IncomingMessage, MessageRef, PlaceMoved
from core.ports.chart import Bar
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
    Unknown,
)
from tests.contract.telegram_surface import Bench, telegram_surface
from tests.telegram.harness import Bot, calls, content, message_of, next_request, started

STOP = Button("stop:1", "Stop", ButtonStyle.DANGER)
CHAT = BucketKey("chat", "1")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with telegram_surface() as found:
        yield found


async def private(bot: Bot, server: TelegramServer) -> tuple[IncomingMessage, Surface]:
    await server.say("Ada", "Ada", "hello")
    return await bot.next(IncomingMessage)


async def group(bot: Bot, server: TelegramServer) -> tuple[IncomingMessage, Surface]:
    await server.say("Ben", "Riverside", "@sluice_bot hello")
    return await bot.next(IncomingMessage)


async def sent(surface: Surface, what: MessageContent) -> str:
    outcome = await surface.send(what, None)
    assert isinstance(outcome, Delivered), outcome
    return outcome.message_id


async def test_a_message_grows_and_loses_its_button(bot: Bot, server: TelegramServer) -> None:
    """Entities, silence, buttons, edits and deletion as people see them; never a preview or a parse mode."""
    _, surface = await private(bot, server)
    chat = surface.place.chat_id
    body = TelegramRenderer().render("**bold** `@x` and https://example.org")
    message_id = await sent(surface, MessageContent(body, (STOP,), silent=True))
    shown = message_of(server, chat, message_id)
    assert shown["text"] == "bold @x and https://example.org"
    assert [entity["type"] for entity in shown["entities"]] == ["bold", "code", "url"]
    assert (shown["silent"], [button["label"] for button in shown["buttons"]]) == (True, ["Stop"])

    assert await surface.edit(message_id, content("longer", STOP)) == Delivered(message_id)
    assert await surface.edit(message_id, content("longer", STOP)) == Delivered(message_id)  # not modified
    assert await surface.edit(message_id, content("longer")) == Delivered(message_id)
    shown = message_of(server, chat, message_id)
    assert (shown["text"], shown["buttons"]) == ("longer", [])

    for body_sent in [*calls(server, "sendMessage"), *calls(server, "editMessageText")]:
        assert body_sent["link_preview_options"] == {"is_disabled": True}
        assert "parse_mode" not in body_sent

    assert await surface.delete(message_id) == Delivered(message_id)
    assert isinstance(await surface.edit(message_id, content("x")), NotSent)


async def test_a_file_comes_in_its_topic_silently_with_a_caption(bot: Bot, server: TelegramServer) -> None:
    """And takes the button away with the edit that brings it."""
    topic = next(chat["id"] for chat in server.snapshot()["chats"] if chat["name"] == "Ideas")
    await server.say("Ben", topic, "@sluice_bot hello")
    event, surface = await bot.next(IncomingMessage)
    body = TelegramRenderer().render("The **rest**.")
    file = FileContent("code.py", b"x = 1\n")
    outcome = await surface.send(MessageContent(body, silent=True, file=file), event.ref)
    assert isinstance(outcome, Delivered)
    growing = await sent(surface, content("so far", STOP))
    assert await surface.edit(growing, MessageContent(body, file=file)) == Delivered(growing)
    for message_id in (outcome.message_id, growing):
        shown = message_of(server, event.ref.chat_id, message_id)
        assert (shown["chat"], shown["text"], shown["buttons"]) == (topic, "The rest.", [])
        assert [entity["type"] for entity in shown["entities"]] == ["bold"]
        assert [listed["name"] for listed in shown["files"]] == ["code.py"]
    first = message_of(server, event.ref.chat_id, outcome.message_id)
    assert (first["silent"], first["reply_to"]) == (True, event.ref.message_id)


async def test_a_picture_is_seen_at_once_also_when_an_edit_brings_it(
    bot: Bot, server: TelegramServer
) -> None:
    event, surface = await private(bot, server)
    body = TelegramRenderer().render("The **bars**.")
    file = FileContent("bars.png", draw_bars([Bar("1", (1, 2))]), picture=True)
    outcome = await surface.send(MessageContent(body, file=file), None)
    assert isinstance(outcome, Delivered)
    growing = await sent(surface, content("so far"))
    assert await surface.edit(growing, MessageContent(body, file=file)) == Delivered(growing)
    for message_id in (outcome.message_id, growing):
        shown = message_of(server, event.ref.chat_id, message_id)
        assert shown["text"] == "The bars."
        [picture] = shown["files"]
        assert picture["picture"]
        assert server.file(picture["id"]) == file.data


async def test_typing_and_reactions_are_best_effort(bot: Bot, server: TelegramServer) -> None:
    """They show, and their failure is nobody's."""
    event, surface = await private(bot, server)
    await surface.typing()
    await surface.react(event.ref, "👀")
    shown = message_of(server, event.ref.chat_id, event.ref.message_id)
    assert [reaction["emoji"] for reaction in shown["reactions"]] == ["👀"]
    await surface.react(MessageRef(event.ref.chat_id, "999999"), "👀")
    await server.block_bot("Ada")
    await surface.typing()
    assert [body["action"] for body in calls(server, "sendChatAction")] == ["typing", "typing"]


async def test_a_reply_whose_question_is_gone_is_sent_all_the_same(bot: Bot, server: TelegramServer) -> None:
    """The answer must not be lost with the question."""
    event, surface = await private(bot, server)
    await server.delete_own("Ada", "Ada", event.ref.message_id)
    assert isinstance(await surface.send(content("answer"), event.ref), Delivered)


async def test_buckets_tell_private_chats_from_groups(bot: Bot, server: TelegramServer) -> None:
    """Typing costs the chat nothing; every bucket's family has limits."""
    for get, family in ((private, "chat"), (group, "group")):
        _, surface = await get(bot, server)
        chat = BucketKey(family, surface.place.chat_id)
        assert surface.buckets(OperationKind.SEND) == (BucketKey("bot"), chat)
        assert surface.buckets(OperationKind.EDIT) == (BucketKey("bot"), chat)
        assert surface.buckets(OperationKind.TYPING) == (BucketKey("bot"),)
        assert {"bot", family} <= set(surface.capabilities.rate_limits)
        assert surface.account == f"telegram:{server.token.split(':')[0]}"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("rate_limited", NotSentReason.RATE_LIMITED),
        ("unavailable", NotSentReason.UNAVAILABLE),
        ("message_gone", NotSentReason.MESSAGE_GONE),
        ("place_gone", NotSentReason.PLACE_GONE),
    ],
)
async def test_what_was_certainly_not_taken(bench: Bench, how: str, reason: NotSentReason) -> None:
    """Injected failures of an edit, each with its reason and without effect."""
    message_id = await sent(bench.surface, content("first"))
    await bench.fail_next(how)  # type: ignore[arg-type]
    outcome = await bench.surface.edit(message_id, content("second"))
    assert isinstance(outcome, NotSent)
    assert outcome.reason is reason
    if reason is NotSentReason.RATE_LIMITED:
        assert outcome.retry_after_s == pytest.approx(0.01)
        assert outcome.key is None  # Telegram names none
    assert "second" not in [text for _, text in await bench.shown()]


NO_TIMES = [None, "Fri, 27 Nov 2026 00:40:00 GMT", -1, float("nan"), [7], 10**400]


@pytest.mark.parametrize(
    ("told", "pause_s"),
    [(3.5, 3.5), ("7", 7.0), (99_999_999_999_999, LONGEST_PAUSE_S), *((t, None) for t in NO_TIMES)],
)
async def test_a_rate_limit_is_one_whatever_it_says_of_its_time(
    bot: Bot, server: TelegramServer, told: object, pause_s: float | None
) -> None:
    _, surface = await private(bot, server)
    server.fault("status", route="sendMessage", status=429, parameters={"retry_after": told})
    outcome = await surface.send(content("a"), None)
    assert isinstance(outcome, NotSent)
    assert (outcome.reason, outcome.retry_after_s) == (NotSentReason.RATE_LIMITED, pause_s)


@pytest.mark.parametrize(("how", "texts"), [("unknown_taken", ["a"]), ("unknown_not_taken", [])])
async def test_a_lost_connection_is_unknown(bench: Bench, how: str, texts: list[str]) -> None:
    """Whether it was taken cannot be told, and is not claimed."""
    await bench.fail_next(how)  # type: ignore[arg-type]
    outcome = await bench.surface.send(content("a"), None)
    assert isinstance(outcome, Unknown)
    assert [text for _, text in await bench.shown()] == texts


@pytest.mark.parametrize("status", [500, 502])
async def test_a_server_error_is_unknown(bot: Bot, server: TelegramServer, status: int) -> None:
    """It may come from the web server in front, after the Bot API took the call."""
    _, surface = await private(bot, server)
    server.fault("status", route="sendMessage", status=status)
    assert isinstance(await surface.send(content("a"), None), Unknown)


async def test_a_refused_payload_is_rejected(bot: Bot, server: TelegramServer) -> None:
    """Too long is too long also the next time."""
    _, surface = await private(bot, server)
    outcome = await surface.send(content("x" * 5000), None)
    assert isinstance(outcome, NotSent)
    assert outcome.reason is NotSentReason.REJECTED


async def test_a_surface_goes_along_with_a_group_that_becomes_a_supergroup(
    bot: Bot, server: TelegramServer
) -> None:
    """What stands in the old chat takes no edit; what comes next goes to the new one, on its own limits."""
    _, surface = await group(bot, server)
    message_id = await sent(surface, content("a"))
    new = await server.upgrade_group("Ada", "Riverside")
    outcome = await surface.edit(message_id, content("b"))
    assert isinstance(outcome, NotSent)
    assert outcome.reason is NotSentReason.FROZEN
    assert surface.place.chat_id == new
    assert BucketKey("group", new) in (surface.buckets(OperationKind.SEND) or ())
    assert message_of(server, new, await sent(surface, content("b")))["text"] == "b"


async def test_a_first_message_to_a_group_that_has_moved_is_tried_again_in_the_new_one(
    bot: Bot, server: TelegramServer
) -> None:
    event, surface = await group(bot, server)
    new = await server.upgrade_group("Ada", "Riverside")
    outcome = await surface.send(content("a"), event.ref)
    assert isinstance(outcome, NotSent)
    assert outcome.reason is NotSentReason.UNAVAILABLE
    outcome = await surface.send(content("a"), event.ref)
    assert isinstance(outcome, Delivered)
    assert message_of(server, new, outcome.message_id)["text"] == "a"


async def test_both_chats_tell_that_a_group_has_moved(bot: Bot, server: TelegramServer) -> None:
    event, _ = await group(bot, server)
    new = await server.upgrade_group("Ada", "Riverside")
    for _ in range(2):
        moved, _ = await bot.next(PlaceMoved)
        assert (moved.before, moved.place) == (event.place, replace(event.place, chat_id=new))


@pytest.mark.parametrize("chat", ["Ada", "Riverside", "Ideas"])
async def test_a_surface_is_reached_again_by_its_place(bot: Bot, server: TelegramServer, chat: str) -> None:
    """A private chat, a group, a topic; and that of a press, by the process that comes after it."""
    where = next(entry["id"] for entry in server.snapshot()["chats"] if entry["name"] == chat)
    await server.say("Ada", where, "@sluice_bot hello")
    event, surface = await bot.next(IncomingMessage)
    message_id = await sent(surface, content("answer", STOP))
    await server.press("Ada", where, message_id, STOP.data)
    _, on_press = await bot.next(ButtonPress)
    async with started(server) as later:
        for known in (surface, on_press):
            again = later.platform.reopen(known.place, known.address)
            assert again is not None
            assert (again.account, again.place) == (surface.account, event.place)
            assert message_of(server, event.ref.chat_id, await sent(again, content("on")))["chat"] == where
            assert await again.edit(message_id, content(f"again by {known.place}")) == Delivered(message_id)
            assert not again.capabilities.private_answers


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BadRequest("Message_id_invalid"), NotSentReason.MESSAGE_GONE),
        (BadRequest("Message can't be edited"), NotSentReason.FROZEN),
        (NetworkError("Too Many Requests (429)"), NotSentReason.RATE_LIMITED),
        (BadRequest("Chat not found"), NotSentReason.PLACE_GONE),
        (BadRequest("Not enough rights to send text messages to the chat"), NotSentReason.PLACE_GONE),
        (BadRequest("Not enough rights to send documents to the chat"), NotSentReason.REJECTED),
        (BadRequest("CHAT_SEND_DOCS_FORBIDDEN"), NotSentReason.REJECTED),
        (NetworkError("Request Entity Too Large"), NotSentReason.REJECTED),
        (NetworkError("Content Too Large (413)"), NotSentReason.REJECTED),
        (BadRequest("Message thread not found"), NotSentReason.PLACE_GONE),
        (Forbidden("bot was kicked from the group chat"), NotSentReason.PLACE_GONE),
        (ChatMigrated(-100), NotSentReason.PLACE_GONE),
        (InvalidToken("Unauthorized"), NotSentReason.PLACE_GONE),
        (RetryAfter(7), NotSentReason.RATE_LIMITED),
        (BadRequest("query is too old and response timeout expired"), NotSentReason.EXPIRED),
        (BadRequest("Can't parse entities"), NotSentReason.REJECTED),
        (TimedOut(), None),
        (NetworkError("Bad Gateway"), None),
        (TelegramError("Invalid server response"), None),
    ],
)
async def test_the_table(error: TelegramError, reason: NotSentReason | None) -> None:
    """Words of the Bot API that the local one does not say."""

    async def call() -> bool:
        raise error

    outcome = await outcome_of(call(), "5")
    if reason is None:
        assert isinstance(outcome, Unknown)
    else:
        assert isinstance(outcome, NotSent)
        assert outcome.reason is reason


async def test_a_press_is_answered_once_and_privately(bot: Bot, server: TelegramServer) -> None:
    """The private send is the answer to the press; it costs the chat nothing and shows to nobody else."""
    _, surface = await private(bot, server)
    message_id = await sent(surface, content("answer", STOP))
    answers: list[dict[str, object]] = []
    server.subscribe(lambda event: answers.append(event) if event["type"] == "answer" else None)
    await server.press("Ada", "Ada", message_id, STOP.data)
    press, on_press = await bot.next(ButtonPress)
    assert (press.data, press.ref.message_id, press.author.manages_messages) == (STOP.data, message_id, False)
    assert on_press.capabilities.private_answers
    assert on_press.buckets(OperationKind.SEND) == (BucketKey("bot"),)
    assert isinstance(await on_press.send(content("Stopped.", private=True), None), Delivered)
    again = await on_press.send(content("Stopped.", private=True), None)
    assert isinstance(again, NotSent)
    assert again.reason is NotSentReason.EXPIRED
    assert [answer["text"] for answer in answers] == ["Stopped."]
    assert BucketKey("chat", surface.place.chat_id) in (on_press.buckets(OperationKind.SEND) or ())
    assert isinstance(await on_press.send(content("for all"), None), Delivered)


@pytest.mark.parametrize("name", ["Ada", "@cleo", "# [x](tg://user?id=3) **y** @cleo", "\u2060", "𝔸da " * 40])
async def test_a_question_after_a_press_is_asked_of_whoever_pressed(
    bot: Bot, server: TelegramServer, name: str
) -> None:
    """A mention selects them, whatever they are called, and notifies nobody else."""
    _, surface = await group(bot, server)
    message_id = await sent(surface, content("panel", STOP))
    await server.press("Ada", "Riverside", message_id, STOP.data)
    press, on_press = await bot.next(ButtonPress)
    assert isinstance(on_press.alternate, ChatSurface)
    on_press.alternate.presser = replace(press.author, name=name)
    question = MessageContent(TelegramRenderer().render("**Which** one?"), wants_reply=True)
    asked = message_of(server, press.place.chat_id, await sent(on_press.alternate, question))
    assert asked["force_reply"]["of"] == [press.author.id]
    assert [str(ping.person) for ping in server.pings] == [press.author.id]
    bold = next(entity for entity in asked["entities"] if entity["type"] == "bold")
    raw = asked["text"].encode("utf-16-le")
    start, end = (2 * at for at in (bold["offset"], bold["offset"] + bold["length"]))
    assert raw[start:end].decode("utf-16-le") == "Which"


async def test_where_nobody_else_is_a_reply_is_asked_without_a_name(bot: Bot, server: TelegramServer) -> None:
    _, surface = await private(bot, server)
    message_id = await sent(surface, content("panel", STOP))
    await server.press("Ada", "Ada", message_id, STOP.data)
    press, on_press = await bot.next(ButtonPress)
    question = replace(content("Which one?"), wants_reply=True)
    asked = message_of(server, press.place.chat_id, await sent(on_press, question))
    assert (asked["text"], asked["force_reply"]["of"]) == ("Which one?", None)


async def test_a_long_private_answer_is_an_alert_of_at_most_200_characters(
    bot: Bot, server: TelegramServer
) -> None:
    """A toast is gone before a long line is read."""
    _, surface = await private(bot, server)
    message_id = await sent(surface, content("answer", STOP))
    await server.press("Ada", "Ada", message_id, STOP.data)
    _, on_press = await bot.next(ButtonPress)
    await on_press.send(content("long " * 60, private=True), None)
    (body,) = calls(server, "answerCallbackQuery")
    assert (len(body["text"]), str(body["show_alert"]).lower()) == (200, "true")


async def test_a_private_answer_that_was_held_back_can_be_sent_again(
    bot: Bot, server: TelegramServer
) -> None:
    """A 429 does not use up the press."""
    _, surface = await private(bot, server)
    message_id = await sent(surface, content("answer", STOP))
    await server.press("Ada", "Ada", message_id, STOP.data)
    _, on_press = await bot.next(ButtonPress)
    server.fault("limited", route="answerCallbackQuery")
    first = await on_press.send(content("Stopped.", private=True), None)
    assert isinstance(first, NotSent)
    assert first.reason is NotSentReason.RATE_LIMITED
    assert isinstance(await on_press.send(content("Stopped.", private=True), None), Delivered)


async def test_a_press_that_nobody_answers_stops_spinning(bot: Bot, server: TelegramServer) -> None:
    """An empty answer follows when no private one came within the grace."""
    _, surface = await private(bot, server)
    message_id = await sent(surface, content("answer", STOP))
    answered = next_request(server, "answerCallbackQuery")
    await server.press("Ada", "Ada", message_id, STOP.data)
    await bot.next(ButtonPress)
    assert await bot.clock.pass_next_sleep() == 1.0
    assert (await answered)["status"] == 200
    assert "text" not in calls(server, "answerCallbackQuery")[0]


async def test_the_rights_of_who_presses_are_asked_once_in_five_minutes(
    bot: Bot, server: TelegramServer
) -> None:
    """The owner of the group manages messages, a member does not; nobody is asked about per message."""
    _, surface = await group(bot, server)
    message_id = await sent(surface, content("answer", STOP))
    for person, manages in (("Ada", True), ("Ben", False), ("Ada", True)):
        await server.press(person, "Riverside", message_id, STOP.data)
        press, _ = await bot.next(ButtonPress)
        assert (press.author.name, press.author.manages_messages) == (person, manages)
    assert len(calls(server, "getChatMember")) == 2
    await bot.clock.advance(301)
    await server.press("Ada", "Riverside", message_id, STOP.data)
    await bot.next(ButtonPress)
    assert len(calls(server, "getChatMember")) == 3
    server.fault("status", route="getChatMember")
    await server.press("Cleo", "Riverside", message_id, STOP.data)
    assert not (await bot.next(ButtonPress))[0].author.manages_messages
