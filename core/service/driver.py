"""The driver: the one door through which answers are shown, whichever bot account (`account.py`) does it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from core.catalogue import say
from core.messages import MessageRef
from core.ports.clock import Clock
from core.ports.surface import Surface
from core.service.account import Account
from core.service.showing import Progress, Recorder, Showing
from core.streaming.answer import Answer, Ending
from core.streaming.files import Files, FileStatus
from core.streaming.operations import BucketKey, Button, OperationKind
from core.streaming.pages import MessageLimit
from core.streaming.reasoning import ShownReasoning
from core.streaming.view_settings import BARE, Draft, Foot, Standing, ViewSettings
from core.streaming.ways import Way

MAX_DRAFT_ID = 2**31 - 1
"""Telegram says no more of the number than that it is an integer and not zero."""


class Driver:
    """Shows answers on surfaces. One for the whole process."""

    def __init__(self, clock: Clock, *, on_progress: Callable[[Progress], None] | None = None) -> None:
        self._clock = clock
        self._on_progress = on_progress
        self._accounts: dict[str, Account] = {}
        self._nonces = 0

    def show(
        self,
        answer: Answer,
        surface: Surface,
        *,
        reply_to: MessageRef | None = None,
        stop: Button | None = None,
        private: bool = False,
        notice: bool = False,
        nonce: str = "",
        show_reasoning: bool = False,
        streaming: bool = True,
        locale: str | None = None,
        foot: Foot = BARE,
        over: tuple[str, ...] = (),
        typing: bool = True,
        keeps_text: bool = False,
        standing: tuple[Standing, ...] = (),
        recorder: Recorder | None = None,
    ) -> Showing:
        """Begin to show an answer, which may still grow: call `changed` after each change.

        `nonce`: opaque and unique, at most 20 characters; used where the platform has nonces.
        `private`: only where the surface has private answers. `show_reasoning`: only where it can.
        `streaming`: else nothing is shown but the typing sign before the answer has ended.
        `notice`: the bot speaks for itself, and `progress` is silent about it. `foot`: what hangs on its last
        message.
        `locale`: the reader's, for what stands beside the answer's text.
        `over`: our messages that stand there, in order. The answer takes their place, and what it does not
        need of them is deleted: all of them where it has no text. `typing`: whether it is announced by the
        typing sign, which only a new message ends. `keeps_text`: such an answer has one of them, which keeps
        its own text and gets the answer's buttons.
        `standing`: its pages that another process has shown. `recorder`: None: nothing is written down.
        """
        capabilities = surface.capabilities
        for account in self._accounts.values() if over else ():
            account.give_up_buttons(surface.place.chat_id, over)
        private = private and capabilities.private_answers
        second = None if private else surface.alternate
        ways = (surface,) if second is None else (surface, second)
        left = surface.messages_left
        above = capabilities.reasoning_above
        if surface.account not in self._accounts:
            self._accounts[surface.account] = Account(self._clock, surface, self._on_progress)
        settings = ViewSettings(
            renderer=capabilities.renderer,
            ways=(_way(surface),) if second is None else (_way(surface), _second_way(second)),
            stop=stop if capabilities.buttons else None,
            private=private,
            draft=_draft(None if private or over else capabilities.draft_lasts_s),
            typing_lasts_s=capabilities.typing_lasts_s if typing else None,
            paced=bool(capabilities.rate_limits),
            nonce=nonce if any(way.capabilities.nonces for way in ways) else "",
            reasoning=ShownReasoning(partial(_thought, locale), above) if show_reasoning and above else None,
            limit=None if left is None else MessageLimit(max(1, left), say("ending.messages", locale)),
            files=Files(capabilities.max_file_bytes, partial(_beside_file, locale))
            if capabilities.max_file_bytes
            else None,
            broken="" if notice else say("ending.broken", locale),
            foot=foot if capabilities.buttons else replace(foot, panel=()),
            whole=not streaming,
            over=over,
            keeps_text=keeps_text,
            standing=standing,
        )
        return self._accounts[surface.account].show(
            answer, ways, settings, reply_to, notice=notice, recorder=recorder
        )

    def delete(self, surface: Surface, message_ids: tuple[str, ...]) -> None:
        """Take messages away, as soon as the rate limits allow. What may not be deleted stays."""
        if message_ids:
            nothing = Answer()
            nothing.end(Ending.COMPLETE, self._clock.monotonic())
            self.show(nothing, surface, notice=True, over=message_ids)

    def put_buttons(
        self, surface: Surface, message_id: str, buttons: tuple[Button, ...], *, private: bool = False
    ) -> None:
        """Have these buttons and no others under a message of ours, as soon as the rate limits allow. What
        takes no edit any more stays as it is, and what an answer is about to take gets the answer's own.
        `private`: only one person sees it."""
        bare = Answer()
        bare.end(Ending.COMPLETE, self._clock.monotonic(), buttons=buttons)
        self.show(bare, surface, notice=True, private=private, over=(message_id,), keeps_text=True)

    async def buttons_settled(self, surface: Surface, message_ids: tuple[str, ...]) -> None:
        """Wait for the buttons that are on their way to these messages, which could overtake what comes next;
        give up all others."""
        for account in tuple(self._accounts.values()):
            for showing in account.give_up_buttons(surface.place.chat_id, message_ids):
                await showing.finished()

    def changed(self, answer: Answer) -> None:
        """`answer` grew or ended: look soon."""
        for account in self._accounts.values():
            account.changed(answer)

    def progress(self) -> list[Progress]:
        """Every answer that is on its way and visible in part; `on_progress` hears of each change."""
        return [progress for account in self._accounts.values() for progress in account.progress()]

    async def close(self, deadline: float) -> int:
        """Go on until all is shown or the clock reaches `deadline`; says how many answers were not."""
        drained = asyncio.gather(*(account.drained() for account in self._accounts.values()))

        def give_up() -> None:
            drained.cancel()

        timer = self._clock.call_at(deadline, give_up)
        await asyncio.gather(drained, return_exceptions=True)
        timer.cancel()
        left = sum(len(account.showings) for account in self._accounts.values())
        for account in self._accounts.values():
            await account.close()
        return left


def _way(surface: Surface) -> Way:
    able = surface.capabilities
    return Way(lambda kind, page: surface.buckets(kind), able.nonces, able.first_in_place)


def _second_way(surface: Surface) -> Way:
    """It says nothing of an answer that is on its way elsewhere."""

    def buckets(kind: OperationKind, page: int) -> tuple[BucketKey, ...] | None:
        return None if kind is OperationKind.TYPING else surface.buckets(kind)

    return Way(buckets, surface.capabilities.nonces)


def _draft(lasts_s: float | None) -> Draft | None:
    """The id is random, so that two answers at a time have each their own, also across a restart."""
    return None if lasts_s is None else Draft(secrets.randbelow(MAX_DRAFT_ID) + 1, lasts_s)


def _thought(locale: str | None, text: str) -> str:
    return say("reasoning", locale, text=text)


def _beside_file(locale: str | None, status: FileStatus) -> str:
    return say(f"file.{status.kind}.{'whole' if status.complete else 'grows'}", locale, lines=status.lines)
