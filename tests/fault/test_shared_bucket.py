"""Two servers on one PostgreSQL and one bucket: what one begins the other goes on with."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict, StorageUnavailable, UploadMissing
from steelyard.server.blobs.place import S3Place
from steelyard.server.blobs.s3 import S3Blobs
from steelyard.server.db.interface import Database
from steelyard.server.db.locks import ServerLocks, content_lock
from steelyard.server.db.open import open_database
from steelyard.server.rooms.artifacts.contents import ask_contents
from steelyard.server.rooms.artifacts.names import decode_artifact_id
from steelyard.server.rooms.artifacts.purge import delete_contents
from steelyard.server.rooms.artifacts.uploads import begin_upload
from steelyard.server.rooms.storage.references import list_digests
from steelyard.server.tasks.unused_blobs import delete_unused_blobs
from steelyard.testing.blob_contents import FAR_FUTURE_US, load, make_content, md5_of, store
from steelyard.testing.blob_uploads import send_part
from steelyard.testing.server import ThrowawayServer
from tests.fault.test_s3 import s3_environ
from tests.fault.test_unused_blobs import Place
from tests.support.artifacts import digest_of, manifest_of
from tests.support.artifacts import md5_of as text_md5_of
from tests.support.databases import DatabaseMaker
from tests.support.s3 import S3Server

PART_BYTES = 1_000_000
PROJECT = "shared"


@pytest.fixture
def postgres_url(database_maker: DatabaseMaker) -> Iterator[str]:
    url, remove = database_maker.make_with_schema("postgresql")
    yield url
    remove()


@pytest.fixture
def place(s3_server: S3Server) -> S3Place:
    return s3_server.make_place(prefix="one")


@pytest.fixture
def make_store(place: S3Place, postgres_url: str, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Stores as different servers open them: each with a disk and with connections of its own."""
    made: list[ServerLocks] = []

    def make() -> tuple[S3Blobs, ServerLocks]:
        made.append(ServerLocks(postgres_url))
        return S3Blobs(place, tmp_path / f"disk-{len(made)}", made[-1]), made[-1]

    yield make
    for locks in made:
        locks.close()


@pytest.fixture
def db(postgres_url: str) -> Iterator[Database]:
    database = open_database(postgres_url)
    yield database
    database.close()


class Client:
    """Sends one artifact with one large file, each request to whichever server is named."""

    def __init__(
        self, db: Database, blobs: S3Blobs, first: ThrowawayServer, content: bytes
    ) -> None:
        self.db, self.blobs, self.key, self.content = db, blobs, first.owner_key, content
        self.manifest = manifest_of({"big": content})
        entity = first.call("GET", "/api/v1/me")["default_entity"]
        draft = {
            "type": "dataset",
            "collection": "data",
            "digest": digest_of(self.manifest),
            "client_id": "shared-1",
        }
        self.id = first.call("POST", f"/api/v1/{entity}/{PROJECT}/artifacts", content=draft)["id"]
        self.path = f"/api/v1/artifacts/{self.id}"
        self.pieces = [
            content[at : at + PART_BYTES] for at in range(0, max(len(content), 1), PART_BYTES)
        ]

    def begin(self) -> str:
        """Smaller parts than clients would choose."""
        number = decode_artifact_id(self.id)
        assert number is not None
        begun = begin_upload(
            self.db,
            self.blobs,
            number,
            md5=md5_of(self.content),
            size_bytes=len(self.content),
            part_bytes=PART_BYTES,
            now_us=time.time_ns() // 1000,
        )
        return begun.upload_id

    def urls(self, server: ThrowawayServer, upload_id: str) -> list[str]:
        state = server.call("GET", f"{self.path}/uploads/{upload_id}", key=self.key)
        urls: list[str] = state["part_urls"]
        return [url[url.index("/storage/") :] for url in urls]

    def complete(self, server: ThrowawayServer, upload_id: str) -> int:
        parts = [
            {"number": number, "etag": hashlib.md5(piece).hexdigest()}
            for number, piece in enumerate(self.pieces, 1)
        ]
        content = {"md5": text_md5_of(self.content), "upload_id": upload_id, "parts": parts}
        answer = server.request(
            "POST", f"{self.path}/contents:complete", content=content, key=self.key
        )
        return answer.status

    def commit(self, server: ThrowawayServer) -> None:
        body = json.dumps(self.manifest).encode()
        sent = server.request("PUT", f"{self.path}/manifest", body=body, key=self.key)
        assert sent.status == 200, sent.data
        assert server.call("POST", f"{self.path}/commit", key=self.key)["state"] == "COMMITTED"

    def assert_whole(self, server: ThrowawayServer) -> None:
        me = server.call("GET", "/api/v1/me", key=self.key)["default_entity"]
        md5 = md5_of(self.content).hex()
        found = server.request("GET", f"/artifacts/{me}/{md5}", key=self.key)
        assert found.status == 200
        assert hashlib.sha256(found.data).digest() == hashlib.sha256(self.content).digest()


