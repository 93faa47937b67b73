"""The plans of the statements that a function runs, to assert that each finds an index."""

from __future__ import annotations

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
