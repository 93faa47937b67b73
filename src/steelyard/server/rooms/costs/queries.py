"""Reads of the price table."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import PRICES_MAX
from steelyard.server.rooms.costs.model import Price
from steelyard.server.rooms.costs.tables import prices


def list_prices(conn: Connection) -> list[Price]:
    """The whole table, by kind and name."""
    chosen = sa.select(prices).order_by(prices.c.kind, prices.c.name).limit(PRICES_MAX)
    return [Price(**row._mapping) for row in conn.execute(chosen)]
