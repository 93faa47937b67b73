"""Prepared statements do what the same statement does through SQLAlchemy."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.db.interface import Database
from steelyard.server.db.prepared import Prepared

thing = sa.table("thing", sa.column("id", sa.Integer), sa.column("data", sa.LargeBinary))
INSERT = Prepared(sa.insert(thing))
ADD_TEN = Prepared(
    sa.update(thing)
    .where(thing.c.id == sa.bindparam("of_id"))
    .values(id=thing.c.id + 10)
    .returning(thing.c.id, thing.c.data)
)
EMPTY = Prepared(sa.update(thing).where(thing.c.id == sa.bindparam("of_id")).values(data=None))
SELECT = Prepared(
    sa.select(thing.c.id, thing.c.data)
    .where(thing.c.id >= sa.bindparam("low"))
    .order_by(thing.c.id)
    .with_for_update()
)


@pytest.fixture
def things(db: Database) -> Database:
    kind = "BLOB" if db.kind == "sqlite" else "BYTEA"
    create = sa.text(f"CREATE TABLE thing (id INT PRIMARY KEY, data {kind})")
    db.write_now(lambda conn: conn.execute(create))
    return db


def test_statements_write_and_read_with_constants_nulls_and_bytes(things: Database) -> None:
    def work(conn: Connection) -> list[tuple[int, bytes | None]]:
        for number, data in ((1, b"\x00one"), (2, b"two"), (3, b"")):
            assert not INSERT.run(conn, {"id": number, "data": data})
        EMPTY.run(conn, {"of_id": 2})
        assert ADD_TEN.first(conn, {"of_id": 2}) is not None
        assert ADD_TEN.first(conn, {"of_id": 99}) is None
        rows = SELECT.run(conn, {"low": 2})
        return [(row[0], None if row[1] is None else bytes(row[1])) for row in rows]

    assert things.write_now(work) == [(3, b""), (12, None)]


def test_what_a_failed_transaction_prepared_is_taken_back(things: Database) -> None:
    def fail(conn: Connection) -> None:
        INSERT.run(conn, {"id": 1, "data": None})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        things.write_now(fail)
    assert not things.write_now(SELECT.run, {"low": 0})
