"""run.log: which row a call writes into, and what it refuses."""

from __future__ import annotations

import gc
import math
import os
import threading
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard import limits
from steelyard.errors import Invalid, RunFinished
from steelyard.sdk import run as run_module
from steelyard.sdk.run import Run
from steelyard.wire import journal
from tests.support.journal_runs import list_records, list_rows, make_run


def steps_of(run: Run) -> list[tuple[int, bool]]:
    return [(step, is_automatic) for step, is_automatic, _ in list_rows(run)]


def test_calls_without_a_step_are_rows_one_after_another(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"loss": 1.0})
    run.log({"loss": 0.5})
    run.log({})
    assert list_rows(run) == [
        (0, True, {"loss": 1.0}),
        (1, True, {"loss": 0.5}),
        (2, True, {}),
    ]
    assert run.step == 3


def test_a_row_stays_open_until_it_is_committed(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"a": 1}, commit=False)
    run.log({"b": 2}, commit=False)
    assert run.step == 0
    run.log({"c": 3})
    run.log({"d": 4})
    assert [step for step, _ in steps_of(run)] == [0, 0, 0, 1]


def test_a_step_that_is_given_holds_until_the_row_is_complete(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"a": 1}, step=20)
    assert run.step == 20
    run.log({"b": 1})
    assert run.step == 21
    run.log({"c": 1}, step=40, commit=True)
    assert run.step == 41
    assert [step for step, _ in steps_of(run)] == [20, 20, 40]
    assert not any(is_automatic for _, is_automatic in steps_of(run))


