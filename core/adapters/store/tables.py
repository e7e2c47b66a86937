"""The tables as the code of today knows them. How a database gets there stands in `migrations`.

Clear are ids, times, authors and counts, since the database filters by them. What people and models wrote is
in columns named `sealed`, under the key that `key_id` names: when a key's row goes, so do the rows under it.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

# A constraint without a name could not be changed by a later migration.
_NAMES: Final = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
}
metadata: Final = MetaData(naming_convention=_NAMES)
_COUNTER: Final = BigInteger().with_variant(
    Integer(), "sqlite"
)  # SQLite counts only plain integers up by itself


def _key(*, nullable: bool = False) -> Column[Any]:
    return Column("key_id", Text, ForeignKey("keys.id", ondelete="CASCADE"), nullable=nullable, index=True)


keys: Final = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Text, nullable=False, unique=True),  # "": the store's own
    Column("wrapped", LargeBinary, nullable=False),
)

messages: Final = Table(
    "messages",
    metadata,
    Column("number", _COUNTER, primary_key=True),  # the order in which they came
    Column("id", Text, nullable=False, unique=True),
    Column("conversation_id", Text, nullable=False),
    Column("parent_id", Text, ForeignKey("messages.id", deferrable=True), index=True),
    Column("role", Text, nullable=False),
    Column("asker", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("ending", Text, nullable=False),
    _key(),
    Column("sealed", LargeBinary, nullable=False),  # text, name, quote
    Index("ix_messages_conversation", "conversation_id", "at"),
)

showings: Final = Table(
    "shown",
    metadata,
    Column("place", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),  # the platform's
    Column("shows", Text, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Index("ix_shown_shows", "shows", "position"),
)

lanes: Final = Table(
    "lanes",
    metadata,
    Column("place", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("private", Boolean, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("leaf_id", Text, ForeignKey("messages.id", ondelete="SET NULL"), index=True),
    Column("at", Double, nullable=False, index=True),
    Index("ix_lanes_person", "person"),
)

summaries: Final = Table(
    "summaries",
    metadata,
    Column("until_id", Text, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("conversation_id", Text, nullable=False, index=True),
    Column("tokens", Integer, nullable=False),
    _key(),
    Column("sealed", LargeBinary, nullable=False),  # text
)

choices: Final = Table(
    "choices",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

personas: Final = Table(
    "personas",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("made_by", Text, nullable=False, index=True),
    Column("model", Text),
    Column("temperature", Double),
    _key(),
    Column("sealed", LargeBinary, nullable=False),  # prompt
)

usage: Final = Table(
    "usage",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("person", Text, primary_key=True),  # a keyed hash
    Column("place", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Index("ix_usage_person", "person", "day"),
    Index("ix_usage_place", "place", "day"),
)

overheard: Final = Table(
    "overheard",
    metadata,
    Column("number", _COUNTER, primary_key=True),
    Column("place", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("author", Text, nullable=False, index=True),
    Column("at", Double, nullable=False, index=True),
    _key(),
    Column("sealed", LargeBinary, nullable=False),  # text, name
    Index("ix_overheard_message", "place", "message_id", unique=True),
    Index("ix_overheard_newest", "place", "at"),
)

events: Final = Table(
    "events",
    metadata,
    Column("number", _COUNTER, primary_key=True),  # the order in which they came
    Column("account", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("handled", Double),  # when; from then on it has no body
    Column("owner", Text),  # who has it in work; of one that is handled it says nothing
    Column("taken", Integer),  # how often it was taken over
    _key(nullable=True),
    Column("sealed", LargeBinary),  # body
    Column("others", LargeBinary),  # whose words are in it, and these under their keys
    Index("ix_events_event", "account", "id", unique=True),
)

turns: Final = Table(
    "turns",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("events", Text, nullable=False),  # their ids as JSON
    Column("asker", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("state", Text, nullable=False),  # "": not over
    Column("owner", Text, index=True),  # none once it is over
    Column("fence", BigInteger, nullable=False),
    _key(nullable=True),
    Column("sealed", LargeBinary),  # body
    Column("others", LargeBinary),  # as of events
)

steps: Final = Table(
    "steps",
    metadata,
    Column("turn_id", Text, ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # body, under the turn's key
)

owners: Final = Table(
    "owners",
    metadata,
    Column("id", Text, primary_key=True),
    Column("expires", Double, nullable=False),  # by the database's clock
)

cursors: Final = Table(
    "cursors",
    metadata,
    Column("account", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("last", Text, nullable=False),
    Column("at", Double, nullable=False),
)

counts: Final = Table(
    "counts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

spent: Final = Table(
    "spent",
    metadata,
    Column("line", Text, primary_key=True),  # a keyed hash of whose it is
    Column("span", Text, primary_key=True),  # a day, 2026-11-26, or a month, 2026-11
    Column("tokens", BigInteger, nullable=False),  # settled and reserved; so is the money
    Column("money", BigInteger, nullable=False),  # billionths of the budgets' currency
)
