"""A platform that takes no more of an answer: what stands there is marked, once."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import pytest

from core.adapters.memory_journal import MemoryJournal
from core.catalogue import say
from core.messages import MessageRef, PlaceKind
from core.ports.completions import ModelError, ModelErrorKind, ReasoningDelta
from core.streaming.operations import MessageContent, NotSent, NotSentReason, OperationKind, Outcome
from core.streaming.outcomes import TRIES
from tests.fakes.surface import INTERACTION_LIMITS, FakeSurface
from tests.service.conftest import Bot, failed, shut
from tests.service.scripted_model import Stream
from tests.service.test_recovery import first, killed, started
from tests.service.test_shutdown import stopping

SENTENCE = "A sentence of the tale. "
TOLD = (SENTENCE * 3).strip()
MARK = f"*{say('ending.broken')}*"
REFUSED = failed("unauthorized")
TAKEN, LOST = "unknown_taken", "unknown_not_taken"
DOUBTS = [(LOST, LOST), (TAKEN, LOST), (LOST, TAKEN), (TAKEN, TAKEN)]
each_doubt = pytest.mark.parametrize("doubt", DOUBTS, ids=" ".join)


def without_nonces(bot: Bot, *failures: str, page_units: int = 200) -> FakeSurface:
    """As a chat on Telegram. `failures`: what becomes of its next calls."""
    surface = FakeSurface(bot.clock, kind=PlaceKind.PRIVATE, page_units=page_units)
    surface.capabilities = replace(surface.capabilities, nonces=False)
    surface.failures.extend(failures)
    return surface


async def begun(bot: Bot, surface: FakeSurface) -> Stream:
    """Of whose answer the first send has just gone."""
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 3)
    await bot.clock.advance(0.1)
    return stream


def refuse(stream: Stream) -> None:
    stream.emit(ModelError(ModelErrorKind.UNAUTHORIZED, "no"))


@each_doubt
async def test_an_answer_that_is_given_up_in_its_midst_has_one_mark_at_its_end(
    bot: Bot, doubt: tuple[str, str]
) -> None:
    surface = without_nonces(bot, "", *doubt)
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 30)
    stream.finish()
    await bot.clock.advance(60.0)
    assert surface.texts[-1] == MARK
    assert sum(MARK in text for text in surface.texts) == 1
    assert len(surface.texts) == 2 + doubt.count(TAKEN)
    assert (SENTENCE * 30).startswith(surface.texts[0])


@each_doubt
async def test_an_answer_whose_first_message_is_in_doubt_has_its_mark_below(
    bot: Bot, doubt: tuple[str, str]
) -> None:
    surface = without_nonces(bot, *doubt)
    await begun(bot, surface)
    await bot.clock.advance(60.0)
    assert surface.texts == [TOLD] * doubt.count(TAKEN) + [MARK]


@each_doubt
async def test_what_may_stand_there_without_its_end_is_said_again_without_it(
    bot: Bot, doubt: tuple[str, str]
) -> None:
    """Else nobody could tell whether the one with the mark stands there, nor whether it wants another."""
    surface = without_nonces(bot, *doubt)
    refuse(await begun(bot, surface))
    await bot.clock.advance(60.0)
    assert surface.texts == [TOLD] * doubt.count(TAKEN) + [MARK]
    assert surface.reactions == []


async def test_once_it_is_known_where_it_stands_the_end_follows(bot: Bot) -> None:
    surface = without_nonces(bot, LOST)
    refuse(await begun(bot, surface))
    await bot.clock.advance(60.0)
    assert surface.texts == [f"{TOLD}\n\n{REFUSED}"]


async def test_what_is_said_again_is_as_fresh_as_can_be(bot: Bot) -> None:
    surface = without_nonces(bot, LOST, "", "rate_limited_long", page_units=2_000)
    stream = await begun(bot, surface)
    stream.finish(SENTENCE * 8)
    await bot.clock.advance(10.0)
    assert surface.texts == [(SENTENCE * 11).strip()]


async def test_what_may_stand_there_with_its_end_gets_no_second_one(bot: Bot) -> None:
    """A reaction says that it may not: it cannot stand there twice."""
    surface = without_nonces(bot, TAKEN, LOST)
    refuse(await bot.asked(surface, "a tale?"))
    await bot.clock.advance(60.0)
    assert surface.texts == [REFUSED]
    assert [emoji for _, emoji in surface.reactions] == [say("reaction.sorry", None)]


async def test_nor_does_it_where_the_platform_takes_nothing_for_minutes_after_it(bot: Bot) -> None:
    surface = without_nonces(bot, TAKEN, *["unavailable"] * TRIES)
    refuse(await bot.asked(surface, "a tale?"))
    await bot.clock.advance(600.0)
    assert surface.texts == [REFUSED]
    assert [emoji for _, emoji in surface.reactions] == [say("reaction.sorry", None)]


async def test_the_same_where_no_message_asked_for_it_says_nothing(bot: Bot) -> None:
    """A command has none to react to, and a mark below might stand beside the answer's own."""
    surface = without_nonces(bot, TAKEN, LOST)
    await bot.command(surface, "ask", {"prompt": "a tale?"})
    refuse(await bot.model.opened())
    await bot.clock.advance(60.0)
    assert surface.texts == [REFUSED]
    assert surface.reactions == []