@pytest.fixture
def servers(
    s3_server: S3Server, place: S3Place, postgres_url: str, tmp_path: Path
) -> Iterator[tuple[ThrowawayServer, ThrowawayServer]]:
    environ = s3_environ(s3_server, place.bucket)
    one, two = (
        ThrowawayServer(tmp_path / name, database_url=postgres_url, environ=environ)
        for name in ("one", "two")
    )
    with one, two:
        yield one, two


@pytest.mark.timeout(300)
def test_parts_may_be_sent_to_either_server_and_completed_at_either(
    servers: tuple[ThrowawayServer, ThrowawayServer],
    db: Database,
    make_store: Callable[[], Any],
    place: S3Place,
    s3_server: S3Server,
) -> None:
    one, two = servers
    blobs, _ = make_store()
    client = Client(db, blobs, one, make_content(4_500_000))
    upload_id = client.begin()
    urls = client.urls(two, upload_id)
    for number, (url, piece) in enumerate(zip(urls, client.pieces, strict=True)):
        server = servers[number % 2]
        assert server.request("PUT", url, body=piece, key="").status == 200
    listed = one.call("GET", f"{client.path}/uploads/{upload_id}", key=client.key)["parts"]
    assert [part["number"] for part in listed] == [1, 2, 3, 4, 5]
    assert client.complete(two, upload_id) == 200
    assert client.complete(one, upload_id) == 200  # done before: the same
    client.commit(one)
    for server in servers:
        client.assert_whole(server)
    assert not [name for name in s3_server.list_names(place) if "/uploads/" in name]


@pytest.mark.timeout(300)
def test_an_upload_goes_on_at_the_other_server_when_one_dies(
    servers: tuple[ThrowawayServer, ThrowawayServer], db: Database, make_store: Callable[[], Any]
) -> None:
    one, two = servers
    blobs, _ = make_store()
    client = Client(db, blobs, one, make_content(2_500_000))
    upload_id = client.begin()
    urls = client.urls(one, upload_id)
    for url, piece in zip(urls[:2], client.pieces, strict=False):
        assert one.request("PUT", url, body=piece, key="").status == 200
    one.kill()
    assert client.complete(two, upload_id) == 400  # one part is not there yet
    assert two.request("PUT", urls[2], body=client.pieces[2], key="").status == 200
    assert client.complete(two, upload_id) == 200
    client.commit(two)
    client.assert_whole(two)


def test_the_last_to_begin_a_part_wins_at_whichever_server(make_store: Callable[[], Any]) -> None:
    (one, _), (two, _) = make_store(), make_store()
    upload_id = one.create_upload(part_bytes=10)
    slow = one.create_part_writer(upload_id, 1)
    slow.write(b"aaaa")
    named = [send_part(two, upload_id, 1, b"bbbb")]
    with pytest.raises(Conflict, match="begun again"):
        slow.commit()
    slow.abort()
    assert load(one, one.complete_upload(upload_id, named).sha256) == b"bbbb"


def test_a_part_that_was_sent_again_elsewhere_is_fetched_from_there(
    make_store: Callable[[], Any],
) -> None:
    (one, _), (two, _) = make_store(), make_store()
    upload_id = one.create_upload(part_bytes=4)
    send_part(one, upload_id, 1, b"old!")
    last = send_part(one, upload_id, 2, b"end")
    new = send_part(two, upload_id, 1, b"new!")
    blob = one.complete_upload(upload_id, [new, last], md5=md5_of(b"new!end"))
    assert load(two, blob.sha256) == b"new!end"


def test_a_completion_under_way_is_not_begun_a_second_time(make_store: Callable[[], Any]) -> None:
    (one, locks), (two, _) = make_store(), make_store()
    upload_id = one.create_upload(part_bytes=4)
    named = [send_part(one, upload_id, 1, b"part")]
    under_way = locks.alone_if_free(f"completion of {upload_id}")
    with under_way, pytest.raises(StorageUnavailable, match="ask again"):
        two.complete_upload(upload_id, named)
    assert load(one, two.complete_upload(upload_id, named).sha256) == b"part"
    with pytest.raises(UploadMissing):
        one.complete_upload(upload_id, named)


