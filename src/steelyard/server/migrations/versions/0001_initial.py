"""The first schema: accounts, projects, runs, files, history."""

from alembic import op

import steelyard.server.tables  # noqa: F401  # declares every table
from steelyard.server.db.dialect import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
