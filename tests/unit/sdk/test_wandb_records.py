"""Against the official client's own code as a second source."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wandb.proto import wandb_internal_pb2 as pb

from steelyard.errors import Torn
from steelyard.sdk import wandb_records as records
from steelyard.sdk.protobuf import read_fields
from steelyard.sdk.wandb_environment import read_environment

names = st.text(max_size=8)
values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10))


def same(found: Any, wanted: Any) -> bool:
    is_nan = isinstance(wanted, float) and math.isnan(wanted)
    return bool(found == wanted) or (is_nan and math.isnan(found))


@given(
    rows=st.lists(st.tuples(st.lists(names, min_size=1, max_size=3), values)),
    step=st.integers(0, 2**40),
)
def test_rows(rows: list[tuple[list[str], Any]], step: int) -> None:
    row = pb.HistoryRecord(step=pb.HistoryStep(num=step))
    for path, value in rows:
        if len(path) == 1:
            row.item.add(key=path[0], value_json=json.dumps(value))
        else:
            row.item.add(nested_key=path, value_json=json.dumps(value))
    record = records.read_record(pb.Record(num=3, history=row).SerializeToString())
    assert record is not None
    assert (record.kind, record.is_users) == ("history", False)
    found = records.read_row(record.content)
    assert found.step == step
    assert [list(item.path) for item in found.items] == [path for path, _ in rows]
    for item, (_, value) in zip(found.items, rows, strict=True):
        assert same(json.loads(item.text), value)


@given(
    number=st.floats(), integer=st.integers(-(2**63), 2**63 - 1), text=st.text(), flag=st.booleans()
)
def test_rows_with_typed_values(number: float, integer: int, text: str, flag: bool) -> None:
    row = pb.HistoryRecord()
    row.item.add(key="n", number=number)
    row.item.add(key="i", integer=integer)
    row.item.add(key="t", text=text)
    row.item.add(key="b", boolean=flag)
    row.item.add(key="0", none=0)
    row.item.add(key="j", json='{"a":[1]}')
    found = {i.path[0]: json.loads(i.text) for i in records.read_row(row.SerializeToString()).items}
    assert same(found.pop("n"), number)
    assert found == {"i": integer, "t": text, "b": flag, "0": None, "j": {"a": [1]}}


def test_a_run() -> None:
    run = pb.RunRecord(
        run_id="r",
        entity="e",
        run_group="g",
        job_type="j",
        display_name="d",
        notes="n",
        tags=["a", "b"],
        sweep_id="s",
        host="h",
        resume=True,
    )
    run.start_time.FromMicroseconds(1_795_268_081_828_186)
    run.config.update.add(key="lr", value_json="0.1")
    run.config.remove.add(nested_key=["x", "y"])
    run.telemetry.cli_version = "0.31.0"
    run.git.commit = "abc"
    run.branch_point.CopyFrom(pb.BranchPoint(run="p", value=7, metric="_step"))
    found = records.read_run(run.SerializeToString())
    assert found == records.RunInfo(
        run_id="r",
        entity="e",
        project=None,
        config=records.Changes([records.Item(("lr",), "0.1")], [("x", "y")]),
        summary=records.Changes([], []),
        group="g",
        job_type="j",
        display_name="d",
        notes="n",
        tags=["a", "b"],
        sweep="s",
        host="h",
        started_at_us=1_795_268_081_828_186,
        is_resumed=True,
        git={"commit": "abc"},
        branch=records.BranchPoint("p", 7),
        python=None,
        client="0.31.0",
    )


def test_metrics() -> None:
    metric = pb.MetricRecord(
        glob_name="val/*", step_metric="epoch", goal=pb.MetricRecord.GOAL_MAXIMIZE
    )
    metric.options.step_sync = True
    metric.summary.best = metric.summary.last = True
    found = records.read_metric(metric.SerializeToString())
    assert found == records.Metric(
        {
            "name": "val/*",
            "step_metric": "epoch",
            "step_sync": True,
            "summary": ["best", "last"],
            "goal": "maximize",
        },
        is_from_glob=False,
    )
    assert records.read_metric(b"") is None


@pytest.mark.parametrize("exit_code", [0, 1, 255, -9])
def test_exits(exit_code: int) -> None:
    content = pb.RunExitRecord(exit_code=exit_code).SerializeToString()
    assert records.read_exit(content) == records.Exit(exit_code, is_complete=True)
    content = pb.RunExitRecord(not_complete=True).SerializeToString()
    assert not records.read_exit(content).is_complete


def test_output() -> None:
    raw = pb.OutputRawRecord(output_type=pb.OutputRawRecord.STDOUT, line="ü\r")
    raw.timestamp.FromMicroseconds(5_000_001)
    found = records.read_output(raw.SerializeToString(), is_raw=True)
    assert found == records.Output("stdout", "ü\r", 5_000_001, is_raw=True)
    assert records.read_output(b"", is_raw=False) == records.Output(
        "stderr", "", None, is_raw=False
    )


def test_facts_of_the_process_have_the_names_of_the_clients_own_json() -> None:
    from google.protobuf.json_format import MessageToDict

    facts = pb.EnvironmentRecord(
        os="Linux", python="3.11", args=["--lr", "1"], code_path_local="a.py", email="x@y",
        cpu_count=2, gpu_type="H200", gpu_count=1, writer_id="w", cuda_version="13",
    )  # fmt: skip
    facts.git.remote_url = "https://x"
    facts.disk["/"].total = 2**40
    facts.memory.total = 2**36
    facts.cpu.model = "EPYC"
    facts.gpu_nvidia.add(name="H200", memory_total=2**37, cuda_cores=16896, pci_bus_id="0")
    facts.gpu_amd.add(id="0", model="MI")
    facts.slurm["job_id"] = "17"
    facts.apple.ram_total_bytes = 5
    facts.tpu.hbm_gib = 16
    facts.trainium.neuroncore_per_device_count = 2
    facts.coreweave.cluster_name = "c"
    wanted = MessageToDict(facts)
    found = read_environment(facts.SerializeToString())
    # Their JSON writes this one message by hand, with underscores.
    found["coreweave"] = {"clusterName": found["coreweave"]["cluster_name"]}
    assert found == wanted


def test_alerts_files_and_names() -> None:
    alert = pb.AlertRecord(title="t", text="x", level="WARN", wait_duration=60_000)
    assert records.read_alert(alert.SerializeToString()) == {
        "title": "t",
        "text": "x",
        "level": "WARN",
        "wait_duration_ms": 60_000,
    }
    assert records.read_directory(pb.TBRecord(log_dir="logs").SerializeToString()) == "logs"


@given(data=st.binary(max_size=40))
def test_noise_is_torn_and_nothing_worse(data: bytes) -> None:
    try:
        list(read_fields(data))
    except Torn:
        return
    records.read_record(data)


def test_what_says_nothing_of_a_run_is_no_record() -> None:
    request = pb.Record(num=1)
    request.request.stop_status.SetInParent()
    assert records.read_record(request.SerializeToString()) is None
