"""Runs that the official client made offline, sent by us: they are the runs it makes online."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steelyard.sdk.sender.link import Link
from steelyard.sdk.wandb_import import (
    SyncOutcome,
    SyncProgress,
    WandbSync,
    is_held_open,
    sync_wandb_file,
)
from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient, kill_group
from tests.support.run_reader import RunReader

#: A bit of everything a script can log.
SCRIPT = """
import sys, wandb
run = wandb.init(
    config={"lr": 0.1, "nested": {"a": 1, "b": [1, 2]}, "big": 2**70, "nan": float("nan")},
    tags=["x", "y"], notes="a note", group="g", job_type="train", name="nice",
)
run.define_metric("acc", summary="max")
run.define_metric("mean", summary="mean,last")
run.define_metric("quiet", summary="none")
run.define_metric("val/*", step_metric="epoch")
for i in range(30):
    row = {"loss": 1 / (i + 1), "acc": (i * 7) % 10, "mean": i, "quiet": i, "text": f"a{i}"}
    run.log(row | {"deep": {"er": {"x": i}}, "val/x": i, "epoch": i // 3})
    print("line", i)
run.log({"nan": float("nan"), "inf": float("inf"), "ninf": -float("inf"), "big": 2**70, "a.b": 1})
run.log({"part": 1}, commit=False)
run.log({"part2": 2, "list": [1, "two", None], "true": True, "ü \\"quoted\\"": "\\n"})
run.log({"late": 1}, step=50)
run.log({"h": wandb.Histogram([1, 2, 3]), "html": wandb.Html("<p>x</p>")})
run.summary["best"] = 3
run.summary["nest"] = {"a": {"b": 1}}
run.summary.update({"gone": 1})
del run.summary["gone"]
run.config["later"] = "x"
run.config.update({"nested": {"a": 2}}, allow_val_change=True)
run.tags = run.tags + ("new",)
run.name = "renamed"
open("saved.txt", "w").write("hello")
run.save("saved.txt", policy="now")
print("\\r10%", end="")
print("\\r20%", end="")
print("\\r\\x1b[1m100%\\x1b[0m done")
print("to the other stream", file=sys.stderr)
print("no line end", end="")
run.finish(exit_code=int(sys.argv[1]) if sys.argv[1:] else 0)
"""


def make_link(server: ThrowawayServer) -> Link:
    return Link({"base_url": server.base_url, "api_key": server.owner_key})


def log_of(folder: Path) -> Path:
    return next(folder.glob("run-*.wandb"))


def sync(server: ThrowawayServer, folder: Path, **options: Any) -> SyncOutcome:
    return sync_wandb_file(log_of(folder), make_link(server), **options)


def test_a_run_made_offline_and_sent_by_us_is_the_run_made_online(
    client: OfficialClient, runs: RunReader
) -> None:
    client.run_script(SCRIPT, WANDB_RUN_ID="online")
    client.run_script(SCRIPT, WANDB_RUN_ID="offline", WANDB_MODE="offline")
    progress: list[SyncProgress] = []
    (folder,) = client.offline_runs()

    outcome = sync(runs.server, folder, on_progress=progress.append)

    assert outcome.problem is None
    assert outcome.notices == ()
    assert (outcome.state, outcome.is_complete, outcome.run_id) == ("finished", True, "offline")
    assert outcome.display_name == "renamed"
    assert (progress[-1].read_bytes, progress[-1].files_left) == (progress[-1].size_bytes, 0)
    assert runs.export_by_rest("offline") == runs.export_by_rest("online")
    assert runs.export_by_client(client, "offline") == runs.export_by_client(client, "online")
    assert log_of(folder).with_name("run-offline.wandb.synced").exists()
    # The client writes these two of what the server has anyway.
    assert set(runs.list_files("online")) - set(runs.list_files("offline")) == {
        "config.yaml",
        "wandb-summary.json",
    }


def test_a_second_sync_changes_nothing(client: OfficialClient, runs: RunReader) -> None:
    client.run_script(SCRIPT, "3", WANDB_RUN_ID="r", WANDB_MODE="offline")
    (folder,) = client.offline_runs()
    first = sync(runs.server, folder)
    before, rows = runs.get_run("r"), runs.list_history("r")
    second = sync(runs.server, folder)
    assert (first.state, before["exit_code"]) == ("failed", 3)
    assert first.sent_bytes > 0 and first.files_done > 0
    assert second == msgspec.structs.replace(first, sent_bytes=0, files_done=0)
    assert runs.list_history("r") == rows
    clocks = {"heartbeat_at_us", "updated_at_us"}
    unchanged = {key: value for key, value in before.items() if key not in clocks}
    assert unchanged.items() <= runs.get_run("r").items()


def test_place_and_id_can_be_chosen(client: OfficialClient, runs: RunReader) -> None:
    client.run_script(
        "import wandb\nwandb.init(project='unlike').log({'a': 1})", WANDB_MODE="offline"
    )
    (folder,) = client.offline_runs()
    outcome = sync(runs.server, folder, project=runs.project, entity=runs.entity, run_id="another")
    assert (outcome.entity, outcome.project, outcome.run_id) == (
        runs.entity,
        runs.project,
        "another",
    )
    assert [row["a"] for row in runs.list_history("another")] == [1]


#: Says where it stands, and goes on when told so.
STEPWISE = """
import os, sys, wandb
run = wandb.init(id="r", config={"lr": 0.1})
for i in range(2000):
    run.log({"i": i, "pad": "x" * 100})
print("first half", flush=True)
os.write(1, b"READY\\n")
sys.stdin.readline()
run.log({"i": 2000})
run.finish()
"""


@contextmanager
def stepwise(client: OfficialClient) -> Iterator[subprocess.Popen[str]]:
    """The script up to its middle, in a process group of its own; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", STEPWISE],
        cwd=client.home,
        env={**client.environ, "WANDB_MODE": "offline"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as started:
        try:
            assert started.stdout is not None
            assert "READY\n" in iter(started.stdout.readline, ""), "the script ended early"
            yield started
        finally:
            kill_group(started)


def test_a_killed_run_synced_twice_is_one_crashed_run_with_all_that_was_written(
    client: OfficialClient, runs: RunReader
) -> None:
    with stepwise(client):
        (folder,) = client.offline_runs()
        wait_until(lambda: log_of(folder).stat().st_size > 3 * 32 * 1024)
    kill_service_of(folder)
    for _ in range(2):
        outcome = sync(runs.server, folder)
        assert outcome.problem is None
        assert (outcome.state, outcome.is_complete) == ("crashed", False)
    (run,) = runs.list_runs()
    assert (run["name"], run["state"]) == ("r", "crashed")
    rows = runs.list_history("r")
    assert len(rows) == outcome.row_count >= 500
    assert [row["i"] for row in rows] == list(range(len(rows)))
    assert runs.get_run("r")["config"] == {"lr": 0.1}


def test_a_run_that_still_writes_is_synced_as_far_as_it_is(
    client: OfficialClient, runs: RunReader
) -> None:
    with stepwise(client) as started:
        (folder,) = client.offline_runs()
        wait_until(lambda: log_of(folder).stat().st_size > 3 * 32 * 1024)
        early = sync(runs.server, folder)
        assert (early.state, early.is_complete, early.problem) == ("running", False, None)
        assert runs.get_run("r")["state"] == "running"
        assert len(runs.list_history("r")) == early.row_count >= 500
        started.communicate("go on\n", timeout=60)
    late = sync(runs.server, folder)
    assert (late.state, late.is_complete) == ("finished", True)
    assert runs.get_run("r")["state"] == "finished"
    assert [row["i"] for row in runs.list_history("r")] == list(range(2001))
    assert runs.list_logs("r") == ["first half"]


def test_a_log_that_is_watched_is_read_on(client: OfficialClient, runs: RunReader) -> None:
    with stepwise(client) as started:
        (folder,) = client.offline_runs()
        wait_until(lambda: log_of(folder).stat().st_size > 3 * 32 * 1024)
        watched = WandbSync(log_of(folder), make_link(runs.server))
        first = watched.step(is_watched=True)
        assert (first.state, first.problem) == ("running", None)
        assert watched.step(is_watched=True).sent_bytes >= first.sent_bytes > 0
        started.communicate("go on\n", timeout=60)
    kill_service_of(folder)
    last = watched.step(is_watched=True)
    assert (last.state, last.is_complete) == ("finished", True)
    assert last == msgspec.structs.replace(
        sync(runs.server, folder), sent_bytes=last.sent_bytes, files_done=last.files_done
    )
    assert [row["i"] for row in runs.list_history("r")] == list(range(2001))


def test_a_run_resumed_offline_goes_on_where_it_ended(
    client: OfficialClient, runs: RunReader
) -> None:
    script = (
        "import sys, wandb\n"
        "with wandb.init(id='r', resume='allow') as run:\n"
        "    for i in range(3):\n"
        "        run.log({'i': int(sys.argv[1]) + i})\n"
    )
    for first in ("0", "3"):
        client.run_script(script, first, WANDB_MODE="offline")
    for _ in range(2):
        for folder in client.offline_runs():
            assert sync(runs.server, folder).is_complete
    rows = runs.list_history("r")
    assert [(row["_step"], row["i"]) for row in rows] == [(i, i) for i in range(6)]
    assert runs.get_run("r")["state"] == "finished"


def test_a_sync_goes_on_after_the_server_was_killed(
    client: OfficialClient, server: ThrowawayServer
) -> None:
    runs = RunReader(server, "cut")
    rows = 3000
    client.run_script(
        "import wandb\n"
        f"with wandb.init(id='r', project='cut') as run:\n    for i in range({rows}):\n"
        "        run.log({'i': i})\n",
        WANDB_MODE="offline",
    )
    (folder,) = client.offline_runs()
    link = make_link(server)
    link.upload_bytes = 8 * 1024
    answers = 0

    def cut(_: SyncProgress) -> None:
        nonlocal answers
        answers += 1
        if answers == 5:
            server.kill()

    outcome = sync_wandb_file(log_of(folder), link, on_progress=cut, patience_s=0)
    assert outcome.problem is not None and "run the same command again" in outcome.problem
    assert not outcome.is_complete
    server.start()
    assert sync(server, folder).is_complete
    assert [row["i"] for row in runs.list_history("r")] == list(range(rows))


def test_a_refused_key_is_said_in_one_line(client: OfficialClient, runs: RunReader) -> None:
    client.run_script("import wandb\nwandb.init().log({'a': 1})", WANDB_MODE="offline")
    (folder,) = client.offline_runs()
    link = Link({"base_url": runs.server.base_url, "api_key": "local-" + "0" * 40})
    outcome = sync_wandb_file(log_of(folder), link)
    assert outcome.problem is not None and "\n" not in outcome.problem
    assert "key" in outcome.problem
    assert not outcome.is_complete


@pytest.mark.parametrize("content", [b"", b":W&B"])
def test_a_log_that_says_nothing_yet_is_left_alone(
    content: bytes, tmp_path: Path, shared_server: ThrowawayServer
) -> None:
    path = tmp_path / "run-x.wandb"
    path.write_bytes(content)
    assert sync_wandb_file(path, make_link(shared_server)).state == "empty"


def wait_until(is_so: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill_service_of(folder: Path) -> None:
    """kill -9 of whatever else of the client writes that log: its service is not in the group."""
    target = str(log_of(folder).resolve())
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == target:
                os.kill(int(link.parts[2]), signal.SIGKILL)
        except OSError:
            continue
    wait_until(lambda: not is_held_open(log_of(folder)))


def test_charts_that_the_user_made_are_there(client: OfficialClient, runs: RunReader) -> None:
    script = (
        "import wandb\n"
        "with wandb.init() as run:\n"
        "    run.log({'mine': wandb.plot.line_series([1, 2], [[1, 2]], ['a'], title='t')})\n"
    )
    client.run_script(script, WANDB_RUN_ID="online")
    client.run_script(script, WANDB_RUN_ID="offline", WANDB_MODE="offline")
    (folder,) = client.offline_runs()
    assert sync(runs.server, folder).is_complete
    charts = [read_charts(runs, name) for name in ("online", "offline")]
    assert charts[0] == charts[1] != {}


def read_charts(runs: RunReader, name: str) -> Any:
    """`_wandb.visualize` of a run's config."""
    query = (
        "query($e: String!, $p: String!, $r: String!)"
        " { project(name: $p, entityName: $e) { run(name: $r) { config } } }"
    )
    found = runs.server.graphql(query, e=runs.entity, p=runs.project, r=name)
    return json.loads(found["project"]["run"]["config"])["_wandb"]["value"].get("visualize", {})
