"""The process that reads and asks tables, and makes pictures small.

Takes jobs on its standard input, answers on its output, one at a time. It holds no database and no
key, is ended by its server when it takes too long, too much memory, or is not needed, and ends
with the server, whose death closes its input. The memory of a table is gone with it.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

from steelyard.errors import SteelyardError
from steelyard.limits import TABLE_WORKER_BYTES_MAX
from steelyard.server.rooms.tables import jobs

NICENESS = 5  # requests that need no table come first
#: Rows are lists by the million and never in cycles: looking for those took a fifth of the time.
LISTS_BETWEEN_COLLECTIONS = 1_000_000


def run_job(job: jobs.Job) -> jobs.Answer:
    """Do it. What it needs is imported when first needed: a thumbnail needs no polars."""
    try:
        return _handler(job)(job)
    except SteelyardError as error:
        code = error.code if error.code in jobs.REFUSALS else "invalid"
        return jobs.Refused(code, str(error))
    except MemoryError:
        return jobs.Refused(
            "too_large",
            f"this takes more than {TABLE_WORKER_BYTES_MAX:,} bytes of memory "
            "(TABLE_WORKER_BYTES_MAX); use a smaller table, or ask for less",
        )
    except BaseException as error:
        # A panic of polars derives from BaseException; what it says is all there is to say.
        if type(error).__name__ == "PanicException":
            return jobs.Refused("invalid", f"this cannot be read: {error}")
        raise


def _handler(job: jobs.Job) -> Callable[[Any], jobs.Answer]:
    if isinstance(job, jobs.Thumbnail):
        from steelyard.server.rooms.tables.engine.thumbnails import make_thumbnail

        return make_thumbnail
    if isinstance(job, jobs.Convert):
        from steelyard.server.rooms.tables.engine.convert import convert

        return convert
    if isinstance(job, jobs.Join | jobs.ConvertJoined):
        from steelyard.server.rooms.tables.engine import join

        return join.query_join if isinstance(job, jobs.Join) else join.convert_joined
    if isinstance(job, jobs.Diff):
        from steelyard.server.rooms.tables.engine.diff import query_diff

        return query_diff
    if isinstance(job, jobs.CsvRows):
        from steelyard.server.rooms.tables.engine.csv_text import write_csv

        return write_csv
    if isinstance(job, jobs.Facet) or (isinstance(job, jobs.Query) and job.group_by):
        from steelyard.server.rooms.tables.engine import groups

        return groups.query_facet if isinstance(job, jobs.Facet) else groups.query_groups
    from steelyard.server.rooms.tables.engine import rows

    return rows.query_rows if isinstance(job, jobs.Query) else rows.export_rows


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server tells us when to end
    os.nice(NICENESS)
    limit_memory(TABLE_WORKER_BYTES_MAX)
    gc.set_threshold(LISTS_BETWEEN_COLLECTIONS)
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    while (message := jobs.read_message(source)) is not None:
        answer = run_job(jobs.JOBS.decode(message))
        del message
        jobs.write_message(answers, jobs.encode(answer))


def limit_memory(size_bytes: int) -> None:
    """Let allocations beyond fail. Mapped tables do not count; only Linux keeps to it."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = size_bytes if hard == resource.RLIM_INFINITY else min(size_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, hard))


if __name__ == "__main__":
    main()
