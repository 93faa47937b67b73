"""Runs over the REST API of a real server, on both databases."""

from __future__ import annotations

import math
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.api_project import ApiProject


@pytest.fixture
def project(shared_server: ThrowawayServer) -> ApiProject:
    return ApiProject(shared_server)


def test_runs_are_listed_newest_first_with_the_columns_asked_for(project: ApiProject) -> None:
    project.add_run("a", config={"lr": 0.1, "opt": {"name": "adam"}}, summary={"acc": 0.5})
    project.add_run("b", config={"lr": 0.2}, summary={"acc": math.nan, "nested": {"x": 1}})
    page = project.call(
        "POST",
        "runs:query",
        {"columns": ["config.lr", "config.opt.name", "summary.acc", "summary.nested.x"]},
    )
    assert [row["name"] for row in page["items"]] == ["b", "a"]
    assert page["total"] == 2 and page["next_cursor"] is None
    assert page["items"][0]["columns"] == {
        "config.lr": 0.2,
        "summary.acc": "NaN",
        "summary.nested.x": 1,
    }
    assert page["items"][1]["columns"]["config.opt.name"] == "adam"
    assert page["items"][1]["entity"] == project.entity
    assert page["items"][1]["state"] == "running"


def test_pages_go_on_behind_the_last_run_although_runs_are_added(project: ApiProject) -> None:
    for i in range(5):
        project.add_run(f"r{i}", summary={"acc": i})
    sort = [{"key": "summary.acc", "dir": "desc"}]
    first = project.call("POST", "runs:query", {"sort": sort, "limit": 2})
    project.add_run("late", summary={"acc": 9})
    rest = project.call(
        "POST", "runs:query", {"sort": sort, "limit": 9, "cursor": first["next_cursor"]}
    )
    assert [row["name"] for row in first["items"]] == ["r4", "r3"]
    assert [row["name"] for row in rest["items"]] == ["r2", "r1", "r0"]
    assert rest["total"] == 6


def test_runs_are_found_by_search_state_and_filter(project: ApiProject) -> None:
    project.add_run("a", config={"lr": 0.1}, display_name="Happy Fox", exit_code=0)
    project.add_run("b", config={"lr": 0.3}, display_name="sad ox", tags=["best"], group="g")
    assert project.names(search="fox") == ["a"]
    assert project.names(search="/^[a-z]+ ox$/") == ["b"]
    assert project.names(state=["finished", "failed"]) == ["a"]
    assert project.names(filter={"config.lr": {"$gt": 0.2}, "tags": "best", "group": "g"}) == ["b"]
    assert project.names(sort=[{"key": "config.lr", "dir": "asc"}]) == ["a", "b"]


def test_one_run_shows_all_that_is_known_of_it(project: ApiProject) -> None:
    rows = [{"_step": i, "loss": 1.0} for i in range(3)] + [{"_step": 1, "loss": 2.0}]
    environment = {"e": {"w": {"host": "h", "gpuCount": 2, "git": {"commit": "c0ffee"}}}}
    project.add_run(
        "a",
        rows,
        config={"lr": 0.1, "_wandb": {**environment, "python_version": "3.11.7"}},
        summary={"loss": -math.inf, "_wandb": {"runtime": 3}},
        system=[{"_runtime": 1, "system.cpu": 5}],
        log=["one", "two"],
        exit_code=3,
    )
    run = project.call("GET", "runs/a")
    assert run["config"] == {"lr": 0.1}
    assert run["summary"]["loss"] == "-Infinity"
    assert "_wandb" not in run["summary"]
    assert run["metadata"]["host"] == "h"
    assert run["metadata"]["gpu_count"] == 2
    assert run["metadata"]["git"]["commit"] == "c0ffee"
    assert run["metadata"]["python"] == "3.11.7"
    assert (run["state"], run["exit_code"]) == ("failed", 3)
    assert run["history_row_count"] == 3  # step 1 came twice
    assert run["overwritten_value_count"] == 1
    assert (run["system_row_count"], run["log_line_count"]) == (1, 2)


