"""The server's disk fills up while an artifact arrives: refused, and whole once there is space.

The disk becomes full when the request of one step comes in, and free again when the server has
refused it.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from steelyard.limits import ARTIFACT_MULTIPART_FROM_BYTES, MIB
from steelyard.testing.server import ThrowawayServer
from tests.support.faulty_network import Fault, FaultyNetwork
from tests.support.official_client import OfficialClient, clean_environ
from tests.support.staged import ArtifactReader
from tests.support.training import PROJECT, Trainee, wait_until

SMALL_DISK_BYTES = 32 * MIB
BIG_BYTES = ARTIFACT_MULTIPART_FROM_BYTES + 5 * MIB
BIG_DISK_BYTES = BIG_BYTES + 64 * MIB

OURS = """
import sys, steelyard
run = steelyard.init(project="faults", id="full")
artifact = steelyard.Artifact("data", "dataset")
artifact.add_dir("source")
run.log_artifact(artifact)
run.finish()
"""
OFFICIAL = """
import pathlib, time, wandb
run = wandb.init(project="faults", id="full", settings=wandb.Settings(
    x_file_transfer_retry_wait_min_seconds=0.1, x_file_transfer_retry_wait_max_seconds=0.5,
    x_graphql_retry_wait_min_seconds=0.1, x_graphql_retry_wait_max_seconds=0.5))
artifact = wandb.Artifact("data", "dataset")
artifact.add_dir("source")
pathlib.Path("ready").touch()
while not pathlib.Path("go").exists():
    time.sleep(0.05)
