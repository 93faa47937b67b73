"""No list of runs and no chart reads a whole table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from steelyard.server.columns.extents import find_runs_with_key, list_extents
from steelyard.server.db.interface import Database
from steelyard.server.rooms.projects.changes import get_change_counts
from steelyard.server.rooms.runs.charts import ChartQuery, read_chart
from steelyard.server.rooms.runs.filters import parse_filter
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.runs.journal_writers import list_writers, load_together
from steelyard.server.rooms.runs.listing import find_run_ids, list_runs
from steelyard.server.rooms.runs.order import parse_order
from steelyard.server.rooms.runs.queries import list_changed_names, list_runs_by_id
from tests.support.query_plans import list_full_scans


def list_everything(conn: Connection) -> None:
    asked = {"config.lr": 1, "username": "u", "keys_info.keys.loss": {"$exists": True}, "tags": "t"}
    list_runs(
        conn,
        RunIndex(),
        1,
        filter=parse_filter(asked),
        order=parse_order("-summary_metrics.acc"),
        first=5,
    )


@pytest.mark.parametrize(
    ("read", "arguments"),
    [
        (list_everything, {}),
        (list_runs_by_id, {"run_ids": [1, 2]}),
        (find_run_ids, {"index": RunIndex(), "project_id": 1, "names": ["a", "b"], "newest": 5}),
        (list_changed_names, {"project_id": 1, "since_seq": 3, "limit": 5}),
        (get_change_counts, {"project_id": 1}),
        (list_writers, {"run_id": 1}),
        (load_together, {"run_id": 1}),
        (list_extents, {"run_ids": [1, 2], "stream": "history", "key": "k"}),
        (find_runs_with_key, {"run_ids": [1, 2], "stream": "history", "key": "k"}),
        (
            read_chart,
            {"run_ids": [1, 2], "query": ChartQuery(stream="system", key="k", axis="step", px=9)},
        ),
    ],
)
def test_every_statement_finds_its_rows_by_an_index(
    db: Database, read: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    assert db.read_now(list_full_scans, read, **arguments) == []
