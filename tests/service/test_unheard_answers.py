"""A process is killed between what it did for an event and the answer to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.adapters.memory_journal import MemoryJournal
from core.catalogue import say
from core.messages import Addressed, Incoming, IncomingCommand, IncomingMessage, MessageRef, Person, PlaceKind
from core.ports.journal import Received
from tests.fakes.mortal import Life
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, Bot, shut

SLOW_S = 1.0


def keeping(bot: Bot) -> FakeSurface:
    """A place whose events are kept, and which takes a second for each call."""
    surface = FakeSurface(bot.clock, kind=PlaceKind.PRIVATE, latency_s=2 * SLOW_S)
    surface.capabilities = replace(surface.capabilities, keeps_events=True, reactions=True)
    return surface


def command(surface: FakeSurface, name: str, **arguments: str) -> IncomingCommand:
    return IncomingCommand("e1", surface.place, ADA, name, arguments)


def message(surface: FakeSurface, text: str, author: Person = ADA) -> IncomingMessage:
    return IncomingMessage(
        "e1", surface.place, author, MessageRef(surface.place.chat_id, "u1"), text, Addressed.MENTION
    )


async def came(bot: Bot, surface: FakeSurface, incoming: Incoming) -> None:
    await bot.journal.receive([Received("fake:1", incoming.event_id, "", b"", 0.0)])
    await bot.handle(incoming, surface)


async def left(bot: Bot) -> list[str]:
    return [event.id for event in await bot.journal.unhandled("fake:1")]


async def killed(bot: Bot) -> None:
    assert bot.life is not None
    await bot.life.end()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("about", ""),
        ("help", ""),
        ("settings", ""),
        ("forget", "forget.ask"),
        ("model", ""),
        ("nonsense", "unknown_command"),
    ],
)
async def test_a_command_that_changes_nothing_is_answered_after_a_kill(name: str, words: str) -> None:
    before = Bot(life=Life())
    surface = keeping(before)
    await came(before, surface, command(surface, name))
    await before.clock.advance(SLOW_S / 2)
    assert surface.texts == []
    await killed(before)
    assert await left(before) == ["e1"]
    bot = Bot(before=before)
    await bot.handle(command(surface, name), surface)
    await bot.clock.advance(5.0)
    [text] = surface.texts
    assert not words or say(words, export="/export") in text
    assert await left(bot) == []
    await shut(bot)


@pytest.mark.parametrize("text", [" ", "too long " * 2_000])
async def test_a_notice_is_told_after_a_kill(text: str) -> None:
    before = Bot(life=Life())
    surface = keeping(before)
    await came(before, surface, message(surface, text))
    await before.clock.advance(SLOW_S / 2)
    await killed(before)
    assert await left(before) == ["e1"]
    bot = Bot(before=before)
    await bot.handle(message(surface, text), surface)
    await bot.clock.advance(5.0)
    assert len(surface.texts) == 1
    assert await left(bot) == []
    await shut(bot)


async def test_a_reaction_that_waits_is_still_given_after_a_kill() -> None:
    before = Bot(life=Life())
    surface = keeping(before)
    assert before.life is not None
    ref = MessageRef(surface.place.chat_id, "u0")
    before.chat.events.hold(surface, "e1")
    await before.journal.receive([Received("fake:1", "e1", "", b"", 0.0)])
    before.chat.notices.react(before.life.of(surface), ref, "reaction.sorry")
    before.chat.notices.react(before.life.of(surface), ref, "reaction.sorry", event_id="e1")
    before.chat.events.release(surface, "e1")
    await before.clock.advance(0.2)
    assert len(surface.reactions) == 1
    assert await left(before) == ["e1"]
    await before.clock.advance(0.2)
    assert len(surface.reactions) == 2
    assert await left(before) == []
    await killed(before)


async def test_what_was_done_is_not_done_again() -> None:
    """Its answer may be lost: a second `/new` would tear up the conversation that began after the first."""
    before = Bot(life=Life())
    surface = keeping(before)
    await came(before, surface, command(surface, "new"))
    await before.clock.advance(SLOW_S / 2)
    assert surface.texts == []
    await killed(before)
    assert await left(before) == []


async def test_a_notice_that_is_given_up_lets_its_event_go() -> None:
    bot = Bot()
    surface = keeping(bot)
    surface.failures.append("place_gone")
    await came(bot, surface, command(surface, "about"))
    await bot.clock.advance(SLOW_S / 2)
    assert await left(bot) == ["e1"]
    await bot.clock.advance(5.0)
    assert surface.texts == []
    assert await left(bot) == []
    await shut(bot)


async def test_a_stop_leaves_the_event_of_a_notice_that_was_not_shown() -> None:
    bot = Bot()
    surface = keeping(bot)
    await came(bot, surface, command(surface, "about"))
    await shut(bot)
    await bot.clock.advance(5.0)
    assert await left(bot) == ["e1"]


async def test_a_notice_does_not_tell_of_an_event_that_a_turn_has_taken() -> None:
    """Else the turn, which is kept later, would be taken for a duplicate of itself."""

    class Slow(MemoryJournal):
        async def begin(self, turn: object) -> bool:
            await bot.clock.sleep_until(bot.clock.monotonic() + 0.5)
            return await super().begin(turn)  # type: ignore[arg-type]

    bot = Bot()
    bot = Bot(journal=Slow(bot.journal_state, clock=bot.clock), fake_clock=bot.clock)
    surface = FakeSurface(bot.clock, kind=PlaceKind.PRIVATE)
    surface.capabilities = replace(surface.capabilities, keeps_events=True)
    incoming = replace(message(surface, "what is this?"), has_attachments=True)
    await came(bot, surface, incoming)
    await bot.clock.advance(1.0)
    stream = await bot.model.opened()
    stream.finish("A picture.")
    await bot.clock.advance(5.0)
    assert surface.texts == [say("attachment"), "A picture."]
    await shut(bot)
