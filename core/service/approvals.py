"""New places: admins are asked once about each, and what they decide is kept.

The law:
- Of each new place there is one open request at most, and one message to each admin, in their private chat
  with the bot; it survives restarts, and `/access` lists it. The log says it too, and what to do.
- So many requests in an hour (`requests_per_hour`), and `_MOST_OPEN` at once: of more the log alone tells.
- Nothing that was said before the approval is answered after it, since it may be hours old: the place is told
  that it can ask now.
- What was kept and cannot be read counts as refused; while nothing could be read yet, only admins are served.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from core.catalogue import say
from core.conversation.window import harmless_name
from core.messages import Person, Place, PlaceKind
from core.policy.access import Access
from core.policy.frequency import Frequency
from core.policy.rules import entry_of
from core.ports.clock import Clock
from core.ports.platform import Platform
from core.ports.store import Store, StoreError
from core.ports.surface import Surface
from core.service.driver import Driver
from core.service.known_names import KnownNames
from core.service.signing import Signer
from core.service.tasks import Tasks
from core.streaming.answer import Answer, Ending
from core.streaming.inline import escaped
from core.streaming.operations import Button, ButtonStyle, Row
from core.streaming.view_settings import BARE, Foot

log = logging.getLogger(__name__)

SCOPE: Final = "access"
"""In the store's choices: the entry of a place, and one line about it."""
YES, NO = "access:yes:", "access:no:"
"""What a button's data begins with; the entry follows."""
EVERY_S: Final = 60.0
"""How often what other processes decided is read."""
_HOUR_S: Final = 3_600.0
_MOST_OPEN: Final = 200


