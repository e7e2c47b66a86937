"""What every store must do: in memory, SQLite, PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from core.ports.store import (
    GoneError,
    KeptPersona,
    Lane,
    LaneKey,
    Outlined,
    Overheard,
    Shown,
    Store,
    Summary,
    Used,
)
from tests.store.people import ADA, BEN, answered, asked, grown, ids

LANE = LaneKey("discord:30", ADA)


async def test_what_is_named_by_a_place_goes_with_it(store: Store) -> None:
    """Lanes, choices and personas; what the new place has already stays; the second time does nothing."""
    await grown(store)
    old, new, other = "telegram:-4", "telegram:-1004", "telegram:-44"
    for place in (old, other):
        await store.set_lane(LaneKey(place, ADA), Lane("c", "a1", 1.0))
        await store.choose(f"chat:{place}", "model", "small")
        await store.choose(f"server:{place}", "persona", "Poet")
        await store.set_persona(KeptPersona(f"server:{place}", "Poet", "Write verse.", ADA))
    await store.set_lane(LaneKey(old, BEN), Lane("c", "q1", 1.0))
    await store.set_lane(LaneKey(new, BEN), Lane("d", None, 2.0))
    await store.choose(f"chat:{old}", "busy", "queue")
    await store.choose(f"chat:{new}", "busy", "interrupt")
    for _ in range(2):
        await store.move_place(old, new)
        assert await store.lane(LaneKey(new, ADA)) == Lane("c", "a1", 1.0)
        assert await store.lane(LaneKey(new, BEN)) == Lane("d", None, 2.0)
        assert await store.lane(LaneKey(old, ADA)) is None
        assert await store.lane(LaneKey(old, BEN)) is None
        scopes = (f"chat:{old}", f"chat:{new}", f"server:{old}", f"server:{new}")
        assert await store.choices(scopes) == {
            f"chat:{new}": {"model": "small", "busy": "interrupt"},
            f"server:{new}": {"persona": "Poet"},
        }
        assert await store.personas(scopes) == (KeptPersona(f"server:{new}", "Poet", "Write verse.", ADA),)
    assert await store.lane(LaneKey(other, ADA)) == Lane("c", "a1", 1.0)
    assert len(await store.personas((f"server:{other}",))) == 1


async def test_a_message_comes_back_as_it_was_given(store: Store) -> None:
    await grown(store)
    assert await store.message("q1") == asked("q1")
    assert await store.message("a1") == answered("a1", "q1")
    assert await store.message("nobody") is None


async def test_text_of_any_kind_comes_back(store: Store) -> None:
    texts = (
        "",
        "\x00",
        "é 漢字 👩‍👩‍👧 \u202e",
        "lone \ud800 surrogate",
        "'; DROP TABLE keys; --",
        "x" * 200_000,
    )
    for number, text in enumerate(texts):
        message = replace(asked(f"m{number}"), text=text, name=text[:9], quote=text)
        await store.add(message)
        assert await store.message(f"m{number}") == message


async def test_the_context_is_the_path_to_the_leaf(store: Store) -> None:
    await grown(store)
    assert ids(await store.path("b2")) == ["q1", "a1", "q2", "b2"]
    assert ids(await store.path("b2", limit=2)) == ["q2", "b2"]
    assert await store.path("b2", limit=0) == ()
    assert await store.path("nobody") == ()


async def test_an_outline_is_the_path_without_its_text(store: Store) -> None:
    await grown(store)
    await store.add(asked("q3", "b2", asker=BEN))
    path = await store.path("q3")
    assert await store.outline("q3") == tuple(Outlined(one.id, one.parent_id, one.asker) for one in path)
    assert await store.outline("q3", limit=2) == (
        Outlined("b2", "q2", path[3].asker),
        Outlined("q3", "b2", BEN),
    )
    assert await store.outline("q3", limit=0) == ()
    assert await store.outline("nobody") == ()


async def test_variants_are_the_answers_of_one_question_oldest_first(store: Store) -> None:
    await grown(store)
    await store.add(answered("z2", "q2", asker=BEN, at=50.0))
    await store.add(asked("q3", "q2", at=60.0))
    assert ids(await store.answers("q2")) == ["z2", "a2", "b2"]
    assert await store.answers("a2") == ()


async def test_the_last_question_after_a_message_is_its_newest_and_perhaps_of_one_person(
    store: Store,
) -> None:
    await grown(store)
    await store.add(asked("q9", "a1", asker=BEN, at=900.0))
    await store.add(asked("q8", "a1", asker=ADA, at=800.0))
    conversation_id = asked("q9").conversation_id

    async def last(parent_id: str | None, asker: str = "", conversation: str = conversation_id) -> str:
        found = await store.last_question(conversation, parent_id, asker)
        return found.id if found else ""

    assert (await last("a1"), await last("a1", ADA), await last("a1", "fake:nobody")) == ("q9", "q8", "")
    assert (await last(None), await last("q1"), await last("a1", conversation="elsewhere")) == ("q1", "", "")


async def test_a_new_state_of_a_message_replaces_it_and_what_shows_it(store: Store) -> None:
    await grown(store)
    found = await store.shown(Shown("p", "3"))
    assert found is not None
    assert (found.id, await store.shown(Shown("q", "3"))) == ("a1", None)
    assert await store.shows("a1") == (Shown("p", "2"), Shown("p", "3"))
    await store.add(replace(found, text="new", ending="stopped"), (Shown("p", "9"), Shown("p", "2")))
    assert await store.shown(Shown("p", "3")) is None
    assert await store.shows("a1") == (Shown("p", "9"), Shown("p", "2"))
    assert [message.text for message in await store.path("a2")][:2] == ["text of q1", "new"]
    assert ids(await store.answers("q1")) == ["a1"]


async def test_a_platforms_message_stands_for_one_only(store: Store) -> None:
    await grown(store)
    await store.add(answered("a2", "q2", asker=BEN), (Shown("p", "5"), Shown("p", "6")))
    found = await store.shown(Shown("p", "5"))
    assert found is not None
    assert found.id == "a2"
    assert await store.shows("b2") == ()


async def test_lanes_are_apart_by_place_person_and_privacy(store: Store) -> None:
    await grown(store)
    keys = (LANE, replace(LANE, private=True), replace(LANE, person=BEN), LaneKey("discord:31", ADA))
    leaves = ("a1", "a2", "b2", None)
    for key, leaf in zip(keys, leaves, strict=True):
        assert await store.lane(key) is None
        await store.set_lane(key, Lane("c", leaf, 1.5))
    assert [await store.lane(key) for key in keys] == [Lane("c", leaf, 1.5) for leaf in leaves]
    await store.set_lane(LANE, Lane("d", None, 2.0))
    assert await store.lane(LANE) == Lane("d", None, 2.0)


async def test_what_is_removed_takes_its_answers_and_lanes_end_above(store: Store) -> None:
    await grown(store)
    await store.set_lane(LANE, Lane("c", "b2", 1.0))
    await store.set_summary(Summary("c", "a1", "short", 3))
    await store.set_summary(Summary("c", "q2", "longer", 4))
    assert await store.summary(("q1", "a1", "q2", "b2")) == Summary("c", "q2", "longer", 4)
    await store.remove("q2")
    await store.remove("q2")
    assert await store.lane(LANE) == Lane("c", "a1", 1.0)
    assert [await store.message(one) for one in ("q2", "a2", "b2")] == [None] * 3
    assert await store.shown(Shown("p", "5")) is None
    assert await store.summary(("q1", "a1", "q2")) == Summary("c", "a1", "short", 3)
    await store.remove("q1")
    assert await store.lane(LANE) == Lane("c", None, 1.0)
    assert await store.summary(("q1", "a1")) is None
    assert await store.summary(()) is None


async def test_what_was_taken_out_stays_out(store: Store) -> None:
    await grown(store)
    await store.remove("q2")
    with pytest.raises(GoneError):
        await store.add(answered("late", "q2", asker=BEN), (Shown("p", "8"),))
    assert await store.message("late") is None
    assert await store.shown(Shown("p", "8")) is None
    await store.set_lane(LANE, Lane("c", "q2", 1.0))
    assert await store.lane(LANE) == Lane("c", None, 1.0)
    await store.set_summary(Summary("c", "q2", "of nothing", 1))
    assert await store.summary(("q1", "a1", "q2")) is None


async def test_a_summary_is_replaced_by_a_better_one(store: Store) -> None:
    await grown(store)
    for text in ("first", "better"):
        await store.set_summary(Summary("c", "a1", text, 3))
    assert await store.summary(("q1", "a1", "q2")) == Summary("c", "a1", "better", 3)
    assert await store.summary(("q1",)) is None


async def test_who_forgets_takes_their_own_and_what_others_said_stays(store: Store) -> None:
    await grown(store)
    await store.add(asked("other", asker=BEN, conversation="d"))
    await store.set_summary(Summary("c", "q2", "Ada's secret", 3))
    await store.set_summary(Summary("d", "other", "Ben's own", 3))
    await store.set_lane(LANE, Lane("c", "a1", 1.0))
    await store.set_lane(LaneKey("discord:30"), Lane("c", "a1", 1.0))
    await store.choose(f"person:{ADA}", "model", "big")
    await store.choose(f"person:{ADA}", "language", "de")
    await store.choose(f"person:{BEN}", "model", "small")
    await store.set_persona(KeptPersona(ADA, "pirate", "Arr.", ADA))
    await store.set_persona(KeptPersona("discord:99", "sailor", "Ahoy.", ADA))
    await store.set_persona(KeptPersona("discord:99", "cook", "Salt.", BEN))
    await store.overhear(Overheard("p", "7", ADA, "Ada", "psst", 1.0))
    await store.overhear(Overheard("p", "8", BEN, "Ben", "what?", 2.0))
    await store.use(Used(7, ADA, "discord:99", "big", 1, 10, 5, 2))
    assert await store.forget(ADA) == 6  # two messages, choices, two personas, one overheard
    assert await store.lane(LANE) is None
    assert await store.lane(LaneKey("discord:30")) == Lane("c", None, 1.0)
    assert await store.summary(("q1", "a1", "q2")) is None
    assert await store.summary(("other",)) == Summary("d", "other", "Ben's own", 3)
    assert ids(await store.path("a2")) == ["q2", "a2"]
    assert await store.choices((f"person:{ADA}", f"person:{BEN}")) == {f"person:{BEN}": {"model": "small"}}
    assert await store.personas((ADA, "discord:99")) == (KeptPersona("discord:99", "cook", "Salt.", BEN),)
    assert [one.author for one in await store.overheard("p", since=0.0, limit=9)] == [BEN]
    left = await store.export(ADA)
    assert [left[kind] for kind in ("messages", "choices", "personas", "overheard")] == [[], {}, [], []]
    assert await store.used(since_day=7, person=ADA) == (Used(7, ADA, "", "big", 1, 10, 5, 2),)
    assert await store.forget(ADA) == 0


async def test_what_hung_between_two_that_go_hangs_on_whatever_stays_above(store: Store) -> None:
    """Ben ─ Ada ─ Ada ─ Ben ─ Ada ─ Ben, with a lane that ends at Ada's last."""
    people = (BEN, ADA, ADA, BEN, ADA, BEN)
    parent = None
    for number, person in enumerate(people):
        await store.add(asked(f"m{number}", parent, asker=person))
        parent = f"m{number}"
    await store.set_lane(LaneKey("t"), Lane("c", "m4", 1.0))
    assert await store.forget(ADA) == 3
    assert ids(await store.path("m5")) == ["m0", "m3", "m5"]
    assert await store.lane(LaneKey("t")) == Lane("c", "m3", 1.0)


