"""The contract that every surface keeps: the fake, Discord, Telegram, and a stranger's.

A new platform is one line in SURFACES.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Final

import pytest
import pytest_asyncio

from core.adapters.clock import SystemClock
from core.messages import MessageRef, Place
from core.ports.surface import Surface
from core.service.driver import Driver
from core.streaming.answer import Answer, Ending
from core.streaming.operations import (
    BucketKey,
    Button,
    Delivered,
    FileContent,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Outcome,
    Unknown,
)
from tests.contract.bench import Bench, Failure
from tests.contract.discord_surface import discord_surface
from tests.contract.fake_surface import fake_surface
from tests.contract.folder_surface import folder_surface
from tests.contract.telegram_surface import telegram_surface
from tests.promise import broken_promise

SURFACES: Final[Mapping[str, Callable[[], AbstractAsyncContextManager[Bench]]]] = {
    "fake": fake_surface,
    "discord": discord_surface,
    "telegram": telegram_surface,
    "folder": folder_surface,
    "fake with drafts": partial(fake_surface, drafts=True),
    "telegram with drafts": partial(telegram_surface, drafts=True),
}
REMOTE: Final = ("fake", "discord", "telegram")
"""Surfaces whose calls can be refused, time out or get lost on the way."""


@pytest_asyncio.fixture(params=SURFACES)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with SURFACES[request.param]() as bench:
        yield bench


DRAFTING: Final = ("fake with drafts", "telegram with drafts")

remote = pytest.mark.parametrize("bench", REMOTE, indirect=True)


def content(surface: Surface, markdown: str, *buttons: Button, nonce: str = "") -> MessageContent:
    return MessageContent(surface.capabilities.renderer.render(markdown), buttons, nonce=nonce)


async def sent(bench: Bench, markdown: str) -> str:
    outcome = await bench.surface.send(content(bench.surface, markdown), None)
    assert isinstance(outcome, Delivered), outcome
    return outcome.message_id


async def test_what_is_sent_stands_there_in_order(bench: Bench) -> None:
    ids = [await sent(bench, text) for text in ("first", "second", "third")]
    assert await bench.shown() == list(zip(ids, ("first", "second", "third"), strict=True))


async def test_an_edit_makes_the_message_stand_as_it_says(bench: Bench) -> None:
    first, second = await sent(bench, "first"), await sent(bench, "second")
    outcome = await bench.surface.edit(first, content(bench.surface, "changed"))
    assert isinstance(outcome, Delivered)
    assert outcome.message_id == first
    assert await bench.shown() == [(first, "changed"), (second, "second")]


async def test_an_edit_that_changes_nothing_is_delivered(bench: Bench) -> None:
    message = await sent(bench, "the same")
    assert isinstance(await bench.surface.edit(message, content(bench.surface, "the same")), Delivered)
    assert await bench.shown() == [(message, "the same")]


async def test_an_answer_takes_the_place_of_messages_that_stand_there(bench: Bench) -> None:
    """More text takes more of them, less gives them back."""
    first, _, third = [await sent(bench, text) for text in ("first", "second", "third")]
    clock = SystemClock()
    driver = Driver(clock)
    answer = Answer()
    answer.append("instead of two", clock.monotonic())
    answer.end(Ending.COMPLETE, clock.monotonic())
    shown = await driver.show(answer, bench.surface, over=(first, third)).finished()
    assert shown.complete
    assert [text for _, text in await bench.shown()] == ["instead of two", "second"]
    driver.delete(bench.surface, (first,))
    await driver.close(clock.monotonic() + 10.0)
    assert [text for _, text in await bench.shown()] == ["second"]


async def test_a_deleted_message_is_gone(bench: Bench) -> None:
    first, second = await sent(bench, "first"), await sent(bench, "second")
    assert isinstance(await bench.surface.delete(first), Delivered)
    assert await bench.shown() == [(second, "second")]


async def test_a_message_may_carry_a_button_and_lose_it(bench: Bench) -> None:
    button = Button("stop:" + "0" * 59, "Stop")  # 64 bytes: the longest data there may be
    outcome = await bench.surface.send(content(bench.surface, "with", button), None)
    assert isinstance(outcome, Delivered)
    assert isinstance(
        await bench.surface.edit(outcome.message_id, content(bench.surface, "without")), Delivered
    )


async def test_typing_and_reactions_are_best_effort(bench: Bench) -> None:
    message = await sent(bench, "hello")
    await bench.surface.typing()
    await bench.surface.react(MessageRef(bench.surface.place.chat_id, message), "👀")
    await bench.surface.react(MessageRef(bench.surface.place.chat_id, "1"), "👀")
    assert await bench.shown() == [(message, "hello")]


@pytest.mark.parametrize("kind", [OperationKind.SEND, OperationKind.EDIT])
async def test_every_bucket_has_limits(bench: Bench, kind: OperationKind) -> None:
    keys = bench.surface.buckets(kind)
    assert keys
    assert all(bench.surface.capabilities.rate_limits[key.family] for key in keys)


async def test_a_full_page_is_taken(bench: Bench) -> None:
    renderer = bench.surface.capabilities.renderer
    full = renderer.render("x" * renderer.page_units)
    assert full.fill == pytest.approx(1.0)
    assert isinstance(await bench.surface.send(MessageContent(full), None), Delivered)
    assert renderer.render("x" * renderer.page_units + "y").fill > 1.0


@pytest.mark.parametrize(
    "markdown", ["", " \n\t ", "\x00", "**", "```", "]( \ud800", "👩‍👩‍👧‍👦" * 900, "\u202e" * 50]
)
async def test_the_renderer_takes_any_text(bench: Bench, markdown: str) -> None:
    renderer = bench.surface.capabilities.renderer
    assert renderer.render(markdown) == renderer.render(markdown)
    if not markdown.strip():
        assert renderer.render(markdown).text == ""


@pytest.mark.parametrize("bench", DRAFTING, indirect=True)
async def test_a_draft_is_no_message_and_draws_from_a_bucket_of_its_own(bench: Bench) -> None:
    surface = bench.surface
    keys = surface.buckets(OperationKind.DRAFT)
    assert keys
    assert all(surface.capabilities.rate_limits[key.family] for key in keys)
    assert keys != surface.buckets(OperationKind.SEND)
    stop = Button("stop:" + "0" * 59, "Stop")
    for words in ("It", "It grows", "It grows"):
        draft = replace(content(surface, words, stop), draft_id=2**31 - 1)
        assert isinstance(await surface.send(draft, None), Delivered)
    assert await bench.shown() == []
    message = await sent(bench, "It grows.")
    assert await bench.shown() == [(message, "It grows.")]


@pytest.mark.parametrize("bench", DRAFTING, indirect=True)
async def test_a_draft_that_is_refused_says_so(bench: Bench) -> None:
    await bench.fail_next("rate_limited")
    draft = replace(content(bench.surface, "It grows"), draft_id=1)
    outcome = await bench.surface.send(draft, None)
    assert isinstance(outcome, NotSent)
    assert outcome.reason is NotSentReason.RATE_LIMITED


async def failed(bench: Bench, how: Failure, *, nonce: str = "") -> Outcome:
    await bench.fail_next(how)
    return await bench.surface.send(content(bench.surface, "hello", nonce=nonce), None)


@remote
async def test_a_rate_limit_says_how_long(bench: Bench) -> None:
    outcome = await failed(bench, "rate_limited")
    assert isinstance(outcome, NotSent)
    assert outcome.reason is NotSentReason.RATE_LIMITED
    assert outcome.retry_after_s is not None
    assert outcome.retry_after_s > 0
    assert await bench.shown() == []


@remote
async def test_what_never_arrived_was_not_sent(bench: Bench) -> None:
    outcome = await failed(bench, "unavailable")
    assert isinstance(outcome, NotSent)
    assert outcome.reason is NotSentReason.UNAVAILABLE
    assert await bench.shown() == []


@remote
@pytest.mark.parametrize(("how", "messages"), [("unknown_taken", 1), ("unknown_not_taken", 0)])
async def test_a_lost_answer_is_unknown(bench: Bench, how: Failure, messages: int) -> None:
    assert isinstance(await failed(bench, how), Unknown)
    assert len(await bench.shown()) == messages


@remote
async def test_a_nonce_makes_a_repeated_send_one_message(bench: Bench) -> None:
    if not bench.surface.capabilities.nonces:
        return  # the platform has none: at most one duplicate is what is promised there
    assert isinstance(await failed(bench, "unknown_taken", nonce="abc.0"), Unknown)
    again = await bench.surface.send(content(bench.surface, "hello", nonce="abc.0"), None)
    assert isinstance(again, Delivered)
    assert await bench.shown() == [(again.message_id, "hello")]


async def test_a_message_that_is_gone_cannot_be_edited(bench: Bench) -> None:
    message = await sent(bench, "hello")
    await bench.fail_next("message_gone")
    outcome = await bench.surface.edit(message, content(bench.surface, "changed"))
    assert isinstance(outcome, NotSent)
    assert outcome.reason is NotSentReason.MESSAGE_GONE


async def test_a_place_that_is_gone_says_so(bench: Bench) -> None:
    outcome = await failed(bench, "place_gone")
    assert isinstance(outcome, NotSent)
    assert outcome.reason is NotSentReason.PLACE_GONE


@remote
async def test_what_the_model_thought_may_stand_above_its_answer(bench: Bench) -> None:
    above = bench.surface.capabilities.reasoning_above
    assert above is not None
    thought = "Hm, *why* ||not|| @somebody `\ud800\x00 🌍 " * 15
    page = bench.surface.capabilities.renderer.render("**Because.** And 🌍.")
    outcome = await bench.surface.send(MessageContent(above(page, thought)), None)
    assert isinstance(outcome, Delivered)
    [(_, shown)] = await bench.shown()
    assert shown.index("Hm, ") < shown.index("Because.")
    blank = above(page, " ")
    assert isinstance(await bench.surface.send(MessageContent(blank), None), Delivered)


FILE = FileContent("code.py", "x = 'é🌍'\n".encode() * 999)
OTHER = FileContent("code-2.py", b"y = 2\n")


def with_file(surface: Surface, file: FileContent, *, nonce: str = "") -> MessageContent:
    return replace(content(surface, "**The rest.**", nonce=nonce), file=file)


@remote
async def test_text_takes_the_place_of_a_message_with_a_file(bench: Bench) -> None:
    """Nothing of the file is left, whether the platform can edit it away or not."""
    outcome = await bench.surface.send(with_file(bench.surface, FILE), None)
    assert isinstance(outcome, Delivered)
    clock = SystemClock()
    answer = Answer()
    answer.append("only text", clock.monotonic())
    answer.end(Ending.COMPLETE, clock.monotonic())
    shown = await Driver(clock).show(answer, bench.surface, over=(outcome.message_id,)).finished()
    assert shown.complete
    assert await bench.shown() == [(shown.messages[0].message_id, "only text")]
    assert await bench.files() == [None]


@remote
async def test_a_message_may_carry_a_file(bench: Bench) -> None:
    outcome = await bench.surface.send(with_file(bench.surface, FILE), None)
    assert isinstance(outcome, Delivered)
    assert await bench.files() == [FILE]
    [(_, words)] = await bench.shown()
    assert "The rest." in words


@remote
async def test_a_message_of_text_may_get_a_file_and_be_edited_so_again(bench: Bench) -> None:
    stop = Button("stop:1", "Stop")
    outcome = await bench.surface.send(content(bench.surface, "Lines so far: 3", stop), None)
    assert isinstance(outcome, Delivered)
    for file in (OTHER, FILE, FILE):
        again = await bench.surface.edit(outcome.message_id, with_file(bench.surface, file))
        assert again == Delivered(outcome.message_id, again.observed)
        assert await bench.files() == [file]
    assert len(await bench.shown()) == 1


@remote
@pytest.mark.parametrize(("how", "taken"), [("unknown_taken", True), ("unknown_not_taken", False)])
async def test_a_lost_answer_to_a_file_is_unknown_and_the_same_edit_makes_it_good(
    bench: Bench, how: Failure, taken: bool
) -> None:
    message = await sent(bench, "Lines so far: 3")
    await bench.fail_next(how)
    edit = with_file(bench.surface, FILE)
    assert isinstance(await bench.surface.edit(message, edit), Unknown)
    assert await bench.files() == [FILE if taken else None]
    assert isinstance(await bench.surface.edit(message, edit), Delivered)
    assert await bench.files() == [FILE]


@remote
async def test_a_file_with_a_nonce_is_one_message_too(bench: Bench) -> None:
    if not bench.surface.capabilities.nonces:
        return
    await bench.fail_next("unknown_taken")
    for expected in (Unknown, Delivered):
        outcome = await bench.surface.send(with_file(bench.surface, FILE, nonce="abc.1"), None)
        assert isinstance(outcome, expected)
    assert await bench.files() == [FILE]


@remote
async def test_where_files_are_forbidden_the_payload_is_rejected_and_text_goes_on(bench: Bench) -> None:
    message = await sent(bench, "Lines so far: 3")
    await bench.forbid_files()
    for outcome in (
        await bench.surface.edit(message, with_file(bench.surface, FILE)),
        await bench.surface.send(with_file(bench.surface, FILE), None),
    ):
        assert isinstance(outcome, NotSent)
        assert outcome.reason is NotSentReason.REJECTED
    assert isinstance(await bench.surface.edit(message, content(bench.surface, "x = 1")), Delivered)


@pytest.mark.parametrize("forbidden", [False, True])
async def test_a_long_block_streams_through_it_and_tiles(bench: Bench, forbidden: bool) -> None:
    """With a file where it takes one, in pages where it does not."""
    takes_files = bool(bench.surface.capabilities.max_file_bytes)
    if forbidden and takes_files:
        await bench.forbid_files()
    clock = SystemClock()
    driver, answer = Driver(clock), Answer()
    renderer = bench.surface.capabilities.renderer
    code = "".join(f"line_{n} = {n}\n" for n in range(renderer.page_units // 3))
    answer.append(f"Look:\n\n```python\n{code}```\n\nThat was it.", clock.monotonic())
    answer.end(Ending.COMPLETE, clock.monotonic())
    shown = await driver.show(answer, Unpaced(bench.surface), nonce="n").finished()
    assert shown.complete
    texts = [text for _, text in await bench.shown()]
    files = await bench.files() if takes_files else [None] * len(texts)
    assert [file.name for file in files if file] == (["code.py"] if takes_files and not forbidden else [])
    pages = [file or text for file, text in zip(files, texts, strict=True)]
    assert broken_promise(answer.text, pages, renderer) is None


class Unpaced:
    """The same surface, with nothing known of its limits: what it refuses must still come through."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        inner = surface.capabilities
        self.account, self.alternate = surface.account, surface.alternate
        self.ends_at, self.messages_left = surface.ends_at, surface.messages_left
        self.place: Place = surface.place
        self.address = surface.address
        self.capabilities = replace(inner, rate_limits={}, buttons=False, typing_lasts_s=None)
        self.delete, self.react, self.typing = surface.delete, surface.react, surface.typing
        self.send, self.edit = surface.send, surface.edit
        self.open_form = surface.open_form
        self.with_rights = surface.with_rights
        self.hears_all = surface.hears_all
        self.open_thread = surface.open_thread
        self.reading = surface.reading

    def buckets(self, kind: OperationKind) -> tuple[BucketKey, ...] | None:
        return self._surface.buckets(kind)


async def test_a_long_answer_streams_through_it_and_tiles(bench: Bench) -> None:
    clock = SystemClock()
    driver, answer = Driver(clock), Answer()
    renderer = bench.surface.capabilities.renderer
    lines = (f"{n}. Line {n} of a **long** answer with `code {n}`." for n in range(renderer.page_units // 15))
    answer.append("\n".join(lines), clock.monotonic())
    answer.end(Ending.COMPLETE, clock.monotonic())
    shown = await driver.show(answer, Unpaced(bench.surface), nonce="n").finished()
    assert shown.complete
    pages = [text for _, text in await bench.shown()]
    assert len(pages) == len(shown.messages) > 1
    assert broken_promise(answer.text, pages, renderer) is None
