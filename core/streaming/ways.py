"""The ways to one view's messages. Most have one; an answer to a slash command may have two, each with rate
limits of its own.

The law:
1. An operation goes the open way on which it can go first.
2. The first message goes the first way that is open, since that is the question's own. A later one goes a
   way with nonces where one is open: exactly once comes before sooner.
3. While it is not known what became of a send, it is tried again on the same way and no other: only there
   can a nonce, or the platform, tell the second try from a second message.
4. A way edits what it has sent, and what was sent by the ways that stand before it.
5. A way that refuses for good is closed: to sends, where it may still edit; else altogether. What a closed
   way leaves unknown is tried on the next, which may double a message and loses none. When no way is left
   for what a view wants, the view is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from core.streaming.operations import BucketKey, OperationKind

BucketsOf: TypeAlias = Callable[[OperationKind, int], tuple[BucketKey, ...] | None]
"""Which buckets an operation on an answer's page draws from; None: it cannot go this way (any more)."""
Open: TypeAlias = list[tuple[int, tuple[BucketKey, ...]]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way: what it draws from, whether a send that repeats a nonce is taken once there, and whether a
    first message that is sent again takes its own place."""

    buckets: BucketsOf
    nonces: bool = False
    first_in_place: bool = False


class Ways:
    """Which ways are open to a view, and which of them may carry what it wants."""

    def __init__(self, ways: tuple[Way, ...]) -> None:
        self._ways = ways
        self._closed: set[tuple[int, OperationKind]] = set()
        self._sent_by = 0  # the way that the current message went
        self._unknown_on: int | None = None  # the way of a send that may stand there or not

    def open(self, kind: OperationKind, page: int) -> Open:
        """Each way that may carry this now, with the buckets that it draws from."""
        found = self._found(kind, page)
        if kind is OperationKind.SEND and len(found) > 1:
            same = [one for one in found if one[0] == self._unknown_on]
            exact = [one for one in found if self.is_exact(one[0], page)]
            return same or (exact if page else found[:1]) or found
        return found

    def _found(self, kind: OperationKind, page: int) -> Open:
        found: Open = []
        for index, way in enumerate(self._ways):
            if (index, kind) in self._closed or (kind is OperationKind.EDIT and index < self._sent_by):
                continue
            if (keys := way.buckets(kind, page)) is not None:
                found.append((index, keys))
        return found

    def another(self, way: int, kind: OperationKind, page: int) -> bool:
        """Whether a further one may carry this, should this way be closed."""
        return any(index != way for index, _ in self._found(kind, page))

    def is_exact(self, way: int, page: int) -> bool:
        """Whether this page stands there once, however often it is sent."""
        return self._ways[way].nonces or (not page and self._ways[way].first_in_place)

    def close(self, way: int, kind: OperationKind) -> None:
        """It refused an operation of this kind for good."""
        kinds = (kind,) if kind is OperationKind.SEND else OperationKind
        self._closed.update((way, closed) for closed in kinds)

    def end(self, way: int) -> None:
        """It has ended altogether."""
        self._closed.update((way, kind) for kind in OperationKind)

    def sent(self, way: int, *, known: bool) -> None:
        """A send went this way, and it is known or not whether it stands there."""
        if known:
            self._sent_by, self._unknown_on = way, None
        else:
            self._unknown_on = way