async def test_who_was_forgotten_can_begin_again(store: Store) -> None:
    await grown(store)
    await store.forget(ADA)
    await store.add(asked("q9"))
    assert await store.message("q9") == asked("q9")


async def test_the_export_is_all_of_a_person_and_plain(store: Store) -> None:
    await grown(store)
    await store.choose(f"person:{ADA}", "model", "big")
    await store.set_persona(KeptPersona("discord:99", "sailor", "Ahoy.", ADA, "big", 0.5))
    await store.overhear(Overheard("p", "7", ADA, "Ada", "psst", 1.0))
    await store.use(Used(7, ADA, "discord:99", "big", 1, 10, 5, 2))
    exported = json.loads(json.dumps(await store.export(ADA)))
    assert [message["id"] for message in exported["messages"]] == ["q1", "a1"]
    assert exported["messages"][0]["text"] == "text of q1"
    assert exported["choices"] == {"model": "big"}
    assert [(one["name"], one["prompt"]) for one in exported["personas"]] == [("sailor", "Ahoy.")]
    assert [(one["place"], one["cost"]) for one in exported["usage"]] == [("discord:99", 2)]
    assert [one["text"] for one in exported["overheard"]] == ["psst"]


async def test_choices_are_kept_by_scope_and_taken_back(store: Store) -> None:
    await store.choose("chat:p", "model", "big")
    await store.choose("chat:p", "language", "de")
    await store.choose("chat:q", "model", "small")
    await store.choose("chat:p", "language", "fr")
    assert await store.choices(("chat:p", "chat:q", "chat:r")) == {
        "chat:p": {"model": "big", "language": "fr"},
        "chat:q": {"model": "small"},
    }
    await store.choose("chat:q", "model", None)
    await store.choose("chat:r", "model", None)
    assert await store.choices(("chat:q", "chat:r")) == {}
    assert await store.choices(()) == {}


