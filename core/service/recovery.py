"""Going on with what another process left: at the start, and when a lease has expired.

The law: of an answer that was visible, what is known of it is shown whole, under the ending that it had or
the mark that it was interrupted; the model is not asked again. A turn of which nothing was ever visible is
done as if it had just been asked, unless it was about what others had said, which is not kept. What can be
shown nowhere any more is over.

A turn that kills each process that begins with it is not begun for ever: after five starts it is shown as
failed, below what is known of it, and where that kills, too, it is over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Protocol

from core.catalogue import say
from core.messages import Place
from core.ports.alerts import Alerts, Cause, LoggedAlerts
from core.ports.clock import Clock
from core.ports.journal import RENEW_S, STARTS, KeptTurn, Orphan
from core.ports.store import StoreError
from core.ports.surface import Surface
from core.service.languages import language_of
from core.service.records import Records
from core.service.steps import Ended, Known, TurnBody, known, parted, whole
from core.service.turn import Again, Turn
from core.streaming.answer import Answer, Ending

log = logging.getLogger(__name__)


class Reopen(Protocol):
    """See `core.ports.platform.Platform.reopen`."""

    def __call__(self, place: Place, address: str, *, in_doubt: bool = False) -> Surface | None: ...


def kept(turn: Turn, at: float) -> KeptTurn:
    """What the journal keeps of a turn before it begins."""
    question, again = turn.question, turn.again
    body = TurnBody(
        question.to_keep,
        turn.joined,
        turn.surface.address,
        turn.asked_id,
        about=bool(question.about),
        asked=again.asked if again else None,
        over=again.over if again else (),
        earlier=again.earlier if again else "",
        number=again.number if again else 0,
        variants=again.variants if again else 0,
    )
    account, asker = turn.surface.account, str(question.asker)
    own, others = parted(body)
    return KeptTurn(turn.id, account, question.event_ids, asker, own, at, others)


class Recovery:
    """`go_on`: puts a turn in line. `max_chars`: of an answer. `alerts`: who is told of what cannot go on."""

    def __init__(
        self,
        records: Records,
        clock: Clock,
        go_on: Callable[[Turn], object],
        *,
        max_chars: int,
        alerts: Alerts | None = None,
    ) -> None:
        self._alerts = alerts or LoggedAlerts()
        self._records = records
        self._clock = clock
        self._go_on = go_on
        self._max_chars = max_chars
        self._accounts: dict[str, Reopen] = {}
        self._unread: set[str] = set()  # accounts of which it is not known yet what was left

    async def begin(self, account: str, reopen: Reopen) -> None:
        """Go on with what was left on this account, and watch over it from now on."""
        self._accounts[account] = reopen
        self._records.keep_leases()
        await self._take_over([account])

    async def run(self) -> None:
        """Take over what others lose, and what could not be read at the start. Until cancelled."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + RENEW_S)
            alone = self._records.journal.alone
            if accounts := self._unread if alone else self._accounts.keys():
                await self._take_over(tuple(accounts))

    async def _take_over(self, accounts: Collection[str]) -> None:
        try:
            orphans = await self._records.journal.take_over(accounts)
        except StoreError as error:
            if not self._unread:
                log.error("what another process left cannot be read now, and soon again: %s", error)
            self._unread.update(accounts)
            return
        self._unread.difference_update(accounts)
        for orphan in orphans:
            try:
                turn = self._turn_of(orphan, self._accounts)
                if turn is not None:
                    place, length = turn.question.place, turn.answer.length
                    log.info("turn %s in %s goes on; %d characters are known", turn.id, place, length)
                    self._go_on(turn)
            except Exception:
                # One turn must not keep the others from going on, nor the bot from starting, each time anew.
                log.exception("turn %s cannot go on", orphan.turn.id)
                self._over(orphan.turn)

    def _turn_of(self, orphan: Orphan, accounts: Mapping[str, Reopen]) -> Turn | None:
        kept = orphan.turn
        try:
            body, so_far = whole(kept), known(orphan.steps)
        except ValueError:
            log.warning("turn %s cannot be read: another version has kept it", kept.id)
            self._alerts.raise_(Cause.UNREADABLE, about=kept.account, why=f"turn {kept.id}")
            self._over(kept)
            return None
        starts = 1 + so_far.tried
        if starts >= STARTS:
            log.warning("turn %s was begun %d times, and its process killed each time", kept.id, starts)
            self._alerts.raise_(Cause.GIVEN_UP, about=kept.account, why=f"turn {kept.id}")
        if starts > STARTS:  # to show that it has failed has killed a process, too
            self._over(kept)
            return None
        reopen = accounts[kept.account]
        surface = reopen(body.question.place, body.address, in_doubt=so_far.in_doubt)
        if surface is None:
            log.info("turn %s in %s can be shown nowhere any more", kept.id, body.question.place)
            self._over(kept)
            return None
        return self._turn(kept, body, so_far, surface)

    def _turn(self, kept: KeptTurn, body: TurnBody, so_far: Known, surface: Surface) -> Turn:
        locale = language_of(body.question.asker, body.question.place)
        if so_far.ended is None and 1 + so_far.tried >= STARTS:
            mark = say("ending.failed", locale, reason=say("model.unexpected", locale))
            so_far = replace(so_far, ended=Ended(Ending.FAILED, mark=mark))
        elif body.about and not so_far.is_shown:
            ended = Ended(Ending.INTERRUPTED, mark=say("ending.interrupted", locale))
            so_far = replace(so_far, ended=ended)
        answer = Answer(max_chars=self._max_chars)
        answer.append(so_far.text, self._clock.monotonic())
        again = None
        if body.asked is not None:
            again = Again(body.asked, body.over, body.earlier, body.number, body.variants)
        ids = (kept.id, body.asked_id)
        turn = Turn(body.question, body.joined, surface, answer, again, ids=ids, known=so_far)
        turn.restored = bool(body.earlier) and so_far.ended is not None and so_far.text == body.earlier
        return turn

    def _over(self, kept: KeptTurn) -> None:
        self._records.taken_over(kept.id, kept.asker, Answer(), 0).finish("failed")
