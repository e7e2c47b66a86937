"""The store in memory: trees, lanes, what stands for what, and that it is bounded."""

from __future__ import annotations

from dataclasses import replace

from core.adapters.memory_store import MemoryStore
from core.ports.store import KeptPersona, Lane, LaneKey, Message, Overheard, Role, Shown, Store, Summary, Used

ADA, BEN = "discord:1", "discord:2"
LANE = LaneKey("discord:30", ADA)


def asked(name: str, parent: str | None = None, *, asker: str = ADA, conversation: str = "c") -> Message:
    return Message(name, conversation, parent, Role.USER, asker, f"text of {name}", at=100.0)


def answered(name: str, parent: str, *, asker: str = ADA, conversation: str = "c") -> Message:
    return Message(name, conversation, parent, Role.ASSISTANT, asker, f"text of {name}", at=101.0)


async def grown(store: Store) -> None:
    """q1 ─ a1 ─ q2 (Ben's) ─ a2, and b2 as a variant of a2."""
    await store.add(asked("q1"), (Shown("p", "1"),))
    await store.add(answered("a1", "q1"), (Shown("p", "2"), Shown("p", "3")))
    await store.add(asked("q2", "a1", asker=BEN), (Shown("p", "4"),))
    await store.add(answered("a2", "q2", asker=BEN))
    await store.add(answered("b2", "q2", asker=BEN), (Shown("p", "5"),))


def ids(messages: tuple[Message, ...]) -> list[str]:
    return [message.id for message in messages]


async def test_the_context_is_the_path_to_the_leaf() -> None:
    store: Store = MemoryStore()
    await grown(store)
    assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]
    assert ids(await store.path("b2", limit=2)) == ["q2", "b2"]
    assert ids(await store.path("nobody")) == []
    assert ids(await store.answers("q2")) == ["a2", "b2"]


async def test_a_platforms_message_stands_for_one_of_the_tree() -> None:
    store = MemoryStore()
    await grown(store)
    found = await store.shown(Shown("p", "3"))
    assert found is not None
    assert found.id == "a1"
    assert await store.shown(Shown("q", "3")) is None
    await store.add(replace(found, text="new"), (Shown("p", "9"),))
    assert await store.shown(Shown("p", "3")) is None
    assert await store.shows("a1") == (Shown("p", "9"),)
    assert [message.text for message in await store.path("a1")] == ["text of q1", "new"]


async def test_what_is_removed_takes_its_answers_and_lanes_end_above() -> None:
    store = MemoryStore()
    await grown(store)
    await store.set_lane(LANE, Lane("c", "b2", 1.0))
    await store.set_summary(Summary("c", "a1", "short", 3))
    await store.set_summary(Summary("c", "q2", "longer", 4))
    await store.remove("q2")
    assert await store.lane(LANE) == Lane("c", "a1", 1.0)
    assert await store.message("b2") is None
    assert await store.shown(Shown("p", "5")) is None
    assert await store.summary(("q1", "a1", "q2")) == Summary("c", "a1", "short", 3)
    await store.remove("q1")
    assert await store.lane(LANE) == Lane("c", None, 1.0)
    assert await store.summary(("q1", "a1")) is None


async def test_who_forgets_takes_their_own_and_what_others_said_stays() -> None:
    store = MemoryStore()
    await grown(store)
    await store.set_lane(LANE, Lane("c", "a1", 1.0))
    await store.set_summary(Summary("c", "a1", "Ada's secret", 3))
    await store.choose(f"person:{ADA}", "model", "big")
    await store.set_persona(KeptPersona(ADA, "pirate", "Arr.", ADA))
    await store.overhear(Overheard("p", "7", ADA, "Ada", "psst", 1.0))
    exported = await store.export(ADA)
    assert [len(exported[kind]) for kind in ("messages", "choices", "personas", "overheard")] == [2, 1, 1, 1]  # type: ignore[arg-type]
    assert await store.forget(ADA) == 5
    assert await store.lane(LANE) is None
    assert await store.summary(("q1", "a1", "q2")) is None
    assert ids(await store.path("a2")) == ["q2", "a2"]
    assert await store.overheard("p", since=0.0, limit=9) == ()
    assert [*(await store.export(ADA)).values()] == [[], {}, [], [], []]


