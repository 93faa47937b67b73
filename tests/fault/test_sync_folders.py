"""`steelyard sync` and `steelyard up` on what scripts left on the disk."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

from steelyard.sdk.sync import Syncer, SyncOptions
from steelyard.testing.server import ThrowawayServer
from tests.support.run_reader import RunReader
from tests.support.training import PROJECT, Trainee, get_run, kill, read_rows, wait_until

FILES_SCRIPT = """
import sys
import steelyard
run = steelyard.init(project="faults", id="r", config={"a": 1, "b": {"c": [1, 2]}}, tags=["t"])
for i in range(int(sys.argv[1])):
    run.log({"i": i, "loss": 1 / (i + 1)})
with open(run.dir + "/model.bin", "wb") as file:
    file.write(b"weights" * 1000)
run.save(run.dir + "/model.bin", policy="now")
print("a line of the training")
run.summary["best"] = 7
run.finish()
"""


def test_an_offline_run_that_was_synced_is_what_it_would_have_been_online(
    tmp_path: Path, server: ThrowawayServer, trainee: Trainee
) -> None:
    trainee.run(50, script=FILES_SCRIPT, WANDB_MODE="offline")
    done = trainee.sync()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 run: 1 on the server" in done.stdout
    online = Trainee(tmp_path / "other", base_url=server.base_url, api_key=server.owner_key)
    online.run(50, script=FILES_SCRIPT.replace('id="r"', 'id="s"'))
    online.close()
    reader = RunReader(server, PROJECT)
    offline_run, online_run = (reader.export_by_rest(name) for name in ("r", "s"))
    for export in (offline_run, online_run):
        export.pop("display_name")
    assert offline_run == online_run
    assert reader.list_files("r")["model.bin"] == 7000
    assert get_run(server, "r")["summary"]["best"] == 7
    assert get_run(server, "r")["state"] == "finished"


def test_a_second_sync_sends_nothing(server: ThrowawayServer, trainee: Trainee) -> None:
    trainee.run(20, script=FILES_SCRIPT, WANDB_MODE="offline")
    assert trainee.sync().returncode == 0
    acks = (trainee.folders()[0] / "files.ack.jsonl").read_text()
    again = trainee.sync()
    assert again.returncode == 0
    assert "known" in again.stdout
    assert (trainee.folders()[0] / "files.ack.jsonl").read_text() == acks
    assert read_rows(server, "r") == list(range(20))


def test_a_new_server_at_the_address_of_an_old_one_gets_everything(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    trainee.run(20, script=FILES_SCRIPT, TEST_RUN_ID="r", WANDB_MODE="offline")
    assert trainee.sync().returncode == 0
    server.stop()
    key = server.owner_key
    for path in sorted(server.data_dir.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    server.start()
    assert server.owner_key != key
    done = trainee.sync(WANDB_API_KEY=server.owner_key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_rows(server, "r") == list(range(20))
    assert RunReader(server, PROJECT).list_files("r")["model.bin"] == 7000


def test_many_runs_go_at_once_and_one_bad_folder_keeps_no_other(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    for number in range(3):
        trainee.run(10, TEST_RUN_ID=f"r{number}", WANDB_MODE="offline")
    (trainee.folders()[1] / "run.json").write_text("{")
    done = trainee.sync()
    assert done.returncode == 1
    assert "3 runs: 2 on the server, 1 left" in done.stdout
    assert "run.json" in done.stdout
    assert read_rows(server, "r0") == read_rows(server, "r2") == list(range(10))


def test_a_run_may_go_to_another_project_under_another_id(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    trainee.run(10, TEST_RUN_ID="r", WANDB_MODE="offline")
    done = trainee.sync("--project", "elsewhere", "--id", "copy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_rows(server, "copy", project="elsewhere") == list(range(10))
    assert trainee.sync().returncode == 0  # what went elsewhere counts for there only
    assert read_rows(server, "r") == list(range(10))


def test_a_sync_without_a_server_says_what_is_left_and_a_later_one_sends_it(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    trainee.run(10, TEST_RUN_ID="r", WANDB_MODE="offline")
    server.kill()
    settings = {"base_url": server.base_url, "api_key": "x" * 40}
    heard: list[str] = []
    syncer = Syncer(settings, SyncOptions(patience_s=0.5))
    outcomes = syncer.sync(trainee.folders(), lambda outcome: heard.append(outcome.kind))
    assert heard == ["left"]
    assert "is the server running" in str(outcomes[0].reason)
    server.start()
    assert trainee.sync().returncode == 0
    assert read_rows(server, "r") == list(range(10))


def test_a_crash_of_the_whole_machine_leaves_a_run_that_sync_can_mend(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    """The tree is killed, and the last record is half written, as after a power cut."""
    script = trainee.start(10_000, 0.001, TEST_RUN_ID="r", WANDB_MODE="offline")
    trainee.wait_for_rows(200)
    pid = trainee.sender_pid()
    script.kill()
    kill(pid)
    script.wait()
    folder = trainee.folders()[0]
    journal = next(
        path for path in (folder / "journal").glob("*.journal") if "-s." not in path.name
    )
    content = journal.read_bytes()
    journal.write_bytes(content[:-5] + b"\0" * 300)
    for _ in range(2):
        done = trainee.sync()
        assert done.returncode == 0, done.stdout + done.stderr
    rows = read_rows(server, "r")
    assert len(rows) >= trainee.logged_count() - 1
    assert rows == list(range(len(rows)))
    assert get_run(server, "r")["state"] == "crashed"


def test_watch_follows_a_run_that_is_written_and_ends_with_it(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    watching = subprocess.Popen(
        [sys.executable, "-m", "steelyard", "sync", "--watch"],
        cwd=trainee.home,
        env=trainee.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        script = trainee.start(10_000, 0.01, TEST_RUN_ID="r", WANDB_MODE="offline")
        reader = RunReader(server, PROJECT)
        reader.wait_for("r", lambda run: run["history_row_count"] > 100)
        assert get_run(server, "r")["state"] == "running"
        (trainee.home / "stop").touch()
        assert script.wait(60) == 0
        reader.wait_for("r", lambda run: run["state"] == "finished")
        wait_until(lambda: trainee.status().get("state") == "done")
    finally:
        watching.send_signal(signal.SIGINT)
        output = watching.communicate(timeout=30)[0]
    assert watching.returncode == 0, output
    assert read_rows(server, "r") == list(range(trainee.logged_count()))
    assert "running  " in output
    assert "sent     " in output


def test_up_shows_runs_of_a_script_that_knew_no_server(tmp_path: Path) -> None:
    trainee = Trainee(tmp_path / "home")
    script = trainee.start(10_000, 0.01, TEST_RUN_ID="r")
    trainee.wait_for_rows(20)
    journals = ["--journals", str(trainee.home / "steelyard")]
    with ThrowawayServer(tmp_path / "server", arguments=journals) as server:
        reader = RunReader(server, PROJECT)
        reader.wait_for("r", lambda run: run["history_row_count"] > 20)
        reader.stop("r")  # reaches a script that has never heard of this server
        assert script.wait(60) != 0
        reader.wait_for("r", lambda run: run["state"] != "running")
        assert read_rows(server, "r")[:20] == list(range(20))
    trainee.close()


def test_what_follows_the_directory_ends_even_when_the_server_is_killed(tmp_path: Path) -> None:
    journals = tmp_path / "steelyard"
    journals.mkdir()

    def list_followers() -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if b"--watch" in words and str(journals).encode() in words:
                    found.append(process.name)
        return found

    with ThrowawayServer(tmp_path / "server", arguments=["--journals", str(journals)]) as server:
        wait_until(list_followers)
        server.kill()
        wait_until(lambda: not list_followers())


def test_status_and_clean_tell_what_is_sent_and_remove_only_that(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    trainee.run(10, TEST_RUN_ID="sent", WANDB_MODE="offline")
    assert trainee.sync().returncode == 0
    trainee.run(10, TEST_RUN_ID="unsent", WANDB_MODE="offline")
    listed = subprocess.run(
        [sys.executable, "-m", "steelyard", "status"],
        cwd=trainee.home,
        env=trainee.environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "2 runs" in listed
    sent, unsent = trainee.folders()
    assert trainee.sync("--clean", "--older-than", "7d", "--yes").stdout.startswith(
        "removed 0"
    ) or (sent.exists())
    cleaned = trainee.sync("--clean", "--yes")
    assert cleaned.returncode == 0, cleaned.stderr
    assert not sent.exists()
    assert unsent.exists()


def test_a_forked_child_that_logs_is_part_of_the_run(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = """
import multiprocessing, steelyard
def work(run):
    for i in range(50, 100):
        run.log({"i": i}, step=i)
run = steelyard.init(project="faults", id="r")
for i in range(50):
    run.log({"i": i})
child = multiprocessing.get_context("fork").Process(target=work, args=(run,))
child.start()
child.join()
run.finish()
"""
    trainee.run(0, script=script)
    wait_until(lambda: trainee.status().get("state") == "done")
    assert read_rows(server, "r") == list(range(100))
    assert json.loads((trainee.folders()[0] / "run.json").read_text())["run"] == "r"
