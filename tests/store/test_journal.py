"""What every journal must do, in memory, SQLite, PostgreSQL: for processes that are killed or stand still."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.ports.journal import Journal, KeptTurn, Left, Orphan, OthersWords, Received, Step
from tests.store.people import ADA, BEN
from tests.store.processes import Processes

ACCOUNT = "discord:9"
OTHER = "telegram:8"
ODD = b"\x00\xff \xf0\x9f\x91\xa9 '; DROP TABLE turns; --" + b"x" * 100_000


def event(name: str, *, author: str = ADA, account: str = ACCOUNT) -> Received:
    return Received(account, name, author, f"body of {name}".encode(), 100.0)


def turn(name: str, *events: str, asker: str = ADA, account: str = ACCOUNT, at: float = 100.0) -> KeptTurn:
    return KeptTurn(name, account, events or (f"of {name}",), asker, f"body of {name}".encode(), at)


def steps(*of: str) -> list[Step]:
    return [Step(name, f"{name} {number}".encode()) for number, name in enumerate(of)]


async def begun(processes: Processes, *names: str) -> Journal:
    """A process with turns, the oldest last."""
    journal = await processes.start()
    for number, name in enumerate(names):
        assert await journal.begin(turn(name, at=100.0 - number))
    return journal


async def test_an_event_is_kept_once_until_it_is_handled(processes: Processes) -> None:
    first, second = event("e1"), event("e2", author="")
    journal = await processes.start()
    assert await journal.receive([]) == ()
    assert await journal.receive([first, second, first]) == (first, second)
    assert await journal.receive([second, event("e0"), event("e1", account=OTHER)]) == (
        event("e0"),
        event("e1", account=OTHER),
    )
    again = await processes.start()
    assert await again.unhandled(ACCOUNT) == (first, second, event("e0"))
    assert await again.handled(ACCOUNT, ["e2", "e0", "unheard", "e2"], 200.0) == ("e2", "e0", "unheard")
    assert await again.handled(ACCOUNT, ["e0", "e9", "unheard"], 201.0) == ("e9",)
    assert await again.receive([second, event("unheard"), event("e0"), event("e3")]) == (event("e3"),)
    assert await again.unhandled(ACCOUNT) == (first, event("e3"))
    assert await again.unhandled(OTHER) == (event("e1", account=OTHER),)
    known = [await again.was_handled(ACCOUNT, one) for one in ("e1", "e2", "unheard", "e9", "e4")]
    assert known == [False, True, True, True, False]
    assert not await again.was_handled(OTHER, "e2")


async def test_an_event_is_taken_over_from_the_dead_alone_and_that_is_counted(processes: Processes) -> None:
    first, second = await processes.start(), await processes.start()
    await first.receive([event("e1"), event("e2")])
    assert await first.take_over_events(ACCOUNT) == (Left(event("e1"), 0), Left(event("e2"), 0))
    living = await second.take_over_events(ACCOUNT)
    assert living == ((Left(event("e1"), 1), Left(event("e2"), 1)) if processes.alone else ())
    await second.receive([event("e3")])
    await processes.lapse(first)
    await first.handled(ACCOUNT, ["e2"], 200.0)
    for _ in range(2):  # as where the answer of the first time got lost
        assert await second.take_over_events(ACCOUNT) == (Left(event("e1"), 1), Left(event("e3"), 0))
    assert await second.take_over_events(OTHER) == ()
    for times in (2, 3):
        await processes.lapse(second)
        second = await processes.start()
        assert await second.take_over_events(ACCOUNT) == (
            Left(event("e1"), times),
            Left(event("e3"), times - 1),
        )
    await second.handled(ACCOUNT, ["e1", "e3"], 200.0)
    await processes.lapse(second)
    assert await (await processes.start()).take_over_events(ACCOUNT) == ()


async def test_what_nobody_does_any_more_expires(processes: Processes) -> None:
    """As of an account that runs no more; what the living have in work stays."""
    dead = await begun(processes, "old", "older")
    await dead.write(steps("old", "older"))
    await dead.receive([event("e1"), replace(event("e2"), at=200.0)])
    await processes.lapse(dead)
    journal = await processes.start()
    assert await journal.begin(turn("own", at=1.0))
    await journal.expire_journal(0.0, 100.0)
    assert await journal.unhandled(ACCOUNT) == (event("e1"), replace(event("e2"), at=200.0))
    assert await journal.write(steps("own")) == frozenset()
    await journal.expire_journal(0.0, 101.0)
    assert await journal.unhandled(ACCOUNT) == (replace(event("e2"), at=200.0),)
    assert await journal.take_over([ACCOUNT]) == ()
    await processes.lapse(journal)
    assert [orphan.turn.id for orphan in await (await processes.start()).take_over([ACCOUNT])] == ["own"]


async def test_bodies_of_any_kind_come_back(processes: Processes) -> None:
    journal = await processes.start()
    for number, body in enumerate((b"", ODD)):
        odd = Received(ACCOUNT, f"{number} é 漢", "matrix:@ada:example.org", body, 1.5)
        assert await journal.receive([odd]) == (odd,)
        kept = KeptTurn(f"t{number} é", ACCOUNT, (odd.id, "'"), odd.author, body, 1.5 + number)
        assert await journal.begin(kept)
        await journal.write([Step(kept.id, body), Step(kept.id, body[::-1])])
        await processes.lapse(journal)
        journal = await processes.start()
        assert await journal.take_over([ACCOUNT]) == (Orphan(kept, (body, body[::-1])),)
        await journal.finish(kept.id, "complete")


async def test_others_words_go_with_whoever_is_forgotten_and_the_rest_stays(processes: Processes) -> None:
    """Also where they are quoted again afterwards."""
    journal = await processes.start()
    bens, theirs = OthersWords((BEN,), ODD), OthersWords((BEN, "discord:3"), b"so they said")
    quoting = {"e1": bens, "e2": theirs, "e3": OthersWords(("discord:3",), b"stays"), "e4": None}
    heard = [replace(event(name), others=others) for name, others in quoting.items()]
    assert await journal.receive(heard) == tuple(heard)
    for number, (name, others) in enumerate(quoting.items()):
        assert await journal.begin(replace(turn(f"of {name}", at=float(number)), others=others))
    assert await journal.unhandled(ACCOUNT) == tuple(heard)
    await processes.store_of(journal).forget(BEN)
    later = replace(event("e5"), others=bens)
    await journal.receive([later])
    await processes.lapse(journal)
    again = await processes.start()
    left = (*(replace(one, others=None) for one in heard[:2]), *heard[2:], later)
    assert await again.unhandled(ACCOUNT) == left
    assert [one.event for one in await again.take_over_events(ACCOUNT)] == list(left)
    taken = [orphan.turn for orphan in await again.take_over([ACCOUNT])]
    assert [one.others for one in taken] == [None, None, quoting["e3"], None]
    assert [one.body for one in taken] == [f"body of of {name}".encode() for name in quoting]


async def test_a_question_is_answered_by_one_turn(processes: Processes) -> None:
    journal = await processes.start()
    await journal.receive([event("e1"), event("e2"), event("e3")])
    assert await journal.begin(turn("t1", "e1", "e2"))
    assert await journal.begin(turn("t1", "e1", "e2"))  # the very same, whose answer got lost
    other = await processes.start()
    assert not await other.begin(turn("t2", "e2", "e3"))
    assert not await other.begin(turn("t3", "e1"))
    assert await journal.unhandled(ACCOUNT) == (event("e3"),)
    assert await other.begin(turn("t4", "e3", "e2"))  # a later one may have been answered
    assert await other.begin(turn("t5", "e1", account=OTHER))
    assert await other.begin(replace(turn("t6"), events=()))
    assert await journal.handled(ACCOUNT, ["e1", "e2", "e3"], 1.0) == ()
    await processes.lapse(journal)
    await processes.lapse(other)
    taken = await (await processes.start()).take_over([ACCOUNT])
    assert sorted(orphan.turn.id for orphan in taken) == ["t1", "t4", "t6"]


async def test_one_of_two_processes_begins(processes: Processes) -> None:
    journals = [await processes.start() for _ in range(4)]
    begun = [journal.begin(turn(f"t{number}", "e1")) for number, journal in enumerate(journals)]
    assert sorted(await asyncio.gather(*begun)) == [False, False, False, True]


async def test_steps_come_back_in_their_order(processes: Processes) -> None:
    journal = await begun(processes, "t1", "t2", "t3")
    assert await journal.write([]) == frozenset()
    assert await journal.write(steps("t1", "t2", "t1", "t1")) == frozenset()
    await asyncio.gather(*(journal.write([Step("t2", b"%d" % number)]) for number in range(9)))
    await processes.lapse(journal)
    other = await processes.start()
    assert await other.take_over([OTHER]) == ()
    assert await other.take_over([]) == ()
    taken = await other.take_over([OTHER, ACCOUNT])
    assert [orphan.turn for orphan in taken] == [turn(f"t{n}", at=101.0 - n) for n in (3, 2, 1)]
    assert [orphan.steps for orphan in taken] == [
        (),
        (b"t2 1", *(b"%d" % number for number in range(9))),
        (b"t1 0", b"t1 2", b"t1 3"),
    ]
    assert await other.take_over([ACCOUNT]) == ()
    assert await other.write(steps("t1", "t3")) == frozenset()
    await processes.lapse(other)
    taken = await (await processes.start()).take_over([ACCOUNT])
    assert [len(orphan.steps) for orphan in taken] == [1, 10, 4]
    assert taken[2].steps[-1] == b"t1 0"


async def test_whoever_lost_a_turn_writes_no_more_of_exactly_that_one(processes: Processes) -> None:
    journal = await begun(processes, "t1", "t2")
    await journal.begin(turn("t3", account=OTHER))
    await processes.lapse(journal)
    other = await processes.start()
    await other.take_over([ACCOUNT])
    assert await journal.write(steps("t1", "t3", "t2")) == {"t1", "t2"}
    assert await journal.write(steps("t1")) == {"t1"}
    await journal.finish("t2", "stopped")
    await other.finish("t1", "complete")
    assert await journal.write(steps("t1", "t2")) == {"t1", "t2"}
    assert await other.write(steps("t1", "t2")) == {"t1"}  # over is over
    await processes.lapse(other)
    await processes.lapse(journal)
    left = await (await processes.start()).take_over([ACCOUNT, OTHER])
    assert {orphan.turn.id: orphan.steps for orphan in left} == {"t2": (b"t2 1",), "t3": (b"t3 1",)}


async def test_a_turn_can_come_back_to_its_first_owner(processes: Processes) -> None:
    journal = await begun(processes, "t1")
    await processes.lapse(journal)
    other = await processes.start()
    assert len(await other.take_over([ACCOUNT])) == 1
    await processes.lapse(other)
    await journal.renew()
    [orphan] = await journal.take_over([ACCOUNT])
    assert orphan.steps == ()
    assert await journal.write(steps("t1")) == frozenset()
    assert await other.write(steps("t1")) == {"t1"}


async def test_what_is_over_is_left_to_nobody(processes: Processes) -> None:
    journal = await begun(processes, "t1", "t2")
    await journal.write(steps("t1", "t2"))
    await journal.finish("t1", "complete")
    await journal.finish("t1", "complete")
    await journal.finish("nobody", "complete")
    await processes.lapse(journal)
    other = await processes.start()
    assert [orphan.turn.id for orphan in await other.take_over([ACCOUNT])] == ["t2"]
    assert not await other.begin(turn("t9", "of t1"))


async def test_a_lease_holds_as_long_as_it_is_renewed(processes: Processes) -> None:
    journal = await begun(processes, "t1")
    other = await processes.start()
    if journal.alone:
        pytest.skip("who is alone has none")
    assert await other.take_over([ACCOUNT]) == ()
    await processes.lapse(journal)
    await journal.renew()
    assert await other.take_over([ACCOUNT]) == ()
    assert await journal.write(steps("t1")) == frozenset()
    await processes.lapse(journal)
    assert await journal.write(steps("t1")) == frozenset()  # nobody took it meanwhile
    assert len(await other.take_over([ACCOUNT])) == 1


async def test_of_all_who_take_over_at_once_one_gets_each(processes: Processes) -> None:
    names = [f"t{number}" for number in range(20)]
    journal = await begun(processes, *names)
    if journal.alone:
        pytest.skip("who is alone shares with nobody")
    await processes.lapse(journal)
    others = [await processes.start() for _ in range(3)]
    for other in others:
        await other.renew()
    taken = await asyncio.gather(*(other.take_over([ACCOUNT]) for other in others))
    mine = [[orphan.turn.id for orphan in one] for one in taken]
    assert sorted(name for one in mine for name in one) == sorted(names)
    for other, has in zip(others, mine, strict=True):
        assert await other.write(steps(*names)) == set(names) - set(has)


async def test_who_is_forgotten_takes_turns_and_events_along(processes: Processes) -> None:
    journal = await processes.start()
    await journal.receive([event("e1"), event("e2", author=BEN), event("e3", author="")])
    assert await journal.begin(turn("t1"))
    assert await journal.begin(turn("t2", asker=BEN))
    assert await journal.begin(turn("t0"))
    await journal.finish("t0", "complete")
    await journal.write(steps("t1", "t2"))
    await processes.store_of(journal).forget(ADA)
    assert await journal.unhandled(ACCOUNT) == (event("e2", author=BEN), event("e3", author=""))
    assert await journal.write(steps("t1", "t2")) == frozenset()
    await journal.finish("t1", "complete")
    assert await journal.begin(turn("t3"))  # who was forgotten can begin again
    assert await journal.receive([event("e1")]) == (event("e1"),)
    assert await journal.write(steps("t3")) == frozenset()
    await processes.lapse(journal)
    left = await (await processes.start()).take_over([ACCOUNT])
    assert {orphan.turn.id: len(orphan.steps) for orphan in left} == {"t2": 2, "t3": 1}


async def test_cursors_move_by_channel(processes: Processes) -> None:
    journal = await processes.start()
    await journal.move_cursors(ACCOUNT, {}, 1.0)
    await journal.move_cursors(ACCOUNT, {"30": "1", "31": "2"}, 100.0)
    await journal.move_cursors(OTHER, {"30": "7"}, 100.0)
    await journal.move_cursors(ACCOUNT, {"31": "3", "32": "4"}, 200.0)
    again = await processes.start()
    assert await again.cursors(ACCOUNT, since=0.0) == {"30": "1", "31": "3", "32": "4"}
    assert await again.cursors(ACCOUNT, since=200.0) == {"31": "3", "32": "4"}
    assert await again.cursors("nobody", since=0.0) == {}


async def test_nothing_is_lost_of_what_is_counted_at_once(processes: Processes) -> None:
    journals = [await processes.start() for _ in range(3)]
    counted = await asyncio.gather(*(journals[n % 3].count("identify", 7) for n in range(30)))
    assert sorted(counted) == list(range(1, 31))
    assert [await journals[0].count("identify", 8), await journals[1].count("other", 7)] == [1, 1]


async def test_what_is_old_expires_and_what_is_not_over_stays(processes: Processes) -> None:
    day = 86_400.0
    journal = await begun(processes, "open", "over")
    await journal.write(steps("open"))
    await journal.finish("over", "complete")
    await journal.receive([event("waits")])
    await journal.handled(ACCOUNT, ["old"], day)
    await journal.handled(ACCOUNT, ["new"], 3 * day)
    await journal.move_cursors(ACCOUNT, {"30": "1"}, day)
    await journal.move_cursors(ACCOUNT, {"31": "2"}, 3 * day)
    for counted in (1, 2):
        await journal.count("identify", counted)
    await journal.expire_journal(2 * day, 0.0)
    assert await journal.unhandled(ACCOUNT) == (event("waits"),)
    assert await journal.handled(ACCOUNT, ["old", "new", "of over"], 3 * day) == ("old", "of over")
    assert await journal.cursors(ACCOUNT, since=0.0) == {"31": "2"}
    assert [await journal.count("identify", counted) for counted in (1, 2)] == [1, 2]
    assert await journal.write(steps("open")) == frozenset()