def test_a_run_can_be_edited_stopped_and_deleted(project: ApiProject) -> None:
    project.add_run("a")
    project.add_run("b")
    changed = project.call(
        "PATCH", "runs/a", {"display_name": "new", "notes": "n", "tags": ["t"], "group": "g"}
    )
    assert [changed[k] for k in ("display_name", "notes", "tags", "group")] == [
        "new", "n", ["t"], "g",
    ]  # fmt: skip
    kept = project.call("PATCH", "runs/a", {"notes": "m"})
    assert (kept["display_name"], kept["notes"], kept["tags"]) == ("new", "m", ["t"])
    assert project.names(search="new") == ["a"]
    assert project.call("POST", "runs/a/stop") == {"is_stopping": True}
    assert project.call("GET", "runs/a")["stop_requested"] is True
    project.call("DELETE", "runs/a")
    assert project.refusal("GET", "runs/a")[0] == 404
    assert project.names() == ["b"]


def test_names_of_every_script_work_in_paths(project: ApiProject) -> None:
    name = "läuft gut 走る.1"
    project.add_run(name, [{"loss": 1.0}])
    quoted = "l%C3%A4uft%20gut%20%E8%B5%B0%E3%82%8B.1"
    assert project.call("GET", f"runs/{quoted}")["name"] == name


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("runs:query", {"limit": 201}, "limit must be"),
        ("runs:query", {"cursor": "nonsense"}, "no cursor"),
        ("runs:query", {"sort": [{"key": "lr"}]}, "no field 'lr'"),
        ("runs:query", {"search": "/(/"}, "not a regular expression"),
        ("runs:query", {"search": "/" + "a" * 1001 + "/"}, "the limit is 1,000"),
        ("runs:query", {"filter": {"state": {"$near": 1}}}, "no operator"),
        ("runs:query", {"filter": {"createdAt": {"$gt": "soon"}}}, "no time"),
        ("runs:query", {"columns": ["state"]}, "no column"),
        ("runs:query", {"colums": []}, "colums"),
        ("series:query", {"panels": [{"id": "p", "key": "k", "px": 0}]}, "px"),
        ("series:query", {"panels": [{"id": "p", "key": "k", "range": [2, 1]}]}, "must rise"),
        ("series:query", {"panels": [], "x": {"axis": "metric"}}, "must name a metric"),
        ("series:query", {"panels": [], "runs": ["r"] * 1001}, "1000"),
    ],
)
def test_bad_input_is_refused_with_the_reason(
    project: ApiProject, path: str, content: Any, reason: str
) -> None:
    project.add_run("a")
    status, detail = project.refusal("POST", path, content)
    assert status == 400
    assert reason in detail


def test_a_pattern_that_would_stop_python_is_answered(project: ApiProject) -> None:
    project.add_run("a", display_name="a" * 300)
    assert project.names(search="/(a|a)*(a+)+b/") == []


def test_unknown_and_foreign_projects_get_the_same_answer(
    project: ApiProject, shared_server: ThrowawayServer
) -> None:
    project.add_run("a")
    key = project.name.replace("-", "_").ljust(44, "x")
    shared_server.call(
        "POST", "/api/v1/admin/users", content={"username": f"s-{project.name}", "api_key": key}
    )
    answers = [
        shared_server.request("GET", f"/api/v1/{path}/runs/a", key=key)
        for path in (f"{project.entity}/{project.name}", f"{project.entity}/no-such-project")
    ]
    assert [answer.status for answer in answers] == [404, 404]
    texts = [answer.data.replace(project.name.encode(), b"no-such-project") for answer in answers]
    assert texts[0] == texts[1]
    assert shared_server.request("GET", project.path + "/runs/a", key="").status == 401
