"""What an hour of a machine costs."""

import sqlalchemy as sa

from steelyard.server.db.dialect import metadata

prices = sa.Table(
    "prices",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),  # gpu | host
    sa.Column("name", sa.Text, primary_key=True),  # part of a GPU's name, or a pattern of hosts
    sa.Column("usd_per_hour", sa.Float, nullable=False),
    sa.Column("source", sa.Text, nullable=False, server_default=""),  # where the number is from
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
)
