"""Artifacts whose process, sender, server, network, files or disk fail in the middle."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from steelyard.limits import ARTIFACT_MULTIPART_FROM_BYTES, ARTIFACT_PART_BYTES
from steelyard.testing.server import ThrowawayServer
from tests.support.faulty_network import Fault, FaultyNetwork
from tests.support.staged import ArtifactReader, list_results
from tests.support.training import PROJECT, Trainee, get_run, is_sender, kill, wait_until

#: In five parts, of which four travel at once.
BIG_BYTES = ARTIFACT_PART_BYTES * 4 + ARTIFACT_PART_BYTES // 2
PART_COUNT = 5

# Logs what its environment says, tells so, and goes on as told.
SCRIPT = """
import os, sys, time
import steelyard
run = steelyard.init(project="faults", id=os.environ.get("TEST_RUN_ID", "r"))
for spec in os.environ["TEST_ARTIFACTS"].split(";"):
    name, path = spec.split("=")
    artifact = steelyard.Artifact(name, "dataset")
    policy = os.environ.get("TEST_POLICY", "mutable")
    if os.path.isdir(path):
        artifact.add_dir(path, policy=policy)
    else:
        artifact.add_file(path, policy=policy)
    before = time.perf_counter()
    run.log_artifact(artifact)
    print(f"took {time.perf_counter() - before:.3f}", flush=True)
print("staged", flush=True)
exec(os.environ.get("TEST_THEN", ""))
run.finish()
print("finished", flush=True)
"""
SLEEP = "time.sleep(600)"


def begin(trainee: Trainee, artifacts: str, **environ: str) -> subprocess.Popen[str]:
    """Start the script and wait until it has logged."""
    script = trainee.start(0, script=SCRIPT, TEST_ARTIFACTS=artifacts, **environ)
    wait_until(lambda: "staged" in trainee.output or script.poll() is not None)
    assert "staged" in trainee.output, trainee.output
    return script


def make_big(home: Path) -> tuple[str, str]:
    """(name, SHA-256) of a file that goes in parts."""
    assert BIG_BYTES > ARTIFACT_MULTIPART_FROM_BYTES
    data = os.urandom(1024 * 1024) * (BIG_BYTES // (1024 * 1024))
    (home / "big.bin").write_bytes(data)
    return "big.bin", hashlib.sha256(data).hexdigest()


def wait_for_results(trainee: Trainee, count: int = 1) -> None:
    wait_until(
        lambda: sum(len(list_results(folder)) for folder in trainee.folders()) >= count,
        why=f"{trainee.status()} {trainee.output}",
    )


def test_a_process_killed_after_logging_loses_no_artifact(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    (trainee.home / "a.txt").write_text("a")
    server.kill()
    script = begin(trainee, "data=a.txt", TEST_THEN=SLEEP)
    script.kill()
    script.wait()
    (trainee.home / "a.txt").write_text("changed since")
    server.start()
    wait_for_results(trainee)
    reader = ArtifactReader(server, PROJECT)
    assert reader.hash_file("data", "a.txt") == hashlib.sha256(b"a").hexdigest()
    [output] = reader.run_artifacts("r")["outputs"]
    assert (output["name"], output["version"]) == ("data", "v0")
    wait_until(lambda: get_run(server, "r")["state"] == "crashed")


def test_a_killed_tree_is_complete_after_a_sync(server: ThrowawayServer, trainee: Trainee) -> None:
    name, digest = make_big(trainee.home)
    (trainee.home / "a.txt").write_text("a")
    server.kill()
    script = begin(trainee, f"data=a.txt;big={name}", TEST_THEN=SLEEP)
    sender = trainee.sender_pid()
    script.kill()
    kill(sender)
    script.wait()
    server.start()
    for _ in range(2):
        done = trainee.sync()
        assert done.returncode == 0, done.stdout + done.stderr
    reader = ArtifactReader(server, PROJECT)
    assert reader.hash_file("big", name) == digest
    assert len(reader.versions("data")) == len(reader.versions("big")) == 1
    [folder] = trainee.folders()
    assert not list(folder.glob("artifacts/*/files/*"))


def test_a_sender_killed_in_mid_upload_sends_no_part_twice(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    name, digest = make_big(trainee.home)
    parts: list[str] = []

    def choose(method: str, path: str, before: int) -> Fault:
        if method == "PUT" and "/parts/" in path:
            parts.append(path.partition("?")[0])
            if len(parts) == PART_COUNT:  # one has arrived, or this were not under way
                kill(trainee.sender_pid())
                return "cut"
        return "none"

    with FaultyNetwork(server.base_url, choose) as network:
        script = begin(trainee, f"big={name}", WANDB_BASE_URL=network.base_url)
        assert script.wait(90) == 0, trainee.output
        wait_for_results(trainee)
    assert ArtifactReader(server, PROJECT).hash_file("big", name) == digest
    # What was under way when it was killed is sent again, and nothing else.
    assert len(set(parts)) == PART_COUNT
    assert min(parts.count(path) for path in parts) == 1
    assert max(parts.count(path) for path in parts) == 2


def test_a_server_that_goes_and_comes_back_in_mid_upload_gets_the_rest(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    name, digest = make_big(trainee.home)
    count = 0

    def choose(method: str, path: str, before: int) -> Fault:
        nonlocal count
        if method == "PUT" and "/parts/" in path:
            count += 1
            if count == 2:
                server.kill()
                server.start()
        return "none"

    with FaultyNetwork(server.base_url, choose) as network:
        script = begin(trainee, f"big={name}", WANDB_BASE_URL=network.base_url)
        assert script.wait(90) == 0, trainee.output
        wait_for_results(trainee)
    assert ArtifactReader(server, PROJECT).hash_file("big", name) == digest


@pytest.mark.parametrize(
    "fault",
    [
        "cut",
        "answer lost",
        *(pytest.param(code, marks=pytest.mark.slow) for code in ("500", "503")),
    ],
)
def test_every_kind_of_request_may_fail_once(
    server: ThrowawayServer, trainee: Trainee, fault: Fault
) -> None:
    big = "middle.bin"
    (trainee.home / "middle.bin").write_bytes(os.urandom(400_000))
    if fault == "cut":  # once is enough for what takes long
        big, _ = make_big(trainee.home)
    (trainee.home / "small").mkdir()
    for number in range(20):
        (trainee.home / "small" / f"{number}").write_text(f"{number}" * 100)
    spoiled: set[str] = set()

    def choose(method: str, path: str, before: int) -> Fault:
        marks = ("/contents:pack", "/contents:complete", "/contents", "/parts/", "/uploads/")
        marks += ("/manifest", "/commit", "/artifacts")
        kind = next((mark for mark in marks if mark in path), None)
        if kind is None or f"{method} {kind}" in spoiled:
            return "none"
        spoiled.add(f"{method} {kind}")
        return fault

    with FaultyNetwork(server.base_url, choose) as network:
        script = begin(
            trainee, f"big={big};small=small;middle=middle.bin", WANDB_BASE_URL=network.base_url
        )
        assert script.wait(90) == 0, trainee.output
        wait_for_results(trainee, 3)
    reader = ArtifactReader(server, PROJECT)
    sent = hashlib.sha256((trainee.home / big).read_bytes()).hexdigest()
    assert reader.hash_file("big", big) == sent
    assert [len(reader.versions(each)) for each in ("big", "small", "middle")] == [1, 1, 1]
    assert len(reader.files("small")) == 20
    assert len(spoiled) >= 6


def test_a_file_that_changed_after_it_was_added_is_an_error_of_its_artifact(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    (trainee.home / "a.bin").write_bytes(b"a" * 1_000)
    (trainee.home / "b.bin").write_bytes(b"b" * 400_000)
    (trainee.home / "c.txt").write_text("c")
    server.kill()
    script = begin(
        trainee, "a=a.bin;b=b.bin;c=c.txt", TEST_POLICY="immutable", WANDB_FINISH_TIMEOUT="60"
    )
    (trainee.home / "a.bin").write_bytes(b"A" * 1_000)
    (trainee.home / "b.bin").write_bytes(b"B" * 400_000)
    server.start()
    assert script.wait(90) == 0, trainee.output
    assert trainee.output.count("was changed after it was added") >= 2
    assert "2 artifacts were not sent with run" in trainee.output
    reader = ArtifactReader(server, PROJECT)
    assert [reader.find(name) is None for name in "abc"] == [True, True, False]
    states = [(each["name"], each["state"]) for each in list_results(trainee.folders()[0])]
    assert states == [("a", "FAILED"), ("b", "FAILED"), ("c", "COMMITTED")]


def test_two_processes_that_log_one_collection_at_once_make_each_their_version(
    server: ThrowawayServer, trainee: Trainee, tmp_path: Path
) -> None:
    other = Trainee(tmp_path / "other", base_url=server.base_url, api_key=server.owner_key)
    try:
        for number, each in enumerate((trainee, other)):
            (each.home / "same").mkdir()
            (each.home / "same" / "shared.bin").write_bytes(b"x" * 300_000)
            (each.home / "same" / "own.txt").write_text(f"{number}")
        scripts = [
            each.start(0, script=SCRIPT, TEST_ARTIFACTS="data=same", TEST_RUN_ID=f"r{number}")
            for number, each in enumerate((trainee, other))
        ]
        for script in scripts:
            assert script.wait(90) == 0, trainee.output + other.output
    finally:
        other.close()
    reader = ArtifactReader(server, PROJECT)
    assert len(set(reader.versions("data"))) == 2
    versions = [reader.get("data", ref)["version"] for ref in ("v0", "v1", "latest")]
    assert versions == ["v0", "v1", "v1"]


def test_a_full_disk_while_staging_is_said_and_costs_nothing_else(
    server: ThrowawayServer, trainee: Trainee, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={4 * 1024 * 1024}", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        (trainee.home / "big.bin").write_bytes(os.urandom(8 * 1024 * 1024))
        (trainee.home / "a.txt").write_text("a")
        script = """
