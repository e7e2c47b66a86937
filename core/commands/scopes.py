"""For what somebody may choose: this conversation, this channel, this server; and which is whose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.catalogue import say
from core.commands.command import Where, where_of
from core.conversation.preferences import here_of, server_of
from core.messages import Person, Place
from core.policy.access import Access

SERVER: Final = "s"
CHANNEL: Final = "p"  # the one that a thread hangs in
HERE: Final = "c"  # the channel, thread, topic or private chat itself
CONVERSATION: Final = "v"  # one of several that are had side by side in a place


@dataclass(frozen=True, slots=True)
class Scope:
    """`key`: as the store names it. `word`: what people call it, of the catalogue's keys `scope.`.

    `level`: one of the letters above, which alone stands in a control's data: which place it is of, the press
    says, so that no forged one reaches another place.
    """

    level: str
    key: str
    word: str


def label_of(scope: Scope, locale: str | None) -> str:
    """What people call it, where that stands alone. What is large in it stays so, as a German noun does."""
    name = say(f"scope.{scope.word}", locale)
    return name[:1].upper() + name[1:]


def scopes_at(place: Place) -> tuple[Scope, ...]:
    """Those that a place lies in, the widest first."""
    server, here = server_of(place), here_of(place)
    match where_of(place):
        case Where.PRIVATE:
            return (Scope(HERE, here, "chat"),)
        case Where.GROUP:
            return (Scope(SERVER, server, "group"),)
        case Where.SERVER:
            return Scope(SERVER, server, "server"), Scope(HERE, here, "channel")
    if place.guild_id is None:
        return Scope(SERVER, server, "group"), Scope(HERE, here, "topic")
    channel = Scope(CHANNEL, f"chat:{place.platform}:{place.parent_id}", "channel")
    return Scope(SERVER, server, "server"), channel, Scope(HERE, here, "thread")


def managed(place: Place, person: Person, access: Access) -> tuple[Scope, ...]:
    """Those of them that are this person's to change. Who manages a channel alone has that alone."""
    scopes = scopes_at(place)
    if where_of(place) is Where.PRIVATE or person.manages_place or access.is_admin(person):
        return scopes
    return tuple(scope for scope in scopes if person.manages_channel and scope.level == HERE)


def conversation(place: Place, conversation_id: str | None) -> Scope:
    """That of the conversation alone, which anybody in it may choose for."""
    here = scopes_at(place)[-1]
    if conversation_id is None:
        return here if here.level == HERE else Scope(HERE, here_of(place), here.word)
    return Scope(CONVERSATION, f"conversation:{conversation_id}", "conversation")


def at_level(scopes: tuple[Scope, ...], level: str) -> Scope | None:
    return next((scope for scope in scopes if scope.level == level), None)
