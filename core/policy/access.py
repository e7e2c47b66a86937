"""Who may use the bot. Ids alone decide, and nobody may unless somebody with the right said so.

The rules, in order:
1. An admin, and whoever an entry of `admins` or `allow` names, is served. `discord:ID` names a user,
   role, guild, channel, or the channel that a thread hangs in; `telegram:ID` a user or a chat.
2. `allow_everybody` (`SLUICE_ALLOW=*`, or the sandbox) serves every human.
3. A bot or webhook is served only when an entry names its own id; whether it mentioned us, and how
   often it may ask, is `core.service`'s to see to.
4. While there is no admin at all, whoever brings the one-time code becomes the first.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from enum import Enum
from pathlib import Path

from core.messages import Person, Place, PlaceKind
from core.policy import private_file

log = logging.getLogger(__name__)

_TRIES_PER_PERSON = 5
_TRIES_IN_ALL = 50  # of a code with 64 bits: this is about noise, not about luck


class Claim(Enum):
    """What came of a code."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    LOCKED = "locked"  # too many wrong ones: a new start gives a new code
    CLOSED = "closed"  # there is an admin already


class Access:
    """`admins_file`: where a claimed admin is kept between starts; None keeps it in memory."""

    def __init__(
        self,
        *,
        admins: frozenset[str] = frozenset(),
        allow: frozenset[str] = frozenset(),
        allow_everybody: bool = False,
        admins_file: Path | None = None,
    ) -> None:
        self._allow = allow
        self._everybody = allow_everybody
        self._file = admins_file
        self._claimable = True
        self._admins = admins | self._stored_admins()
        self._added_admins: frozenset[str] = frozenset()
        self._added: frozenset[str] = frozenset()
        self._added_everybody = False
        self._code = ""
        self._wrong: Counter[str] = Counter()

    @property
    def unclaimed(self) -> bool:
        """There is no admin, and the code can make one."""
        return self._claimable and not self.has_admin

    @property
    def has_admin(self) -> bool:
        """False, though not `unclaimed`, where the file of the claimed admin cannot be read."""
        return bool(self._admins | self._added_admins)

    def add(self, *, admins: frozenset[str], allow: frozenset[str], everybody: bool) -> None:
        """Serve these too, instead of those that were added before."""
        self._added_admins, self._added, self._added_everybody = admins, admins | allow, everybody

    def is_admin(self, person: Person) -> bool:
        return str(person) in self._admins | self._added_admins

    def admins_on(self, platform: str) -> tuple[str, ...]:
        """Their entries, as `discord:123`."""
        admins = self._admins | self._added_admins
        return tuple(sorted(admin for admin in admins if admin.startswith(f"{platform}:")))

    def allows(self, person: Person, place: Place) -> bool:
        entries = self._admins | self._allow | self._added
        if str(person) in entries:
            return True
        if person.is_bot:
            return False
        return (
            self._everybody or self._added_everybody or not entries.isdisjoint(_entries_about(person, place))
        )

    def entries_to_paste(self, person: Person, place: Place) -> tuple[str, ...]:
        """What would let this person in: their own entry, then the guild's or group's."""
        if place.kind is PlaceKind.PRIVATE:
            return (str(person),)
        return (str(person), f"{place.platform}:{place.guild_id or place.chat_id}")

    def claim_code(self) -> str | None:
        """The one-time code for the owner to see at start; None when there is an admin already."""
        if not self.unclaimed:
            return None
        self._code = self._code or secrets.token_hex(8)
        return self._code

    def renew_code_if_shown(self, code: str) -> str | None:
        """After others could read `code`: if it was the right one, forget it and return a new one."""
        if not self._matches(code):
            return None
        self._code = ""
        return self.claim_code()

    def burn_codes_in(self, text: str) -> None:
        """After others could read this."""
        for word in text.split() if self.unclaimed else ():
            if renewed := self.renew_code_if_shown(word):
                log.warning("the claim code was sent where others could read it; the new one is %s", renewed)

    def claim(self, person: Person, code: str) -> Claim:
        """Make the person the first admin if the code is right. Raises OSError when it cannot be stored."""
        if not self.unclaimed or person.is_bot:
            return Claim.CLOSED
        if self._wrong[str(person)] >= _TRIES_PER_PERSON or self._wrong.total() >= _TRIES_IN_ALL:
            return Claim.LOCKED
        if not self._matches(code):
            self._wrong[str(person)] += 1
            return Claim.WRONG
        if self._file is not None:
            private_file.write(self._file, {"admins": [str(person)]})
        self._admins = frozenset({str(person)})
        self._code = ""
        return Claim.ACCEPTED

    def _matches(self, code: str) -> bool:
        return bool(self._code) and secrets.compare_digest(
            code.strip().encode("utf-8", "replace"), self._code.encode()
        )

    def _stored_admins(self) -> frozenset[str]:
        if self._file is None:
            return frozenset()
        try:
            stored = private_file.read(self._file)
            if stored is None:
                return frozenset()
            match stored:
                case {"admins": [*admins]} if all(isinstance(entry, str) for entry in admins):
                    return frozenset(admins)
            raise private_file.UnreadableFileError(f"{self._file} does not hold a list of admins")
        except private_file.UnreadableFileError as error:
            # It may name an admin: nobody else may take the place by a code.
            self._claimable = False
            log.error("%s: claimed admins are not known. Repair or delete it, or set SLUICE_ADMINS.", error)
            return frozenset()


def _entries_about(person: Person, place: Place) -> frozenset[str]:
    ids = {place.chat_id, place.guild_id, place.parent_id, *person.role_ids}
    return frozenset(f"{person.platform}:{id_}" for id_ in ids if id_)
