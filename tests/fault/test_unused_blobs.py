"""Contents that nothing refers to go, and nothing else does, whatever happens at the same time."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from steelyard.server.blobs.interface import BlobStore
from steelyard.server.blobs.local import LocalBlobs
from steelyard.server.blobs.s3 import S3Blobs
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.contents import ask_contents, record_contents
from steelyard.server.rooms.artifacts.drafts import create_artifact
from steelyard.server.rooms.artifacts.model import Actor, Artifact, NewDraft
from steelyard.server.rooms.files.commands import delete_run_files, put_file
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.storage.references import list_digests
from steelyard.server.tasks.unused_blobs import delete_unused_blobs
from steelyard.testing.blob_contents import FAR_FUTURE_US, make_content, md5_of, store
from tests.support.accounts import NOW_US, make_caller, make_run
from tests.support.s3 import S3Server


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "local":
        return LocalBlobs(tmp_path / "blobs")
    s3: S3Server = request.getfixturevalue("s3_server")
    return S3Blobs(s3.make_place(), tmp_path / "spool")


class Place:
    """A run, and two collections of its project."""

    def __init__(self, db: Database) -> None:
        self.db = db
        caller = db.write_now(make_caller)
        self.run = db.write_now(make_run, caller)
        self.drafts = [db.write_now(self._make_draft, caller, name) for name in ("a", "b")]

    def _make_draft(self, conn: Connection, caller: object, name: str) -> Artifact:
        project, _ = ensure_project(conn, caller=caller, entity="", name="tests", now_us=NOW_US)  # type: ignore[arg-type]
        draft = NewDraft(type="data", collection=name, digest="", client_id=f"{name}-{id(self)}")
        return create_artifact(conn, project=project, draft=draft, actor=Actor(None), now_us=NOW_US)

    def log_file(self, blobs: BlobStore, content: bytes) -> None:
        blob = store(blobs, content)
        self.db.write_now(
            lambda conn: put_file(
                conn, run_id=self.run.id, name=md5_of(content).hex(), blob=blob, now_us=NOW_US
            )
        )

    def log_content(self, blobs: BlobStore, content: bytes, draft: int) -> None:
        stored = blobs.store_all([content])
        self.db.write_now(
            lambda conn: record_contents(conn, self.drafts[draft].id, stored, now_us=NOW_US)
        )

    def adopt(self, content: bytes, draft: int) -> bool:
        """Log what another collection has, without a byte sent."""
        found = self.db.write_now(
            lambda conn: ask_contents(conn, self.drafts[draft], [md5_of(content)], now_us=NOW_US)
        )
        return bool(found)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["file", "a", "b", "adopt", "stray", "forget files", "sweep"]),
        st.integers(0, 3),
    ),
    max_size=10,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_what_is_referred_to_stays_and_the_rest_goes(
    db: Database, steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    blobs = LocalBlobs(tmp_path_factory.mktemp("blobs"))
    before = set(db.read_now(list_digests))
    place = Place(db)
    for what, number in [*steps, ("sweep", 0)]:
        content = make_content(100, seed=number)
        if what == "file":
            place.log_file(blobs, content)
        elif what in ("a", "b"):
            place.log_content(blobs, content, "ab".index(what))
        elif what == "adopt":
            place.adopt(content, 1)
        elif what == "stray":
            store(blobs, content)
        elif what == "forget files":
            db.write_now(delete_run_files, place.run.id)
        else:
            asyncio.run(delete_unused_blobs(db, blobs, settled_before_us=FAR_FUTURE_US))
            kept = set(blobs.list_settled(before_us=FAR_FUTURE_US))
            referred = set(db.read_now(list_digests))
            assert referred - before <= kept | before
            assert kept <= referred


@pytest.mark.timeout(240)
def test_old_content_that_is_stored_again_while_it_is_swept_is_not_lost(
    db: Database, blobs: BlobStore
) -> None:
    """Everything is old and belongs to nothing; it is logged again while a sweep goes on."""
    place = Place(db)
    contents = [make_content(500, seed=seed) for seed in range(40)]
    blobs.store_all(contents)
    while len(list(blobs.list_settled(before_us=(now_us := time.time_ns() // 1000)))) < 40:
        time.sleep(0.05)  # the clock of S3 has steps of a second
    stop = threading.Event()

    def sweep() -> int:
        deleted = 0
        while not stop.is_set():
            deleted += asyncio.run(delete_unused_blobs(db, blobs, settled_before_us=now_us))
        return deleted

    def log(thread: int) -> None:
        for turn, content in enumerate(contents[thread % 2 :: 2]):
            if (thread + turn) % 3:
                place.log_content(blobs, content, thread % 2)
            else:
                place.log_file(blobs, content)

    with ThreadPoolExecutor(5) as pool:
        sweeping = pool.submit(sweep)
        try:
            for _ in pool.map(log, range(4)):
                pass
        finally:
            stop.set()
        sweeping.result()
    lost = [digest for digest in db.read_now(list_digests) if blobs.find_size(digest) is None]
    assert lost == []
