"""A platform that takes no more of an answer: what stands there is marked, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.adapters.memory_journal import MemoryJournal
from core.catalogue import say
from core.messages import MessageRef, PlaceKind
from core.ports.completions import ModelError, ModelErrorKind
from core.streaming.operations import MessageContent, OperationKind, Outcome, Unknown
from tests.fakes.surface import FakeSurface
from tests.service.conftest import Bot, failed, shut

SENTENCE = "A sentence of the tale. "


class Doubtful(FakeSurface):
    """Of the message after `known` nobody hears anything, `lost` times; it has no nonces. `taken`: so many of
    its sends came."""

    known = 1
    lost = 2
    taken = 0
    _sends = 0

    def _take(
        self, kind: OperationKind, message_id: str | None, content: MessageContent, *rest: object
    ) -> Outcome:
        self._sends += kind is OperationKind.SEND
        in_doubt = kind is OperationKind.SEND and self.known < self._sends <= self.known + self.lost
        if not in_doubt or self._sends <= self.known + self.taken:
            outcome = super()._take(kind, message_id, content, *rest)  # type: ignore[arg-type]
        return Unknown("time-out") if in_doubt else outcome


MARK = f"*{say('ending.broken')}*"


def doubtful(bot: Bot, *, known: int, taken: int) -> Doubtful:
    surface = Doubtful(bot.clock, kind=PlaceKind.PRIVATE, page_units=200)
    surface.known, surface.taken = known, taken
    surface.capabilities = replace(surface.capabilities, nonces=False)
    return surface


@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_an_answer_that_is_given_up_in_its_midst_has_one_mark_at_its_end(bot: Bot, taken: int) -> None:
    surface = doubtful(bot, known=1, taken=taken)
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 30)
    stream.finish()
    await bot.clock.advance(60.0)
    assert surface.texts[-1] == MARK
    assert sum(MARK in text for text in surface.texts) == 1
    assert len(surface.texts) == 2 + taken
    assert (SENTENCE * 30).startswith(surface.texts[0])


@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_an_answer_whose_first_message_is_in_doubt_has_its_mark_below(bot: Bot, taken: int) -> None:
    surface = doubtful(bot, known=0, taken=taken)
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 3)
    await bot.clock.advance(60.0)
    assert surface.texts == [(SENTENCE * 3).strip()] * taken + [MARK]


@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_what_may_stand_there_without_its_end_is_said_again_without_it(bot: Bot, taken: int) -> None:
    """Else nobody could tell whether the one with the mark stands there, nor whether it wants another."""
    surface = doubtful(bot, known=0, taken=taken)
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 3)
    await bot.clock.advance(0.1)
    stream.emit(ModelError(ModelErrorKind.UNAUTHORIZED, "no"))
    await bot.clock.advance(60.0)
    assert surface.texts == [(SENTENCE * 3).strip()] * taken + [MARK]
    assert surface.reactions == []


async def test_once_it_is_known_where_it_stands_the_end_follows(bot: Bot) -> None:
    surface = doubtful(bot, known=0, taken=0)
    surface.lost = 1
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 3)
    await bot.clock.advance(0.1)
    stream.emit(ModelError(ModelErrorKind.UNAUTHORIZED, "no"))
    await bot.clock.advance(60.0)
    assert surface.texts == [f"{(SENTENCE * 3).strip()}\n\n{failed('unauthorized')}"]


async def test_what_may_stand_there_with_its_end_gets_no_second_one(bot: Bot) -> None:
    """A reaction says that it may not: it cannot stand there twice."""
    surface = doubtful(bot, known=0, taken=1)
    stream = await bot.asked(surface, "a tale?")
    stream.emit(ModelError(ModelErrorKind.UNAUTHORIZED, "no"))
    await bot.clock.advance(60.0)
    assert surface.texts == [failed("unauthorized")]
    assert [emoji for _, emoji in surface.reactions] == [say("reaction.sorry", None)]


async def test_the_same_where_no_message_asked_for_it_says_nothing(bot: Bot) -> None:
    """A command has none to react to, and a mark below might stand beside the answer's own."""
    surface = doubtful(bot, known=0, taken=1)
    await bot.command(surface, "ask", {"prompt": "a tale?"})
    stream = await bot.model.opened()
    stream.emit(ModelError(ModelErrorKind.UNAUTHORIZED, "no"))
    await bot.clock.advance(60.0)
    assert surface.texts == [failed("unauthorized")]
    assert surface.reactions == []


async def test_what_may_never_be_edited_has_no_stop(bot: Bot) -> None:
    """Nobody could take the button away again."""
    surface = doubtful(bot, known=1, taken=1)
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 4)
    await bot.clock.advance(3.0)
    assert [one.label for one in surface.messages["m1"].content.buttons] == [say("button.stop")]
    stream.say(SENTENCE * 2)
    await bot.clock.advance(60.0)
    assert surface.texts[-1] == MARK
    assert not any(message.content.buttons for message in surface.messages.values())


class TakenOver(Doubtful):
    """While its second send in doubt is on its way, another process takes the turn over."""

    other: MemoryJournal
    orphans = 0

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        outcome = await super().send(content, reply_to)
        if self._sends == self.known + 2:
            self.orphans += len(await self.other.take_over(["fake:1"]))
        return outcome


@pytest.mark.parametrize("leased", [True, False])
async def test_what_another_process_took_over_is_its_to_mark(leased: bool) -> None:
    before = Bot()
    state, clock = before.journal_state, before.clock
    bot = Bot(before=before, journal=MemoryJournal(state, clock=clock, alone=False))
    surface = TakenOver(bot.clock, kind=PlaceKind.PRIVATE, page_units=200)
    surface.capabilities = replace(surface.capabilities, nonces=False)
    surface.other = MemoryJournal(state, clock=clock, alone=False)
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 30)
    if not leased:
        state.leases.clear()  # it had stood still
    stream.finish()
    await clock.advance(60.0)
    assert (surface.orphans, surface.texts.count(MARK)) == ((0, 1) if leased else (1, 0))
    await shut(bot)
