"""What must outlive the process in the middle of its work: events that came in, turns that are not over, how
far each answer was shown. The law:

- An event is handled once. What the platform would not offer again is kept from before it is confirmed there
  until it is handled; what was handled is remembered for two days. While it is in work it is its process's,
  as a turn is, and how often it was taken over is counted: what kills each process is not done for ever.
- A **turn** is kept before anything of it is visible, under the event that it answers. Each **step** of it
  (what is about to be shown, and where it stands) is kept before it is done: the journal is never behind
  the screen, so who takes a turn over takes no text back.
- A turn has one owner, which holds it by a **lease**. Every takeover raises its **fence**: what an owner
  writes that lost its lease is not written, and it does no more for that turn. Only the journal's own clock
  says when a lease has expired.

Bodies are opaque here and kept encrypted under their person's key, so that forgetting takes them along; what
they hold of others is kept apart, under the keys of those, too. Every
method may raise `core.ports.store.StoreError`. Times are seconds since the epoch, and never decide a lease.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

LEASE_S: Final = 8.0
"""How long a lease holds without being renewed: a process that stands still for less loses nothing, and what
a dead one left is taken over within 10 s."""
RENEW_S: Final = 2.0
STARTS: Final = 5
"""So often an event or a turn is begun with at most; what killed its process each time is given up."""


@dataclass(frozen=True, slots=True)
class OthersWords:
    """What others said of that which somebody's event or turn holds, as a quote. `of`: whose it is, each
    `str(Person)`, at least one."""

    of: tuple[str, ...]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Received:
    """An event as it came in. `account`: the bot account, `Surface.account`; `id`: the platform's own for the
    event; `author`: `str(Person)`, whose it is, "" where it is nobody's. `others`: not in `body`; None, too,
    once one of those whose it is was forgotten."""

    account: str
    id: str
    author: str
    body: bytes = field(repr=False)
    at: float
    others: OthersWords | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """An event whose process is gone. `taken`: how often it was taken over, with this time."""

    event: Received
    taken: int


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn as it is kept. `events`: the ids of what it answers, in order, the first being its idempotency
    key; `asker`: `str(Person)`; `body`: what it takes to do it, without what has been shown. `others`: as of
    `Received`."""

    id: str
    account: str
    events: tuple[str, ...]
    asker: str
    body: bytes = field(repr=False)
    at: float
    others: OthersWords | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a turn, kept before it is done."""

    turn_id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A turn whose owner is gone, now this process's, with its steps in order."""

    turn: KeptTurn
    steps: tuple[bytes, ...] = field(repr=False)


class Journal(Protocol):
    """This process's, which is the owner of what it begins and takes over."""

    @property
    def alone(self) -> bool:
        """Nobody else can own a turn while this process lives, so it need not fear for its leases."""

    # what came in
    async def receive(self, events: Sequence[Received]) -> tuple[Received, ...]:
        """Keep events before they are confirmed to their platform; those that are new."""

    async def unhandled(self, account: str) -> tuple[Received, ...]:
        """What was kept and not handled, in the order in which it came, whoever has it in work."""

    async def take_over_events(self, account: str) -> tuple[Left, ...]:
        """Those of them that no other living process has in work, this one's own among them; where this
        process is `alone`: all. They are its own from now on."""

    async def handled(self, account: str, ids: Sequence[str], at: float) -> tuple[str, ...]:
        """Remember that these were handled, and drop their bodies. Those that had not been before."""

    async def was_handled(self, account: str, event_id: str) -> bool: ...

    # turns
    async def begin(self, turn: KeptTurn) -> bool:
        """Keep a turn, and its events as handled, as one. False, and nothing is kept, where its first event
        was handled before."""

    async def write(self, steps: Sequence[Step]) -> frozenset[str]:
        """Keep steps, in their order. The ids of turns that this process does not own (any more): of them
        nothing is kept. A turn that is not there, as after /forget, is none of those, and is passed over."""

    async def finish(self, turn_id: str, state: str) -> None:
        """A turn is over: its body and steps go. `state`: a word of `Ending`, for people who look."""

    async def renew(self) -> None:
        """Prolong every lease of this process: call every RENEW_S."""

    async def take_over(self, accounts: Collection[str]) -> tuple[Orphan, ...]:
        """Turns of these accounts that are not over and whose lease has expired, the oldest first. Where this
        process is `alone`: all that are not its own."""

    # how far a channel was heard
    async def cursors(self, account: str, *, since: float) -> Mapping[str, str]:
        """By channel, the id of the last message heard there; only channels that moved since then."""

    async def move_cursors(self, account: str, cursors: Mapping[str, str], at: float) -> None: ...

    # what a platform counts by the day
    async def count(self, name: str, day: int) -> int:
        """One more of what is counted under this name on that day (whole days since the epoch): how many by
        now."""

    async def expire_journal(self, before: float, left_before: float) -> None:
        """Drop what was handled, finished, moved or counted `before`; and what came before `left_before` and
        is not over, as of an account that runs no more: events, and turns that nobody living has."""
