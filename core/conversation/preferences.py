"""What can be chosen in a chat, and whose choice holds where.

The law:
- A conversation's choice goes before its chat's, that before the channel's that a thread hangs in, that
  before the server's, and what nobody chose is the configuration's.
- A choice is kept as one line of text under its name; what a value cannot be read from counts as not
  chosen, so that an older or newer Sluice never trips over it.
- Where a message could be for the bot, `answers` decides, from what the place chose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from core.configuration import Defaults
from core.messages import Addressed, Person, Place, PlaceKind

LONGEST_KEYWORD: Final = 40
MOST_KEYWORDS: Final = 20
MOST_ROLES: Final = 20
LONGEST_PAUSE_MINUTES: Final = 7 * 24 * 60


class When(StrEnum):
    """What of others' messages is answered; commands and private messages always are."""

    MENTION = "mention"
    REPLY = "reply"
    KEYWORDS = "keywords"
    ALWAYS = "always"


class Busy(StrEnum):
    """What becomes of a question while its conversation has an answer under way."""

    QUEUE = "queue"
    INTERRUPT = "interrupt"


class Sees(StrEnum):
    """What of a channel or group the model sees with a question."""

    CONVERSATION = "conversation"
    CHANNEL = "channel"  # and what others said there lately
    QUESTION = "question"  # nothing from before


@dataclass(frozen=True, slots=True)
class Preferences:
    """What holds in one place. `model`, `persona` None: the configuration's. `language` None: the
    reader's own, as "auto" is where somebody chose that."""

    when: frozenset[When] = frozenset({When.MENTION, When.REPLY})
    keywords: tuple[str, ...] = ()
    language: str | None = None
    streaming: bool = True
    reasoning: bool = False
    sees: Sees = Sees.CONVERSATION
    auto_thread: bool = False
    busy: Busy = Busy.QUEUE
    pause_minutes: int = 60  # of silence, after which a conversation in a channel pauses; 0: never
    pause_private_minutes: int = 0
    model: str | None = None
    persona: str | None = None
    overhear: bool = False  # keep for a while what people say there, where the platform tells no past
    usable: bool = True  # the three that narrow who may use the bot there: `core.service.door`
    roles: tuple[str, ...] = ()  # ids, of which one is needed; none: everybody
    managers_only: bool = False
    opened: bool = False  # a thread or topic that /chat opened: every message is for the bot
    apart: bool = False  # of a person, wherever they write: it is no part of what others ask


def scopes_of(place: Place, conversation_id: str | None = None) -> tuple[str, ...]:
    """The scopes whose choices meet in a place, the widest first; as `core.ports.store` names them."""
    scopes = [server_of(place)] if place.kind is not PlaceKind.PRIVATE else []
    if place.parent_id:
        scopes.append(f"chat:{place.platform}:{place.parent_id}")
    scopes.append(here_of(place))
    if conversation_id is not None:
        scopes.append(f"conversation:{conversation_id}")
    return tuple(scopes)


def here_of(place: Place) -> str:
    """The scope of the place itself: of a private chat its person's, whose own its choices are."""
    return person_scope(place.owner) if place.owner else f"chat:{place}"


def person_scope(person: str) -> str:
    """The scope of what somebody, `str(Person)`, chose for themselves."""
    return f"person:{person}"


def server_of(place: Place) -> str:
    """The scope of a whole server: Discord's guild, Telegram's group with all its topics."""
    return f"server:{place.platform}:{place.guild_id or place.chat_id}"


def resolve(
    defaults: Preferences, scopes: Sequence[str], chosen: Mapping[str, Mapping[str, str]]
) -> Preferences:
    """What holds where these scopes meet, the narrowest last."""
    values: dict[str, Any] = {}
    for scope in scopes:
        for name, text in chosen.get(scope, {}).items():
            value = read(name, text)
            if value is not None:
                values[name] = value
    return replace(defaults, **values)


