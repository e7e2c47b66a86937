"""What a command is: all that a platform needs to offer it, and the core to check and run it.

A command is declared once, in a file of its own in `core/commands/declared`; docs/commands.md shows how.
Descriptions stand in the catalogue, under keys made of names:

    command.<command>                       what it does: at most 100 characters
    command.<command>.<argument>            what an argument means: the same
    command.<command>.<argument>.<choice>   what people see for a fixed choice
    menu.<command>                          its entry in a message's menu: at most 32 characters

What is not of this project may bring its `words` along, by the same keys, and then speaks one language.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from core.catalogue import say
from core.messages import Choice, Place, PlaceKind

if TYPE_CHECKING:  # they hold a command themselves
    from core.commands.call import Call, Inquiry, Press

MAX_TEXT: Final = 6_000
"""Characters of a text argument (Discord, "Application Command Option Structure")."""


class Kind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"


class Where(StrEnum):
    """The kinds of place that a command can be for."""

    SERVER = "server"  # a channel of a Discord guild
    THREAD = "thread"  # a thread, forum post or topic
    PRIVATE = "private"  # a private chat with the bot
    GROUP = "group"  # a Telegram group; on Discord, a talk of people where the bot is only somebody's app


EVERYWHERE: Final = frozenset(Where)


class Who(StrEnum):
    EVERYBODY = "everybody"  # whom the bot serves at all
    MANAGER = "manager"  # of the guild, group or channel; in a private chat, its person
    OWNER = "owner"  # an admin of the bot


class Menu(StrEnum):
    """Where a command stands in the list that people see before they know any."""

    LISTED = "listed"
    TYPED = "typed"  # listed only where commands are typed as text, and one that is not listed is never found
    REST = "rest"  # behind the listed ones: in a group of its own, or known from `/help`
    HIDDEN = "hidden"  # not shown at all where that can be


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. Those that are required stand before the others (Discord).

    `minimum`, `maximum`: of a number. `choices`: the values of a CHOICE, at most 25.
    `suggest`: of a TEXT, at most 25 values that go with what is typed so far; others are taken too.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    minimum: int | None = None
    maximum: int | None = None
    max_length: int = MAX_TEXT
    choices: tuple[str, ...] = ()
    suggest: Callable[[Inquiry, str], Awaitable[tuple[Choice, ...]]] | None = None
    by_name: bool = False  # where it is typed, only as `name=value`


@dataclass(frozen=True, slots=True)
class Command:
    """`name` fits every platform: [a-z0-9_]{1,32}.

    `run` and `press` return soon: what takes long is started. `press` gets the buttons, selects and forms
    whose data is the command's name or begins with it and a colon.
    """

    name: str
    run: Callable[[Call], Awaitable[None]]
    arguments: tuple[Argument, ...] = ()
    press: Callable[[Press], Awaitable[None]] | None = None
    where: frozenset[Where] = EVERYWHERE
    who: Who = Who.EVERYBODY
    for_strangers: bool = False  # also for whom the bot does not serve (yet)
    private: bool = False  # answered for the asker's eyes alone, where that is possible
    portable: bool = False  # works where the bot is no member: somebody installed the app for themselves
    menu: Menu = Menu.REST
    typed_only: bool = False  # only where commands are typed as text
    message_menu: int = 0  # in a message's menu, where there is one, at this place; 0: not there
    about_message: bool = False  # of no use without a message that it is about
    form: tuple[str, ...] = ()  # the arguments, texts all, that are asked for where a required one is missing
    repeatable: bool = False  # changes nothing: killed before its answer is out, it is done again
    weighs_rights: bool = False  # what it does depends on what its caller may do in the place
    bare: bool = False  # takes no arguments, and where words stand behind it these are not passed over
    words: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({})
    )  # by key, not in the catalogue

    def argument(self, name: str) -> Argument | None:
        return next((argument for argument in self.arguments if argument.name == name), None)

    def description(self, locale: str | None = None) -> str:
        return self.words.get(f"command.{self.name}") or say(f"command.{self.name}", locale)

    def description_of(self, argument: Argument, locale: str | None = None) -> str:
        own = self.words.get(f"command.{self.name}.{argument.name}")
        return own or say(f"command.{self.name}.{argument.name}", locale)

    def choices_of(self, argument: Argument, locale: str | None = None) -> tuple[Choice, ...]:
        """The fixed choices of an argument, as people see them."""
        keys = {value: f"command.{self.name}.{argument.name}.{value}" for value in argument.choices}
        return tuple(Choice(value, self.words.get(key) or say(key, locale)) for value, key in keys.items())

    def menu_entry(self, locale: str | None = None) -> str:
        return self.words.get(f"menu.{self.name}") or say(f"menu.{self.name}", locale)

    @property
    def knows_rights(self) -> bool:
        """Whether the caller's rights in the place have to be known."""
        return self.weighs_rights or self.who is Who.MANAGER

    def answers_privately(self, private: str | None) -> bool:
        """Whether the answer is for the asker alone, with the argument `private` as given."""
        return self.private or private in _YES


_YES: Final = frozenset({"True", "true", "yes", "1"})


def where_of(place: Place) -> Where:
    match place.kind:
        case PlaceKind.PRIVATE:
            return Where.PRIVATE
        case PlaceKind.THREAD:
            return Where.THREAD
        case PlaceKind.SHARED:
            return Where.SERVER if place.guild_id else Where.GROUP
