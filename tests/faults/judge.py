"""The one judge: whether what people see after a case, what was asked and what was kept, is as promised."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate, combinations
from typing import Any, Final

from core.ports.store import Role
from core.streaming.rendering import Renderer
from tests.fakes.model_faults import Kind
from tests.faults.cases import DELTAS, TEXT, On, Platform
from tests.faults.play import Evidence
from tests.promise import broken_promise

ENDS: Final = tuple(accumulate(map(len, DELTAS), initial=0))
_MARK: Final = re.compile(
    r"(?:\A|\n\n)(?P<sign>\*?)(?P<mark>[⚠■…(][^*]*)(?P=sign)\Z"
)  # Telegram has no signs
_WAYS: Final = {On.INTERACTION: 2}
_GIVEN_UP: Final = {Platform.UNKNOWN_TAKEN, Platform.UNKNOWN_NOT_TAKEN, Platform.REJECTED}
"""By two of these an answer is given up, and a mark below it, which the place takes, by two more."""


def broken(evidence: Evidence) -> str | None:
    """What of the promise is broken; None: nothing."""
    return next((wrong for check in _CHECKS if (wrong := check(evidence))), None)


def _over(seen: Evidence) -> str | None:
    if not seen.over:
        return "it never came to an end"
    if seen.left_open:
        return f"{len(seen.left_open)} turns are left open in the journal"
    if seen.unhandled:
        return "the event is not marked as handled"
    if seen.open_streams:
        return "the model's stream is left open"
    return None


def _once(seen: Evidence) -> str | None:
    if seen.said_again:
        return "the event came again and was answered again"
    if seen.asked_again:
        return f"{seen.asked_again} operations after the end"
    return None


def _no_more_where_all_is_gone(seen: Evidence) -> str | None:
    gone_at = seen.post.world.gone_at
    if gone_at is None:
        return None
    after = [one for one in seen.post.world.asked if one[0] > gone_at]
    if len(after) > seen.restarts + 2 * (_WAYS.get(seen.case.on, 1) - 1):
        return f"{len(after)} operations where the place was gone"
    return None


def _tiles(seen: Evidence) -> str | None:
    """With no more copies than are allowed."""
    if seen.unsafe:
        return None
    pages = [(text, _mark(text)) for text in seen.post.texts]
    lost = _lost(seen)
    if Platform.MESSAGE_GONE in lost:
        return None if _in_order([text for text, _ in pages]) else "what is left is out of order"
    if not pages:
        return None if lost else "nothing is visible"
    copies = 0 if seen.case.on is On.CHANNEL else seen.unknown_sends
    struck = [fault.kind for fault in seen.struck]
    if seen.processes > 1:  # which does not know what a message shows that takes no edit any more
        copies += sum(struck.count(kind) for kind in (Platform.FROZEN, Platform.MOVED))
    copies = min(copies, len(pages) - 1)
    if {Platform.FROZEN, Platform.UNKNOWN_TAKEN} <= set(struck):
        # Of an edit that nobody knows of, in a message that takes none any more, what is new stands twice.
        return None if all(_is_part(text) for text, _ in pages) else "what is visible was never said"
    said = any(fault.kind is Kind.TEXT_AFTER_FINISH for fault in seen.case.faults)  # it called this its end
    wrong = ""
    for dropped in range(copies + 1):
        for numbers in combinations(range(len(pages)), dropped):
            left = [page for number, page in enumerate(pages) if number not in numbers]
            ends = ENDS if said else (len(TEXT),)
            found = _tile(left, ends, seen)
            if found is None:
                return next(
                    (
                        f"a copy of nothing: {pages[one][0]!r}"
                        for one in numbers
                        if not _is_part(pages[one][0])
                    ),
                    None,
                )
            wrong = wrong or found
    return wrong


def _tile(pages: Sequence[tuple[str, str]], ends: Sequence[int], seen: Evidence) -> str | None:
    may_break = bool(_lost(seen))
    texts, marks = [text for text, _ in pages], [mark for _, mark in pages if mark]
    if len(marks) > 1 or (marks and not pages[-1][1]):
        return f"marks of an ending: {marks}"
    below = bool(marks) and len(texts) > 1 and not _words(texts[-1])  # the mark stands below what is visible
    may_break |= below and seen.processes > 1  # which may know no more than a full page
    part = below or not (marks or _needs_mark(seen))
    if may_break and part:  # the last one is a preview, in which what is open is closed
        return None if _words(TEXT).startswith("".join(map(_words, texts))) else f"no beginning: {texts}"
    until = ENDS if marks else ends
    renderer: Any = seen.renderer  # one that can be hashed, as any that has no equality of its own
    return _broken_promise(tuple(texts), renderer, marks[0] if marks else "", tuple(until))


@cache
def _broken_promise(
    texts: tuple[str, ...], renderer: Renderer, mark: str, until: tuple[int, ...]
) -> str | None:
    """Most cases end with the same pages as many another."""
    return broken_promise(TEXT, texts, renderer, mark=mark, until=until)


def _never_taken_back(seen: Evidence) -> str | None:
    shown: dict[str, str] = {}
    ended = ""
    for message, text in seen.post.history:
        words = _words(text)
        if not seen.unsafe and not words.startswith(shown.get(message, "")):
            return f"text was taken back: {text!r}"
        mark, anew = _mark(text), shown.get(message) != words
        shown[message] = words
        if not seen.unsafe and ended and (mark or anew) and mark != ended:
            return f"after the end ({ended}) came {text!r}"
        ended = ended or mark
    return None


def _kept(seen: Evidence) -> str | None:
    """In the store, as it is shown."""
    if seen.unsafe or seen.unkept or Platform.MESSAGE_GONE in _lost(seen):
        return None
    moved = any(fault.kind is Platform.MOVED for fault in seen.struck)
    if moved and seen.processes > 1:
        return None  # it is kept where it was asked
    answer = next((one for one in reversed(seen.path) if one.role is Role.ASSISTANT), None)
    visible = "".join(_words(text) for text in seen.post.texts)
    if answer is None:
        return "what is visible is not kept" if visible else None
    kept = _words(answer.text)
    if not _words(TEXT).startswith(kept):
        return f"what is kept was never said: {answer.text!r}"
    if len("".join(map(_words, seen.post.texts))) > len(kept) or _lost(seen):  # with a copy
        return None
    return None if kept == visible else f"kept is {answer.text!r}"


def _lost(seen: Evidence) -> set[Platform]:
    """Why not all can be shown, and without a mark."""
    struck = [fault.kind for fault in seen.struck]
    reasons = {Platform.PLACE_GONE, Platform.MESSAGE_GONE}
    if seen.case.on is On.ALONE:
        reasons.add(Platform.EXPIRED)
    found = {kind for kind in struck if isinstance(kind, Platform) and kind in reasons}
    unknown = [kind for kind in struck if kind in {Platform.UNKNOWN_TAKEN, Platform.UNKNOWN_NOT_TAKEN}]
    if len(unknown) > 1 and seen.case.on is not On.CHANNEL:
        found.add(Platform.UNKNOWN_TAKEN)
    if struck.count(Platform.REJECTED) > 1:
        found.add(Platform.REJECTED)
    return found


def _needs_mark(seen: Evidence) -> bool:
    """Where not all can be shown."""
    given_up = [fault for fault in seen.struck if fault.kind in _GIVEN_UP]
    return _lost(seen) <= _GIVEN_UP and len(given_up) < 4


def _mark(text: str) -> str:
    found = _MARK.search(text)
    return found["mark"] if found else ""


def _words(text: str) -> str:
    """Without a mark, formatting and white space."""
    return re.sub(r"[\s*`]", "", _MARK.sub("", text))


def _is_part(text: str) -> bool:
    return _words(text) in _words(TEXT)


def _in_order(texts: Sequence[str]) -> bool:
    rest = _words(TEXT)
    for text in texts:
        _, found, rest = rest.partition(_words(text))
        if not found and _words(text):
            return False
    return True


_CHECKS: Final[tuple[Callable[[Evidence], str | None], ...]] = (
    _over,
    _once,
    _no_more_where_all_is_gone,
    _tiles,
    _never_taken_back,
    _kept,
)
