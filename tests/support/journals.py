"""Journals as bytes, made record by record, and what a run holds once they were received."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from steelyard.server.columns import console, read
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.ingest import RunPath
from steelyard.server.rooms.runs.journal_records import split_part
from steelyard.server.rooms.runs.journals import Accepted, accept_journal
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import find_run
from steelyard.wire import journal
from tests.support.accounts import NOW_US, make_caller

#: When writers start, by their clocks: a minute before the server hears of them.
STARTED_US = NOW_US - 60_000_000


class JournalBytes:
    """One writer's journal. Each record comes a second after the one before it."""

    def __init__(
        self,
        writer: str = "writer000001",
        *,
        role: str = "process",
        at_us: int = STARTED_US,
        **start: Any,
    ) -> None:
        self.writer = writer
        self.data = b""
        self.ends: list[int] = [0]
        self._at_us = at_us
        payload = {
            "v": journal.VERSION,
            "role": role,
            "writer": writer,
            "run": "any",
            "project": "any",
            "mode": "online",
            "is_primary": True,
            "updates_finish_state": True,
            "pid": 1,
            "client": "steelyard 0.1.0",
            "python": "3.11.7",
            **start,
        }
        self.add(journal.START, payload)

    def add(self, kind: int, payload: Any, *, as_json: bool = False) -> None:
        """Append a record."""
        number = len(self.ends) - 1
        time_us = self._at_us + number * 1_000_000
        if as_json:
            record = journal.encode_json_record(kind, number, time_us, payload)
        else:
            record = journal.frame(msgspec.msgpack.encode([kind, number, time_us, payload]))
        self.append(record)

    def append(self, record: bytes) -> None:
        """Append bytes that stand for one record."""
        self.data += record
        self.ends.append(len(self.data))

    def log(self, values: Mapping[str, Any], *, step: int | None = None, **how: Any) -> None:
        """A row: at the given step, or at the next automatic one."""
        rows = getattr(self, "_rows", 0)
        self._rows = rows + (step is None)
        self.add(journal.HISTORY, [rows if step is None else step, step is None, values], **how)

    def print(self, text: str, *, stream: str = "stdout") -> None:
        self.add(journal.CONSOLE, [stream, text])

    def config(self, delete: Sequence[str] = (), /, **values: Any) -> None:
        self.add(journal.CONFIG, {"set": values, "delete": list(delete)})

    def summary(self, delete: Sequence[str] = (), /, **values: Any) -> None:
        self.add(journal.SUMMARY, {"set": values, "delete": list(delete)})

    def metric(self, name: str, **said: Any) -> None:
        self.add(journal.METRIC, {"name": name, **said})

    def finish(self, exit_code: int = 0, **said: Any) -> None:
        self.add(journal.FINISH, {"exit_code": exit_code, **said})


class Place:
    """A project of a caller, into which journals are sent past HTTP."""

    def __init__(self, db: Database, caller: Caller, project: str) -> None:
        self.db, self.caller, self.project = db, caller, project
        self.now_us = NOW_US

    def send(
        self,
        sent: JournalBytes,
        run: str = "run",
        *,
        first: int = 0,
        stop: int | None = None,
        caller: Caller | None = None,
        entity: str | None = None,
    ) -> Accepted:
        """The bytes from `first` to `stop` in one request."""
        body = sent.data[first:stop]
        return self.db.write_now(
            accept_journal,
            caller=caller or self.caller,
            path=RunPath(entity or self.caller.default_entity, self.project, run),
            part=split_part(body, writer=sent.writer, offset=first),
            now_us=self.now_us,
        )

    def beat(self, sent: JournalBytes, run: str = "run") -> Accepted:
        """A request without records: the writer lives."""
        return self.send(sent, run, first=len(sent.data))

    def find(self, run: str = "run") -> Run | None:
        def look(conn: Any) -> Run | None:
            from steelyard.server.rooms.projects.queries import find_project

            place = find_project(conn, self.caller.default_entity, self.project)
            return None if place is None else find_run(conn, place.id, run)

        return self.db.read_now(look)

    def get(self, run: str = "run") -> Run:
        found = self.find(run)
        assert found is not None
        return found

    def rows(self, run: str = "run", *, stream: Any = "history") -> list[dict[str, Any]]:
        found = self.get(run)
        return self.db.read_now(read.read_rows, found.id, stream, limit=10**6)

    def values(self, run: str = "run", *, stream: Any = "history") -> list[dict[str, Any]]:
        """Rows without their times."""
        return [without_times(row) for row in self.rows(run, stream=stream)]

    def lines(self, run: str = "run") -> list[str]:
        found = self.db.read_now(console.read_lines, self.get(run).id, first=0, limit=10**6)
        return [line.text for line in found]

    def config(self, run: str = "run") -> dict[str, Any]:
        return self.get(run).parse_config()

    def summary(self, run: str = "run") -> dict[str, Any]:
        return self.get(run).parse_summary()

    def everything(self, run: str = "run") -> str:
        """All that a run shows, as text: NaN equals NaN."""
        found = self.get(run)
        shown = {
            "rows": self.rows(run),
            "system": self.rows(run, stream="system"),
            "lines": self.lines(run),
            "config": found.parse_config(),
            "summary": found.parse_summary(),
            **{key: getattr(found, key) for key in SHOWN},
            "overwritten": self.db.read_now(read.count_overwritten_values, found.id, "history"),
        }
        return json.dumps(shown, sort_keys=True)


SHOWN = (
    *("state", "exit_code", "display_name", "notes", "tags", "group", "job_type", "host"),
    *("program", "commit", "repo", "created_at_us", "finished_at_us"),
)


def without_times(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("_runtime", "_timestamp")}


def cut(sent: JournalBytes, places: Iterable[int]) -> list[tuple[int, int]]:
    """(first, stop) of requests that send a journal cut at these bytes."""
    ends = sorted({0, len(sent.data), *(place % (len(sent.data) + 1) for place in places)})
    return list(itertools.pairwise(ends))


_projects = itertools.count()


def make_place(db: Database) -> Place:
    """A project of a new user."""
    return Place(db, db.write_now(make_caller), f"journals-{next(_projects)}")


def rows_of(*steps: int) -> list[dict[str, Any]]:
    return [{"_step": step, "a": float(step)} for step in steps]


def make_journal(count: int = 3, **start: Any) -> JournalBytes:
    """A journal with so many rows of `a`, counted from 0."""
    sent = JournalBytes(**start)
    for number in range(count):
        sent.log({"a": float(number)})
    return sent
