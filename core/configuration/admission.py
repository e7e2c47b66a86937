"""`[access]`: whom the bot serves, and what becomes of servers, groups and private chats that are new."""

from __future__ import annotations

from typing import Final

from core.configuration.entries import Admission
from core.configuration.problems import Report, Section
from core.settings import ADMIN_REMEDY, ENTRY_REMEDY, STAR_REMEDY, admin_is_valid, entry_is_valid, shown_entry

STANDINGS: Final = frozenset({"open", "closed", "approval"})
_EVERYBODY: Final = "*"


def read_admission(table: Section, report: Report) -> Admission:
    """Every problem goes to the report."""
    allow = _entries(table, report, "allow", star=True)
    base = Admission()
    standing = {
        key: table.one_of(key, STANDINGS) or getattr(base, key)
        for key in ("new_server", "new_group", "new_private")
    }
    per_hour = table.whole("requests_per_hour", least=0, most=1_000)
    return Admission(
        _admins(table, report),
        allow - {_EVERYBODY},
        _EVERYBODY in allow,
        _entries(table, report, "deny", star=False),
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


def _entries(table: Section, report: Report, key: str, *, star: bool) -> frozenset[str]:
    """Entries of any kind; `star`: also `*` for everybody."""
    entries = table.texts(key, like="discord:123") or ()
    for place, entry in enumerate(entries):
        if not (entry_is_valid(entry) or (star and entry == _EVERYBODY)):
            remedy = STAR_REMEDY if star else ENTRY_REMEDY
            report.problem(table.at(key, place), f"is {shown_entry(entry)}", remedy)
    return frozenset(entries)