import steelyard
run = steelyard.init(project="faults", id="r")
try:
    run.log_artifact("big.bin", name="big", type="dataset")
except OSError as error:
    print("said:", error, flush=True)
run.log({"i": 0})
run.log_artifact("a.txt", name="small", type="dataset")
run.finish()
"""
        started = trainee.start(
            0,
            script=script,
            WANDB_DATA_DIR=str(small / "data"),
            WANDB_CACHE_DIR=str(small / "cache"),
        )
        assert started.wait(90) == 0, trainee.output
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)
    assert "said:" in trainee.output
    assert "No space left" in trainee.output or "takes no more" in trainee.output
    reader = ArtifactReader(server, PROJECT)
    assert reader.find("big") is None
    assert reader.get("small")["version"] == "v0"
    assert get_run(server, "r")["state"] == "finished"


def test_logging_never_waits_for_the_server(server: ThrowawayServer, trainee: Trainee) -> None:
    (trainee.home / "a.txt").write_text("a")
    server.kill()
    script = begin(trainee, "a=a.txt", WANDB_FINISH_TIMEOUT="10")
    assert script.wait(60) == 0, trainee.output
    assert "1 artifact (1 bytes)" in trainee.output
    pid = trainee.sender_pid()
    assert is_sender(pid)
    server.start()
    wait_for_results(trainee)
    assert ArtifactReader(server, PROJECT).get("a")["version"] == "v0"
