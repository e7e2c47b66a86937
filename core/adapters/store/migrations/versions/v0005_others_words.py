"""Others' words in events and turns that are in work, apart from the rest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("events", "turns"):
        op.add_column(table, sa.Column("others", sa.LargeBinary(), nullable=True))
