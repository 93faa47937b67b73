"""S3 away, wrong, half there: nothing half-visible, a clear error, and everything goes on later."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steelyard.errors import CannotStart, StorageUnavailable
from steelyard.server.blobs.open import PLACE_FILE, open_blobs
from steelyard.server.blobs.s3 import S3Blobs
from steelyard.testing.blob_contents import FAR_FUTURE_US, load, make_content, store
from steelyard.testing.server import ServerDidNotStart, ThrowawayServer
from tests.fault.test_full_disk import put_file
from tests.support.file_stream import create_run, open_stream
from tests.support.s3 import S3Server

LARGE_BYTES = 50_000_000  # some parts of S3_PART_BYTES


def s3_environ(s3: S3Server, bucket: str, prefix: str = "one") -> dict[str, str]:
    """What a server is told of its store."""
    return {
        "STEELYARD_BLOBS_URL": f"s3://{bucket}/{prefix}",
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "PATH": "/usr/bin:/bin",
    }


def spooled(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and path.name != PLACE_FILE]


@pytest.mark.timeout(180)
def test_s3_that_dies_in_the_middle_of_an_upload_keeps_nothing_of_it(
    own_s3: S3Server, tmp_path: Path
) -> None:
    place = own_s3.make_place()
    blobs = S3Blobs(place, tmp_path / "spool")
    writer = blobs.create_writer()
    writer.write(make_content(LARGE_BYTES))

    def kill_amid() -> None:
        while "partNumber=" not in own_s3.log.read_text():
            time.sleep(0.005)
        own_s3.kill()

    killer = threading.Thread(target=kill_amid)
    killer.start()
    with pytest.raises(StorageUnavailable, match="try again later"):
        writer.commit()
    killer.join()
    writer.abort()
    assert spooled(tmp_path / "spool") == []
    with pytest.raises(StorageUnavailable):
        blobs.find_size(hashlib.sha256(b"").digest())
    own_s3.start()
    own_s3.make_bucket(place.bucket)
    assert own_s3.list_names(place) == []
    blob = store(blobs, make_content(LARGE_BYTES), part_bytes=1_000_000)
    assert load(blobs, blob.sha256) == make_content(LARGE_BYTES)
    assert own_s3.list_names(place) == [
        f"team/one/blobs/{blob.sha256.hex()[:2]}/{blob.sha256.hex()}"
    ]


@pytest.mark.timeout(180)
def test_an_upload_in_parts_can_be_completed_when_s3_is_back(
    own_s3: S3Server, tmp_path: Path
) -> None:
    place = own_s3.make_place()
    blobs = S3Blobs(place, tmp_path / "spool")
    upload_id = blobs.create_upload(part_bytes=5)
    named = []
    own_s3.kill()  # parts need no S3
    for number, content in enumerate((b"01234", b"56"), 1):
        writer = blobs.create_part_writer(upload_id, number)
        writer.write(content)
        named.append((number, writer.commit().tag))
    with pytest.raises(StorageUnavailable):
        blobs.complete_upload(upload_id, named)
    own_s3.start()
    own_s3.make_bucket(place.bucket)
    blob = blobs.complete_upload(upload_id, named)
    assert load(blobs, blob.sha256) == b"0123456"
    assert spooled(tmp_path / "spool") == []


def test_content_that_is_there_is_not_sent_again(own_s3: S3Server, tmp_path: Path) -> None:
    blobs = S3Blobs(own_s3.make_place(), tmp_path / "spool")
    content = make_content(LARGE_BYTES)
    first = store(blobs, content, part_bytes=1_000_000)
    sent = own_s3.log.read_text().count("partNumber=")
    assert sent > 1
    assert store(blobs, content, part_bytes=1_000_000) == first
    assert own_s3.log.read_text().count("partNumber=") == sent


def test_a_bucket_that_is_not_there_is_named(s3_server: S3Server, tmp_path: Path) -> None:
    blobs = S3Blobs(s3_server.place_of("no-such-bucket"), tmp_path / "spool")
    with pytest.raises(StorageUnavailable, match="s3://no-such-bucket/team/one"):
        blobs.check()
    with pytest.raises(StorageUnavailable, match="make the bucket"):
        store(blobs, b"content")
    with pytest.raises(StorageUnavailable):
        blobs.open_range(hashlib.sha256(b"content").digest(), first=0, size_bytes=1)
    with pytest.raises(StorageUnavailable):
        list(blobs.list_settled(before_us=FAR_FUTURE_US))


def test_credentials_that_are_refused_are_said_to_be(tmp_path: Path) -> None:
    s3 = S3Server(tmp_path, is_strict=True)
    s3.start()
    try:
        s3.make_bucket("guarded")
        blobs = S3Blobs(s3.place_of("guarded"), tmp_path / "spool")
        for attempt in (blobs.check, lambda: store(blobs, b"content")):
            with pytest.raises(StorageUnavailable, match="check the access key") as told:
                attempt()
            assert "secret" not in str(told.value)
    finally:
        s3.kill()


def test_a_prefix_belongs_to_one_server(s3_server: S3Server, tmp_path: Path) -> None:
    place = s3_server.make_place()
    open_blobs(tmp_path / "one", place, server_id="one")
    open_blobs(tmp_path / "one", place, server_id="one")
    with pytest.raises(CannotStart, match="another server"):
        open_blobs(tmp_path / "two", place, server_id="two")


def test_files_that_are_elsewhere_are_not_forgotten(s3_server: S3Server, tmp_path: Path) -> None:
    """Whoever changes blobs_url without moving the files is told, not shown an empty store."""
    place = s3_server.make_place()
    store(open_blobs(tmp_path / "local"), b"content")
    with pytest.raises(CannotStart, match="to move them"):
        open_blobs(tmp_path / "local", place, server_id="one")
    open_blobs(tmp_path / "remote", place, server_id="two")
    with pytest.raises(CannotStart, match=place.url):
        open_blobs(tmp_path / "remote")
    with pytest.raises(CannotStart, match="copy everything there"):
        open_blobs(tmp_path / "remote", s3_server.make_place(), server_id="two")


@pytest.mark.timeout(180)
def test_clients_hear_that_s3_is_away_and_go_on_when_it_is_back(
    own_s3: S3Server, tmp_path: Path
) -> None:
    own_s3.make_bucket("files")
    with ThrowawayServer(tmp_path / "server", environ=s3_environ(own_s3, "files")) as server:
        path = create_run(server, "away")
        assert put_file(server, path, "a.txt", b"before") == 200
        assert server.request("GET", f"/files/{path}/a.txt").data == b"before"
        own_s3.kill()
        assert put_file(server, path, "a.txt", b"after") == 503
        answer = server.request("GET", f"/files/{path}/a.txt")
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "s3://files/one" in json.loads(answer.data)["error"]
        assert spooled(server.data_dir / "blobs") == []
        own_s3.start()
        own_s3.make_bucket("files")
        assert put_file(server, path, "a.txt", b"after") == 200
        assert server.request("GET", f"/files/{path}/a.txt").data == b"after"


@pytest.mark.timeout(180)
def test_metrics_go_on_while_s3_hangs(own_s3: S3Server, tmp_path: Path) -> None:
    """Uploads that wait for S3, more than there are cores, hold up nobody else."""
    own_s3.make_bucket("files")
    with ThrowawayServer(tmp_path / "server", environ=s3_environ(own_s3, "files")) as server:
        client = open_stream(server, "going-on")
        client.send_history(0, ['{"_step": 0}'])
        path = create_run(server, "hanging")
        own_s3.freeze()
        with ThreadPoolExecutor(20) as pool:
            names = [f"{number}.bin" for number in range(20)]
            hanging = [pool.submit(put_file, server, path, name, b"x") for name in names]
            try:
                while len(spooled(server.data_dir / "blobs")) < len(names):
                    time.sleep(0.02)
                client.send_history(1, ['{"_step": 1}'])
                assert not any(put.done() for put in hanging)
            finally:
                own_s3.kill()
            assert {put.result() for put in hanging} == {503}


@pytest.mark.timeout(180)
def test_a_server_moves_to_s3_by_backup_and_restore(s3_server: S3Server, tmp_path: Path) -> None:
    place = s3_server.make_place()
    environ = s3_environ(s3_server, place.bucket)
    content = make_content(300_000)
    with ThrowawayServer(tmp_path / "old") as server:
        path = create_run(server, "moved")
        assert put_file(server, path, "model.bin", content) == 200
        run_steelyard("backup", tmp_path / "b.tar", "--data-dir", server.data_dir, environ={})
        key = server.owner_key
    new = tmp_path / "new"
    run_steelyard("restore", tmp_path / "b.tar", "--data-dir", new, environ=environ)
    with ThrowawayServer(new, environ=environ) as server:
        assert server.request("GET", f"/files/{path}/model.bin", key=key).data == content
        run_steelyard("backup", tmp_path / "c.tar", "--data-dir", new, environ=environ)
        told = run_steelyard("doctor", "--data-dir", new, environ=environ)
        assert f"{place.bucket}/one answers" in told
    run_steelyard("restore", tmp_path / "c.tar", "--data-dir", tmp_path / "back", environ={})
    with ThrowawayServer(tmp_path / "back") as server:
        assert server.request("GET", f"/files/{path}/model.bin", key=key).data == content


@pytest.mark.timeout(180)
def test_a_server_without_its_bucket_does_not_start_and_says_why(
    s3_server: S3Server, tmp_path: Path
) -> None:
    environ = s3_environ(s3_server, "never-made")
    with (
        pytest.raises(ServerDidNotStart, match="make the bucket"),
        ThrowawayServer(tmp_path / "server", environ=environ),
    ):
        pass


def run_steelyard(*arguments: str | Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "steelyard", *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


MEMORY = """
import hashlib, resource, sys
from pathlib import Path
from steelyard.server.blobs.open import open_blobs
from steelyard.server.blobs.place import S3Place

bucket, endpoint, spool, count = sys.argv[1:]
place = S3Place(bucket=bucket, endpoint=endpoint, access_key_id="a", secret_access_key="b")
blobs = open_blobs(Path(spool), place, server_id="one")
piece = bytes(range(256)) * 4096
writer = blobs.create_writer()
for number in range(int(count)):
    writer.write(number.to_bytes(8, "big") + piece)
blob = writer.commit()
reader = blobs.open_range(blob.sha256, first=0, size_bytes=blob.size_bytes)
digest = hashlib.sha256()
while part := reader.read(1 << 20):
    digest.update(part)
assert digest.digest() == blob.sha256
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.timeout(240)
def test_memory_does_not_grow_with_the_content(own_s3: S3Server, tmp_path: Path) -> None:
    own_s3.make_bucket("memory")

    def peak_kib(mib: int) -> int:
        told = subprocess.run(
            [sys.executable, "-c", MEMORY, "memory", own_s3.url, str(tmp_path / "spool"), str(mib)],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(told.stdout)

    assert peak_kib(320) - peak_kib(80) < 30 * 1024
