"""Versions in a row: the metric of each, how far it is from the one before, and what changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from steelyard.limits import ARTIFACT_BISECT_VERSIONS_MAX
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.causes import (
    StepOfVersions,
    compare_in_row,
    diff_runs,
    list_metrics,
)
from steelyard.server.rooms.artifacts.uses import use_artifact
from steelyard.server.rooms.files.commands import put_file
from steelyard.server.rooms.runs.commands import upsert_run
from steelyard.server.rooms.runs.model import Run, RunChanges
from steelyard.server.rooms.runs.queries import list_runs_by_id
from tests.contract.test_artifact_api import Client, client, server
from tests.support.artifacts import Shelf, store

__all__ = ["client", "server"]


def make_run(shelf: Shelf, name: str, **changes: Any) -> Run:
    def make(conn: Connection) -> Run:
        run, _ = upsert_run(
            conn,
            project=shelf.project,
            caller=shelf.caller,
            changes=RunChanges(name=name, **changes),
            now_us=shelf.now_us,
        )
        return run

    return shelf.db.write_now(make)


@pytest.fixture
def shelf(db: Database, tmp_path: Path) -> Shelf:
    return Shelf(db, tmp_path / "blobs")


def make_four(shelf: Shelf) -> list[Run]:
    """Oldest first: the second has another config, the third other data, packages and code."""
    sets = [shelf.log({"d": bytes([n])}, "set") for n in range(2)]
    told = [
        {"config": '{"lr": {"value": 1}}', "commit": "aaa", "summary": '{"val": {"acc": 0.9}}'},
        {"config": '{"lr": {"value": 2}}', "commit": "aaa", "summary": '{"val": {"acc": 0.8}}'},
        {"config": '{"lr": {"value": 2}}', "commit": "bbb", "summary": '{"val": {"acc": 0.3}}'},
        {"config": '{"lr": {"value": 2}}', "commit": "bbb", "summary": '{"val": {"acc": NaN}}'},
    ]
    runs = [make_run(shelf, f"train-{n}", **each) for n, each in enumerate(told)]
    now: dict[str, Any] = {"now_us": shelf.now_us}
    for n, run in enumerate(runs):
        shelf.db.write_now(use_artifact, sets[n >= 2], run_id=run.id, **now)
        packages = b"torch==2.1\n" + (b"numpy==2\npolars==1\n" if n >= 2 else b"")
        blob = store(shelf.blobs, packages)
        shelf.db.write_now(put_file, run_id=run.id, name="requirements.txt", blob=blob, **now)
    return runs


def compare(shelf: Shelf, runs: list[Run | None], metric: str = "val.acc") -> list[StepOfVersions]:
    return shelf.db.read_now(compare_in_row, shelf.blobs, runs, metric=metric)


def counts_of(step: StepOfVersions) -> tuple[int, ...] | None:
    c = step.causes
    return None if c is None else (c.inputs, c.config, c.code, c.environment)


def test_each_step_says_what_changed_and_by_how_much(shelf: Shelf) -> None:
    steps = compare(shelf, list(reversed(make_four(shelf))))
    assert [step.value for step in steps] == ["NaN", 0.3, 0.8, 0.9]
    assert [step.delta for step in steps] == [
        None,
        pytest.approx(-0.5),
        pytest.approx(-0.1),
        None,
    ]
    assert [counts_of(step) for step in steps] == [(0, 0, 0, 0), (1, 0, 1, 2), (0, 1, 0, 0), None]


def test_a_version_without_a_run_has_no_metric_and_two_have_no_causes(shelf: Shelf) -> None:
    first, second, *_ = make_four(shelf)
    steps = compare(shelf, [second, None, None, first])
    assert [step.value for step in steps] == [0.8, None, None, 0.9]
    assert [step.delta for step in steps] == [None] * 4
    assert [counts_of(step) is None for step in steps] == [False, True, False, True]


def test_one_run_behind_two_versions_changed_nothing(shelf: Shelf) -> None:
    run = make_four(shelf)[0]
    newer, older = compare(shelf, [run, run])
    assert (newer.delta, counts_of(newer)) == (0, (0, 0, 0, 0))
    assert older.delta is None


def test_only_numbers_are_metrics_and_nothing_of_the_clients_own(shelf: Shelf) -> None:
    summary = '{"_step": 4, "best": true, "note": "x", "val": {"acc": 1}, "loss": 2.5}'
    run = make_run(shelf, "one", summary=summary)
    assert list_metrics([run]) == ["loss", "val.acc"]


def test_a_row_counts_as_many_causes_as_the_difference_of_two_names(shelf: Shelf) -> None:
    runs = make_four(shelf)

    def check(conn: Connection, pair: list[Run]) -> None:
        found = diff_runs(conn, shelf.blobs, pair[1], pair[0])
        counted = compare_in_row(conn, shelf.blobs, pair, metric=None)[0]
        assert counts_of(counted) == (
            len(found.inputs),
            len(found.config),
            int(found.code is not None),
            len(found.environment),
        )

    @settings(max_examples=12, deadline=None)
    @given(places=st.lists(st.integers(0, 3), min_size=2, max_size=2))
    def every_pair(places: list[int]) -> None:
        shelf.db.read_now(check, [runs[place] for place in places])

    every_pair()


def test_a_long_row_takes_no_more_statements_than_a_short_one(shelf: Shelf) -> None:
    runs = make_four(shelf) + [make_run(shelf, f"more-{n}") for n in range(40)]

    def count(conn: Connection, some: list[Run]) -> int:
        found: list[str] = []

        def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
            found.append(statement)

        sa.event.listen(conn, "before_cursor_execute", note)
        try:
            there = list_runs_by_id(conn, [run.id for run in some])
            compare_in_row(conn, shelf.blobs, there, metric="val.acc")
        finally:
            sa.event.remove(conn, "before_cursor_execute", note)
        return len(found)

    assert shelf.db.read_now(count, runs) == shelf.db.read_now(count, runs[:2])


def log_models(client: Client, accuracies: list[float]) -> None:
    for n, accuracy in enumerate(accuracies):
        client.ask("POST", "/graphql", upsert_of(client, n, accuracy))
        client.log({"m": b"%d" % n}, "model", type="model", run=f"train-{n}")


def upsert_of(client: Client, number: int, accuracy: float) -> dict[str, Any]:
    query = """mutation M($e: String, $p: String, $n: String, $c: JSONString, $s: JSONString) {
        upsertBucket(input: {entityName: $e, modelName: $p, name: $n, config: $c,
            summaryMetrics: $s}) { bucket { id } } }"""
    config = json.dumps({"epochs": {"value": number // 2}})
    summary = json.dumps({"acc": accuracy})
    values = {"e": client.caller.username, "p": client.project, "n": f"train-{number}"}
    return {"query": query, "variables": values | {"c": config, "s": summary}}


def test_pages_follow_each_other_and_the_seam_has_its_delta(client: Client) -> None:
    log_models(client, [0.5, 0.6, 0.7, 0.2, 0.1])
    path = f"{client.root}/artifacts/model/bisect?metric=acc"
    whole = client.ask("GET", path)
    assert (whole["total"], whole["next_cursor"], whole["metrics"]) == (5, None, ["acc"])
    assert [item["version"]["version"] for item in whole["items"]] == ["v4", "v3", "v2", "v1", "v0"]
    assert [item["before"] for item in whole["items"]] == ["v3", "v2", "v1", "v0", None]
    assert [item["causes"] and item["causes"]["config"] for item in whole["items"]] == [
        *(1, 0, 1, 0),
        None,
    ]
    pages, cursor = [], ""
    while cursor is not None:
        page = client.ask("GET", f"{path}&limit=2{cursor and '&cursor=' + cursor}")
        pages += page["items"]
        cursor = page["next_cursor"]
    assert pages == whole["items"]
    without = client.ask("GET", f"{client.root}/artifacts/model/bisect")
    assert [item["value"] for item in without["items"]] == [None] * 5
    client.ask("GET", f"{path}&limit={ARTIFACT_BISECT_VERSIONS_MAX + 1}", status=400)
    client.ask("GET", f"{client.root}/artifacts/nothing/bisect", status=404)