async def test_personas_are_named_within_their_scope(store: Store) -> None:
    mate = KeptPersona("discord:99", "mate", "Aye.", ADA, "big", 0.25)
    await store.set_persona(mate)
    await store.set_persona(KeptPersona("discord:98", "mate", "Nay.", BEN))
    await store.set_persona(KeptPersona("discord:99", "cook", "Salt.", BEN))
    await store.set_persona(replace(mate, prompt="Aye, aye.", made_by=BEN))
    assert await store.personas(("discord:99",)) == (
        KeptPersona("discord:99", "cook", "Salt.", BEN),
        replace(mate, prompt="Aye, aye.", made_by=BEN),
    )
    assert await store.remove_persona("discord:99", "cook")
    assert not await store.remove_persona("discord:99", "cook")
    assert [one.name for one in await store.personas(("discord:98", "discord:99"))] == ["mate", "mate"]


async def test_usage_adds_up_by_day_and_model(store: Store) -> None:
    for person, place in ((ADA, "g1"), (ADA, "g1"), (BEN, "g1"), (ADA, "g2")):
        await store.use(Used(7, person, place, "big", 1, 10, 5, 2))
    await store.use(Used(8, ADA, "g1", "small", 1, 10**12, 5, 10**15))
    assert await store.used(since_day=7, person=ADA) == (
        Used(7, ADA, "", "big", 3, 30, 15, 6),
        Used(8, ADA, "", "small", 1, 10**12, 5, 10**15),
    )
    assert await store.used(since_day=7, place="g1") == (
        Used(7, "", "g1", "big", 3, 30, 15, 6),
        Used(8, "", "g1", "small", 1, 10**12, 5, 10**15),
    )
    assert await store.used(since_day=8, person=ADA, place="g2") == ()
    assert (await store.used(since_day=0))[0] == Used(7, "", "", "big", 4, 40, 20, 8)


