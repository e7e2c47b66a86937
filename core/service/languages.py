"""In which language the bot speaks for itself: decided here, and nowhere else."""

from __future__ import annotations

from core.messages import Person, Place


def language_of(person: Person, place: Place) -> str | None:
    """The locale for what `person` reads in `place`, to be given to `core.catalogue.say`.

    Today it is the person's own alone; a setting of the place would be looked up here.
    """
    return person.locale
