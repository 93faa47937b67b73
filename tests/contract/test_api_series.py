"""Charts, points, rows and keys over the REST API, with data that came through the file stream."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from steelyard.limits import CHART_EXACT_VALUES_MAX
from steelyard.testing.server import ThrowawayServer
from tests.support.api_project import ApiProject


@pytest.fixture
def project(shared_server: ThrowawayServer) -> ApiProject:
    return ApiProject(shared_server)


def test_few_points_are_drawn_exactly_on_their_own_grid(project: ApiProject) -> None:
    project.add_run("a", [{"_step": 0, "loss": 1.0}, {"_step": 10, "loss": 0.5}])
    project.add_run("b", [{"_step": 5, "loss": 0.1 + 0.2}])
    project.add_run("c", [{"_step": 5, "other": 1}])
    (frame,) = project.frames([{"id": "p", "key": "loss"}])
    assert frame.is_exact and not frame.has_envelope
    assert [(s["run"], s["points"]) for s in frame.meta["series"]] == [("b", 1), ("a", 2)]
    assert frame.x.tolist() == [0, 5, 10]
    assert frame.series("a") == {0.0: 1.0, 10.0: 0.5}
    assert frame.series("b") == {5.0: 0.1 + 0.2}


def test_many_points_become_buckets_with_last_lowest_and_highest(project: ApiProject) -> None:
    values = np.sin(np.arange(5000) / 40) + np.arange(5000) / 1000
    project.add_run("a", [{"_step": i, "loss": v} for i, v in enumerate(values.tolist())])
    (frame,) = project.frames([{"id": "p", "key": "loss", "px": 100}])
    assert not frame.is_exact and frame.lo is not None and frame.hi is not None
    grid = frame.meta["grid"]
    assert (grid["kind"], grid["x0"], grid["n"]) == ("uniform", 0, 200)
    assert frame.x[-1] == pytest.approx(4999)
    column = np.floor(np.arange(5000) / grid["dx"] + 0.5).astype(int)
    for i in (0, 1, 77, 198, 199):
        inside = values[column == i]
        assert frame.line[0, i] == inside[-1]
        assert (frame.lo[0, i], frame.hi[0, i]) == (inside.min(), inside.max())


def test_many_runs_travel_as_levels_of_one_range(project: ApiProject) -> None:
    count = 40
    for i in range(count):
        rows = [{"_step": s, "loss": i + s / 1000} for s in range(500)]
        project.add_run(f"r{i}", rows)
    assert count * 500 > CHART_EXACT_VALUES_MAX
    (frame,) = project.frames([{"id": "p", "key": "loss", "px": 600}])
    assert frame.meta["dtype"] == "u16" and frame.is_exact
    assert len(frame.meta["series"]) == count
    drawn = frame.series("r7")
    assert drawn[499.0] == pytest.approx(7.499, abs=(count / 65534) / 2 + 1e-9)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ({"axis": "step"}, {0: 1.0, 7: 2.0, 9: 4.0}),
        ({"axis": "relative"}, {0.5: 1.0, 1.5: 2.0, 9.25: 4.0}),
        ({"axis": "wall"}, {1e9: 1.0, 1e9 + 1: 2.0, 1e9 + 9: 4.0}),
        ({"axis": "metric", "key": "epoch"}, {0: 2.0, 1: 4.0}),
        ({"axis": "metric", "key": "_step"}, {0: 1.0, 7: 2.0, 9: 4.0}),
    ],
)
def test_x_can_be_step_time_or_any_metric(
    project: ApiProject, x: dict[str, str], expected: dict[float, float]
) -> None:
    times = [(0, 0.5, 1e9, 0), (7, 1.5, 1e9 + 1, 0), (9, 9.25, 1e9 + 9, 1)]
    project.add_run(
        "a",
        [
            {"_step": step, "_runtime": runtime, "_timestamp": wall, "epoch": epoch, "loss": 2.0**i}
            for i, (step, runtime, wall, epoch) in enumerate(times)
        ],
    )
    (frame,) = project.frames([{"id": "p", "key": "loss"}], x=x)
    assert frame.series("a") == expected
    if x == {"axis": "metric", "key": "epoch"}:  # two points share epoch 0
        assert frame.lo is not None and frame.hi is not None
        assert (frame.lo[0, 0], frame.hi[0, 0]) == (1.0, 2.0)


def test_system_metrics_are_drawn_over_time(project: ApiProject) -> None:
    rows = [{"_runtime": 2.0 * i, "_timestamp": 1e9 + i, "system.cpu": i} for i in range(3)]
    project.add_run("a", system=rows)
    (frame,) = project.frames([{"id": "p", "key": "system.cpu"}], stream="system")
    assert frame.series("a") == {0.0: 0.0, 2.0: 1.0, 4.0: 2.0}


def test_nan_and_infinities_are_listed_not_drawn(project: ApiProject) -> None:
    rows = [json.dumps({"_step": i, "loss": v}) for i, v in enumerate([1, math.nan, math.inf, 2])]
    project.add_run("a", rows)
    (frame,) = project.frames([{"id": "p", "key": "loss"}])
    assert frame.meta["nonfinite"] == [[0, 1, "NaN", 1], [0, 2, "+Inf", 1]]
    assert frame.series("a") == {0.0: 1.0, 3.0: 2.0}


def test_a_range_shows_its_points_in_full_and_what_the_line_leads_to(project: ApiProject) -> None:
    project.add_run("a", [{"_step": i, "loss": float(i)} for i in range(3000)])
    project.add_run("b", [{"_step": 0, "loss": 1.0}, {"_step": 900, "loss": 2.0}])
    project.add_run("c", [{"_step": 5, "loss": 1.0}])
    (frame,) = project.frames([{"id": "p", "key": "loss", "px": 100, "range": [100, 150]}])
    assert frame.is_exact
    assert frame.series("a") == {float(i): float(i) for i in range(99, 152)}
    assert frame.series("b") == {0.0: 1.0, 900.0: 2.0}
    assert [series["run"] for series in frame.meta["series"]] == ["b", "a"]


def test_panels_come_in_order_and_one_that_cannot_be_drawn_says_why(project: ApiProject) -> None:
    project.add_run("a", [{"_step": 0, "loss": 1.0, "note": "text"}])
    panels = [{"id": key, "key": key} for key in ("note", "loss", "nothing")]
    note, loss, nothing = project.frames(panels, runs=["a", "no-such-run"])
    assert [f.meta["panel"] for f in (note, loss, nothing)] == ["note", "loss", "nothing"]
    assert [f.index for f in (note, loss, nothing)] == [0, 1, 2]
    assert "holds no numbers" in note.meta["error"]
    assert loss.series("a") == {0.0: 1.0}
    assert "error" not in nothing.meta and "has a point" in nothing.meta["warnings"][0]


def test_runs_are_the_newest_unless_they_are_named(project: ApiProject) -> None:
    for name in ("a", "b", "c"):
        project.add_run(name, [{"_step": 0, "loss": 1.0}])

    def drawn(**query: object) -> list[str]:
        (frame,) = project.frames([{"id": "p", "key": "loss"}], **query)
        return [series["run"] for series in frame.meta["series"]]

    assert drawn(top=2) == ["c", "b"]
    assert drawn(runs=["a", "c"]) == ["a", "c"]
    assert drawn(runs=[]) == []


def test_the_nearest_point_is_given_exactly(project: ApiProject) -> None:
    rows = [
        json.dumps({"_step": i, "_runtime": i / 2, "loss": v})
        for i, v in enumerate([0.1, math.nan])
    ]
    project.add_run("a", rows)
    at = "runs/a/series:at?key=loss"
    assert project.call("GET", f"{at}&x=0.4") == {"step": 0, "x": 0.0, "value": 0.1}
    assert project.call("GET", f"{at}&x=0.4&axis=relative") == {"step": 1, "x": 0.5, "value": "NaN"}
    assert project.refusal("GET", "runs/a/series:at?key=none&x=0")[0] == 404


def test_rows_come_whole_by_step_page_by_page(project: ApiProject) -> None:
    rows = [{"_step": 2 * i, "a": {"b": i}, **({"c": "x"} if i % 2 else {})} for i in range(5)]
    project.add_run("a", rows)
    first = project.call("GET", "runs/a/history?limit=3")
    assert first["items"] == rows[:3]
    rest = project.call("GET", f"runs/a/history?limit=3&from_step={first['next_step']}")
    assert rest == {"items": rows[3:], "next_step": None}
    some = project.call("GET", "runs/a/history?keys=a.b,c")
    assert [row["_step"] for row in some["items"]] == [2, 6]


def test_keys_are_listed_with_kind_and_runs(project: ApiProject) -> None:
    project.add_run("a", [{"_step": 3, "train/loss": 1.0, "note": "x"}])
    project.add_run("b", [{"_step": 7, "train/loss": 1.0, "ok": True}])
    page = project.call("GET", "keys?limit=2")
    rest = project.call("GET", f"keys?limit=9&cursor={page['next_cursor']}")
    found = {item["key"]: item for item in page["items"] + rest["items"]}
    assert found["train/loss"] == {
        "key": "train/loss", "kind": "number", "run_count": 2, "last_step": 7,
    }  # fmt: skip
    assert (found["note"]["kind"], found["ok"]["kind"]) == ("text", "bool")
    assert page["total"] == len(found)
    assert [k["key"] for k in project.call("GET", "keys?search=/^TRAIN/i")["items"]] == [
        "train/loss"
    ]
    assert [k["key"] for k in project.call("GET", "keys?run=a&search=o")["items"]] == [
        "note", "train/loss",
    ]  # fmt: skip
