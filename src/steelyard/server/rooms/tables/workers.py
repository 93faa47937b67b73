"""Processes that do jobs for the server (see `engine.worker`): started when needed, ended when not.

A job that takes too long ends with its process; the next one gets another. What a process holds in
memory is gone when nobody has asked for a while.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

from steelyard.errors import Invalid, Overloaded, Unavailable
from steelyard.limits import TABLE_WORKER_BYTES_MAX
from steelyard.server.rooms.tables import jobs

log = logging.getLogger("steelyard.tables")


class WorkerPool:
    """At most `count` processes, each with one job at a time. Thread-safe."""

    def __init__(self, *, count: int, idle_s: float, wait_s: float) -> None:
        self._idle_s, self._wait_s = idle_s, wait_s
        self._free = threading.BoundedSemaphore(count)
        self._lock = threading.Lock()
        self._idle: list[tuple[float, _Worker]] = []  # with the moment it became idle
        self._busy: set[_Worker] = set()
        self._reaper: threading.Timer | None = None
        self._stopped = False

    def run(self, job: jobs.Job, *, timeout_s: float) -> jobs.Answer:
        """Do a job, waiting for a free process. Refusals are raised as errors of our tree.

        Raises Overloaded when none becomes free, Invalid when the job was ended for its time or
        its memory: the same question would end the same way.
        """
        if not self._free.acquire(timeout=self._wait_s):
            raise Overloaded("the server is busy with other tables; ask again in a moment")
        try:
            answer = self._run_in_one(job, timeout_s)
        finally:
            self._free.release()
        if isinstance(answer, jobs.Refused):
            raise jobs.REFUSALS[answer.code](answer.message)
        return answer

    def stop(self) -> None:
        """End all processes. Who waits for one gets Unavailable."""
        with self._lock:
            self._stopped = True
            idle, self._idle = self._idle, []
            if self._reaper is not None:
                self._reaper.cancel()
            for worker in self._busy:
                worker.kill()
        for _, worker in idle:
            worker.stop()

    @property
    def pids(self) -> list[int]:
        """Process ids of those that wait for a job."""
        with self._lock:
            return [worker.pid for _, worker in self._idle]

    def _run_in_one(self, job: jobs.Job, timeout_s: float) -> jobs.Answer:
        with self._lock:
            self._check_running()
            worker = self._idle.pop()[1] if self._idle else _Worker()
            self._busy.add(worker)
        try:
            answer = worker.run(job, timeout_s)
        except BaseException:
            with self._lock:
                self._busy.discard(worker)
            worker.stop()
            self._check_running()
            raise
        with self._lock:
            self._busy.discard(worker)
            is_kept = not self._stopped
            if is_kept:
                self._idle.append((time.monotonic(), worker))
                self._plan_reaping()
        if not is_kept:
            worker.stop()
        return answer

    def _check_running(self) -> None:
        if self._stopped:
            raise Unavailable("the server is stopping; ask again in a moment")

    def _plan_reaping(self) -> None:
        if self._reaper is None or not self._reaper.is_alive():
            self._reaper = threading.Timer(self._idle_s, self._reap)
            self._reaper.daemon = True
            self._reaper.start()

    def _reap(self) -> None:
        """End those that were idle for long enough; look again while others are."""
        until = time.monotonic() - self._idle_s
        with self._lock:
            ended = [worker for since, worker in self._idle if since <= until]
            self._idle = [entry for entry in self._idle if entry[0] > until]
            self._reaper = None
            if self._idle and not self._stopped:
                self._plan_reaping()
        for worker in ended:
            worker.stop()


class _Worker:
    """One process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "steelyard.server.rooms.tables.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, job: jobs.Job, timeout_s: float) -> jobs.Answer:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            process.kill()

        alarm = threading.Timer(timeout_s, end)
        alarm.daemon = True
        alarm.start()
        try:
            jobs.write_message(process.stdin, jobs.encode(job))
            answer = jobs.read_message(process.stdout)
        except BrokenPipeError:
            answer = None
        finally:
            alarm.cancel()
        if answer is not None:
            return jobs.ANSWERS.decode(answer)
        if is_late.is_set():
            raise Invalid(
                f"this took longer than {timeout_s:g} s and was given up; filter first, ask for "
                "less, or use a smaller table"
            )
        status = process.wait()
        log.warning("a table process ended", extra={"status": status, "job": type(job).__name__})
        raise Invalid(
            "the process that reads tables gave up on this one: it may be damaged, or need more "
            f"than {TABLE_WORKER_BYTES_MAX:,} bytes of memory (TABLE_WORKER_BYTES_MAX)"
        )

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                log.debug("a table process left a message unread")