run.log_artifact(artifact)
run.finish()
"""


class Step:
    """A step of an upload: whose request is it, what is sent, how much space it finds."""

    def __init__(
        self, path: str, make: Callable[[Path], None], *, leave_bytes: int, route: str = ""
    ) -> None:
        self.path, self.make, self.leave_bytes = path, make, leave_bytes
        self.route = route or path


def make_small(source: Path) -> None:
    for number in range(30):
        (source / f"{number}.bin").write_bytes(os.urandom(100_000))


def make_middle(source: Path) -> None:
    (source / "middle.bin").write_bytes(os.urandom(5_000_000))


def make_big(source: Path) -> None:
    with (source / "big.bin").open("wb") as file:
        file.write(os.urandom(MIB))
        file.truncate(BIG_BYTES)


def make_many(source: Path, *, count: int = 1_500) -> None:
    """One content under names that no compression makes short: a manifest of 0.9 KB for each."""
    some = random.Random(7)
    for _ in range(count):
        directory = source.joinpath(*(some.randbytes(110).hex() for _ in range(3)))
        directory.mkdir(parents=True)
        (directory / some.randbytes(110).hex()).write_text("x")


STEPS = {
    "pack": Step("/contents:pack", make_small, leave_bytes=500_000),
    "content": Step("/wandb_artifacts/uploads/", make_middle, leave_bytes=500_000),
    "part": Step("/parts/", make_big, leave_bytes=5_000_000),
    "manifest": Step("/manifest", make_many, leave_bytes=100_000),
    # So many that their rows find no place in what the log of SQLite has already.
    "commit": Step("/commit", partial(make_many, count=5_000), leave_bytes=0),
}


@contextmanager
def small_disk(mounted: Path, size_bytes: int) -> Iterator[None]:
    """A file system of its own at `mounted`."""
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(mounted)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(disk: Path, *, leave_bytes: int) -> None:
    """Take what is free on the disk but `leave_bytes`."""
    free = os.statvfs(disk)
    with (disk / "filler").open("wb") as file:
        for _ in range(max(free.f_bavail * free.f_bsize - leave_bytes, 0) // 4096):
            file.write(bytes(4096))


def count_refused(server: ThrowawayServer, route: str) -> int:
    """Requests to routes with that text in them that were told to come again later."""
    text = server.request("GET", "/metrics").data.decode()
    found = re.findall(
        rf'^steelyard_http_requests_total\{{.*route="[^"]*{re.escape(route)}[^"]*",'
        r'status="(?:503|507)"\} (\d+)',
        text,
        re.MULTILINE,
    )
    return sum(map(int, found))


def list_temporary(server: ThrowawayServer) -> list[Path]:
    """What the blob store keeps of uploads that have not ended."""
    blobs = server.data_dir / "blobs"
    return [*blobs.glob("incoming/*"), *blobs.glob("uploads/*")]


def assert_same(trainee: Trainee | OfficialClient, entity: str) -> None:
    """`diff -r` of what was added and what the server has now is empty."""
    command = [sys.executable, "-m", "steelyard", "artifact", "get"]
    command += [f"{entity}/{PROJECT}/data:v0", "--root", "back"]
    environ = trainee.environ
    got = subprocess.run(
        command, cwd=trainee.home, env=environ, capture_output=True, text=True, check=False
    )
    assert got.returncode == 0, got.stdout + got.stderr
    diff = ["diff", "-r", "source", "back"]
    compared = subprocess.run(diff, cwd=trainee.home, capture_output=True, text=True, check=False)
    assert (compared.returncode, compared.stdout) == (0, "")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "step",
    [
        *("pack", "part"),
        *(pytest.param(step, marks=pytest.mark.slow) for step in ("content", "manifest", "commit")),
    ],
)
def test_our_client_ends_its_upload_when_there_is_space_again(tmp_path: Path, step: str) -> None:
    wanted = STEPS[step]
    disk = tmp_path / "small"
    full: list[str] = []

    def choose(method: str, path: str, before: int) -> Fault:
        if wanted.path in path and not full and method in ("PUT", "POST"):
            full.append(path)
            fill(disk, leave_bytes=wanted.leave_bytes)
        return "none"

    size_bytes = BIG_DISK_BYTES if step == "part" else SMALL_DISK_BYTES
    with (
        small_disk(disk, size_bytes),
        ThrowawayServer(disk / "server") as server,
        FaultyNetwork(server.base_url, choose) as network,
    ):
        trainee = Trainee(tmp_path / "home", base_url=network.base_url, api_key=server.owner_key)
        (trainee.home / "source").mkdir()
        wanted.make(trainee.home / "source")
        try:
            script = trainee.start(0, script=OURS)
            wait_until(lambda: count_refused(server, wanted.route), why=f"{step}: {network.seen}")
            reader = ArtifactReader(server, PROJECT)
            assert reader.versions("data") == []
            (disk / "filler").unlink()
            assert script.wait(120) == 0, trainee.output
            assert len(reader.versions("data")) == 1
            assert_same(trainee, reader.entity)
            assert list_temporary(server) == []
        finally:
            trainee.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("make", "leave_bytes", "route"),
    [
        (make_middle, 500_000, "/wandb_artifacts/uploads/"),
        (make_many, 300_000, "/artifact_manifest_uploads/"),
    ],
    ids=["content", "manifest"],
)
def test_the_official_client_ends_its_upload_when_there_is_space_again(
    tmp_path: Path, make: Callable[[Path], None], leave_bytes: int, route: str
) -> None:
    disk, home = tmp_path / "small", tmp_path / "home"
    with small_disk(disk, SMALL_DISK_BYTES), ThrowawayServer(disk / "server") as server:
        environ = clean_environ(home, base_url=server.base_url, api_key=server.owner_key)
        client = OfficialClient(home, environ)
        (home / "source").mkdir()
        make(home / "source")
        script = client.start_script(OFFICIAL)
        wait_until(lambda: (home / "ready").exists() or script.poll() is not None)
        fill(disk, leave_bytes=leave_bytes)
        (home / "go").touch()
        wait_until(lambda: count_refused(server, route))
        reader = ArtifactReader(server, PROJECT)
        assert reader.versions("data") == []
        (disk / "filler").unlink()
        output, _ = script.communicate(timeout=120)
        assert script.returncode == 0, output
        assert len(reader.versions("data")) == 1
        assert_same(client, reader.entity)
        assert list_temporary(server) == []


def make_draft(server: ThrowawayServer, source: dict[str, Any]) -> str:
    made = server.call("POST", f"/api/v1/-/{PROJECT}/artifacts", content=source)
    return str(made["id"])


def test_a_commit_on_a_full_disk_says_that_it_may_be_asked_again(tmp_path: Path) -> None:
    some = random.Random(3)
    paths = sorted(some.randbytes(400).hex() for _ in range(8_000))
    contents = {path: {"digest": "e", "size": 1, "ref": "s3://b/k"} for path in paths}
    manifest = {"version": 1, "storagePolicy": "wandb-storage-policy-v1", "contents": contents}
    disk = tmp_path / "small"
    with small_disk(disk, SMALL_DISK_BYTES), ThrowawayServer(disk / "server") as server:
        draft = {"type": "dataset", "collection": "data", "digest": "", "client_id": "c"}
        path = f"/api/v1/artifacts/{make_draft(server, draft)}"
        body = json.dumps(manifest).encode()
        fill(disk, leave_bytes=MIB)
        refused = server.request("PUT", f"{path}/manifest", body=body)
        assert (refused.status, json.loads(refused.data)["code"]) == (503, "storage_full")
        assert list_temporary(server) == []
        assert server.request("POST", f"{path}/commit", content={}).status == 409
        (disk / "filler").unlink()
        assert server.request("PUT", f"{path}/manifest", body=body).status == 200
        fill(disk, leave_bytes=0)
        refused = server.request("POST", f"{path}/commit", content={})
        assert (refused.status, json.loads(refused.data)["code"]) == (503, "storage_full")
        assert ArtifactReader(server, PROJECT).versions("data") == []
        (disk / "filler").unlink()
        done = server.call("POST", f"{path}/commit", content={})
        assert (done["version"], done["file_count"]) == ("v0", len(paths))
