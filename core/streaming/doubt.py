"""What may stand on the platform or not: an outcome stayed unknown, or another process began it."""

from __future__ import annotations

from typing import Final

from core.streaming.operations import MessageContent
from core.streaming.pages import Frame
from core.streaming.rendering import Rendered

DOUBTFUL_SENDS: Final = 2
"""So many sends of a message of which nobody knows whether they were taken, and none more: without nonces
each may stand there, and one duplicate is the most that is promised."""
_NOT_KNOWN: Final = MessageContent(Rendered("", fill=0.0))
"""What a send of another process carried that may stand or not."""


class Doubt:
    """Of the current page of one answer."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        """An ended page whose outcome is unknown: the same is to be said again."""
        self._sends = 0  # each of which may stand there
        self._first_sent: Frame | None = None  # of these, where the page goes on
        self._stands_once: MessageContent | None = None  # the first try of a send that is taken once at most

    def sent_elsewhere(self) -> None:
        """Another process sent the message by a way that takes a send once, and heard no answer."""
        self._stands_once = _NOT_KNOWN

    def sent(self, frame: Frame, content: MessageContent | None, *, once: bool) -> bool:
        """Nobody knows whether a send was taken. `once`: however often it is repeated, it stands once. False:
        it may not be repeated."""
        if once:
            self._stands_once = self._stands_once or content
            return True
        self._sends += 1
        self._first_sent = None if frame.closed else self._first_sent or frame
        return self._sends < DOUBTFUL_SENDS

    def unended(self, frame: Frame) -> Frame:
        """What to send for it: what may stand there without its end is said again without it. The end is an
        edit of that message, or a mark below all of them; in one of two sends nobody could tell of it."""
        return self._first_sent if frame.last and self._first_sent else frame

    def message_known(self) -> None:
        """By which message the page stands."""
        self._sends, self._first_sent = 0, None

    def resolved(self, content: MessageContent | None) -> bool:
        """An operation with this content was taken. False: which of several tries stands is not known."""
        stands, self._stands_once = self._stands_once, None
        if stands not in {None, content}:
            return False
        self.frame = None
        return True