async def test_the_conversation_used_longest_ago_goes_first_and_the_only_one_from_its_beginning() -> None:
    store = MemoryStore(messages=4)
    for conversation in ("c", "d", "c"):
        for number in range(2):
            await store.add(asked(f"{conversation}{number}", conversation=conversation))
    await store.set_lane(LANE, Lane("d", "d1", 1.0))
    await store.add(asked("e0", conversation="e"))
    assert await store.message("d0") is None
    assert await store.lane(LANE) == Lane("d", None, 1.0)
    assert await store.message("c0") is not None
    parent = None
    for number in range(6):
        await store.add(asked(f"e{number}", parent, conversation="e"))
        parent = f"e{number}"
    assert ids(await store.path("e5")) == ["e2", "e3", "e4", "e5"]


async def test_choices_and_usage() -> None:
    store = MemoryStore()
    await store.choose("chat:p", "model", "big")
    await store.choose("chat:p", "language", "de")
    await store.choose("chat:p", "model", None)
    assert await store.choices(("chat:p", "chat:q")) == {"chat:p": {"language": "de"}}
    for person, place in ((ADA, "g1"), (ADA, "g1"), (BEN, "g1"), (ADA, "g2")):
        await store.use(Used(7, person, place, "big", 1, 10, 5, 2))
    assert await store.used(since_day=7, person=ADA) == (Used(7, ADA, "", "big", 3, 30, 15, 6),)
    assert await store.used(since_day=7, place="g1") == (Used(7, "", "g1", "big", 3, 30, 15, 6),)
    assert await store.used(since_day=8) == ()


async def test_what_is_old_expires() -> None:
    store = MemoryStore()
    await grown(store)
    await store.add(replace(asked("new", conversation="n"), at=200.0))
    await store.overhear(Overheard("p", "7", ADA, "Ada", "old", 1.0))
    await store.overhear(Overheard("p", "8", ADA, "Ada", "new", 200.0))
    assert await store.expire(before=150.0, overheard_before=150.0) == 5
    assert ids(await store.path("new")) == ["new"]
    assert [heard.text for heard in await store.overheard("p", since=0.0, limit=9)] == ["new"]


async def test_a_part_of_another_store_takes_what_follows_something_it_never_saw() -> None:
    store = MemoryStore(partial=True)
    await store.add(answered("a1", "q1"))
    assert ids(await store.path("a1")) == ["a1"]


async def test_a_summary_does_not_outlive_what_it_tells_of() -> None:
    store = MemoryStore()
    await grown(store)
    for until_id in ("q1", "a1", "q2"):
        await store.set_summary(Summary("c", until_id, "told", 3))
    [question, answer] = await store.path("a1")
    await store.add(replace(answer, text=""), ())
    assert await store.summary(("q1", "a1", "q2")) == Summary("c", "q1", "told", 3)
    await store.add(replace(question, text="edited"), ())
    assert await store.summary(("q1", "a1", "q2")) is None


async def test_long_texts_are_bounded_by_their_length() -> None:
    store = MemoryStore(chars=1_000)
    for number in range(50):
        await store.add(replace(asked(f"q{number}", conversation=f"c{number}"), text="x" * 100))
        await store.add(
            replace(asked(f"q{number}", conversation=f"c{number}"), text="x" * 90, quote="y" * 10)
        )
    kept = [number for number in range(50) if await store.message(f"q{number}")]
    assert kept == list(range(40, 50))
    await store.remove("q45")
    await store.add(replace(asked("long", conversation="long"), text="x" * 5_000))
    assert await store.message("long")
    assert await store.message("q49") is None
    await store.add(replace(asked("next", "long", conversation="long"), text="x" * 100))
    assert await store.message("long") is None
    assert await store.message("next")
