"""Golden timelines: what a model said when, and what Sluice then did, side by side to be read.

Each file is one story. A line with `+` is a delta as it was recorded, one with `.` the model's end; a line
with `>` is what Sluice asked of the platform, with the text as it then stood (its last words, where it is
long), and one with `<` what came back if it was no plain success. The channel, where there are several,
stands before the sign.

    .venv/bin/python -m tests.golden.test_timelines

writes what Sluice does now into the files: read the difference before you commit it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Final

import pytest

from bots.discord.capabilities import CHANNEL
from bots.sandbox.limits import Enforcer, load_profile
from core.streaming.operations import BucketKey, NotSent
from core.streaming.scheduler import EditScheduler
from tests.streaming.world import ACCOUNT, Story, World

FOLDER: Final = Path(__file__).parent / "timelines"
STORIES: Final = sorted(path.stem for path in FOLDER.glob("*.txt"))
_DELTA: Final = re.compile(r" *(?P<at>[\d.]+) (?P<who>\w+) (?P<sign>[+.])(?: (?P<text>\".*\"))?")
_FAULT: Final = re.compile(r"faults: (?P<faults>.*)")
_LAST: Final = 44  # characters of a text that are shown


def read(story: str) -> tuple[list[str], list[Story], list[str]]:
    """The head of a file, what the models said, and the faults it asks for."""
    lines = (FOLDER / f"{story}.txt").read_text("utf-8").splitlines()
    head = [line for line in lines if line.startswith("#") or _FAULT.match(line)]
    deltas: dict[str, list[tuple[float, str]]] = {}
    for delta in filter(None, map(_DELTA.match, lines)):
        deltas.setdefault(delta["who"], []).append(
            (float(delta["at"]), json.loads(delta["text"]) if delta["sign"] == "+" else "")
        )
    faults = [word for line in lines if (found := _FAULT.match(line)) for word in found["faults"].split()]
    return head, [Story(who.split("_")[0], told) for who, told in deltas.items()], faults


def played(story: str) -> str:
    """The whole file as Sluice writes it."""
    head, stories, faults = read(story)
    limits = load_profile().discord.limits

    def enforcers(key: BucketKey) -> list[Enforcer]:
        names = {"send": "create_message", "edit": "edit_message"}
        return [] if key == ACCOUNT else [Enforcer(limits[names[key.family]])]

    expected = chain((fault.replace("-", "") for fault in faults), repeat(""))
    world = World(EditScheduler(CHANNEL.rate_limits), enforcers, frozenset({"send", "edit"}), faults=expected)
    world.play(stories)
    names = _names(story)
    lines = [*_told(stories, names), *_done(world, names)]
    return "\n".join([*head, "", *(line for _, line in sorted(lines, key=lambda pair: pair[0]))]) + "\n"


def _names(story: str) -> list[str]:
    lines = (FOLDER / f"{story}.txt").read_text("utf-8").splitlines()
    return list(dict.fromkeys(found["who"] for found in filter(None, map(_DELTA.match, lines))))


def _told(stories: list[Story], names: list[str]) -> Iterator[tuple[float, str]]:
    for story, name in zip(stories, names, strict=True):
        for at, text in story.deltas:
            said = f"+ {json.dumps(text, ensure_ascii=False)}" if text else "."
            yield at, f"{at:9.3f} {name} {said}"


def _done(world: World, names: list[str]) -> Iterator[tuple[float, str]]:
    by_view = dict(zip(world.views, names, strict=True))
    for call in world.calls:
        operation = call.operation
        assert operation.content is not None
        text = operation.content.body.text
        shown = text if len(text) <= _LAST else f"…{text[-_LAST:]}"
        name = by_view[operation.view]
        page = f" page {operation.page + 1}" if operation.page else ""
        said = f"{operation.kind}{page}: {len(text)} characters, {json.dumps(shown, ensure_ascii=False)}"
        yield call.left, f"{call.left:9.3f} {name} > {said}"
        if isinstance(call.outcome, NotSent):
            wait = (
                ""
                if call.outcome.retry_after_s is None
                else f", again after {call.outcome.retry_after_s:g} s"
            )
            yield call.answered, f"{call.answered:9.3f} {name} < {call.outcome.reason}{wait}"


@pytest.mark.parametrize("story", STORIES)
def test_a_story_goes_as_it_is_written_down(story: str) -> None:
    assert played(story) == (FOLDER / f"{story}.txt").read_text("utf-8")


def test_there_are_stories() -> None:
    assert len(STORIES) >= 6


if __name__ == "__main__":
    for one in STORIES:
        (FOLDER / f"{one}.txt").write_text(played(one), "utf-8")
