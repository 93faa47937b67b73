"""Files of runs: a name in a run, and the blob that holds its bytes."""

import sqlalchemy as sa

from steelyard.server.db.dialect import BIGID, metadata

run_files = sa.Table(
    "run_files",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("run_id", sa.BigInteger, sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("md5", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False, index=True),  # the name of the blob
    sa.Column("mimetype", sa.Text, nullable=False),
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("run_id", "name"),
)
