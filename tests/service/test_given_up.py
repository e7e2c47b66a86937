"""A platform that takes no more of an answer: what stands there is marked, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.catalogue import say
from core.messages import PlaceKind
from core.streaming.operations import MessageContent, OperationKind, Outcome, Unknown
from tests.fakes.surface import FakeSurface
from tests.service.conftest import Bot

SENTENCE = "A sentence of the tale. "


class Doubtful(FakeSurface):
    """Of the second message nobody hears anything, twice; it has no nonces. `taken`: whether it came."""

    taken = False
    _sends = 0

    def _take(
        self, kind: OperationKind, message_id: str | None, content: MessageContent, *rest: object
    ) -> Outcome:
        self._sends += kind is OperationKind.SEND
        in_doubt = kind is OperationKind.SEND and self._sends in {2, 3}
        if not in_doubt or self.taken:
            outcome = super()._take(kind, message_id, content, *rest)  # type: ignore[arg-type]
        return Unknown("time-out") if in_doubt else outcome


@pytest.mark.parametrize("taken", [True, False], ids=["both came", "neither came"])
async def test_an_answer_that_is_given_up_in_its_midst_has_one_mark_at_its_end(bot: Bot, taken: bool) -> None:
    surface = Doubtful(bot.clock, kind=PlaceKind.PRIVATE, page_units=200)
    surface.taken = taken
    surface.capabilities = replace(surface.capabilities, nonces=False)
    stream = await bot.asked(surface, "a tale?")
    stream.say(SENTENCE * 30)
    stream.finish()
    await bot.clock.advance(60.0)
    mark = f"*{say('ending.broken')}*"
    assert surface.texts[-1] == mark
    assert sum(mark in text for text in surface.texts) == 1
    assert len(surface.texts) == (4 if taken else 2)
    assert (SENTENCE * 30).startswith(surface.texts[0])
