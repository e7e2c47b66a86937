"""A step that the journal would not take, or that was let go of: what follows is not put in its place."""

from __future__ import annotations

from collections.abc import Sequence

from core.adapters.memory_journal import MemoryJournal
from core.catalogue import say
from core.messages import PlaceKind
from core.ports.journal import Step
from core.ports.store import StoreError
from core.service.steps import AnyStep, Going, Stands, encoded, known
from tests.fakes.mortal import Life
from tests.service.conftest import Bot
from tests.service.test_recovery import killed, started


class Refusing(MemoryJournal):
    """Takes no step that says `second`, and works otherwise."""

    refused = 0

    async def write(self, steps: Sequence[Step]) -> frozenset[str]:
        if any(b"second" in step.body for step in steps):
            self.refused += 1
            raise StoreError("one row is refused")
        return await super().write(steps)


async def test_after_a_kill_what_stands_is_a_beginning_of_what_the_model_said() -> None:
    first = Bot()
    journal = Refusing(first.journal_state, clock=first.clock)
    bot = Bot(before=first, journal=journal, life=Life())
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    stream = await bot.asked(surface, "a tale?")
    said = ""
    for words in ("The first sentence. ", "The second sentence. ", "The third sentence. "):
        said += words
        stream.say(words)
        await bot.clock.advance(5.0)
    assert journal.refused
    await killed(bot)
    bot = await started(bot, surface)
    await bot.clock.advance(5.0)
    [text] = surface.texts
    kept, mark = text.split("\n\n")
    assert mark == f"*{say('ending.interrupted')}*"
    assert said.startswith(kept)
    await killed(bot)


def test_a_step_that_is_missing_ends_what_is_known() -> None:
    steps: list[AnyStep] = [
        Going(0, "one ", 0, 4, at=0),
        Stands(0, "m1"),
        Going(0, "two ", 0, 8, message_id="m1", at=4),
        Going(1, "three ", 8, 14, at=8),
        Stands(1, "m2"),
        Going(1, "four", 8, 18, message_id="m2", at=14),
    ]
    whole = known([encoded(step) for step in steps])
    assert (whole.text, [(page.start, page.end) for page in whole.standing]) == (
        "one two three four",
        [(0, 8), (8, 18)],
    )
    for missing in range(len(steps)):
        left = known([encoded(step) for number, step in enumerate(steps) if number != missing])
        assert whole.text.startswith(left.text)
        assert all(page.end <= len(left.text) for page in left.standing)
        assert [page.start for page in left.standing] == [0, 8][: len(left.standing)]
