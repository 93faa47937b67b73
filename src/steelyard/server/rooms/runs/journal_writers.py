"""Rows of journal_writers and journal_runs, on the path of every upload of a journal."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.errors import TooLarge
from steelyard.server.db.prepared import Prepared
from steelyard.server.rooms.runs.journal_records import Start
from steelyard.server.rooms.runs.tables import journal_runs, journal_writers

#: How the sender of a process writer is named, as a writer of its own.
SENDER_SUFFIX = "-s"


class DraftRun(msgspec.Struct, frozen=True):
    """What applying records needs of a run; the last three when it has had a journal."""

    id: int
    project_id: int
    state: str
    stop_requested: bool
    created_at_us: int
    display_name: str
    summary: str
    entity_id: int
    resumed_at_us: int | None
    metrics: str | None
    tracks: str | None


class Writer(msgspec.Struct, frozen=True):
    """A writer of the run. Times in µs: `started_at_us` by its clock, `heard_at_us` by ours."""

    writer: str
    role: str
    acknowledged_bytes: int
    skipped_records: int
    label: str | None
    is_primary: bool
    ends_run: bool
    had_rows: bool
    step_base: int
    started_at_us: int
    runtime_base_us: int
    heard_at_us: int
    exit_code: int | None
    is_crash: bool
    ended_at_us: int | None

    @property
    def process_name(self) -> str:
        """The writer of the process that this one belongs to."""
        return self.writer.removesuffix(SENDER_SUFFIX) if self.role == "sender" else self.writer


_COLUMNS = [journal_writers.c[name] for name in Writer.__struct_fields__]
_OF_RUN = journal_writers.c.run_id == sa.bindparam("of_run")
_THIS = sa.and_(_OF_RUN, journal_writers.c.writer == sa.bindparam("of_writer"))
_SELECT = Prepared(sa.select(*_COLUMNS).where(_THIS))
_UPDATE = Prepared(
    sa.update(journal_writers)
    .where(_THIS)
    .values(
        acknowledged_bytes=sa.bindparam("new_acknowledged_bytes"),
        skipped_records=sa.bindparam("new_skipped_records"),
        heard_at_us=sa.bindparam("new_heard_at_us"),
    )
)
_UPDATE_HEARD = Prepared(
    sa.update(journal_writers).where(_THIS).values(heard_at_us=sa.bindparam("new_heard_at_us"))
)


def find_writer(conn: Connection, run_id: int, writer: str) -> Writer | None:
    """The writer of that name, None before its START."""
    row = _SELECT.first(conn, {"of_run": run_id, "of_writer": writer})
    return None if row is None else Writer(*row)


def list_writers(conn: Connection, run_id: int) -> list[Writer]:
    """Every writer of the run by name."""
    found = sa.select(*_COLUMNS).where(_OF_RUN).order_by(journal_writers.c.writer)
    return [Writer(*row) for row in conn.execute(found, {"of_run": run_id})]


def create_writer(
    conn: Connection,
    run_id: int,
    writer: str,
    start: Start,
    *,
    step_base: int,
    started_at_us: int,
    runtime_base_us: int,
    had_rows: bool,
    now_us: int,
) -> Writer:
    """Note a new writer. Raises TooLarge beyond WRITERS_PER_RUN_MAX."""
    counted = sa.select(sa.func.count()).select_from(journal_writers).where(_OF_RUN)
    count = conn.execute(counted, {"of_run": run_id}).scalar_one()
    if count >= limits.WRITERS_PER_RUN_MAX:
        raise TooLarge(
            "the number of writers of this run",
            size=count + 1,
            limit=limits.WRITERS_PER_RUN_MAX,
            limit_name="WRITERS_PER_RUN_MAX",
        )
    made = Writer(
        writer=writer,
        role=start.role,
        acknowledged_bytes=0,
        skipped_records=0,
        label=(start.label or "").replace("\0", "")[: limits.DISPLAY_NAME_CHARS_MAX] or None,
        is_primary=start.is_primary,
        ends_run=start.is_process and start.updates_finish_state,
        had_rows=had_rows,
        step_base=step_base,
        started_at_us=started_at_us,
        runtime_base_us=runtime_base_us,
        heard_at_us=now_us,
        exit_code=None,
        is_crash=False,
        ended_at_us=None,
    )
    conn.execute(
        sa.insert(journal_writers).values(run_id=run_id, **msgspec.structs.asdict(made), state=None)
    )
    return made


def update_writer(
    conn: Connection,
    run_id: int,
    writer: Writer,
    *,
    acknowledged_bytes: int,
    skipped_records: int,
    now_us: int,
) -> None:
    """Note how far the journal is kept. A sender's word is a sign of life of its process too."""
    _UPDATE.run(
        conn,
        {
            "of_run": run_id,
            "of_writer": writer.writer,
            "new_acknowledged_bytes": acknowledged_bytes,
            "new_skipped_records": skipped_records,
            "new_heard_at_us": now_us,
        },
    )
    if writer.process_name != writer.writer:
        _UPDATE_HEARD.run(
            conn,
            {"of_run": run_id, "of_writer": writer.process_name, "new_heard_at_us": now_us},
        )


def end_writer(
    conn: Connection, run_id: int, writer: str, *, exit_code: int, is_crash: bool, at_us: int
) -> None:
    """Note that a writer has ended. One reported dead that says its own end was not."""
    conn.execute(
        sa.update(journal_writers)
        .where(_THIS)
        .values(exit_code=exit_code, is_crash=is_crash, ended_at_us=at_us),
        {"of_run": run_id, "of_writer": writer},
    )


# ---- state of a writer


def load_state(conn: Connection, run_id: int, writer: str) -> dict[str, Any]:
    """What `save_state` kept of the writer; empty at first."""
    found = sa.select(journal_writers.c.state).where(_THIS)
    packed = conn.execute(found, {"of_run": run_id, "of_writer": writer}).scalar_one()
    state: dict[str, Any] = msgspec.msgpack.decode(packed) if packed else {}
    return state


def save_state(conn: Connection, run_id: int, writer: str, state: dict[str, Any]) -> None:
    """Keep the state: values of msgpack."""
    conn.execute(
        sa.update(journal_writers).where(_THIS).values(state=msgspec.msgpack.encode(state)),
        {"of_run": run_id, "of_writer": writer},
    )


# ---- what journals of a run said together


class Together(msgspec.Struct):
    """Of all journals of a run. JSON texts; see the modules that read them."""

    resumed_at_us: int
    metrics: str
    tracks: str


def load_together(conn: Connection, run_id: int) -> Together | None:
    """None before the first START of a run."""
    columns = [journal_runs.c[name] for name in Together.__struct_fields__]
    row = conn.execute(sa.select(*columns).where(journal_runs.c.run_id == run_id)).first()
    return None if row is None else Together(*row)


def create_together(conn: Connection, run_id: int, together: Together) -> None:
    conn.execute(sa.insert(journal_runs).values(run_id=run_id, **msgspec.structs.asdict(together)))


def update_together(conn: Connection, run_id: int, **values: Any) -> None:
    """Change `resumed_at_us`, `metrics` or `tracks`."""
    conn.execute(sa.update(journal_runs).where(journal_runs.c.run_id == run_id).values(**values))


def delete_journals(conn: Connection, run_id: int) -> None:
    """Forget what is known of the journals of a run. Idempotent."""
    for table in (journal_writers, journal_runs):
        conn.execute(sa.delete(table).where(table.c.run_id == run_id))
