"""An answer goes on where another process was: no page that was left changes, nothing shown is taken back."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from core.streaming.answer import Answer, Ending
from core.streaming.meters import NEVER, RateLimit
from core.streaming.operations import BucketKey, Delivered, MessageContent, OperationKind
from core.streaming.scheduler import EditScheduler, Operation
from core.streaming.view_settings import Standing, ViewSettings
from core.streaming.ways import Way
from tests.fakes.surface import FakeRenderer
from tests.promise import broken_promise

KEY = BucketKey("all")
RENDERER = FakeRenderer(200)
TEXT = "\n\n".join(
    (
        "One sentence of some length stands here. " * 4,
        "```python\n" + "\n".join(f"value_{n} = {n}" for n in range(30)) + "\n```",
        "- a list\n- of **things**\n- and more",
        "And a last paragraph, which ends the whole. " * 5,
    )
)


def settings(standing: tuple[Standing, ...] = (), *, nonce: str = "n") -> ViewSettings:
    ways = (Way(lambda kind, page: (KEY,), nonces=bool(nonce)),)
    return ViewSettings(RENDERER, ways, standing=standing, nonce=nonce)


class Screen:
    """What stands on a platform that takes everything; a send with a nonce once."""

    def __init__(self) -> None:
        self.messages: dict[str, MessageContent] = {}
        self._nonces: dict[str, str] = {}

    def perform(self, operation: Operation) -> str:
        assert operation.content is not None
        if operation.kind is OperationKind.SEND:
            nonce = operation.content.nonce
            if nonce in self._nonces:
                return self._nonces[nonce]
            message_id = self._nonces[nonce] = f"m{len(self.messages)}"
        else:
            assert operation.message_id is not None
            message_id = operation.message_id
        self.messages[message_id] = operation.content
        return message_id


def run_until_killed(screen: Screen, chance: random.Random, kill_after: int) -> tuple[list[Standing], int]:
    """What a journal would know after so many operations, the last of which may have been taken or not, and
    how much of the text there was."""
    scheduler, answer = EditScheduler({"all": (RateLimit(1_000, 1.0),)}), Answer()
    scheduler.show(answer, settings(), 0.0)
    known: list[Standing] = []
    now, at = 0.0, 0
    while True:
        now += 0.5
        if at < len(TEXT):
            at = min(len(TEXT), at + chance.randint(1, 60))
            answer.append(TEXT[answer.length : at], now)
        elif not answer.ended:
            answer.end(Ending.COMPLETE, now)
        scheduler.changed(answer)
        for operation in scheduler.operations_to_perform(now):
            if operation.stands is None:
                continue
            if operation.page == len(known):
                known.append(operation.stands)
            else:
                known[operation.page] = replace(operation.stands, message_id=known[operation.page].message_id)
            kill_after -= 1
            if kill_after or chance.random() < 0.5:
                message_id = screen.perform(operation)
            if not kill_after:
                return known, answer.length
            known[operation.page] = replace(known[operation.page], message_id=message_id)
            scheduler.performed(operation, Delivered(message_id), now)
        if not scheduler.take_over() and scheduler.next_deadline() == NEVER and answer.ended:
            return known, answer.length


@pytest.mark.parametrize("seed", range(60))
def test_it_goes_on_from_any_point(seed: int) -> None:
    chance = random.Random(seed)
    screen = Screen()
    known, length = run_until_killed(screen, chance, chance.randint(1, 40))
    left = {page.message_id: screen.messages[page.message_id] for page in known[:-1] if page.message_id}
    scheduler, answer = EditScheduler({"all": (RateLimit(1_000, 1.0),)}), Answer()
    answer.append(TEXT[:length], 0.0)
    answer.end(Ending.INTERRUPTED, 0.0, mark="interrupted")
    view = scheduler.view(scheduler.show(answer, settings(tuple(known)), 0.0))
    now = 0.0
    while not view.over:
        now += 0.5
        assert now < 100.0
        for operation in scheduler.operations_to_perform(now):
            assert operation.message_id not in left, "a page that was left is edited"
            scheduler.performed(operation, Delivered(screen.perform(operation)), now)
    assert {message_id: screen.messages[message_id] for message_id in left} == left
    assert view.messages == list(screen.messages)
    pages = [content.body.text for content in screen.messages.values()]
    assert broken_promise(TEXT[:length], pages, RENDERER, mark="interrupted") is None
