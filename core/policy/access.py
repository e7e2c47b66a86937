"""Who may use the bot: the law of `core.policy.rules` over what is configured, claimed and decided.

While there is no admin at all, whoever brings the one-time code becomes the first.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from core.messages import Person, Place
from core.policy import private_file
from core.policy.rules import NewPlaces, Rules, Standing, Verdict, entry_of

log = logging.getLogger(__name__)

ADMINS_FILE: Final = "admins.json"  # in the data folder: whoever claimed the bot
_TRIES_PER_PERSON = 5
_TRIES_IN_ALL = 50  # of a code with 64 bits: this is about noise, not about luck


class Claim(Enum):
    """What came of a code."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    LOCKED = "locked"  # too many wrong ones: a new start gives a new code
    NEEDLESS = "needless"  # everybody is served, and no code was given out
    CLOSED = "closed"  # there is an admin already


@dataclass(frozen=True, slots=True)
class Permits:
    """What `sluice.toml` adds to the environment's; `new`: see `core.policy.rules.Rules`."""

    admins: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    everybody: bool = False
    new: Mapping[NewPlaces, Standing] = field(default_factory=dict)


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
        self._added = Permits()
        self._approved: frozenset[str] = frozenset()
        self._refused: frozenset[str] = frozenset()
        self._readable = True
        self._code = ""
        self._wrong: Counter[str] = Counter()
        self._rules = self._combined()

    @property
    def unclaimed(self) -> bool:
        """There is no admin, and the code can make one."""
        return self._claimable and not self.has_admin

    @property
    def has_admin(self) -> bool:
        """False, though not `unclaimed`, where the file of the claimed admin cannot be read."""
        return bool(self._rules.admins)

    @property
    def rules(self) -> Rules:
        """As they are now."""
        return self._rules

    def add(self, added: Permits) -> None:
        """Let these count too, instead of those that were added before."""
        self._added = added
        self._rules = self._combined()

    def decided(self, *, approved: frozenset[str], refused: frozenset[str]) -> None:
        """What admins have decided of new places, all of it."""
        self._approved, self._refused, self._readable = approved, refused, True
        self._rules = self._combined()

    def undecided(self) -> None:
        """What they decided is yet to be read."""
        self._readable = False
        self._rules = self._combined()

    def is_admin(self, person: Person) -> bool:
        return self._rules.is_admin(person)

    def admins_on(self, platform: str) -> tuple[str, ...]:
        """Their entries, as `discord:123`."""
        return tuple(admin for admin in self.admins if admin.startswith(f"{platform}:"))

    @property
    def admins(self) -> tuple[str, ...]:
        """Every admin's entry, as `discord:123`."""
        plain = {admin.replace(":user:", ":") for admin in self._rules.admins}
        return tuple(sorted(plain))

    def weigh(self, person: Person, place: Place) -> Verdict:
        """The law."""
        return self._rules.weigh(person, place)

    def allows(self, person: Person, place: Place) -> bool:
        """Whether the law serves them there."""
        return self.weigh(person, place) is Verdict.SERVED

    def entries_to_paste(self, person: Person, place: Place) -> tuple[str, ...]:
        """What would let this person in: their own entry, then the guild's or group's."""
        if entry_of(person, place).startswith(f"{place.platform}:private:"):
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
            if self._rules.everybody and not self._code:
                return Claim.NEEDLESS
            self._wrong[str(person)] += 1
            return Claim.WRONG
        if self._file is not None:
            private_file.write(self._file, {"admins": [str(person)]})
        self._admins = frozenset({str(person)})
        self._rules = self._combined()
        self._code = ""
        return Claim.ACCEPTED

    def _combined(self) -> Rules:
        added = self._added
        return Rules(
            self._admins | added.admins,
            self._allow | added.allow,
            added.deny,
            self._everybody or added.everybody,
            self._approved,
            self._refused,
            self._readable,
            added.new,
        )

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