def test_what_is_left_of_uploads_goes_from_the_bucket_and_from_every_disk(
    make_store: Callable[[], Any], place: S3Place, s3_server: S3Server, tmp_path: Path
) -> None:
    (one, _), (two, _) = make_store(), make_store()
    ended, stale = (one.create_upload(part_bytes=4) for _ in range(2))
    named = []
    for upload_id in (ended, stale):
        named = [send_part(one, upload_id, 1, b"part"), send_part(two, upload_id, 2, b"end")]
    two.complete_upload(ended, named)
    assert one.remove_stale_uploads(before_us=1) == 0
    assert [part.number for part in one.list_parts(stale)] == [1, 2]
    assert two.remove_stale_uploads(before_us=FAR_FUTURE_US) == 1
    one.remove_stale_uploads(before_us=1)
    assert not [name for name in s3_server.list_names(place) if "/uploads/" in name]
    assert not [*tmp_path.glob("disk-*/uploads/*")]


# ---- collecting garbage


def sweep(db: Database, blobs: S3Blobs, locks: ServerLocks) -> int:
    return asyncio.run(delete_unused_blobs(db, blobs, locks, settled_before_us=FAR_FUTURE_US))


def test_nothing_is_deleted_at_one_server_while_the_other_stores_it(
    db: Database, make_store: Callable[[], Any]
) -> None:
    (one, locks_of_one), (two, locks_of_two) = make_store(), make_store()
    blob = store(one, b"unused")
    with locks_of_one.storing([blob.sha256]):
        assert sweep(db, two, locks_of_two) == 0
    assert load(two, blob.sha256) == b"unused"
    assert sweep(db, two, locks_of_two) == 1
    assert one.find_size(blob.sha256) is None


def test_storing_waits_for_a_deletion_at_the_other_server(make_store: Callable[[], Any]) -> None:
    (one, _), (_, locks_of_two) = make_store(), make_store()
    content = b"deleted meanwhile"
    blob = store(one, content)
    with ThreadPoolExecutor(1) as pool:
        with locks_of_two.alone_if_free(content_lock(blob.sha256)) as is_free:
            assert is_free
            storing = pool.submit(one.store_all, [content])
            one.delete(blob.sha256)  # what a sweep does while it has the lock
        assert storing.result() == [blob]
    assert load(one, blob.sha256) == content


def test_a_content_that_is_being_adopted_is_not_deleted_with_its_first_owner(
    db: Database, make_store: Callable[[], Any]
) -> None:
    """The reference that the new one rests on goes before the new one is committed."""
    blobs, locks = make_store()
    shelf = Place(db)
    content = make_content(500)
    shelf.log_content(blobs, content, 0)
    adopted, swept = threading.Event(), threading.Event()

    def adopt(conn: Connection) -> int:
        found = ask_contents(conn, shelf.drafts[1], [md5_of(content)], now_us=1)
        adopted.set()
        assert swept.wait(60)
        return len(found)

    with ThreadPoolExecutor(1) as pool:
        adopting = pool.submit(db.write_now, adopt)
        assert adopted.wait(60)
        try:
            first = shelf.drafts[0].collection_id
            db.write_now(delete_contents, first, [md5_of(content)], touched_before_us=None)
            assert sweep(db, blobs, locks) == 0
        finally:
            swept.set()
        assert adopting.result() == 1
    assert sweep(db, blobs, locks) == 0
    [digest] = db.read_now(list_digests)
    assert load(blobs, digest) == content


def test_a_content_that_is_being_deleted_counts_as_not_here(
    db: Database, make_store: Callable[[], Any]
) -> None:
    blobs, locks = make_store()
    shelf = Place(db)
    content = make_content(500)
    shelf.log_content(blobs, content, 0)
    with locks.alone_if_free(content_lock(hashlib.sha256(content).digest())):
        assert not shelf.adopt(content, 1)
    assert shelf.adopt(content, 1)


@pytest.mark.timeout(240)
def test_what_one_server_logs_again_the_other_never_sweeps_away(
    db: Database, make_store: Callable[[], Any]
) -> None:
    """Everything is old and belongs to nothing; it is logged at one server, swept at the other."""
    (one, _), (two, locks_of_two) = make_store(), make_store()
    shelf = Place(db)
    contents = [make_content(500, seed=seed) for seed in range(30)]
    one.store_all(contents)
    while len(list(one.list_settled(before_us=(now_us := time.time_ns() // 1000)))) < 30:
        time.sleep(0.05)  # the clock of S3 has steps of a second
    stop = threading.Event()

    def keep_sweeping() -> None:
        while not stop.is_set():
            asyncio.run(delete_unused_blobs(db, two, locks_of_two, settled_before_us=now_us))

    def log(thread: int) -> None:
        for turn, content in enumerate(contents[thread % 2 :: 2]):
            if (thread + turn) % 3:
                shelf.log_content(one, content, thread % 2)
            else:
                shelf.log_file(one, content)

    with ThreadPoolExecutor(4) as pool:
        sweeping = pool.submit(keep_sweeping)
        try:
            list(pool.map(log, range(3)))
        finally:
            stop.set()
        sweeping.result()
    assert [each for each in db.read_now(list_digests) if one.find_size(each) is None] == []
