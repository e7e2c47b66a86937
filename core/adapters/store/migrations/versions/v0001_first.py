"""Conversations, choices, personas, usage and what was overheard, under the keys of their people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "choices",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_choices")),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("scope", name=op.f("uq_keys_scope")),
    )
    op.create_table(
        "usage",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "person", "place", "model", name=op.f("pk_usage")),
    )
    op.create_index("ix_usage_person", "usage", ["person", "day"], unique=False)
    op.create_index("ix_usage_place", "usage", ["place", "day"], unique=False)
    op.create_table(
        "messages",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_messages_key_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["messages.id"], name=op.f("fk_messages_parent_id"), deferrable=True
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_messages")),
        sa.UniqueConstraint("id", name=op.f("uq_messages_id")),
    )
    op.create_index(op.f("ix_messages_asker"), "messages", ["asker"], unique=False)
    op.create_index("ix_messages_conversation", "messages", ["conversation_id", "at"], unique=False)
    op.create_index(op.f("ix_messages_key_id"), "messages", ["key_id"], unique=False)
    op.create_index(op.f("ix_messages_parent_id"), "messages", ["parent_id"], unique=False)
    op.create_table(
        "overheard",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["keys.id"], name=op.f("fk_overheard_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_overheard")),
    )
    op.create_index(op.f("ix_overheard_at"), "overheard", ["at"], unique=False)
    op.create_index(op.f("ix_overheard_author"), "overheard", ["author"], unique=False)
    op.create_index(op.f("ix_overheard_key_id"), "overheard", ["key_id"], unique=False)
    op.create_index("ix_overheard_message", "overheard", ["place", "message_id"], unique=True)
    op.create_index("ix_overheard_newest", "overheard", ["place", "at"], unique=False)
    op.create_table(
        "personas",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("temperature", sa.Double(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_personas_key_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_personas")),
    )
    op.create_index(op.f("ix_personas_key_id"), "personas", ["key_id"], unique=False)
    op.create_index(op.f("ix_personas_made_by"), "personas", ["made_by"], unique=False)
    op.create_table(
        "lanes",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("leaf_id", sa.Text(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["leaf_id"], ["messages.id"], name=op.f("fk_lanes_leaf_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("place", "person", "private", name=op.f("pk_lanes")),
    )
    op.create_index(op.f("ix_lanes_at"), "lanes", ["at"], unique=False)
    op.create_index(op.f("ix_lanes_leaf_id"), "lanes", ["leaf_id"], unique=False)
    op.create_index("ix_lanes_person", "lanes", ["person"], unique=False)
    op.create_table(
        "shown",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("shows", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["shows"], ["messages.id"], name=op.f("fk_shown_shows"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place", "message_id", name=op.f("pk_shown")),
    )
    op.create_index("ix_shown_shows", "shown", ["shows", "position"], unique=False)
    op.create_table(
        "summaries",
        sa.Column("until_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["keys.id"], name=op.f("fk_summaries_key_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["until_id"], ["messages.id"], name=op.f("fk_summaries_until_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("until_id", name=op.f("pk_summaries")),
    )
    op.create_index(op.f("ix_summaries_conversation_id"), "summaries", ["conversation_id"], unique=False)
    op.create_index(op.f("ix_summaries_key_id"), "summaries", ["key_id"], unique=False)
