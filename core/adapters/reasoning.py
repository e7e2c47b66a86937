"""Reasoning that a model writes into its text, parted from the answer.

Open models begin with `<think>…</think>`; a server that does not take it out sends it as text. The law:
it is reasoning only at the very start of a text, white space aside. A tag later on, or in code, is text;
a tag that never closes means that all was reasoning. White space behind the closing tag belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.ports.completions import ReasoningDelta, StreamEvent, TextDelta

_TAGS: Final = {"<think>": "</think>", "<thinking>": "</thinking>"}
_MOST_BLANK: Final = 100
"""Characters of white space before a tag: what is held back stays small, whatever comes."""


class ReasoningSplitter:
    """One answer. Call `feed` per delta, which is of no use any more once it has `begun`; `end` once."""

    def __init__(self) -> None:
        self.begun = False
        """The answer's own text has begun: nothing can be reasoning any more."""
        self._held = ""  # it may become a tag
        self._closing: str | None = None  # the tag that ends the reasoning; None before, "" after it

    def feed(self, text: str) -> Iterator[StreamEvent]:
        """Part the next delta, as far as it can be told yet."""
        text, self._held = self._held + text, ""
        if self.begun:
            yield TextDelta(text)
            return
        if self._closing is None:
            start = text.lstrip()
            blank = len(text) - len(start)
            tag = next((tag for tag in _TAGS if start.startswith(tag)), "")
            if blank > _MOST_BLANK or not (tag or any(tag.startswith(start) for tag in _TAGS)):
                self.begun = True
                yield TextDelta(text)
                return
            if not tag:
                self._held = text
                return
            text, self._closing = start[len(tag) :], _TAGS[tag]
        if self._closing:
            thought, closed, text = text.partition(self._closing)
            if not closed:
                kept = _tail_that_begins(self._closing, thought)
                thought, self._held = thought[: len(thought) - kept], thought[len(thought) - kept :]
            if thought:
                yield ReasoningDelta(thought)
            if not closed:
                return
            self._closing = ""
        if text := text.lstrip():
            self.begun = True
            yield TextDelta(text)

    def end(self) -> Iterator[StreamEvent]:
        """The text is over: what is held back never became a tag."""
        if self._held:
            yield ReasoningDelta(self._held) if self._closing else TextDelta(self._held)
        self._held = ""


def _tail_that_begins(tag: str, text: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    return next((n for n in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:n])), 0)
