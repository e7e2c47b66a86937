"""Whose an event in work is, and how often it was taken over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("owner", sa.Text(), nullable=True))
    op.add_column("events", sa.Column("taken", sa.Integer(), nullable=True))