async def test_nothing_is_lost_of_what_is_counted_at_once(store: Store) -> None:
    await asyncio.gather(*(store.use(Used(7, ADA, "g1", "big", 1, 2, 3, 4)) for _ in range(40)))
    assert await store.used(since_day=7) == (Used(7, "", "", "big", 40, 80, 120, 160),)


async def test_one_that_fails_takes_no_other_with_it(store: Store) -> None:
    await grown(store)
    writes = [store.add(asked(f"m{number}", "a2" if number % 3 else "nobody")) for number in range(30)]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [isinstance(outcome, GoneError) for outcome in outcomes] == [
        number % 3 == 0 for number in range(30)
    ]
    kept = [await store.message(f"m{number}") is not None for number in range(30)]
    assert kept == [number % 3 != 0 for number in range(30)]


async def test_what_was_overheard_of_somebody_goes_and_of_others_stays(store: Store) -> None:
    await store.overhear(Overheard("p", "1", ADA, "Ada", "one", 1.0))
    await store.overhear(Overheard("q", "2", ADA, "Ada", "two", 1.0))
    await store.overhear(Overheard("p", "3", BEN, "Ben", "three", 1.0))
    await store.unhear(ADA)
    assert [one.text for one in await store.overheard("p", since=0.0, limit=9)] == ["three"]
    assert await store.overheard("q", since=0.0, limit=9) == ()


