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
        self.unended = False
        """It may stand there without the answer's end: until its message is known, it is said again without.
        The end is an edit of it, or a mark below all of them; in one of two sends nobody could tell of it."""
        self.ended = False
        """It may stand there with the answer's end."""
        self._sends = 0  # each of which may stand there
        self._first_try: MessageContent | None = None  # of a send that stands there once at most

    def sent_elsewhere(self) -> None:
        """Another process sent the message by a way that takes a send once, and heard no answer."""
        self._first_try = _NOT_KNOWN

    def unheard_elsewhere(self, times: int) -> bool:
        """Another process sent the message so often. Whether it may be repeated; without an end, since nobody
        knows whether one stands there."""
        self._sends, self.unended = times, times > 0
        return times < DOUBTFUL_SENDS

    def sent(self, frame: Frame | None, content: MessageContent | None, *, once: bool) -> bool:
        """Nobody knows whether a send was taken; no frame: it shows nothing of the answer. `once`: however
        often it is repeated, it stands once. False: it may not be repeated."""
        self.ended = self.ended or (frame is not None and frame.last)
        if once:
            self._first_try = self._first_try or content
            return True
        self._sends += 1
        self.unended = self.unended or (frame is not None and not frame.closed)
        return self._sends < DOUBTFUL_SENDS

    def message_known(self) -> None:
        """By which message the page stands."""
        self._sends, self.unended, self.ended = 0, False, False

    def resolved(self, content: MessageContent | None) -> bool:
        """An operation with this content was taken. False: which of several tries stands is not known."""
        first_try, self._first_try = self._first_try, None
        if first_try not in {None, content}:
            return False
        self.frame = None
        return True
