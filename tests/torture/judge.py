"""The law, applied to one answer as people see it. Nothing that Sluice remembers is used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from core.catalogue import say
from core.streaming.operations import FileContent
from core.streaming.rendering import Renderer
from tests.promise import broken_promise
from tests.torture.texts import end_of, numbers

_FILE_GROWS: Final = tuple(
    say(f"file.{kind}.grows", lines=7).partition(":")[0] for kind in ("code", "table", "answer")
)
_BROKE_OFF: Final = say("ending.broken")
_CUT: Final = re.compile(
    r"(?<=\w)[*_`~]*\0(?:> ?)?[*_`~]*(?=\w)"
)  # within a word: marks are closed and opened


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of an answer. `text` stands in it, beside `file` where it carries one; `growing`: it has
    the button that stops the answer."""

    id: str
    text: str
    file: FileContent | None = None
    growing: bool = False

    @property
    def numbers(self) -> list[int]:
        return numbers(self.content)

    @property
    def content(self) -> str:
        return self.file.data.decode() if self.file else self.text


def words_in(shown: Sequence[Shown]) -> list[int]:
    """The numbers of the words that stand there, in order. One that a cut goes through stands there, too: the
    model may have paused in its midst, at the end of a page."""
    return numbers(_CUT.sub("", "\0".join(one.content for one in shown)))


@dataclass(frozen=True, slots=True)
class Law:
    """What may stand there. `told`: all that the model ever said; `whole`: what it would say in the end;
    `marks`: how an answer may end that is not whole; `least`: so many numbered words were visible once;
    `spare`: so many messages may stand there twice, by sends whose outcome nobody knows; `bare`: a mark may
    stand alone; `marked_copies`: what stands there twice may have the mark, where no process was killed
    between the two sends."""

    told: str
    whole: str
    renderer: Renderer
    marks: Sequence[str]
    least: int = 0
    spare: int = 0
    bare: bool = False
    marked_copies: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ending`: "whole", or the mark that stands under a part; None where the law is not kept (yet), and
    `why` says what is wrong. `spared`: the ids of messages that stand there twice, as they may."""

    ending: str | None
    why: str = ""
    spared: tuple[str, ...] = ()


def judged(shown: Sequence[Shown], law: Law) -> Verdict:
    """What is to be said of an answer that stands in these messages, in their order."""
    verdict = _judged(shown, law)
    if verdict.ending is not None or not law.spare:
        return verdict
    for count in range(1, law.spare + 1):
        for left_out in combinations(shown, count):
            rest = [one for one in shown if one not in left_out]
            if all(_stands_in(one, rest, law) for one in left_out):
                spared = _judged(rest, law)
                if spared.ending is not None:
                    return replace(spared, spared=tuple(one.id for one in left_out))
    return verdict


def _stands_in(one: Shown, rest: Sequence[Shown], law: Law) -> bool:
    """Whether a message is a mere copy: without a mark, and each of its words is elsewhere; or it all is; or
    it only says that a file is to come, which stands elsewhere by now, or was given up."""
    elsewhere = {number for other in rest for number in other.numbers}
    if law.marked_copies and any(other.text == one.text for other in rest):
        return True
    if one.text.startswith(_FILE_GROWS) and one.file is None:
        return any(other.file is not None or _BROKE_OFF in other.text for other in rest)
    return not _marks_in([one], law) and bool(one.numbers) and elsewhere.issuperset(one.numbers)


def _marks_in(shown: Sequence[Shown], law: Law) -> list[str]:
    return [mark for one in shown for mark in law.marks for _ in range(one.text.count(mark))]


def _judged(shown: Sequence[Shown], law: Law) -> Verdict:
    words = words_in(shown)
    marks = _marks_in(shown, law)
    if wrong := _wrong_words(words, law) or _wrong_marks(shown, marks, words, law):
        return Verdict(None, wrong)
    if any(one.growing for one in shown):
        return Verdict(None, "it still says that it grows")
    mark = marks[0] if marks else ""
    until = (len(law.whole),) if not mark else _ends(words, law)
    pages = [one.file or one.text for one in shown]
    if mark and shown[-1].file and mark in shown[-1].text:
        mark = ""  # it stands beside the file, which has no place for it
    if wrong := broken_promise(law.whole, pages, law.renderer, mark=mark, until=until):
        return Verdict(None, wrong)
    return Verdict(marks[0] if marks else "whole")


def _wrong_words(words: Sequence[int], law: Law) -> str | None:
    if list(words) != list(range(len(words))):
        at = next(n for n, word in enumerate(words) if n != word)
        before = "twice" if words[at] in words[:at] else "too early"
        return f"word {words[at]} stands {before}, where word {at} should"
    if len(words) < law.least:
        return f"{len(words)} words stand there, and {law.least} did"
    if len(words) > len(numbers(law.told)):
        return f"{len(words)} words stand there, and the model said {len(numbers(law.told))}"
    return None


def _wrong_marks(shown: Sequence[Shown], marks: Sequence[str], words: Sequence[int], law: Law) -> str | None:
    whole = len(words) == len(numbers(law.whole))
    if len(marks) > 1:
        return f"it has {len(marks)} marks"
    if not marks and not whole:
        return f"{len(words)} words and no mark" if words else "nothing is visible"
    if marks and not words and not law.bare:
        return "it is marked, though none of it was visible"
    if marks and marks[0] not in shown[-1].text:
        return "its mark is not at its end"
    return None


def _ends(words: Sequence[int], law: Law) -> Sequence[int]:
    """Where the text that stands there can end: from its last word to before the next is whole."""
    first, last = end_of(law.whole, len(words) - 1), end_of(law.whole, len(words))
    return range(first, min(last, len(law.told)) + 1)