def test_a_step_that_lies_behind_is_kept_where_it_belongs(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for step in (5, 3, 9, 0, 7):
        run.log({"loss": step}, step=step)
    assert [step for step, _ in steps_of(run)] == [5, 3, 9, 0, 7]
    assert run.step == 9


def test_a_late_value_does_not_make_the_count_go_back(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for _ in range(10):
        run.log({"loss": 1})
    run.log({"eval": 1}, step=4)
    run.log({"eval": 2}, step=4, commit=True)
    run.log({"loss": 1})
    assert steps_of(run)[-3:] == [(4, False), (4, False), (10, True)]


def test_a_run_that_goes_on_counts_from_where_it_was(tmp_path: Path) -> None:
    run = make_run(tmp_path, starting_step=100)
    assert (run.step, run.starting_step) == (100, 100)
    run.log({"loss": 1})
    assert run.step == 101
    assert steps_of(run) == [(0, True)], "the server adds the base that START names"
    run.log({"loss": 1}, step=500)
    assert steps_of(run)[-1] == (500, False)


def test_where_only_the_server_knows_the_first_step_rows_count_from_0(tmp_path: Path) -> None:
    run = make_run(tmp_path, starting_step=None)
    run.log({"loss": 1})
    run.log({"loss": 1})
    assert steps_of(run) == [(0, True), (1, True)]


@given(
    calls=st.lists(
        st.tuples(
            st.none() | st.integers(0, 30), st.sampled_from([None, True, False]), st.integers(0, 9)
        )
    )
)
def test_every_call_is_a_part_of_the_row_it_means(
    calls: list[tuple[int | None, bool | None, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Against a model of wandb's rule, less what it throws away."""
    run = make_run(tmp_path_factory.mktemp("run"))
    expected, current = [], 0
    for step, commit, value in calls:
        run.log({"v": value}, step=step, commit=commit)
        row = current if step is None else step
        expected.append((row, {"v": value}))
        current = max(current, row)
        if (step is None if commit is None else commit) and row == current:
            current += 1
        assert run.step == current
    assert [(step, data) for step, _, data in list_rows(run)] == expected


def test_mixing_given_and_counted_steps_is_explained_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path)
    run.log({"loss": 1})
    run.log({"loss": 1})
    run.log({"reward": 1}, step=50)
    run.log({"loss": 1})
    run.log({"reward": 1}, step=60)
    run.log({"loss": 1})
    said = capsys.readouterr().err
    assert said.count("different rows") == 1
    assert "'reward'" in said
    assert "step=50" in said
    assert "at 2" in said
    assert len(list_rows(run)) == 6


@pytest.mark.parametrize(
    "calls",
    [
        [{"step": 0}, {"step": 5}, {"step": 3}],
        [{}, {}, {"commit": False}, {}],
        [{"step": 0, "commit": False}, {}, {"step": 1, "commit": False}, {}],
        [{"step": 7}, {"step": 7}, {"step": 8, "commit": True}],
    ],
)
def test_usual_ways_to_give_steps_are_not_commented(
    calls: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path)
    for options in calls:
        run.log({"loss": 1}, **options)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (5, "dict of values by name, not a int"),
        ([("loss", 1)], "not a list"),
        (None, "not a NoneType"),
        ("loss", "not a str"),
        ({1: 2.0}, r"names in log\(\) are text, not 1; use '1'"),
        ({"loss": 1, None: 2}, "not None"),
        ({"loss": object()}, "'loss' is a object"),
    ],
)
def test_what_cannot_be_logged_is_said_at_once(data: Any, message: str, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(Invalid, match=message):
        run.log(data)
    assert list_rows(run) == []
    assert run.step == 0


@pytest.mark.parametrize("step", [True, False, 1.5, "3", math.nan, 2**63, [1]])
def test_steps_that_are_none_are_refused(step: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(Invalid, match="step is a whole number"):
        run.log({"loss": 1}, step=step)
    assert list_rows(run) == []


def test_a_float_step_that_is_whole_is_refused_with_the_number(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="use 45"):
        make_run(tmp_path).log({"loss": 1}, step=45.0)  # type: ignore[arg-type]


def test_steps_below_0_are_kept_at_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path)
    for _ in range(2):
        run.log({"eval": 1}, step=-1)
    run.log({"loss": 1}, step=0)
    assert steps_of(run) == [(0, False)] * 3
    assert capsys.readouterr().err.count("steps begin at 0") == 1


@pytest.mark.parametrize("step", [np.int64(4), np.array(4)])
def test_a_step_of_numpy_may_be_followed_by_none(step: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"loss": 1}, step=step)
    run.log({"acc": 1})
    assert steps_of(run) == [(4, False), (4, False)]


def test_steps_of_numpy_are_numbers(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"loss": 1}, step=np.int64(3))  # type: ignore[arg-type]
    run.log({"loss": 1}, step=2**63 - 1)
    assert steps_of(run) == [(3, False), (2**63 - 1, False)]


def test_any_mapping_is_a_row_and_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    from types import MappingProxyType

    run = make_run(tmp_path)
    run.log(OrderedDict(loss=np.float32(0.5)))
    run.log(MappingProxyType({"loss": np.float64(0.25), "n": {"k": np.int64(1)}}))  # type: ignore[arg-type]
    assert [data for _, _, data in list_rows(run)] == [{"loss": 0.5}, {"loss": 0.25, "n": {"k": 1}}]


def test_what_is_changed_after_log_is_not_changed_in_the_journal(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    row: dict[str, Any] = {"loss": 1.0, "list": [1], "map": {"a": 1}}
    run.log(row)
    row["loss"] = 2.0
    row["list"].append(2)
    row["map"]["a"] = 2
    assert list_rows(run)[0][2] == {"loss": 1.0, "list": [1], "map": {"a": 1}}
    assert run.summary["map"] == {"a": 1}
    assert run.summary["list"] == [1]


def test_the_step_in_a_row_is_left_out_and_its_time_is_kept(tmp_path: Path) -> None:
    """As wandb 0.31.0 interface.py publish_partial_history."""
    run = make_run(tmp_path)
    run.log({"_step": 50, "_timestamp": 5.0, "loss": 1})
    assert list_rows(run) == [(0, True, {"_timestamp": 5.0, "loss": 1})]
    assert run.summary["_timestamp"] == 5.0


def test_a_row_gets_the_last_value_of_its_step_metric(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch")
    run.define_metric("raw", step_metric="epoch", step_sync=False)
    run.log({"val/loss": 1})
    run.log({"epoch": 1})
    run.log({"val/loss": 2})
    run.log({"raw": 2})
    run.log({"val/loss": 3, "epoch": 2})
    assert [data for _, _, data in list_rows(run)] == [
        {"val/loss": 1},
        {"epoch": 1},
        {"val/loss": 2, "epoch": 1},
        {"raw": 2},
        {"val/loss": 3, "epoch": 2},
    ]


def test_after_the_end_a_row_is_refused_with_what_to_do(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.finish()
    with pytest.raises(RunFinished, match=r"before finish\(\).*resume='must'"):
        run.log({"loss": 1})
    assert list_rows(run) == []


@given(seed=st.integers(0, 2**16), thread_count=st.integers(2, 6))
def test_threads_get_rows_of_their_own(
    seed: int, thread_count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = make_run(tmp_path_factory.mktemp("run"))
    calls = 30
    barrier = threading.Barrier(thread_count)

    def work(name: int) -> None:
        barrier.wait()
        for count in range(calls):
            run.log({"thread": name, "count": count, "seed": seed})

    threads = [threading.Thread(target=work, args=(name,)) for name in range(thread_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = list_rows(run)
    assert [step for step, _, _ in rows] == [*range(calls * thread_count)]
    for name in range(thread_count):
        mine = [data["count"] for _, _, data in rows if data["thread"] == name]
        assert mine == [*range(calls)]
    run.finish()


def test_a_forked_child_logs_into_the_same_run(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"who": "parent"})
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            run.log({"who": "child"})
            run.config["from_child"] = 1
            run.finish(7)
            with pytest.raises(RunFinished):
                run.log({"who": "child"})
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    run.log({"who": "parent"})
    run.finish(0)
    assert sorted((step, data["who"]) for step, _, data in list_rows(run)) == [
        (0, "parent"),
        (1, "child"),
        (1, "parent"),
    ]
    # Each says its own end; that of a fork is not the end of the run.
    ends = list_records(run, journal.FINISH)
    assert sorted(end["exit_code"] for end in ends) == [0, 7]
    assert {"set": {"from_child": 1}, "delete": []} in list_records(run, journal.CONFIG)


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    row = {f"metric{number}": number / 3 for number in range(10)}

    def log_many() -> int:
        for _ in range(20_000):
            run.log(row)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = log_many()
        assert log_many() - before < 20_000  # a byte per row
    finally:
        tracemalloc.stop()


def test_keys_without_end_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limits.SUMMARY_KEYS_MAX <= 1_000_000
    monkeypatch.setattr(run_module, "SUMMARY_KEYS_MAX", 100)
    monkeypatch.setattr("steelyard.sdk.summary.SUMMARY_KEYS_MAX", 100)
    run = make_run(tmp_path)
    for number in range(1000):
        run.log({"loss": number, f"key{number}": number})
    assert len(run.summary) <= 104
    assert run.summary["loss"] == 999
    assert len(list_rows(run)) == 1000


def test_a_clock_that_goes_back_changes_no_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path)
    times = iter([5_000_000_000_000, 1_000, 9_000_000_000_000])
    monkeypatch.setattr("steelyard.sdk.journal.writer.time_ns", lambda: next(times))
    for _ in range(3):
        run.log({"loss": 1})
    assert [step for step, _, _ in list_rows(run)] == [0, 1, 2]
    assert run.summary["_runtime"] >= 0