async def test_a_mark_of_which_nobody_hears_has_a_reaction_beside_it(bot: Bot) -> None:
    surface = without_nonces(bot, TAKEN, LOST, LOST, LOST)
    await begun(bot, surface)
    await bot.clock.advance(60.0)
    assert surface.texts == [TOLD]
    assert [emoji for _, emoji in surface.reactions] == [say("reaction.sorry", None)]


async def test_what_stands_where_the_rest_is_refused_for_good_is_marked(bot: Bot) -> None:
    surface = without_nonces(bot)
    stream = await begun(bot, surface)
    surface.failures.extend(["rejected"] * 2)
    stream.finish(SENTENCE)
    await bot.clock.advance(60.0)
    assert surface.texts == [TOLD, MARK]


async def test_what_may_never_be_edited_has_no_stop(bot: Bot) -> None:
    """Nobody could take the button away again."""
    surface = without_nonces(bot)
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 4)
    await bot.clock.advance(3.0)
    assert [one.label for one in surface.messages["m1"].content.buttons] == [say("button.stop")]
    surface.failures.extend(["", TAKEN, LOST])  # the first page's end, and the next page
    stream.say(SENTENCE * 8)
    await bot.clock.advance(60.0)
    assert surface.texts[-1] == MARK
    assert len(surface.texts) == 3
    assert not any(message.content.buttons for message in surface.messages.values())


async def ended(before: Bot, surface: FakeSurface, how: str, *failures: str) -> None:
    """The process is killed, or stopped and has no time; then the next one. `failures`: of its calls."""
    if how == "stopped":
        stopped = stopping(before)
        await before.clock.advance(10.0)
        await stopped
    await killed(before)
    surface.failures.clear()
    surface.failures.extend(failures)
    bot = await started(before, surface)
    await bot.clock.advance(300.0)


each_end = pytest.mark.parametrize("how", ["killed", "stopped"])


@each_doubt
@each_end
@pytest.mark.parametrize("mark", ["not sent yet", "rate_limited_long", "unavailable", TAKEN])
async def test_a_mark_outlives_the_process(doubt: tuple[str, str], how: str, mark: str) -> None:
    """The next one says the text no third time. Of a mark that was sent it knows nothing."""
    before = first()
    surface = without_nonces(before, *doubt, *[mark] * 5)
    refuse(await begun(before, surface))
    while len(surface.calls) < 2 + (mark != "not sent yet"):
        await before.clock.advance(0.01)
    await ended(before, surface, how)
    assert surface.texts[: doubt.count(TAKEN)] == [TOLD] * doubt.count(TAKEN)
    marks = surface.texts[doubt.count(TAKEN) :]
    assert marks == [MARK] or (mark == TAKEN and {*marks} == {MARK} and len(marks) <= 3)