def holders(scopes: Sequence[str], chosen: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The scope whose choice holds, by the name of what was chosen; what nobody chose is not in it."""
    return {
        name: scope
        for scope in scopes
        for name, text in chosen.get(scope, {}).items()
        if read(name, text) is not None
    }


def defaults_of(defaults: Defaults) -> Preferences:
    """What the configuration says of a place where nobody chose."""
    return Preferences(
        when=frozenset(When(word) for word in defaults.answer_when - {"command"}),  # commands always are
        keywords=defaults.keywords,
        language=None if defaults.language == "auto" else defaults.language,
        streaming=defaults.streaming,
        reasoning=defaults.show_reasoning,
        sees=Sees.QUESTION if defaults.history == "none" else Sees(defaults.history),
        auto_thread=defaults.auto_thread,
        busy=Busy(defaults.busy),
        pause_minutes=defaults.pause_minutes_channel,
        pause_private_minutes=defaults.pause_minutes_private,
    )


def read(name: str, text: str) -> object | None:
    """The value that a kept choice stands for; None where it stands for none (any more)."""
    try:
        return _READERS[name](text)
    except (KeyError, ValueError):
        return None


def written(name: str, preferences: Preferences) -> str:
    """The line that `read` makes the same value of; "" for what nobody chose."""
    value = getattr(preferences, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, frozenset):
        return " ".join(sorted(value)) or "commands"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


NARROWING: Final = frozenset({"usable", "roles", "managers_only"})
"""What only those choose who manage the whole server or group."""


def opens_to(preferences: Preferences, person: Person) -> bool:
    """Whether those who manage a server or group let this person use the bot there. They shut out nobody who
    manages it, so that it can be undone."""
    if person.manages_place:
        return True
    if not preferences.usable or preferences.managers_only:
        return False
    return not preferences.roles or not person.role_ids.isdisjoint(preferences.roles)


def answers(preferences: Preferences, addressed: Addressed, text: str, *, mentions_others: bool) -> bool:
    """Whether a message that is no command is for the bot. `addressed`: how it names the bot, if at all."""
    match addressed:
        case Addressed.PRIVATE:
            return True
        case Addressed.MENTION if When.MENTION in preferences.when:
            return True
        case Addressed.REPLY if When.REPLY in preferences.when:
            return True
    if mentions_others:
        return False
    if preferences.opened or When.ALWAYS in preferences.when:
        return True
    return When.KEYWORDS in preferences.when and _has_keyword(text, preferences.keywords)


def _has_keyword(text: str, keywords: Sequence[str]) -> bool:
    """Whole words, in any case: `cat` is not in `concatenate`."""
    folded = text.casefold()
    return any(re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", folded) for word in keywords if word)


def _switch(text: str) -> bool:
    return {"on": True, "off": False}[text]


def _when(text: str) -> frozenset[When]:
    return frozenset() if text == "commands" else frozenset(When(word) for word in text.split())


def _keywords(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if len(words) > MOST_KEYWORDS or any(len(word) > LONGEST_KEYWORD for word in words):
        raise ValueError(text)
    return words


def _minutes(text: str) -> int:
    minutes = int(text)
    if not 0 <= minutes <= LONGEST_PAUSE_MINUTES:
        raise ValueError(text)
    return minutes


def _line(text: str) -> str | None:
    return text or None


def _usable(text: str) -> bool:
    return text == "on"


def _managers_only(text: str) -> bool:
    return text != "off"


def _roles(text: str) -> tuple[str, ...]:
    """What cannot be read is a role that nobody has: these three shut out rather than let in."""
    ids = tuple(re.findall(r"[0-9]+", text, re.ASCII))
    return ids or (("0",) if text.strip() else ())


_READERS: Final[Mapping[str, Callable[[str], object | None]]] = MappingProxyType(
    {
        "when": _when,
        "keywords": _keywords,
        "language": _line,
        "streaming": _switch,
        "reasoning": _switch,
        "sees": Sees,
        "auto_thread": _switch,
        "busy": Busy,
        "pause_minutes": _minutes,
        "pause_private_minutes": _minutes,
        "model": _line,
        "persona": _line,
        "overhear": _switch,
        "usable": _usable,
        "roles": _roles,
        "managers_only": _managers_only,
        "opened": _switch,
        "apart": _switch,
    }
)
NAMES: Final = tuple(field.name for field in fields(Preferences))
"""Every choice by name, in the order in which people see them."""
