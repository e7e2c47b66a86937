"""`[access]`: whom the bot serves, and what becomes of servers, groups and private chats that are new."""

from __future__ import annotations

from typing import Final

from core.configuration.entries import Admission
from core.configuration.problems import Report, Section
from core.settings import (
    ADMIN_REMEDY,
    ENTRY_REMEDY,
    STAR_REMEDY,
    admin_is_valid,
    entry_is_valid,
    person_in,
    shown_entry,
)

STANDINGS: Final = frozenset({"open", "closed", "approval"})
_EVERYBODY: Final = "*"


def read_admission(table: Section, report: Report, admins_of_env: frozenset[str]) -> Admission:
    """Every problem goes to the report."""
    allow = _entries(table, report, "allow", star=True)
    base = Admission()
    standing = {
        key: table.one_of(key, STANDINGS) or getattr(base, key)
        for key in ("new_server", "new_group", "new_private")
    }
    per_hour = table.whole("requests_per_hour", least=0, most=1_000)
    admins, deny = _admins(table, report), _entries(table, report, "deny", star=False)
    _warn_of_denied(table, admins | admins_of_env, deny)
    return Admission(
        admins,
        allow - {_EVERYBODY},
        _EVERYBODY in allow,
        deny,
        **standing,
        requests_per_hour=base.requests_per_hour if per_hour is None else per_hour,
    )


def _admins(table: Section, report: Report) -> frozenset[str]:
    """The entries of `admins`: people alone."""
    entries = table.texts("admins", like="discord:123") or ()
    for place, entry in enumerate(entries):
        if not admin_is_valid(entry):
            report.problem(table.at("admins", place), f"is {shown_entry(entry)}", ADMIN_REMEDY)
    return frozenset(entries)


def _warn_of_denied(table: Section, admins: frozenset[str], deny: frozenset[str]) -> None:
    """An own id in `deny` goes before all else (`core.policy.rules`)."""
    people = set(map(person_in, admins)) - {None}
    for entry in sorted(deny):
        if person_in(entry) in people:
            found = f"names {shown_entry(entry)}, an admin, and goes first: they are not served"
            table.warning("deny", found, "Take the id out of deny, or out of SLUICE_ADMINS and admins.")


def _entries(table: Section, report: Report, key: str, *, star: bool) -> frozenset[str]:
    """Entries of any kind; `star`: also `*` for everybody."""
    entries = table.texts(key, like="discord:123") or ()
    for place, entry in enumerate(entries):
        if not (entry_is_valid(entry) or (star and entry == _EVERYBODY)):
            remedy = STAR_REMEDY if star else ENTRY_REMEDY
            report.problem(table.at(key, place), f"is {shown_entry(entry)}", remedy)
    return frozenset(entries)
