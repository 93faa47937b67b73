"""Projects: where runs live."""

import sqlalchemy as sa

from steelyard.server.db.dialect import BIGID, metadata

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("entity_id", sa.BigInteger, sa.ForeignKey("entities.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("access", sa.Text, nullable=False, server_default="PRIVATE"),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    # Counts every change of a run of the project; runs.change_seq says at which count a run last
    # changed. Taken in the transaction that changes the run, so the order is the order of commits.
    sa.Column("change_seq", sa.BigInteger, nullable=False, server_default="0"),
    # The change at which a run was last deleted: indexes look for runs that have gone only then.
    sa.Column("deletion_seq", sa.BigInteger, nullable=False, server_default="0"),
    # Runs ever made here: the number in the names that we invent.
    sa.Column("run_seq", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("last_activity_us", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("entity_id", "name"),
    sa.Index("ix_projects_entity_activity", "entity_id", "last_activity_us"),
)
