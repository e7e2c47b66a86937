"""What one scope's data can change: never another scope's prompt, not by a byte.

Two people, two channels, private and public, a thread and its parent. The same story is told twice, with
other words in one scope; what the model reads in every other scope must be the same.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from core.configuration import Defaults, ModelChoice
from core.conversation.history import Question, lane_of
from core.messages import MessageRef, Person, Place, PlaceKind, Quote
from core.ports.completions import Usage
from core.ports.reading import Seen
from core.ports.store import LaneKey
from tests.fakes.reading import FakeReading
from tests.fakes.surface import FakeSurface
from tests.service.conftest import Bot, shut

PLACES = (
    Place("fake", "c1", PlaceKind.SHARED, guild_id="g"),
    Place("fake", "c2", PlaceKind.SHARED, guild_id="g"),
    Place("fake", "t1", PlaceKind.THREAD, guild_id="g", parent_id="c1"),
    Place("fake", "d1", PlaceKind.PRIVATE),
    Place("fake", "d2", PlaceKind.PRIVATE),
)
PEOPLE = (Person("fake", "1", "Ada"), Person("fake", "2", "Ben"))
TOKENS = 220  # so few that a story of some turns is summarised


@dataclass(frozen=True)
class Step:
    """Somebody asks, perhaps for their eyes alone, perhaps in reply to an earlier message of any place."""

    place: Place
    person: Person
    private: bool
    words: str
    reply_to: int | None
    gap_s: float
    act: str


def scope_of(place: Place, person: Person, *, private: bool) -> tuple[str, str]:
    """Who may see it: all of a place, or one person in it."""
    lane: LaneKey = lane_of(place, person, private=private)
    return lane.place, lane.person if lane.private else ""


async def prompts(
    story: list[Step], changed: tuple[str, str] | None, *, sees_channel: bool = False
) -> list[tuple[tuple[str, str], list[str]]]:
    """Every prompt that the model reads, summaries included, with the scope that it is of.

    `sees_channel`: with what was said in the place lately, as everybody there can read it.
    """
    defaults = Defaults(history="channel") if sees_channel else None
    bot = Bot(defaults=defaults, choice=ModelChoice("m", system_prompt="Be brief.", prompt_tokens=TOKENS))
    surfaces = {
        str(place): FakeSurface(bot.clock, chat_id=place.chat_id, kind=place.kind, private_answers=True)
        for place in PLACES
    }
    readings = {key: FakeReading() for key in surfaces}
    for key, surface in surfaces.items():
        surface.reading = readings[key] if sees_channel else None
    messages: list[MessageRef] = [MessageRef("c1", "nothing")]
    read: list[tuple[tuple[str, str], list[str]]] = []
    for number, step in enumerate(story):
        await bot.clock.advance(step.gap_s)
        scope = scope_of(step.place, step.person, private=step.private)
        other = " And besides, the secret is 42." if scope == changed else ""
        surface = surfaces[str(step.place)]
        if step.act == "new":
            await bot.chat.exchanges.new(step.place, step.person, private=step.private)
        elif step.act == "undo":
            await bot.chat.exchanges.undo(bot.caller(surface, step.person), private=step.private)
        ref = MessageRef(step.place.chat_id, f"u{number}")
        quote = None
        if step.reply_to is not None:
            to = messages[step.reply_to % len(messages)]
            quote = Quote(to, "somebody", "" if to.chat_id != step.place.chat_id else "quoted")
        asked = Question(str(number), step.place, step.person, step.words + other, ref, quote, step.private)
        bot.chat.ask(asked, surface)
        if not step.private:
            said = Seen(ref, step.person, step.words + other, bot.clock.wall())
            readings[str(step.place)].messages.append(said)
        await bot.clock.advance(3.0)
        while len(read) < len(bot.model.streams):  # the answer, then perhaps a summary
            stream = bot.model.streams[len(read)]
            read.append((scope, stream.prompt))
            stream.emit(Usage(600 if other else 60, 9))
            stream.finish(f"Answer {number}.{other}")
            await bot.clock.advance(3.0)
        messages += [ref, *(MessageRef(step.place.chat_id, key) for key in list(surface.messages)[-1:])]
    await shut(bot)
    return read


STEPS = st.builds(
    Step,
    st.sampled_from(PLACES),
    st.sampled_from(PEOPLE),
    st.booleans(),
    st.sampled_from(["why?", "what is a sluice? " * 6, "and then? " * 20]),
    st.integers(0, 30) | st.none(),
    st.sampled_from([0.0, 60.0, 3_700.0]),
    st.sampled_from(["", "", "", "new", "undo"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=2, max_size=14), st.data())
def test_what_one_scope_says_changes_no_other_scopes_prompt(story: list[Step], data: st.DataObject) -> None:
    scopes = sorted({scope_of(step.place, step.person, private=step.private) for step in story})
    changed = data.draw(st.sampled_from(scopes))

    async def tell() -> None:
        before, after = await prompts(story, None), await prompts(story, changed)
        others = [prompt for scope, prompt in before if scope != changed]
        assert others == [prompt for scope, prompt in after if scope != changed]

    asyncio.run(tell())


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, min_size=2, max_size=12), st.data())
def test_a_channel_that_is_seen_is_seen_from_nowhere_else(story: list[Step], data: st.DataObject) -> None:
    """What all may read in a place is shown there alone, and what one person sees there to nobody else."""
    scopes = sorted({scope_of(step.place, step.person, private=step.private) for step in story})
    changed = data.draw(st.sampled_from(scopes))

    def unmoved(scope: tuple[str, str]) -> bool:
        read_there = scope[0] == changed[0] and not changed[1]
        return scope != changed and not read_there

    async def tell() -> None:
        before = await prompts(story, None, sees_channel=True)
        after = await prompts(story, changed, sees_channel=True)
        assert [told for scope, told in before if unmoved(scope)] == [
            told for scope, told in after if unmoved(scope)
        ]

    asyncio.run(tell())


async def test_what_is_seen_is_there_to_be_seen() -> None:
    """Else the proof would prove nothing."""
    story = [
        Step(PLACES[0], person, private=False, words="why?", reply_to=None, gap_s=0.0, act="")
        for person in PEOPLE
    ]
    *_, (_, [_, seen]) = await prompts(story, None, sees_channel=True)
    assert "Ada: why?" in seen


async def test_the_proof_sees_a_leak() -> None:
    """With two scopes that are one, the changed words are found: else the proof would prove nothing."""
    story = [
        Step(PLACES[0], PEOPLE[0], private=False, words=f"why {n}?", reply_to=None, gap_s=0.0, act="")
        for n in range(2)
    ]
    after = await prompts(story, ("fake:c1", ""))
    assert any("secret" in words for _, prompt in after[1:] for words in prompt[:-1])
    assert not any("secret" in words for _, prompt in await prompts(story, None) for words in prompt)
