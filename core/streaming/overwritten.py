"""Messages that show something else, and become an answer's own one after the other, as the answer grows."""

from __future__ import annotations

from collections.abc import Iterable


class Overwritten:
    """Each page edits the next of them instead of being sent. What is left when all is shown is deleted."""

    def __init__(self, messages: Iterable[str]) -> None:
        """`messages`: their ids, in order."""
        self._messages = list(messages)
        self._untaken: list[str] = []  # that cannot be edited
        self.clearing = False
        """All is shown: what is left of them is to go."""

    @property
    def next(self) -> str | None:
        """The one that is taken next, or that goes next."""
        return self._messages[0] if self._messages else None

    def taken(self) -> bool:
        """A page is a message by now: the next of these, if there was one. Whether there was."""
        was = bool(self._messages)
        del self._messages[:1]
        return was

    def gone(self, *, stands: bool) -> bool:
        """The next cannot be taken. `stands`: it is still there, and goes when all is shown. Whether that was
        the last thing to be done."""
        if stands:
            self._untaken.append(self._messages[0])
        del self._messages[:1]
        return self.clearing and not self._messages

    def all_shown(self) -> bool:
        """Nothing more is taken. Whether nothing is left to be deleted."""
        self._messages += self._untaken
        self.clearing = bool(self._messages)
        return not self.clearing
