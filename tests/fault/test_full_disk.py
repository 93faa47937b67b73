"""A full disk: what was acknowledged stays, clients hear of it, space is all it takes to go on."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.errors import StorageFull
from steelyard.server.blobs.local import LocalBlobs
from steelyard.testing.blob_contents import load
from steelyard.testing.blob_uploads import send_part
from steelyard.testing.server import ThrowawayServer
from tests.support import stored
from tests.support.file_stream import create_run, open_stream

DISK_BYTES = 24 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 24 MiB."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(mounted)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(disk: Path, *, leave_bytes: int) -> Path:
    """Take what is free on the disk but `leave_bytes`."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    with filler.open("wb") as file:
        file.write(bytes(max(free.f_bavail * free.f_bsize - leave_bytes, 0)))
    return filler


def make_lines(first: int, count: int) -> list[str]:
    # Random text, so that it does not shrink when it is compressed.
    return [
        json.dumps({"_step": step, "loss": step / 4, "noise": os.urandom(4000).hex()})
        for step in range(first, first + count)
    ]


@pytest.mark.timeout(180)
def test_a_full_disk_keeps_what_was_acknowledged_and_goes_on_when_there_is_space(
    small_disk: Path,
) -> None:
    with ThrowawayServer(small_disk / "server") as server:
        client = open_stream(server, "full")
        client.send_history(0, make_lines(0, 10))
        filler = fill(small_disk, leave_bytes=1_500_000)
        acknowledged, refused = 10, None
        for _ in range(200):
            lines = make_lines(acknowledged, 20)
            files = {"wandb-history.jsonl": {"offset": acknowledged, "content": lines}}
            answer = client.send_once(json.dumps({"files": files}).encode())
            if answer.status != 200:
                refused = answer
                break
            acknowledged += 20
        assert refused is not None, "the disk never was full"
        assert refused.status == 503
        assert "disk" in json.loads(refused.data)["error"]
        assert int(refused.headers["Retry-After"]) > 0
        assert server.is_ready() or server.request("GET", "/healthz").status == 200

        with stored.opened(server) as db:
            assert [row["_step"] for row in stored.history_rows(db, "full")] == [
                *range(acknowledged)
            ]

        filler.unlink()
        client.send_history(acknowledged, make_lines(acknowledged, 20))
        with stored.opened(server) as db:
            steps = [row["_step"] for row in stored.history_rows(db, "full")]
        assert steps == [*range(acknowledged + 20)]


@pytest.mark.timeout(180)
def test_an_upload_onto_a_full_disk_is_refused_whole_and_the_old_file_stays(
    small_disk: Path,
) -> None:
    with ThrowawayServer(small_disk / "server") as server:
        path = create_run(server, "full")
        old = os.urandom(100_000)
        assert put_file(server, path, "model.bin", old) == 200
        filler = fill(small_disk, leave_bytes=3_000_000)
        assert put_file(server, path, "model.bin", os.urandom(8_000_000)) == 503
        assert server.request("GET", f"/files/{path}/model.bin").data == old
        assert [*(server.data_dir / "blobs" / "incoming").iterdir()] == []
        filler.unlink()
        new = os.urandom(4_000_000)
        assert put_file(server, path, "model.bin", new) == 200
        assert server.request("GET", f"/files/{path}/model.bin").data == new


def test_parts_and_batches_on_a_full_disk_keep_what_was_there_and_go_on(small_disk: Path) -> None:
    blobs = LocalBlobs(small_disk / "blobs")
    kept = blobs.store_all([b"one", b"two"])
    upload_id = blobs.create_upload(part_bytes=2_000_000)
    parts = [os.urandom(2_000_000) for _ in range(3)]
    named = [send_part(blobs, upload_id, 1, parts[0])]
    filler = fill(small_disk, leave_bytes=1_000_000)
    with pytest.raises(StorageFull, match="when there is space"):
        blobs.store_all([os.urandom(100_000) for _ in range(30)])
    assert [*(small_disk / "blobs" / "incoming").iterdir()] == []
    writer = blobs.create_part_writer(upload_id, 2)
    with pytest.raises(StorageFull):
        writer.write(parts[1])
        writer.commit()
    writer.abort()
    assert [part.number for part in LocalBlobs(small_disk / "blobs").list_parts(upload_id)] == [1]
    filler.unlink()
    named += [send_part(blobs, upload_id, n, parts[n - 1]) for n in (2, 3)]
    blob = blobs.complete_upload(upload_id, named)
    assert load(blobs, blob.sha256) == b"".join(parts)
    assert [load(blobs, each.sha256) for each in kept] == [b"one", b"two"]


def put_file(server: ThrowawayServer, path: str, name: str, content: bytes) -> int:
    """Upload as the official client does; the status."""
    url = upload_path(server, path, name)
    deadline = time.monotonic() + 5
    while True:
        try:
            return server.request("PUT", url, body=content, key="").status
        except OSError:  # refused while we were still sending
            if time.monotonic() > deadline:
                raise


def upload_path(server: ThrowawayServer, path: str, name: str) -> str:
    entity, project, run = path.split("/")
    data = server.graphql(
        """
        mutation CreateRunFiles($entity: String!, $project: String!, $run: String!,
                                $files: [String!]!) {
          createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run,
                                 files: $files}) { files { name uploadUrl } }
        }
        """,
        entity=entity,
        project=project,
        run=run,
        files=[name],
    )
    url: str = data["createRunFiles"]["files"][0]["uploadUrl"]
    return url[url.index("/storage/") :]