@each_doubt
@each_end
async def test_two_processes_send_it_no_more_often_than_one(doubt: tuple[str, str], how: str) -> None:
    before = first()
    surface = without_nonces(before, doubt[0], *["unavailable"] * 20)
    await begun(before, surface)
    await ended(before, surface, how, doubt[1])
    assert surface.texts == [TOLD] * doubt.count(TAKEN) + [MARK]


@each_end
async def test_what_is_known_to_stand_is_edited_by_the_next_process_to_all_that_was_said(how: str) -> None:
    """Though an edit of it was taken unheard, refused twice, and the mark below it had to wait."""
    before = first()
    surface = without_nonces(before, page_units=2_000)
    stream = await begun(before, surface)
    surface.failures.extend([TAKEN, "rejected", "rejected", *["rate_limited_long"] * 5])
    stream.say(SENTENCE * 4)
    await before.clock.advance(1.0)
    refuse(stream)
    await before.clock.advance(5.0)
    await ended(before, surface, how)
    assert surface.texts == [f"{(SENTENCE * 7).strip()}\n\n{REFUSED}"]


async def test_what_the_first_way_refuses_goes_the_second(bot: Bot) -> None:
    channel = FakeSurface(bot.clock)
    surface = FakeSurface(bot.clock, alternate=channel, limits=INTERACTION_LIMITS, ends_after_s=900.0)
    surface.failures.extend(["rejected", "rejected"])
    (await bot.asked(surface, "a tale?")).finish(SENTENCE * 3)
    await bot.clock.advance(60.0)
    assert channel.texts == [TOLD]


class InPlace(FakeSurface):
    """A slash command's first message: sent again, it is edited."""

    def _take(
        self, kind: OperationKind, message_id: str | None, content: MessageContent, *rest: object
    ) -> Outcome:
        message_id = message_id or next(iter(self.messages), None)
        return super()._take(kind, message_id, content, *rest)  # type: ignore[arg-type]


async def test_a_mark_that_goes_in_place_of_what_stands_keeps_it(bot: Bot) -> None:
    surface = InPlace(bot.clock, limits=INTERACTION_LIMITS, ends_after_s=900.0)
    surface.capabilities = replace(surface.capabilities, nonces=False, first_in_place=True)
    surface.failures.extend([TAKEN, *["unavailable"] * TRIES])
    await begun(bot, surface)
    await bot.clock.advance(300.0)
    assert surface.texts == [f"{TOLD}\n\n{MARK}"]


async def test_the_model_s_thoughts_are_not_said_again_above_a_mark(bot: Bot) -> None:
    surface = without_nonces(bot, TAKEN, LOST)
    await bot.chat.choices.choose("person:fake:1", "reasoning", "on")
    stream = await bot.asked(surface, "a tale?")
    stream.emit(ReasoningDelta("Which one?"))
    stream.say(SENTENCE * 3)
    await bot.clock.advance(60.0)
    assert surface.texts == [f"({say('reasoning', text='Which one?')})\n{TOLD}", MARK]


async def test_what_is_cut_with_a_mark_has_no_reaction(bot: Bot) -> None:
    surface = FakeSurface(bot.clock, page_units=300, messages_left=2, max_file_bytes=0)
    (await bot.asked(surface, "a tale?")).finish(SENTENCE * 60)
    await bot.clock.advance(60.0)
    assert surface.texts[-1].endswith(f"*{say('ending.messages')}*")
    assert surface.reactions == []


class UserInstalled(FakeSurface):
    """A slash command's answer where the bot is not: so many messages, and the next one is refused."""

    def _refusal(self, kind: OperationKind) -> Outcome | None:
        if kind is OperationKind.SEND and len(self.messages) >= 6:
            return NotSent(NotSentReason.FULL)
        return super()._refusal(kind)


@pytest.mark.parametrize("doubt", [TAKEN, LOST])
@pytest.mark.parametrize("before", range(1, 6))
async def test_a_message_that_may_have_been_sent_is_one_of_those_that_may_be(
    bot: Bot, before: int, doubt: str
) -> None:
    surface = UserInstalled(
        bot.clock, page_units=300, messages_left=6, limits=INTERACTION_LIMITS, ends_after_s=900.0
    )
    surface.capabilities = replace(surface.capabilities, nonces=False, first_in_place=True)
    surface.failures.extend([*[""] * before, doubt])
    stream = await bot.asked(surface, "a tale?")
    stream.finish(SENTENCE * 200)
    await bot.clock.advance(200.0)
    [rest] = [page.data.decode() for page in surface.pages if not isinstance(page, str)]
    assert rest.count(SENTENCE.strip()) + "".join(surface.texts).count(SENTENCE.strip()) >= 200
    assert rest.rstrip().endswith(SENTENCE.strip())


