"""Seals tails and merges segments in the background, in a process of its own.

One thread here takes requests in order, reads what is to be packed, has it packed by the `worker`
process, and stores the result in one short transaction. That transaction checks that nothing has
changed since the reading (rewind, delete, another server); if something has, it does nothing.
Appends go on all the while.
"""

from __future__ import annotations

import logging
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.errors import Unavailable
from steelyard.server.columns import keys, segments, tail, worker
from steelyard.server.columns.blocks import TailRow
from steelyard.server.columns.compact import choose_merge
from steelyard.server.columns.interface import STREAM_IDS, Appended, Stream
from steelyard.server.columns.seal import PackedSegment
from steelyard.server.columns.streams import find_stream, swap_version
from steelyard.server.columns.tables import history_stream
from steelyard.server.db.interface import Database

log = logging.getLogger(__name__)

WATCH_EVERY_S = 1.0
STALE_EVERY_S = 30.0
ATTEMPTS_MAX = 3  # for one run in a row, before it is left alone for RETRY_S
RETRY_S = 300.0
KNOWN_KEYS_MAX = 100_000
_STREAMS: dict[int, Stream] = {number: stream for stream, number in STREAM_IDS.items()}

_SUM_TAIL_BYTES = sa.select(sa.func.coalesce(sa.func.sum(history_stream.c.tail_bytes), 0)).where(
    history_stream.c.has_tail
)
_STALE = (
    sa.select(history_stream.c.run_id, history_stream.c.stream)
    .where(history_stream.c.has_tail, history_stream.c.appended_at_us < sa.bindparam("before_us"))
    .limit(1000)
)


class Request(msgspec.Struct, frozen=True):
    run_id: int
    stream: Stream


class Packing(Protocol):
    """What packs: a process of its own, or for a short-lived program its own."""

    def run(self, job: worker.Job) -> PackedSegment: ...

    def stop(self) -> None: ...


class WorkerDied(Exception):
    """The process ended, or took too long and was killed; the job may be tried again."""


def _now_us() -> int:
    return time.time_ns() // 1000


