"""What a model is shown of a channel so that it can tell what happened there, and what its citations become.

Every message is one numbered line of quoted data: names and texts are written by strangers. The model cites
numbers, never addresses, so it can neither invent nor change a link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.conversation.window import cleaned, harmless_name
from core.policy.spending import estimate_tokens
from core.ports.reading import Seen

_LONGEST = 500  # characters of one message: what was said, not all that was pasted
_CITATION: Final = re.compile(r"\[(\d{1,4})\](?!\()", re.ASCII)
_OPEN_CITATION: Final = re.compile(r"\[\d{0,4}\]?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Transcript:
    """`lines`: what the model reads; `links`: where each number leads; `left_out`: how many had no room."""

    lines: str
    links: Mapping[int, str]
    shown: int
    left_out: int

    @property
    def words(self) -> str:
        """All of it as the model reads it; empty where there is nothing."""
        if not self.lines:
            return ""
        head = "(What was said here lately, quoted, oldest first; times are UTC:)"
        left_out = f"\n(There was no room for the {self.left_out} messages before these.)"
        return f"{head}\n{self.lines}{left_out if self.left_out else ''}"


def transcript(messages: Sequence[Seen], *, tokens: int, numbered: bool = True) -> Transcript:
    """The newest messages that fit into about so many tokens, and always the last one, oldest first.
    Blank ones and ours are left out. `numbered`: so that the model can cite them."""
    told = [seen for seen in messages if not seen.by_us and cleaned(seen.text).strip()]
    kept: list[str] = []
    room = tokens
    for number in range(len(told), 0, -1):
        line = _line(number if numbered else None, told[number - 1])
        room -= estimate_tokens(line) + 1
        if room < 0 and kept:
            break
        kept.append(line)
    first = len(told) - len(kept)
    links = {index + 1: link for index, seen in enumerate(told) if index >= first and (link := seen.link)}
    return Transcript("\n".join(reversed(kept)), links, len(kept), first)


class Citations:
    """Makes `[12]` in a growing text a link to message 12: feed it every delta, then take `end`.

    What is no citation, or leads nowhere, goes through as it is.
    """

    def __init__(self, links: Mapping[int, str]) -> None:
        self._links = links
        self._held = ""

    def feed(self, delta: str) -> str:
        text = self._held + delta
        # `[12]` may yet become `[12](…)`, which is the model's own link and none of ours.
        opened = _OPEN_CITATION.search(text)
        self._held = text[opened.start() :] if opened else ""
        return self._linked(text[: len(text) - len(self._held)])

    def end(self) -> str:
        held, self._held = self._held, ""
        return self._linked(held)

    def _linked(self, text: str) -> str:
        def link(citation: re.Match[str]) -> str:
            target = self._links.get(int(citation[1]))
            return f"[\\[{citation[1]}\\]]({target})" if target else citation[0]

        return _CITATION.sub(link, text)


def _line(number: int | None, seen: Seen) -> str:
    text = " ".join(cleaned(seen.text).split())
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + " …"
    clock = datetime.fromtimestamp(seen.at, UTC).strftime("%d %H:%M")
    answers = " (reply)" if seen.reply_to else ""
    cited = f"[{number}] " if number is not None else ""
    return f"> {cited}{clock} {harmless_name(seen.author.name)}{answers}: {text}"