class TakenOver(FakeSurface):
    """While its second send in doubt is on its way, another process takes the turn over."""

    other: MemoryJournal
    orphans = 0

    async def send(self, content: MessageContent, reply_to: MessageRef | None) -> Outcome:
        doubts = len(self.failures)
        outcome = await super().send(content, reply_to)
        if (doubts, len(self.failures)) == (1, 0):
            self.orphans += len(await self.other.take_over(["fake:1"]))
        return outcome


@each_doubt
async def test_a_mark_that_waits_is_not_sent_where_another_process_took_over(doubt: tuple[str, str]) -> None:
    before = Bot()
    state, clock = before.journal_state, before.clock
    bot = Bot(before=before, journal=MemoryJournal(state, clock=clock, alone=False))
    surface = without_nonces(bot, *doubt, "rate_limited")
    await begun(bot, surface)
    while len(surface.calls) < 3:
        await clock.advance(0.01)
    state.leases.clear()
    assert await MemoryJournal(state, clock=clock, alone=False).take_over(["fake:1"])
    await clock.advance(60.0)
    assert surface.texts == [TOLD] * doubt.count(TAKEN)
    await shut(bot)


@pytest.mark.parametrize("leased", [True, False])
async def test_what_another_process_took_over_is_its_to_mark(leased: bool) -> None:
    before = Bot()
    state, clock = before.journal_state, before.clock
    bot = Bot(before=before, journal=MemoryJournal(state, clock=clock, alone=False))
    surface = TakenOver(bot.clock, kind=PlaceKind.PRIVATE, page_units=200)
    surface.capabilities = replace(surface.capabilities, nonces=False)
    surface.failures.extend(["", LOST, LOST])
    surface.other = MemoryJournal(state, clock=clock, alone=False)
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 30)
    if not leased:
        state.leases.clear()  # it had stood still
    stream.finish()
    await clock.advance(60.0)
    assert (surface.orphans, surface.texts.count(MARK)) == ((0, 1) if leased else (1, 0))
    await shut(bot)


def _as_promised(surface: FakeSurface, taken: int, whole: tuple[str, str]) -> bool:
    """What stands there, but for so many copies, is `whole`, or a beginning of its text with one mark below;
    or nothing, which a reaction says."""
    shown = [
        ("", MARK)
        if text == MARK
        else (text.removesuffix(f"\n\n{REFUSED}"), REFUSED * text.endswith(REFUSED))
        for text in surface.texts
    ]
    if not shown:
        return bool(surface.reactions)
    for copies in range(min(taken, len(shown) - 1) + 1):
        for left in combinations(shown, len(shown) - copies):
            *above, last = left
            beginning = all(whole[0].startswith(text) and not mark for text, mark in above)
            if left == (whole,) or (last == ("", MARK) and beginning and len(above) <= 1):
                return True
    return False


@pytest.mark.parametrize("ending", ["complete", "failed"])
async def test_whatever_becomes_of_the_first_four_calls(ending: str) -> None:
    for script in product(["", TAKEN, LOST, "rate_limited"], repeat=4):
        bot = Bot()
        surface = without_nonces(bot, *script, page_units=2_000)
        stream = await begun(bot, surface)
        stream.say(SENTENCE * 2)
        if ending == "complete":
            stream.finish()
        else:
            refuse(stream)
        await bot.clock.advance(120.0)
        whole = ((SENTENCE * 5).strip(), "" if ending == "complete" else REFUSED)
        if {*script} <= {TAKEN, LOST}:  # the mark as well
            assert surface.reactions, script
        else:
            assert _as_promised(surface, script.count(TAKEN), whole), (script, surface.texts)
        await shut(bot)