class Sealer:
    """`start` it once per server; `consider` every append; `request` a run that has ended."""

    def __init__(
        self,
        db: Database,
        *,
        clock_us: Callable[[], int] = _now_us,
        packing: Packing | None = None,
    ) -> None:
        self._db = db
        self._clock_us = clock_us
        self._waiting: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._queued: dict[Request, bool] = {}  # … whether the run has ended
        self._lock = threading.Lock()
        self._known_keys: dict[str, int] = {}
        self._put_off: dict[Request, float] = {}  # until when, on the monotonic clock
        self._tail_bytes = 0
        self._packing = packing or PackingProcess()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the job in hand and end. What waits stays in its tail."""
        if self._stopping:
            return
        self._stopping = True
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()
        self._packing.stop()

    def consider(self, run_id: int, stream: Stream, appended: Appended) -> None:
        """Ask for a seal when the tail of the run is long enough. Costs nothing otherwise."""
        # Runs that start together do not fill up together.
        rows_due = limits.SEAL_ROWS + run_id * 7919 % limits.SEAL_ROWS
        if appended.tail_rows >= rows_due or appended.tail_bytes >= limits.SEAL_BYTES:
            self._enqueue(Request(run_id, stream), is_final=False)

    def request(self, run_id: int, stream: Stream) -> None:
        """Seal what the run has and merge its segments: it has ended, for now."""
        self._enqueue(Request(run_id, stream), is_final=True)

    def is_overloaded(self) -> bool:
        """More lines wait to be sealed than TAIL_BYTES_MAX: clients should slow down."""
        return self._tail_bytes > limits.TAIL_BYTES_MAX

    @property
    def tail_bytes(self) -> int:
        """Uncompressed bytes in all tails, at most WATCH_EVERY_S or one job old."""
        return self._tail_bytes

    @property
    def backlog_count(self) -> int:
        """How many streams wait for their turn, the one in hand included."""
        return len(self._queued)

    def wait_until_idle(self, timeout_s: float = 60.0) -> bool:
        """Wait until no request waits or runs. For tests and commands."""
        until = time.monotonic() + timeout_s
        while self._queued and time.monotonic() < until:
            time.sleep(0.005)
        return not self._queued

    # ---- the thread

    def _enqueue(self, request: Request, *, is_final: bool) -> None:
        with self._lock:
            is_new = request not in self._queued
            self._queued[request] = is_final or self._queued.get(request, False)
        if is_new:
            self._waiting.put(request)

    def _run(self) -> None:
        watch_at = stale_at = time.monotonic()
        while not self._stopping:
            try:
                request = self._waiting.get(timeout=WATCH_EVERY_S)
            except queue.Empty:
                pass
            else:
                if request is None:
                    return
                self._work_guarded(request)
            now = time.monotonic()
            if now >= watch_at:
                watch_at = now + WATCH_EVERY_S
                self._guarded(self._watch)
            if now >= stale_at:
                stale_at = now + STALE_EVERY_S
                self._guarded(self._enqueue_stale)

    def _work_guarded(self, request: Request) -> None:
        with self._lock:
            is_final = self._queued.get(request, False)
        if time.monotonic() > self._put_off.get(request, 0.0):
            self._try_work(request, is_final=is_final)
        with self._lock:
            ended_meanwhile = self._queued.pop(request, False) and not is_final
        if ended_meanwhile:
            self._enqueue(request, is_final=True)

    def _try_work(self, request: Request, *, is_final: bool) -> None:
        self._put_off.pop(request, None)
        for _ in range(ATTEMPTS_MAX):
            try:
                self.work(request.run_id, request.stream, is_final=is_final)
                return
            except (WorkerDied, Unavailable) as error:
                log.warning("sealing run %s is tried again: %s", request.run_id, error)
            except Exception:  # a task runner: one bad run must not stop the others
                log.exception("sealing run %s failed; its rows stay readable", request.run_id)
                break
        self._put_off[request] = time.monotonic() + RETRY_S

    def _guarded(self, watch: Callable[[], None]) -> None:
        try:
            watch()
        except Unavailable as error:
            log.warning("the sealer waits for the database: %s", error)

    def _watch(self) -> None:
        self._tail_bytes = self._db.read_now(_sum_tail_bytes)

    def _enqueue_stale(self) -> None:
        before_us = self._clock_us() - limits.SEAL_STALE_S * 1_000_000
        for request in self._db.read_now(_list_stale, before_us):
            self._enqueue(request, is_final=True)

    # ---- one run

    def work(self, run_id: int, stream: Stream, *, is_final: bool) -> None:
        """Seal the tail of a run and merge its segments as far as it is worth it."""
        rows_min = 1
        while self._seal_some(run_id, stream, rows_min=rows_min) and not self._stopping:
            # Of a run that goes on, what came meanwhile waits until it is a segment's worth.
            rows_min = 1 if is_final else limits.SEAL_ROWS
        while self._merge_some(run_id, stream, is_final=is_final) and not self._stopping:
            pass

    def _seal_some(self, run_id: int, stream: Stream, *, rows_min: int) -> bool:
        """One job; False when fewer rows wait. A run that changed under it is looked at again."""
        found = self._db.read_now(_load_tail_job, run_id, stream, rows_min=rows_min)
        if found is None:
            return False
        version, job = found
        packed = self._packing.run(job)
        self._store(_store_seal, run_id, stream, version, job.rows, packed)
        return True

    def _merge_some(self, run_id: int, stream: Stream, *, is_final: bool) -> bool:
        found = self._db.read_now(_load_merge_job, run_id, stream, is_final=is_final)
        if found is None:
            return False
        version, seqs, job = found
        packed = self._packing.run(job)
        self._store(_store_merge, run_id, stream, version, seqs, packed)
        return True

    def _store(
        self,
        store: Callable[..., bool],
        run_id: int,
        stream: Stream,
        version: int,
        replaced: Sequence[TailRow] | Sequence[int],
        packed: PackedSegment,
    ) -> None:
        key_ids = self._number_keys({chunk.path for chunk in packed.chunks})
        if not self._db.write_now(store, run_id, stream, version, replaced, packed, key_ids):
            log.info("run %s changed while it was packed: the result is dropped", run_id)

    def _number_keys(self, paths: set[str]) -> dict[str, int]:
        """In transactions of their own: with thousands of new keys, one would stop all writers."""
        known = {path: self._known_keys[path] for path in paths if path in self._known_keys}
        unknown = sorted(paths - known.keys())
        for start in range(0, len(unknown), limits.SQL_LIST_ITEMS_MAX):
            some = unknown[start : start + limits.SQL_LIST_ITEMS_MAX]
            known |= self._db.write_now(keys.intern_paths, some)
        if len(self._known_keys) > KNOWN_KEYS_MAX:
            self._known_keys.clear()
        self._known_keys |= known
        return known


# ---- what is read and stored


def _sum_tail_bytes(conn: Connection) -> int:
    return int(conn.execute(_SUM_TAIL_BYTES).scalar_one())


def _list_stale(conn: Connection, before_us: int) -> list[Request]:
    return [
        Request(row.run_id, _STREAMS[row.stream])
        for row in conn.execute(_STALE, {"before_us": before_us})
    ]


def _load_tail_job(
    conn: Connection, run_id: int, stream: Stream, *, rows_min: int
) -> tuple[int, worker.SealJob] | None:
    state = find_stream(conn, run_id, stream)
    if state is None or state.tail_rows < rows_min:
        return None
    rows: list[TailRow] = []
    size_bytes = 0
    for row in tail.list_tail(conn, [run_id], stream, bytes_max=limits.SEAL_JOB_BYTES):
        if rows and size_bytes + row.raw_bytes > limits.SEAL_JOB_BYTES:
            break
        rows.append(row)
        size_bytes += row.raw_bytes
    writers = {row.piece.writer for row in rows}
    last_steps = (
        tail.list_sealed_last_steps(conn, run_id, stream, writers)
        if stream == "history"
        else dict[str, int]()
    )
    return state.version, worker.SealJob(stream, rows, last_steps)


def _load_merge_job(
    conn: Connection, run_id: int, stream: Stream, *, is_final: bool
) -> tuple[int, list[int], worker.MergeJob] | None:
    state = find_stream(conn, run_id, stream)
    if state is None:
        return None
    heads = choose_merge(segments.list_segments(conn, run_id, stream), is_final=is_final)
    if not heads:
        return None
    seqs = [head.seq for head in heads]
    loaded = segments.load_segments(conn, run_id, stream, seqs)
    return state.version, seqs, worker.MergeJob([loaded[seq] for seq in seqs])


def _store_seal(
    conn: Connection,
    run_id: int,
    stream: Stream,
    version: int,
    rows: Sequence[TailRow],
    packed: PackedSegment,
    key_ids: dict[str, int],
) -> bool:
    """Put the segment in the place of the rows. False, and nothing done, if the run has changed."""
    line_count, raw_bytes = sum(row.piece.n for row in rows), sum(row.raw_bytes for row in rows)
    if not swap_version(
        conn, run_id, stream, version, sealed_rows=line_count, sealed_bytes=raw_bytes
    ):
        return False
    segments.insert_segment(conn, run_id, stream, rows[-1].seq, packed, key_ids=key_ids)
    segments.delete_tail(conn, run_id, stream, last_seq=rows[-1].seq)
    return True


def _store_merge(
    conn: Connection,
    run_id: int,
    stream: Stream,
    version: int,
    seqs: Sequence[int],
    packed: PackedSegment,
    key_ids: dict[str, int],
) -> bool:
    """Put the merged segment in the place of its parts. As `_store_seal` otherwise."""
    if not swap_version(conn, run_id, stream, version):
        return False
    segments.delete_segments(conn, run_id, stream, seqs)
    segments.insert_segment(conn, run_id, stream, seqs[-1], packed, key_ids=key_ids)
    return True


# ---- the process


class PackingHere:
    """Packs in this process: for commands that end soon."""

    def run(self, job: worker.Job) -> PackedSegment:
        return worker.run_job(job)

    def stop(self) -> None:
        """Nothing to end."""


class PackingProcess:
    """A `worker` that is started when first needed, and again when it is gone."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def run(self, job: worker.Job) -> PackedSegment:
        """Pack. Raises WorkerDied when the process ends before it answers, or takes too long."""
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        alarm = threading.Timer(limits.SEAL_TIMEOUT_S, process.kill)
        alarm.start()
        try:
            worker.write_message(process.stdin, worker.encode_job(job))
            answer = worker.read_message(process.stdout)
        except BrokenPipeError:
            answer = None
        finally:
            alarm.cancel()
        if answer is None:
            self.stop()
            raise WorkerDied(f"the sealing process ended with {process.returncode}")
        return worker.decode_segment(answer)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                log.debug("the sealing process left a message unread")

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(  # noqa: S603  # our own module, no shell
            [sys.executable, "-m", worker.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self._process
