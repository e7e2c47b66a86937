"""What the model tells: Markdown in which every word that counts is numbered, so that none can be lost or
doubled unseen, and the questions that ask for it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal, TypeAlias

Shape: TypeAlias = Literal["short", "page", "rollover", "code"]
SHAPES: Final[tuple[Shape, ...]] = ("short", "page", "rollover", "code")

_PAGES: Final[dict[Shape, float]] = {"short": 0.15, "page": 0.6, "rollover": 2.3, "code": 2.6}
"""How long each is, in pages of its platform. A block of code that needs a third page goes on as a file."""
_DELTA_CHARS: Final = 40
_NUMBERED = re.compile(r"(q\d+)w(\d+)z")
_ASKED = re.compile(r"(q\d+) as (short|page|rollover|code) for pages of (\d+) within (\d+) ms")


@dataclass(frozen=True, slots=True)
class Tale:
    """What is asked for. `name`: q and digits, once in a run; `told_ms`: from its first word to its last."""

    name: str
    shape: Shape
    page_units: int
    told_ms: int

    @property
    def question(self) -> str:
        return f"Tell {self.name} as {self.shape} for pages of {self.page_units} within {self.told_ms} ms."

    @property
    def text(self) -> str:
        """The same for the same name, whenever it is asked."""
        chance, words = random.Random(self.name), (f"{self.name}w{n}z" for n in count())
        chars = int(self.page_units * _PAGES[self.shape])
        parts = [f"## The tale of {next(words)}"]
        if self.shape == "code":
            lines = "".join(
                f"gate_{next(words)} = open_gate({n}, level={n * n})\n" for n in range(chars // 48)
            )
            parts.append(f"```python\n{lines}```")
        while sum(map(len, parts)) < chars or len(parts) < 3:
            parts.append(
                chance.choice(
                    (
                        "Once **{} boats** came down the river, and {} told *everybody* of {}.",
                        "> The old gate {} spoke: `open({})`, then silence {}.",
                        "- {} paid {}\n- the keeper laughed at {}",
                        "Then {} fell, {} rose. Was {} not the *quietest* of all? 🛶",
                    )
                ).format(next(words), next(words), next(words))
            )
        return "\n\n".join([*parts, f"And so {next(words)} ends."])

    @property
    def deltas(self) -> list[str]:
        text = self.text
        return [text[at : at + _DELTA_CHARS] for at in range(0, len(text), _DELTA_CHARS)]


def asked_for(prompt: str) -> Tale | None:
    """What the last question in a prompt asks for; None where it is no such question."""
    found = _ASKED.findall(prompt)
    if not found:
        return None
    name, shape, units, told_ms = found[-1]
    return Tale(name, shape, int(units), int(told_ms))


def numbers(text: str) -> list[int]:
    """The numbers of the words in a text, in order."""
    return [int(number) for _, number in _NUMBERED.findall(text)]


def told_in(text: str) -> str | None:
    """The name of the tale that a text is of; None where no word of any is in it."""
    found = _NUMBERED.search(text)
    return found[1] if found else None


def end_of(text: str, number: int) -> int:
    """Where the word of this number ends in a text; 0 for -1, its end for one that is not there."""
    if number < 0:
        return 0
    found = re.search(rf"w{number}z", text)
    return found.end() if found else len(text)
