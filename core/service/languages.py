"""In which language the bot speaks for itself: decided here, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from core.conversation.preferences import Preferences
from core.messages import Person, Place


def language_of(person: Person, place: Place) -> str | None:
    """The locale for what `person` reads in `place`, to be given to `core.catalogue.say`.

    What was chosen for the place goes before the person's own; it comes with them (`reading_here`).
    """
    return person.reads or person.locale


def reading_here(person: Person, preferences: Preferences) -> Person:
    """The person as they read in a place where these hold."""
    reads = None if preferences.language == "auto" else preferences.language
    return person if person.reads == reads else replace(person, reads=reads)
