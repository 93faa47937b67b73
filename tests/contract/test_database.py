"""What the server relies on in a database, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.server.db.interface import Database
from steelyard.server.db.open import open_database

INSERT = sa.text("INSERT INTO thing (id) VALUES (:id)")
COUNT = sa.text("SELECT count(*) FROM thing")


@pytest.fixture
def things(db: Database) -> Database:
    db.write_now(lambda conn: conn.execute(sa.text("CREATE TABLE thing (id INT PRIMARY KEY)")))
    return db


def insert(conn: Connection, *ids: int) -> None:
    for one in ids:
        conn.execute(INSERT, {"id": one})


def count(conn: Connection) -> int:
    counted: int = conn.execute(COUNT).scalar_one()
    return counted


def test_a_write_that_raises_takes_nothing_else_with_it(things: Database) -> None:
    async def all_at_once() -> list[object]:
        writes = [things.write(insert, one) for one in (1, 2, 2, 3)]
        return await asyncio.gather(*writes, return_exceptions=True)

    failures = [one for one in asyncio.run(all_at_once()) if one is not None]
    assert [type(one) for one in failures] == [sa.exc.IntegrityError]
    assert things.read_now(count) == 3


def test_a_write_is_kept_whole_or_not_at_all(things: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        things.write_now(insert, 7, 8, 7)
    assert things.read_now(count) == 0


def test_a_read_sees_every_write_acknowledged_before_it(things: Database) -> None:
    for one in range(50):
        things.write_now(insert, one)
        assert things.read_now(count) == one + 1


def test_a_read_is_one_snapshot(things: Database) -> None:
    counted, written = threading.Event(), threading.Event()

    def count_twice(conn: Connection) -> tuple[int, int]:
        first = count(conn)
        counted.set()
        assert written.wait(10)
        return first, count(conn)

    seen: list[tuple[int, int]] = []
    reader = threading.Thread(target=lambda: seen.append(things.read_now(count_twice)))
    reader.start()
    assert counted.wait(10)
    things.write_now(insert, 1)
    written.set()
    reader.join()
    assert seen == [(0, 0)]
    assert things.read_now(count) == 1


def test_a_reader_cannot_write(things: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only|query_only|does not answer"):
        things.read_now(insert, 1)
    assert things.read_now(count) == 0


def test_writers_from_many_threads_lose_nothing(things: Database) -> None:
    def add(first: int) -> None:
        for one in range(first, first + 25):
            things.write_now(insert, one)

    threads = [threading.Thread(target=add, args=(base * 25,)) for base in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert things.read_now(count) == 200


def test_counting_up_under_contention_is_serial(things: Database) -> None:
    """Lock, read, write back: the pattern of every read-modify-write in the rooms."""
    things.write_now(insert, 0)

    def add_one(conn: Connection) -> None:
        value: int = conn.execute(
            sa.select(sa.column("id")).select_from(sa.table("thing")).with_for_update()
        ).scalar_one()
        conn.execute(sa.text("UPDATE thing SET id = :id"), {"id": value + 1})

    async def all_at_once() -> None:
        await asyncio.gather(*(things.write(add_one) for _ in range(60)))

    asyncio.run(all_at_once())
    assert (
        things.read_now(lambda conn: conn.execute(sa.text("SELECT id FROM thing")).scalar()) == 60
    )


def test_a_caller_that_goes_away_does_not_undo_its_write(things: Database) -> None:
    async def leave_early() -> None:
        task = asyncio.create_task(things.write(insert, 1))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await things.write(insert, 2)

    asyncio.run(leave_early())
    assert things.read_now(count) == 2


def test_closing_finishes_the_writes_that_wait(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    db = open_database(url)
    db.write_now(lambda conn: conn.execute(sa.text("CREATE TABLE thing (id INT PRIMARY KEY)")))
    threads = [threading.Thread(target=db.write_now, args=(insert, one)) for one in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.close()
    db.close()
    again = open_database(url)
    assert again.read_now(count) == 20
    again.close()


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(groups=st.lists(st.lists(st.integers(0, 12), max_size=4), max_size=12))
def test_what_is_kept_is_what_was_acknowledged(things: Database, groups: list[list[int]]) -> None:
    """Random writes, many of which clash: the table holds the union of those that returned."""
    things.write_now(lambda conn: conn.execute(sa.text("DELETE FROM thing")))

    async def all_at_once() -> list[object]:
        writes = [things.write(insert, *ids) for ids in groups]
        return await asyncio.gather(*writes, return_exceptions=True)

    results = asyncio.run(all_at_once())
    kept = sorted(x for ids, r in zip(groups, results, strict=True) if r is None for x in ids)
    rows = things.read_now(
        lambda conn: conn.execute(sa.text("SELECT id FROM thing ORDER BY id")).scalars().all()
    )
    assert list(rows) == kept


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://"])
def test_another_kind_of_database_is_refused_with_the_forms_that_work(url: str) -> None:
    with pytest.raises(Invalid, match=r"sqlite:////absolute/path\.db or postgresql://"):
        open_database(url)
