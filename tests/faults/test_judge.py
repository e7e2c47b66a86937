"""The judge of the matrix can fail: what it is shown is broken in each way that it is to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.streaming.operations import OperationKind
from tests.fakes.model_faults import Kind, at_delta
from tests.faults.cases import Case, Fault, On, Platform
from tests.faults.judge import broken
from tests.faults.play import Evidence, played


def _text(seen: Evidence, number: int, text: str) -> Evidence:
    message = list(seen.post.messages.values())[number]
    message.content = replace(message.content, body=replace(message.content.body, text=text))
    return seen


def _last(seen: Evidence) -> str:
    return str(seen.post.texts[-1])


def _twice(seen: Evidence) -> Evidence:
    """A second message that shows the same."""
    first = next(iter(seen.post.messages.values()))
    seen.post.messages["again"] = replace(first, id="again")
    return seen


def _taken_back(seen: Evidence) -> Evidence:
    seen.post.history.append((seen.post.history[0][0], "Há"))
    return seen


def _asked_where_gone(seen: Evidence) -> Evidence:
    seen.post.world.gone_at = 0.0
    seen.post.world.asked.append((1.0, OperationKind.EDIT, ""))
    return seen


WAYS: dict[str, Callable[[Evidence], Evidence]] = {
    "a word is missing": lambda seen: _text(seen, -1, _last(seen)[:-4]),
    "a mark is too many": lambda seen: _text(seen, -1, f"{_last(seen)}\n\n*■ stopped*\n\n*■ stopped*"),
    "a page stands twice": _twice,
    "text is taken back": _taken_back,
    "asked where the place is gone": _asked_where_gone,
    "it has no end": lambda seen: replace(seen, over=False),
    "the stream is open": lambda seen: replace(seen, open_streams=1),
    "answered again": lambda seen: replace(seen, said_again=1),
    "operations after the end": lambda seen: replace(seen, asked_again=1),
    "nothing is kept": lambda seen: replace(seen, path=()),
    "something else is kept": lambda seen: replace(
        seen, path=(*seen.path[:-1], replace(seen.path[-1], text="Nonsense."))
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("on", [On.CHANNEL, On.CHAT])
def test_what_is_broken_is_seen(on: On, way: Callable[[Evidence], Evidence]) -> None:
    seen = played(Case(on, ()))
    assert broken(seen) is None
    assert broken(way(seen)) is not None


def test_a_copy_is_allowed_where_nobody_could_know_and_nowhere_else() -> None:
    fault = Fault(Platform.UNKNOWN_TAKEN, at_delta(0))
    doubled = played(Case(On.CHAT, (fault,)))
    assert broken(doubled) is None
    assert doubled.unknown_sends == 1
    assert broken(replace(doubled, unknown_sends=0)) is not None


def test_a_mark_is_needed_where_the_text_is_not_whole() -> None:
    seen = played(Case(On.CHANNEL, (Fault(Kind.RESET, at_delta(5), 6),)))
    assert broken(seen) is None
    assert broken(_text(seen, -1, _last(seen).split("\n\n*")[0])) is not None