class State(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """About one place, by its entry. `by`: who asked, later who decided, as `str(Person)`; `at`: when, in
    seconds since the epoch. `place`: where it was asked; None where that is not known any more."""

    entry: str
    state: State
    by: str
    at: float
    place: Place | None = None


class Approvals:
    """One for the whole bot. `per_hour`, `locale`: as configured now."""

    def __init__(
        self,
        access: Access,
        store: Store,
        driver: Driver,
        clock: Clock,
        tasks: Tasks,
        *,
        signer: Signer,
        per_hour: Callable[[], int],
        locale: Callable[[], str | None],
    ) -> None:
        self._access = access
        self._store = store
        self._driver = driver
        self._clock = clock
        self._tasks = tasks
        self._signer = signer
        self._per_hour = per_hour
        self._locale = locale
        self._platforms: Mapping[str, Platform] = {}
        self.names = KnownNames()
        self._known: dict[str, Decision] = {}
        self._loaded = False
        self._changes = 0  # so many were made: what was read before the last may be old
        self._moving: dict[str, tuple[Place, Place]] = {}  # places whose new id is not kept yet
        self._asked_at: deque[float] = deque()
        self._logged = Frequency(1, _HOUR_S)
        access.undecided()

    def reaches(self, platforms: Sequence[Platform]) -> None:
        """Send over these from now on: those that were started."""
        self._platforms = {platform.name.lower(): platform for platform in platforms}

    async def run(self) -> None:
        """Read what other processes decided, until cancelled."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + EVERY_S)
            await self._read()

    async def known(self) -> None:
        """Have read what was decided, as far as the store can be read."""
        if not self._loaded:
            await self._read()

    async def _read(self) -> None:
        changes = self._changes
        try:
            kept = (await self._store.choices((SCOPE,))).get(SCOPE, {})
        except StoreError as error:
            log.error("who may use the bot cannot be read: %s", error)
            return
        if changes == self._changes:
            self._known = {entry: _read(entry, text) for entry, text in kept.items()}
            self._loaded = True
            for before, place in self._moving.values():
                self._know_as_before(before, place)
            self._tell_access()

    def request(self, person: Person, place: Place) -> bool:
        """Somebody asks where nobody was allowed yet. Whether admins know of it, or are being told."""
        entry = entry_of(person, place)
        self.names.note(person, place)
        if entry in self._known:
            return True
        now = self._clock.monotonic()
        while self._asked_at and self._asked_at[0] <= now - _HOUR_S:
            self._asked_at.popleft()
        open_ones = sum(one.state is State.ASKED for one in self._known.values())
        if len(self._asked_at) >= self._per_hour() or open_ones >= _MOST_OPEN:
            if self._logged.take(entry, now):
                log.warning("%s by %s: too many ask for admins to be told. %s", entry, person, _to_do(entry))
            return False
        self._asked_at.append(now)
        asked = Decision(entry, State.ASKED, str(person), self._clock.wall(), place)
        self._known[entry] = asked
        self._tasks.start(self._ask(asked, person), f"request for {entry}")
        return True

    async def decide(self, entry: str, state: State, by: Person) -> Decision:
        """Keep what an admin says of a place, and tell the place of an approval. Raises StoreError."""
        before = self._known.get(entry)
        place = before.place if before else None
        self.names.note(by)
        decision = Decision(entry, state, str(by), self._clock.wall(), place)
        await self._keep(decision)
        log.info("access: %s is %s by %s", entry, state.value, by)
        waited = before is not None and before.state is State.ASKED
        if waited and state is State.APPROVED and place is not None:
            self._tasks.start(self._tell_place(place), f"approval of {entry}")
        return decision

    async def revoke(self, entry: str, by: Person) -> bool:
        """Know nothing of the place, as before it was asked for. Whether there was anything. Raises
        StoreError."""
        await self._store.choose(SCOPE, entry, None)
        self._changes += 1
        gone = self._known.pop(entry, None)
        self._tell_access()
        log.info("access: %s is as new by %s", entry, by)
        return gone is not None

    def find(self, entry: str) -> Decision | None:
        return self._known.get(entry)

    def all(self) -> tuple[Decision, ...]:
        """Open requests first, then the newest decisions."""
        return tuple(
            sorted(self._known.values(), key=lambda one: (one.state is not State.ASKED, -one.at, one.entry))
        )

    def follow(self, before: Place, place: Place) -> None:
        """A group has another id from now on, and is what it was; also where `deny` names the old one. It is
        so at once, and `moved` keeps it."""
        self._changes += 1
        self._moving[str(place)] = before, place
        self._know_as_before(before, place)
        self._tell_access()

    async def moved(self, before: Place, place: Place) -> None:
        """Keep that. Raises StoreError."""
        await self.known()
        if not self._loaded:
            raise StoreError("what was decided of new places cannot be read")
        if (decision := self._as_before(before, place)) is not None:
            await self._keep(decision)
        self._moving.pop(str(place), None)

    def _know_as_before(self, before: Place, place: Place) -> None:
        if (decision := self._as_before(before, place)) is not None:
            self._known[decision.entry] = decision

    def _as_before(self, before: Place, place: Place) -> Decision | None:
        """What holds of a place that moved; None where nothing does, or admins decided of its new id."""
        nobody = Person(place.platform, "0", "")
        known, entry = self._known.get(entry_of(nobody, before)), entry_of(nobody, place)
        decision = replace(known, entry=entry, place=place) if known else None
        if self._access.rules.denies(nobody, before):
            decision = Decision(entry, State.REFUSED, str(nobody), known.at if known else 0.0, place)
        there = self._known.get(entry)
        return decision if there in {None, decision} or there.state is State.ASKED else None

    async def _keep(self, decision: Decision) -> None:
        await self._store.choose(SCOPE, decision.entry, _written(decision))
        self._changes += 1
        self._known[decision.entry] = decision
        self._tell_access()

    def _tell_access(self) -> None:
        of = {state: [one.entry for one in self._known.values() if one.state is state] for state in State}
        self._access.decided(approved=frozenset(of[State.APPROVED]), refused=frozenset(of[State.REFUSED]))

    async def _ask(self, asked: Decision, person: Person) -> None:
        await self._read()
        if self._known.setdefault(asked.entry, asked) is not asked:  # another process has asked, or knows
            return
        try:
            await self._keep(asked)
        except StoreError as error:
            log.error("the request for %s is not kept, and ends with this process: %s", asked.entry, error)
        told = 0
        for admin in self._access.admins:
            told += await self._ask_admin(admin, asked, person)
        admins = "1 admin is" if told == 1 else f"{told} admins are"
        log.warning("%s by %s: %s asked. %s", asked.entry, person, admins, _to_do(asked.entry))

    async def _ask_admin(self, admin: str, asked: Decision, person: Person) -> bool:
        name, _, id_ = admin.partition(":")
        platform = self._platforms.get(name)
        surface = await platform.private_chat(id_) if platform is not None else None
        if surface is None or asked.place is None:
            return False
        locale = self._locale()
        who, entry = f"{escaped(harmless_name(person.name))} (`{person}`)", f"`{asked.entry}`"
        if asked.place.kind is PlaceKind.PRIVATE:
            words = say("access.request.private", locale, who=who, entry=entry)
        else:
            name = escaped(harmless_name(asked.place.name)) if asked.place.name else "?"
            key = "access.request.server" if asked.place.guild_id else "access.request.group"
            words = say(key, locale, who=who, name=name, entry=entry)
        rows = self._signer.rows(buttons_for(asked.entry, locale), surface.place)
        return await self._send(surface, words, locale, Foot(rows))

    async def _tell_place(self, place: Place) -> None:
        platform = self._platforms.get(place.platform)
        surface = platform.reopen(place, "") if platform is not None else None
        if surface is not None:
            await self._send(surface, say("access.open", self._locale()), self._locale(), BARE)

    async def _send(self, surface: Surface, text: str, locale: str | None, foot: Foot) -> bool:
        now = self._clock.monotonic()
        notice = Answer()
        notice.append(text, now)
        notice.end(Ending.COMPLETE, now)
        nonce = secrets.token_hex(8)
        showing = self._driver.show(notice, surface, notice=True, nonce=nonce, locale=locale, foot=foot)
        shown = await showing.finished()
        if not shown.complete:
            log.info("%s was not told: %s", surface.place, shown.reason)
        return shown.complete


def buttons_for(entry: str, locale: str | None) -> tuple[Row, ...]:
    """Approve and Deny, under a message about a place."""
    yes = Button(YES + entry, say("button.approve", locale))
    return ((yes, Button(NO + entry, say("button.deny", locale), ButtonStyle.DANGER)),)


def _to_do(entry: str) -> str:
    return f"To allow it: /access {entry} approve, or add {entry} to SLUICE_ALLOW."


def _written(decision: Decision) -> str:
    place = decision.place
    where = [place.chat_id, place.kind.value, place.topic_id, place.guild_id] if place else None
    return json.dumps(
        {"state": decision.state.value, "by": decision.by, "at": decision.at, "place": where},
        separators=(",", ":"),
    )


def _read(entry: str, text: str) -> Decision:
    """What cannot be read is a refusal."""
    try:
        match json.loads(text):
            case {"state": str(state), "by": str(by), "at": int() | float() as at, "place": where}:
                return Decision(entry, State(state), by, float(at), _place(entry, where))
    except (ValueError, RecursionError):
        pass
    log.error("what was decided of %s cannot be read, and counts as refused", entry[:100])
    return Decision(entry, State.REFUSED, "", 0.0)


def _place(entry: str, where: object) -> Place | None:
    match where:
        case [str(chat), str(kind), topic, guild] if kind in set(PlaceKind):
            return Place(
                entry.partition(":")[0],
                chat,
                PlaceKind(kind),
                topic_id=str(topic) if topic else None,
                guild_id=str(guild) if guild else None,
            )
    return None
