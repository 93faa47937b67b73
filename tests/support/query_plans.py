"""The plans of the statements that a function runs, to assert that each finds an index."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def list_full_scans(
    conn: Connection, fn: Callable[..., Any], *args: Any, **kwargs: Any
) -> list[str]:
    """Run `fn(conn, …)`; the statements that would read a whole table, each with its plan.

    PostgreSQL reads small tables whole by choice, so it is told to do so only where it must.
    """
    statements: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    sa.event.listen(conn, "before_cursor_execute", note)
    try:
        fn(conn, *args, **kwargs)
    finally:
        sa.event.remove(conn, "before_cursor_execute", note)
    is_postgres = conn.dialect.name == "postgresql"
    if is_postgres:
        conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
    explain, scan = ("EXPLAIN", "Seq Scan on") if is_postgres else ("EXPLAIN QUERY PLAN", "SCAN ")
    found = []
    for statement, parameters in statements:
        rows = conn.exec_driver_sql(f"{explain} {statement}", parameters).all()
        plan = [str(row[-1]) for row in rows]
        if any(scan in line and "USING" not in line for line in plan):
            found.append("\n".join([statement, *plan]))
    return found


class Statements:
    """Every statement that any database runs while this is entered, once per text.

    Only of connections that are opened after it is entered: enter it before opening the database.
    """

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}

    def __enter__(self) -> Statements:
        sa.event.listen(sa.Engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sa.event.remove(sa.Engine, "before_cursor_execute", self._note)

    def forget(self) -> None:
        """Forget what ran so far."""
        self._found = {}

    def list_unsought(self, conn: Connection) -> list[str]:
        """Those that read a table without looking for rows by a key, each with its plan.

        Stricter than `list_full_scans`: an index that is read from end to end does not count.
        Forgets all of them.
        """
        explain = (
            _unsought_by_postgres if conn.dialect.name == "postgresql" else _unsought_by_sqlite
        )
        if conn.dialect.name == "postgresql":
            for method in ("seqscan", "hashjoin", "mergejoin", "material"):
                conn.exec_driver_sql(f"SET LOCAL enable_{method} = off")
        found = []
        for statement, parameters in self._found.items():
            unsought = explain(conn, statement, parameters)
            if unsought:
                found.append("\n".join([statement, *unsought]))
        return found

    def _note(self, _conn: Any, _cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        *_, is_many = rest
        if statement.split(maxsplit=1)[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
            self._found.setdefault(statement, parameters[0] if is_many else parameters)


def _unsought_by_sqlite(conn: Connection, statement: str, parameters: Any) -> list[str]:
    rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    plan = [str(row[-1]) for row in rows]
    made_here = {
        line.split()[1] for line in plan if line.startswith(("CO-ROUTINE ", "MATERIALIZE "))
    }
    found = []
    for line in plan:
        scanned = re.match(r"SCAN (\w+)(?! CONSTANT)", line)
        if scanned and scanned[1] not in made_here and not line.startswith("SCAN CONSTANT"):
            found.append(line)
    return found


def _unsought_by_postgres(conn: Connection, statement: str, parameters: Any) -> list[str]:
    plan = conn.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    waiting, found = [plan[0]["Plan"]], []
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        kind = node["Node Type"]
        is_index = kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan")
        if kind == "Seq Scan" or (is_index and "Index Cond" not in node):
            table = node.get("Relation Name") or node.get("Index Name")
            found.append(f"{kind} of {table}: {node.get('Filter')}")
    return found
