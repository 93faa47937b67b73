"""A whole table as CSV, a part at a time: nobody holds more of it than one part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from steelyard.errors import Conflict, Overloaded
from steelyard.limits import TABLE_CSV_PART_BYTES, TABLE_CSV_TRIES
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.model import Aggregate, Filter, Sort, TableRef
from steelyard.server.rooms.tables.table_engine import OpenTable, TableEngine


def iter_csv(
    engine: TableEngine,
    caller: Caller,
    ref: TableRef,
    *,
    where: Filter | None,
    search: str | None,
    sort: list[Sort],
    group_by: list[str],
    aggregates: list[Aggregate],
    columns: list[str] | None,
) -> Iterator[bytes]:
    """The rows (or groups) that pass, from the names of the columns to the last row. Blocks.

    Before each part it is asked again whether the caller may read the table. Raises Conflict when
    another table is in its place by then, and what a question raises; a server that is busy with
    other tables is asked again.
    """

    def question(opened: list[OpenTable]) -> jobs.Job:
        return jobs.CsvRows(
            table=str(opened[0].directory),
            where=where,
            search=search,
            sort=sort,
            group_by=group_by,
            aggregates=aggregates,
            columns=columns,
            offset=offset,
            bytes_max=TABLE_CSV_PART_BYTES,
        )

    offset, directory = 0, None
    while True:
        part, opened = _ask(engine, caller, ref, question)
        if directory not in (None, opened.directory):
            raise Conflict(f"{ref} was replaced while it was downloaded; download it again")
        directory = opened.directory
        offset += part.row_count
        yield part.data
        if offset >= part.total or not part.row_count:
            return


def _ask(
    engine: TableEngine,
    caller: Caller,
    ref: TableRef,
    question: Callable[[list[OpenTable]], jobs.Job],
) -> tuple[jobs.CsvPart, OpenTable]:
    for tries in range(TABLE_CSV_TRIES):
        try:
            part, (opened,) = engine.ask_about(caller, [ref], question, jobs.CsvPart)
            return part, opened
        except Overloaded:  # it has waited for a while already
            if tries == TABLE_CSV_TRIES - 1:
                raise
    raise AssertionError
