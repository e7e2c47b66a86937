"""What the model thought before it answered, put above its answer where the operator wants it.

The law: what there is of it when the first text is shown is cut to a short beginning, and stays so. It
is no part of the answer: no page's span holds it, though the first page has that much less room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.streaming.rendering import Above

LONGEST: Final = 600
"""Characters, with the ellipsis: what can be folded away may be a paragraph."""
_SHARE: Final = 0.15
"""Of a page at most: 300 characters on Discord, where it is not folded and stands before the answer."""


@dataclass(frozen=True, slots=True)
class ShownReasoning:
    """How a surface shows it: `words` makes of the thought the line that people read."""

    words: Callable[[str], str]
    above: Above

    def line(self, thought: str, page_units: int) -> str:
        """On one line, cut at a word; empty when there was no thought."""
        thought, most = " ".join(thought.split()), min(LONGEST, int(_SHARE * page_units))
        if len(thought) > most:
            cut = thought.rfind(" ", most // 2, most - 1)
            thought = thought[: cut if cut > 0 else most - 2] + " …"
        return self.words(thought) if thought else ""