async def test_what_others_quote_of_somebody_is_forgotten_with_them(store: Store) -> None:
    both = replace(asked("q1", asker=BEN), quote="> Ada: psst\n> Cleo: what?", quotes=(ADA, "discord:3"))
    await store.add(both)
    await store.add(replace(asked("q2", "q1", asker=BEN), quote="> Cleo: \ud800", quotes=("discord:3",)))
    assert (await store.path("q2"))[0] == both
    await store.expire(before=0.0, overheard_before=1_000.0)
    assert await store.forget(ADA) == 0
    first, second = await store.path("q2")
    assert first == replace(both, quote="", quotes=())
    assert second.quote == "> Cleo: \ud800"
    await store.forget("discord:3")
    assert [one.quote for one in await store.path("q2")] == ["", ""]
    await store.add(both)  # said anew after it
    assert (await store.message("q1")) == both


async def test_forgetting_leaves_that_somebody_is_apart(store: Store) -> None:
    await store.choose(f"person:{ADA}", "apart", "on")
    assert await store.forget(ADA) == 0
    await store.choose(f"person:{ADA}", "language", "de")
    assert await store.forget(ADA) == 1
    assert (await store.export(ADA))["choices"] == {"apart": "on"}


async def test_the_newest_overheard_oldest_first(store: Store) -> None:
    for number, at in enumerate((4.0, 1.0, 3.0, 2.0)):
        await store.overhear(Overheard("p", str(number), BEN, "Ben", f"said {number}", at))
    await store.overhear(Overheard("q", "0", BEN, "Ben", "elsewhere", 9.0))
    await store.overhear(Overheard("p", "0", BEN, "Ben", "edited", 4.0))
    assert [one.text for one in await store.overheard("p", since=2.0, limit=9)] == [
        "said 3",
        "said 2",
        "edited",
    ]
    assert await store.overheard("p", since=0.0, limit=1) == (Overheard("p", "0", BEN, "Ben", "edited", 4.0),)


async def test_what_is_old_expires(store: Store) -> None:
    await grown(store)
    await store.add(replace(asked("new", conversation="n"), at=200.0))
    await store.add(replace(asked("old", conversation="n"), at=1.0))
    await store.set_lane(LANE, Lane("c", "a1", 102.0))
    await store.set_lane(LaneKey("t"), Lane("n", "new", 200.0))
    await store.set_lane(LaneKey("u"), Lane("c", "a2", 200.0))
    await store.overhear(Overheard("p", "7", ADA, "Ada", "old", 1.0))
    await store.overhear(Overheard("p", "8", ADA, "Ada", "new", 200.0))
    assert await store.expire(before=150.0, overheard_before=150.0) == 5
    assert [await store.message(one) is not None for one in ("new", "old", "q1", "a2")] == [
        True,
        True,
        False,
        False,
    ]
    assert await store.lane(LANE) is None
    assert await store.lane(LaneKey("t")) == Lane("n", "new", 200.0)
    assert await store.lane(LaneKey("u")) == Lane("c", None, 200.0)
    assert [heard.text for heard in await store.overheard("p", since=0.0, limit=9)] == ["new"]
    assert await store.expire(before=150.0, overheard_before=150.0) == 0


async def test_a_summary_does_not_outlive_what_it_tells_of(store: Store) -> None:
    """What was deleted, edited or taken back is told by no summary that reaches beyond it."""
    await grown(store)
    for until_id in ("q1", "a1", "q2"):
        await store.set_summary(Summary("c", until_id, "told", 3))
    [question, answer] = await store.path("a1")
    await store.add(answer, (Shown("p", "2"),))
    assert await store.summary(("q1", "a1", "q2")) == Summary("c", "q2", "told", 3)
    await store.add(replace(answer, text=""), ())
    assert await store.summary(("q1", "a1", "q2")) == Summary("c", "q1", "told", 3)
    await store.add(replace(question, text="edited"), ())
    assert await store.summary(("q1", "a1", "q2")) is None


async def test_what_was_said_after_something_that_is_removed_goes_on_from_above_it(store: Store) -> None:
    await grown(store)
    await store.set_lane(LANE, Lane("c", "b2", 1.0))
    await store.set_summary(Summary("c", "q2", "told", 3))
    await store.remove("q1")
    assert ids(await store.path("b2")) == ["q2", "b2"]
    assert await store.lane(LANE) == Lane("c", "b2", 1.0)
    assert await store.summary(("q2", "b2")) is None
