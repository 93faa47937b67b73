"""The run index: fields of a project's runs as typed columns in this process.

Filtering and sorting 50,000 runs by keys of their JSON documents takes a tenth of a second and more
in SQL, with or without indexes on some keys; on arrays it takes a millisecond or two
(bench/runs/RESULTS.md). A column is built the first time a query names its field, by reading the
one document it is in, and brought up to date before every query from `runs.change_seq`: only runs
that changed are read again. `projects.deletion_seq` says when runs have gone. So every server on
one database agrees with the database at each query, and an index can be dropped at any time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from steelyard.limits import (
    RUN_INDEX_BYTES_MAX,
    RUN_INDEX_COLUMNS_MAX,
    RUN_INDEX_PROJECTS_MAX,
)
from steelyard.server.columns.extents import find_runs_with_key
from steelyard.server.rooms.projects.changes import get_change_counts
from steelyard.server.rooms.runs.column import LAST_CLASS, Bools, Column
from steelyard.server.rooms.runs.documents import FieldReader
from steelyard.server.rooms.runs.fields import MISSING, Field
from steelyard.server.rooms.runs.filters import All, Filter, Not, Test, list_tests
from steelyard.server.rooms.runs.order import OrderBy
from steelyard.server.rooms.runs.tables import runs

ORDERS_KEPT = 8  # sorted permutations of one project
CAPACITY_FIRST = 256
FETCH_ROWS = 2000

Ints = NDArray[np.int64]
#: Where a page ended: (class, value) per field of the order, then the run's id.
Position = tuple[list[tuple[int, Any]], int]


class Found(msgspec.Struct, frozen=True):
    """Part of the runs that match, in order. `total` counts all that match."""

    run_ids: list[int]
    positions: list[Position]
    total: int
    has_more: bool


class RunIndex:
    """The indexes of all projects in use; bounded by RUN_INDEX_PROJECTS_MAX and _BYTES_MAX.

    Thread-safe. Queries of one project wait for each other, queries of two projects do not.
    """

    def __init__(self, *, bytes_max: int = RUN_INDEX_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._projects: OrderedDict[int, ProjectIndex] = OrderedDict()

    def find(
        self,
        conn: Connection,
        project_id: int,
        *,
        filter: Filter,
        order: Sequence[OrderBy],
        after: Position | None,
        limit: int,
    ) -> Found:
        """Up to `limit` runs that match, in order, from behind `after` on."""
        project = self._get(project_id)
        with project.lock:
            found = project.find(conn, filter=filter, order=order, after=after, limit=limit)
        self._make_room(keep=project_id)
        return found

    def count(self, conn: Connection, project_id: int, *, filter: Filter) -> int:
        """How many runs match."""
        return self.find(conn, project_id, filter=filter, order=(), after=None, limit=0).total

    @property
    def size_bytes(self) -> int:
        """Memory of all columns, about."""
        with self._lock:
            return sum(project.size_bytes for project in self._projects.values())

    def _get(self, project_id: int) -> ProjectIndex:
        with self._lock:
            project = self._projects.get(project_id)
            if project is None or project.is_worn:
                project = self._projects[project_id] = ProjectIndex(project_id)
            self._projects.move_to_end(project_id)
            return project

    def _make_room(self, *, keep: int) -> None:
        with self._lock:
            sizes = {key: project.size_bytes for key, project in self._projects.items()}
            total = sum(sizes.values())
            for key in list(self._projects):
                is_over = total > self._bytes_max or len(self._projects) > RUN_INDEX_PROJECTS_MAX
                if not is_over:
                    return
                if key != keep:
                    del self._projects[key]
                    total -= sizes[key]


class ProjectIndex:
    """The index of one project. Callers hold `lock` while they use it.

    Runs have slots in the order in which they were first seen; a slot of a deleted run stays empty.
    """

    def __init__(self, project_id: int) -> None:
        self.lock = threading.Lock()
        self._project_id = project_id
        self._seq = -1
        self._count = 0
        self._ids: Ints = np.zeros(CAPACITY_FIRST, dtype=np.int64)
        self._is_alive: Bools = np.zeros(CAPACITY_FIRST, dtype=bool)
        self._slots: dict[int, int] = {}
        self._columns: OrderedDict[Field, Column] = OrderedDict()
        self._orders: OrderedDict[Any, NDArray[np.int64]] = OrderedDict()

    @property
    def is_worn(self) -> bool:
        """More slots of deleted runs than of others: better built anew."""
        return self._count > 2 * len(self._slots) + CAPACITY_FIRST

    @property
    def size_bytes(self) -> int:
        """Memory it holds, about."""
        columns = sum(column.size_bytes for column in list(self._columns.values()))
        orders = sum(order.nbytes for order in list(self._orders.values()))
        return columns + orders + self._ids.nbytes * 12  # 100 bytes an entry of the dict

    def find(
        self,
        conn: Connection,
        *,
        filter: Filter,
        order: Sequence[OrderBy],
        after: Position | None,
        limit: int,
    ) -> Found:
        """See `RunIndex.find`."""
        fields = {test.field for test in list_tests(filter)} | {part.field for part in order}
        self._refresh(conn, fields)
        mask = self._mask(filter) & self._is_alive
        total = int(mask.sum())
        if limit <= 0:
            return Found([], [], total, has_more=total > 0)
        if after is not None:
            mask &= self._is_after(order, after)
        slots = self._sorted_slots(order)
        chosen = slots[mask[slots]][: limit + 1]
        page = chosen[:limit].tolist()
        return Found(
            run_ids=self._ids[page].tolist(),
            positions=[self._position(order, slot) for slot in page],
            total=total,
            has_more=len(chosen) > limit,
        )

    # ---- keeping in step

    def _refresh(self, conn: Connection, fields: Iterable[Field]) -> None:
        """Bring members and the named columns to the state of the caller's snapshot, or later."""
        change_seq, deletion_seq = get_change_counts(conn, self._project_id)
        if change_seq > self._seq:
            self._add_members(conn)
            if deletion_seq > self._seq:
                self._drop_members(conn)
            self._seq = change_seq
        stale: dict[int, list[Field]] = {}
        for field in fields:
            column = self._columns.get(field)
            if column is None:
                column = self._columns[field] = Column(len(self._ids))
            column.grow(len(self._ids))
            self._columns.move_to_end(field)
            if column.seq < change_seq:
                stale.setdefault(column.seq, []).append(field)
        for since, group in stale.items():
            self._read_fields(conn, group, since=since)
            for field in group:
                self._columns[field].seq = change_seq
        wanted = set(fields)
        for field in list(self._columns):
            if len(self._columns) > RUN_INDEX_COLUMNS_MAX and field not in wanted:
                del self._columns[field]

    def _add_members(self, conn: Connection) -> None:
        changed = sa.select(runs.c.id).where(
            runs.c.project_id == self._project_id, runs.c.change_seq > self._seq
        )
        for run_id in conn.execute(changed.order_by(runs.c.id)).scalars():
            if run_id not in self._slots:
                self._add_member(run_id)

    def _add_member(self, run_id: int) -> None:
        slot = self._count
        if slot == len(self._ids):
            self._ids = np.append(self._ids, np.zeros_like(self._ids))
            self._is_alive = np.append(self._is_alive, np.zeros_like(self._is_alive))
            for column in self._columns.values():
                column.grow(len(self._ids))
        self._ids[slot], self._is_alive[slot] = run_id, True
        self._slots[run_id] = slot
        self._count += 1

    def _drop_members(self, conn: Connection) -> None:
        ids = sa.select(runs.c.id).where(runs.c.project_id == self._project_id)
        alive = set(conn.execute(ids).scalars())
        for run_id in self._slots.keys() - alive:
            self._is_alive[self._slots.pop(run_id)] = False

    def _read_fields(self, conn: Connection, fields: list[Field], *, since: int) -> None:
        for field in fields:
            if field.source == "key":
                self._read_presence(conn, field, since=since)
        fields = [field for field in fields if field.source != "key"]
        if not fields:
            return
        reader = FieldReader(fields)
        statement = reader.statement.where(
            runs.c.project_id == self._project_id, runs.c.change_seq > since
        )
        columns = [self._columns[field] for field in fields]
        result = conn.execute(statement.execution_options(yield_per=FETCH_ROWS))
        for run_id, *sources in result:
            slot = self._slots.get(run_id)
            if slot is not None:
                for column, value in zip(columns, reader.read(sources), strict=True):
                    column.set(slot, value)

    def _read_presence(self, conn: Connection, field: Field, *, since: int) -> None:
        """Which of the changed runs logged a key: True, or MISSING."""
        changed = sa.select(runs.c.id).where(
            runs.c.project_id == self._project_id, runs.c.change_seq > since
        )
        run_ids = list(conn.execute(changed).scalars())
        having = find_runs_with_key(conn, run_ids, "history", ".".join(field.keys))
        for run_id in run_ids:
            slot = self._slots.get(run_id)
            if slot is not None:
                self._columns[field].set(slot, True if run_id in having else MISSING)

    # ---- answering

    def _mask(self, filter: Filter) -> Bools:
        if isinstance(filter, Test):
            return self._columns[filter.field].test(filter)
        if isinstance(filter, Not):
            return ~self._mask(filter.part)
        is_all = isinstance(filter, All)
        mask: Bools = np.full(len(self._ids), is_all)
        for part in filter.parts:
            inner = self._mask(part)
            mask = mask & inner if is_all else mask | inner
        return mask

    def _sorted_slots(self, order: Sequence[OrderBy]) -> NDArray[np.int64]:
        """Every slot in use, in order. Kept until one of the columns changes."""
        versions = tuple(self._columns[part.field].version for part in order)
        kind = (tuple(order), self._count, versions)
        slots = self._orders.get(kind)
        if slots is None:
            keys: list[NDArray[Any]] = [-self._ids if _is_descending(order) else self._ids]
            for part in reversed(order):
                classes, values = self._sort_keys(part)
                keys.append(values)
                if classes.min(initial=0) != classes.max(initial=0):
                    keys.append(classes)
            slots = np.lexsort([key[: self._count] for key in keys])
            self._orders[kind] = slots
            while len(self._orders) > ORDERS_KEPT:
                self._orders.popitem(last=False)
        self._orders.move_to_end(kind)
        return slots

    def _sort_keys(self, part: OrderBy) -> tuple[NDArray[Any], NDArray[np.float64]]:
        classes, values = self._columns[part.field].sort_keys()
        if part.is_descending:
            classes, values = np.where(classes == LAST_CLASS, classes, -classes), -values
        return classes, values

    def _is_after(self, order: Sequence[OrderBy], position: Position) -> Bools:
        """Which slots sort behind a position, whether or not its run still exists or changed."""
        parts, run_id = position
        is_after: Bools = self._ids < run_id if _is_descending(order) else self._ids > run_id
        for part, (sort_class, value) in reversed(list(zip(order, parts, strict=True))):
            classes, keys = self._sort_keys(part)
            at_class, at_key = self._columns[part.field].locate(sort_class, value)
            if part.is_descending:
                at_class = at_class if at_class == LAST_CLASS else -at_class
                at_key = -at_key
            is_same_class = classes == at_class
            is_beyond = (classes > at_class) | (is_same_class & (keys > at_key))
            is_after = is_beyond | (is_same_class & (keys == at_key) & is_after)
        return is_after

    def _position(self, order: Sequence[OrderBy], slot: int) -> Position:
        parts = [self._columns[part.field].cursor_value(slot) for part in order]
        return parts, int(self._ids[slot])


def _is_descending(order: Sequence[OrderBy]) -> bool:
    return bool(order) and order[0].is_descending
